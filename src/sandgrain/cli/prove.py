"""``sandgrain prove``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def prove(
    submission: Annotated[Path, typer.Argument(help="Directory with submission.toml.", show_default=False)],
    budget: Annotated[float, typer.Option(min=1, help="Seconds for each claim.")] = 300.0,
    memory: Annotated[float, typer.Option(min=0.1, help="GiB of memory beyond which no search goes on.")] = 16.0,
    json: Annotated[bool, typer.Option("--json", help="Print the claims as JSON and nothing else.")] = False,
) -> None:
    """Prove the claims and write the certificates into the submission, so that an audit only checks them.

    Exit status: 0 every examined claim proved, 1 a claim refuted, 3 something open, 2 the input or usage was wrong.
    """
    import json as encoder

    from rich.console import Console

    from sandgrain.audit import AuditOptions
    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.prove import prove as run
    from sandgrain.report import visible
    from sandgrain.verdict import Verdict

    with WaitingProgress(Console(stderr=True)) as progress:
        proofs = run(
            submission,
            options=AuditOptions.within(budget, int(memory * (1 << 30))),
            progress=progress,
        )
    if json:
        rows = [
            {"claim": proof.claim.model_dump(mode="json"), "files": [str(file) for file in proof.files]}
            for proof in proofs
        ]
        typer.echo(encoder.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for proof in proofs:
            typer.echo(visible(f"{proof.claim.id}: {proof.claim.verdict}. {proof.claim.summary}"))
            for file in proof.files:
                typer.echo(visible(f"  {file}"))
    verdicts = {proof.claim.verdict for proof in proofs if proof.claim.examined}
    if Verdict.REFUTED in verdicts:
        raise typer.Exit(1)
    if Verdict.OPEN in verdicts or not verdicts:
        raise typer.Exit(3)
