"""How the outcome of a verification is told."""

from __future__ import annotations

import json as encoder
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sandgrain.transparency.outcome import Outcome


def tell(outcome: Outcome, *, json: bool, err: bool = False) -> None:
    """Print what holds, what does not, and what else a reader should know."""
    from sandgrain.report import visible

    if json:
        told = {"ok": outcome.ok, **asdict(outcome)}
        typer.echo(encoder.dumps(told, indent=2, ensure_ascii=False))
        return
    for sentence in outcome.holds:
        typer.echo(visible(f"holds: {sentence}"), err=err)
    for sentence in outcome.notes:
        typer.echo(visible(f"note: {sentence}"), err=err)
    for fault in outcome.faults:
        for line in f"FAILS: {fault}".splitlines():
            typer.echo(visible(line), err=err)
    typer.echo(visible(f"{outcome.subject}: {'everything holds' if outcome.ok else 'NOT as it was signed'}"), err=err)
