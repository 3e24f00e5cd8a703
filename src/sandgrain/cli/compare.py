"""``sandgrain compare``: two levels of one chip against each other."""

from __future__ import annotations

import typer

from sandgrain.cli import compare_layout, compare_rtl

app = typer.Typer(
    name="compare",
    help="Compare two levels of one chip: its description, its netlist, its layout.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("rtl-netlist")(compare_rtl.rtl_netlist)
app.command("netlist-layout")(compare_layout.netlist_layout)
