"""``sandgrain compare``: whether two descriptions of a chip are one."""

from __future__ import annotations

import typer

from sandgrain.cli.compare_layout import netlist_layout

app = typer.Typer(
    name="compare",
    help="Compare two descriptions of a chip.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Compare two descriptions of a chip."""


app.command(name="netlist-layout")(netlist_layout)
