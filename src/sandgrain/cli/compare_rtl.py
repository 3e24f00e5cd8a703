"""``sandgrain compare rtl-netlist``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sandgrain.equivalence import Equivalence


def rtl_netlist(
    rtl: Annotated[list[Path], typer.Option(help="A source file of the description; may be repeated.")],
    netlist: Annotated[list[Path], typer.Option(help="A netlist file; may be repeated.")],
    top: Annotated[str, typer.Option(help="Top module of the description.")],
    netlist_top: Annotated[
        str | None, typer.Option(help="Top module of the netlist, if it is called otherwise.")
    ] = None,
    cells: Annotated[
        list[str] | None,
        typer.Option(help="Cell functions: a Liberty file, functional Verilog, or the word bundled. May be repeated."),
    ] = None,
    rtl_cells: Annotated[
        list[str] | None,
        typer.Option(help="Cell functions for the description, if it has other ones than the netlist."),
    ] = None,
    define: Annotated[list[str] | None, typer.Option("-D", help="A Verilog macro, NAME or NAME=TEXT.")] = None,
    include: Annotated[list[Path] | None, typer.Option("-I", help="A directory searched for include files.")] = None,
    clock: Annotated[
        list[str] | None, typer.Option(help="A clock, PORT or PORT:falling; found out when only one.")
    ] = None,
    reset: Annotated[list[str] | None, typer.Option(help="PORT=0:4: after power-up a 0 for 4 cycles.")] = None,
    hold: Annotated[
        list[str] | None, typer.Option(help="PORT=VALUE, a constant on an input, such as a scan enable.")
    ] = None,
    budget: Annotated[float, typer.Option(min=1.0, help="Seconds for search and proof.")] = 300.0,
    certificate: Annotated[Path | None, typer.Option(help="Where to write the certificate of a proof.")] = None,
    counterexample: Annotated[
        Path | None, typer.Option(help="Directory for the stimulus (JSON) and the waveform (VCD) of a difference.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Say whether a netlist does what its description says.

    Exit status: 0 proved, 1 refuted, 2 wrong input, 3 open.
    """
    from rich.console import Console

    from sandgrain.cli._assignments import assignments, clocks, resets
    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.equivalence import CompareOptions, compare_rtl_netlist
    from sandgrain.equivalence.inputs import design_of
    from sandgrain.netlist.library import read_library
    from sandgrain.netlist.read import read_netlist
    from sandgrain.verdict import Verdict
    from sandgrain.writing import write_whole

    defines = {name: text for name, _, text in (one.partition("=") for one in define or [])}
    options = CompareOptions(
        clocks=clocks(clock or []),
        held=assignments("--hold", hold or []),
        resets=resets(reset or []),
        budget=budget,
    )
    with WaitingProgress(Console(stderr=True)) as progress:
        with progress.stage("reading the cells"):
            library = read_library(cells or [], defines=defines)
            described = read_library(rtl_cells, defines=defines) if rtl_cells else None
        with progress.stage("reading the netlist"):
            delivered = read_netlist(netlist, top=netlist_top or top, defines=defines)
        design = design_of(rtl, top, include or [], defines)
        result = compare_rtl_netlist(design, delivered.netlist, library, options, progress, described=described)
    if certificate is not None and result.certificate is not None:
        write_whole(certificate, result.certificate)
    if counterexample is not None and result.counterexample is not None:
        counterexample.mkdir(parents=True, exist_ok=True)
        write_whole(counterexample / "counterexample.json", result.counterexample.stimulus)
        write_whole(counterexample / "counterexample.vcd", result.counterexample.vcd)
    _print(result, json)
    codes = {Verdict.PROVED: 0, Verdict.REFUTED: 1, Verdict.OPEN: 3}
    if codes[result.verdict]:
        raise typer.Exit(codes[result.verdict])


def _print(result: Equivalence, json: bool) -> None:
    import json as encoder

    from sandgrain.report import visible

    if json:
        shown = {
            "verdict": result.verdict.value,
            "summary": str(result.summary),
            "figures": {str(figure.name): figure.value for figure in result.figures},
            "assumptions": [str(text) for text in result.assumptions],
            "not_covered": [str(text) for text in result.not_covered],
            "open": [
                {"kind": point.kind, "name": point.name, "partner": point.partner, "state": point.state}
                for point in result.open_points
            ],
            "checker": None if result.checked is None else result.checked.solver,
            "counterexample": None
            if result.counterexample is None
            else {
                "output": result.counterexample.output,
                "cycle": result.counterexample.cycle,
                "description": result.counterexample.description,
                "netlist": result.counterexample.netlist,
                "inputs": list(result.counterexample.inputs),
                "replayed_by": list(result.counterexample.replayed_by),
                "skipped": result.counterexample.skipped,
                "checked_by": result.counterexample.checked_by,
            },
            "seconds": round(result.seconds, 3),
        }
        typer.echo(encoder.dumps(shown, indent=2, ensure_ascii=False))
        return
    typer.echo(visible(f"{result.verdict.value}: {result.summary}"))
    for figure in result.figures:
        typer.echo(visible(f"  {figure.name}: {figure.value}"))
    if result.counterexample is not None:
        run = result.counterexample
        if run.skipped:
            typer.echo(visible(f"  {run.skipped} cycles of it are skipped: proved to change nothing but counters"))
        typer.echo(visible(f"  replayed by {', '.join(run.replayed_by)}"))
        typer.echo(visible(f"  checked by {run.checked_by or 'none: the checker does not model one of the sides'}"))
    for title, texts in (("assumed", result.assumptions), ("not covered", result.not_covered)):
        for text in texts:
            typer.echo(visible(f"  {title}: {text}"))
