"""``sandgrain netlist``: what a delivered netlist is made of, and the same netlist in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sandgrain.netlist.link import Linked
    from sandgrain.progress import Progress
    from sandgrain.verdict import Place

app = typer.Typer(
    name="netlist",
    help="Look at a delivered netlist, convert it, simulate it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Files = Annotated[list[Path], typer.Argument(help="Netlist files of one format.", show_default=False)]
Top = Annotated[str | None, typer.Option(help="The module that is the chip; found out when left out.")]
Cells = Annotated[
    list[str] | None,
    typer.Option(help="Cell functions: a Liberty file, functional Verilog, or the word bundled. May be repeated."),
]
Form = Annotated[str | None, typer.Option("--format", help="verilog, blif, bench, aiger, edif or json.")]
Defines = Annotated[list[str] | None, typer.Option("-D", help="A Verilog macro, NAME or NAME=TEXT.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]


@app.command()
def info(
    files: Files,
    top: Top = None,
    cells: Cells = None,
    form: Form = None,
    define: Defines = None,
    json: Json = False,
) -> None:
    """Count modules, cells, clocks and resets, and name what nobody knows.

    Exit status: 0 the netlist was read, 2 it is wrong.
    """
    import json as encoder
    from dataclasses import asdict

    from rich.console import Console

    from sandgrain.cli.netlist_table import print_facts
    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.netlist.facts import gather

    with WaitingProgress(Console(stderr=True)) as progress:
        linked, form, unusual = _linked(files, top, cells, form, define, progress)
        with progress.stage("counting"):
            facts = gather(linked, form, unusual)
    if json:
        typer.echo(encoder.dumps(asdict(facts), indent=2, ensure_ascii=False, default=lambda place: place.model_dump()))
    else:
        print_facts(facts, Console(highlight=False))


@app.command()
def convert(
    files: Files,
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: .v, .json, .aag, .aig.", show_default=False)],
    top: Top = None,
    cells: Cells = None,
    form: Form = None,
    define: Defines = None,
    flat: Annotated[bool, typer.Option("--flat", help="Write one flat module.")] = False,
) -> None:
    """Write a netlist in another format; AIGER holds the whole design as one and-inverter graph.

    Exit status: 0 written, 2 the netlist is wrong or cannot be written so.
    """
    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.logic.convert import write_netlist

    with WaitingProgress(Console(stderr=True)) as progress:
        linked, _, _ = _linked(files, top, cells, form, define, progress)
        with progress.stage("writing"):
            notes = write_netlist(linked, out, flat=flat)
    for note in notes:
        typer.echo(f"note: {note}", err=True)


@app.command()
def simulate(
    files: Files,
    top: Top = None,
    cells: Cells = None,
    form: Form = None,
    define: Defines = None,
    cycles: Annotated[int, typer.Option(min=1, max=10_000_000, help="Clock cycles of every run.")] = 1_000,
    stimuli: Annotated[int, typer.Option(min=1, max=1 << 24, help="Number of runs.")] = 4_096,
    seed: Annotated[int, typer.Option(min=0, help="Of all random values.")] = 1,
    clock: Annotated[
        list[str] | None, typer.Option(help="A clock, PORT or PORT:falling; found out when only one.")
    ] = None,
    reset: Annotated[list[str] | None, typer.Option(help="PORT=0:4 applies a 0 for 4 cycles, then a 1.")] = None,
    hold: Annotated[list[str] | None, typer.Option(help="PORT=VALUE, a constant on an input port.")] = None,
    supply: Annotated[
        list[str] | None, typer.Option(help="NAME=0 or NAME=1, a supply or pin that never changes.")
    ] = None,
    leave_free: Annotated[
        bool, typer.Option(help="Cut loops open; leave registers without a sure clock free.")
    ] = False,
    three_valued: Annotated[bool, typer.Option(help="Simulate X too.")] = False,
    vcd: Annotated[Path | None, typer.Option(help="Write the first run as VCD.")] = None,
    watch: Annotated[
        list[str] | None, typer.Option(help="A net to show in the VCD; all ports when none is named.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a netlist under random inputs and say which nets never change and which hardly ever.

    Exit status: 0 it was simulated, 2 the netlist or the options are wrong.
    """
    import json as encoder
    from dataclasses import asdict

    from rich.console import Console

    from sandgrain.cli._assignments import assignments, clocks, resets
    from sandgrain.cli.netlist_table import print_exercise
    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.logic.exercise import ExerciseOptions, exercise

    options = ExerciseOptions(
        cycles=cycles,
        stimuli=stimuli,
        seed=seed,
        clocks=clocks(clock or []),
        resets=resets(reset or []),
        held=assignments("--hold", hold or []),
        supplies=assignments("--supply", supply or []),
        leave_free=leave_free,
        three_valued=three_valued,
        watch=tuple(watch or ()),
    )
    with WaitingProgress(Console(stderr=True)) as progress:
        linked, _, _ = _linked(files, top, cells, form, define, progress)
        with progress.stage("simulating"):
            seen = exercise(linked, options, vcd=vcd)
    if json:
        typer.echo(encoder.dumps(asdict(seen), indent=2, ensure_ascii=False))
    else:
        print_exercise(seen, Console(highlight=False))


def _linked(
    files: list[Path],
    top: str | None,
    cells: list[str] | None,
    form: str | None,
    define: list[str] | None,
    progress: Progress,
) -> tuple[Linked, str, tuple[tuple[Place | None, str], ...]]:
    """The netlist with its cells resolved, its format, and what was unusual in it."""
    from sandgrain.netlist.library import read_library
    from sandgrain.netlist.link import link
    from sandgrain.netlist.read import read_netlist
    from sandgrain.netlist.verilog import kernels_compiled

    if not kernels_compiled():
        typer.echo("The first netlist after installation waits some seconds for the compiler.", err=True)
    defines = {name: text for name, _, text in (one.partition("=") for one in define or [])}
    with progress.stage("reading the cells"):
        library = read_library(cells or [], defines=defines)
    with progress.stage("reading the netlist"):
        delivered = read_netlist(
            files, top=top, form=form, defines=defines, progress=lambda share: progress.update("", share, 1.0)
        )
    with progress.stage("linking"):
        linked = link(delivered.netlist, library.cells, library.generic)
    return linked, delivered.form, delivered.unusual
