"""``sandgrain check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(
    what: Annotated[
        Path, typer.Argument(metavar="CASE|CERT", help="Case directory or certificate.", show_default=False)
    ],
    submission: Annotated[
        Path | None, typer.Option(help="The submission; needed for a single certificate.", show_default=False)
    ] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Public key or trust file, for what both sides signed; may be repeated.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON and nothing else.")] = False,
) -> None:
    """Check certificates on a submission with another solver, independently of whoever wrote them.

    Exit status: 0 every one accepted, 1 one rejected or missing, 2 there is nothing to check or it cannot be read.
    """
    import json as encoder
    from dataclasses import asdict

    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.recheck import recheck
    from sandgrain.report import visible

    with WaitingProgress(Console(stderr=True)) as progress:
        results = recheck(what, submission, progress, trust or ())
    if json:
        rows = [{"file": item.file, **asdict(item.checked)} for item in results]
        typer.echo(encoder.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for item in results:
            checked = item.checked
            subject = f"{checked.claim or 'certificate'} {checked.subject}".strip()
            word = f"accepted, {checked.solver}" if checked.accepted else f"REJECTED: {checked.reason}"
            typer.echo(visible(f"{subject}: {word}"))
            for one in checked.obligations:
                typer.echo(visible(f"  {one.name}: {'holds' if one.holds else one.detail} ({one.seconds:.2f} s)"))
    if not results or not all(item.checked.accepted for item in results):
        raise typer.Exit(1)
