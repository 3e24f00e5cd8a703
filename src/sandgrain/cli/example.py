"""``sandgrain example``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def example(
    core: Annotated[str, typer.Argument(help="picorv32, serv, vexriscv or ibex.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Submission directory to write.", show_default=False)],
    plant: Annotated[
        str | None, typer.Option(help="What to plant, such as bus-kill or beacon-timing; the manual lists all kinds.")
    ] = None,
) -> None:
    """Write a complete submission of a real core, clean or with a documented plant."""
    from sandgrain.redteam import write_example

    typer.echo(str(write_example(core, out, plant)))
