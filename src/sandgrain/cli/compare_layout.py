"""``sandgrain compare netlist-layout``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    pre_layout: Annotated[
        bool,
        typer.Option("--pre-layout", help="The netlist is older: drive strengths and fillers may differ, and are listed."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Compare a netlist with a drawing: every cell polygon by polygon, every net pin by pin.

    Exit status: 0 proved, 1 refuted, 3 open, 2 an input is wrong.
    """
    import json as encoder
    from dataclasses import asdict

    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.layout.compare import compare_files
    from sandgrain.layout.process import load_process
    from sandgrain.report import visible
    from sandgrain.verdict import Verdict

    with WaitingProgress(Console(stderr=True)) as progress:
        result = compare_files(
            netlist, layout, top=top, process=load_process(process), library=library, pre_layout=pre_layout, progress=progress
        )
        stages = progress.stages
    if json:
        typer.echo(encoder.dumps(asdict(result), indent=2, ensure_ascii=False))
    else:
        typer.echo(f"netlist = layout: {result.verdict.value.upper()}")
        for name, count in result.counts.items():
            typer.echo(f"  {name}: {count:,}")
        for one in result.explained:
            typer.echo(visible(f"  explained: {one.count:,} x {one.what}: {one.reason}"))
        for finding in result.findings[:50]:
            box = "" if finding.box is None else " at ({:.3f}, {:.3f})-({:.3f}, {:.3f}) um".format(*finding.box)
            layer = "" if finding.layer is None else f" on {finding.layer}"
            typer.echo(visible(f"  [{finding.status}] {finding.kind.value}{layer}{box}"))
            typer.echo(visible(f"      expected {finding.expected}; found {finding.found}"))
        if len(result.findings) > 50:
            typer.echo(f"  and {len(result.findings) - 50:,} more; --json prints them all")
        for stage in stages:
            typer.echo(f"  {stage.name}: {stage.seconds:.2f} s", err=True)
    raise typer.Exit({Verdict.PROVED: 0, Verdict.REFUTED: 1, Verdict.OPEN: 3}[result.verdict])
