"""``sandgrain replay``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def replay(
    case: Annotated[Path, typer.Argument(help="Case directory.", show_default=False)],
    finding: Annotated[str | None, typer.Argument(help="Finding to replay; all of them when left out.")] = None,
    submission: Annotated[Path | None, typer.Option(help="The submission, if it is not where it was audited.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON and nothing else.")] = False,
) -> None:
    """Run witnesses on the submitted description in other simulators.

    Exit status: 0 every one reproduces, 1 one does not, 2 there is nothing to replay or it cannot be run.
    """
    import json as encoder

    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.replay import replay_case

    with WaitingProgress(Console(stderr=True)) as progress:
        replayed = replay_case(case, finding, submission, progress)
    if json:
        rows = [{"finding": item.finding, **asdict(result)} for item in replayed for result in item.results]
        typer.echo(encoder.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for item in replayed:
            for result in item.results:
                word = "reproduced" if result.reproduced else "NOT REPRODUCED"
                typer.echo(f"{item.finding}: {word} by {result.simulator} {result.version}: {result.detail}")
    if not all(result.reproduced for item in replayed for result in item.results):
        raise typer.Exit(1)
