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
