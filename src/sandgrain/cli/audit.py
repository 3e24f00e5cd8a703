"""``sandgrain audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandgrain.verdict import ClaimId


def audit(
    submission: Annotated[Path, typer.Argument(help="Directory with submission.toml.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Case directory to write.", show_default=False)],
    lang: Annotated[str, typer.Option(help="Language of the report: en or zh_CN.")] = "en",
    json: Annotated[bool, typer.Option("--json", help="Print case.json and nothing else.")] = False,
    budget: Annotated[float, typer.Option(min=1, help="Seconds for each claim.")] = 300.0,
    memory: Annotated[float, typer.Option(min=0.1, help="GiB of memory beyond which no search goes on.")] = 16.0,
    receipt: Annotated[
        Path | None, typer.Option(help="Receipt of the submission that both sides signed.", show_default=False)
    ] = None,
    proof: Annotated[Path | None, typer.Option(help="Proof that the receipt is in a log.", show_default=False)] = None,
    trust: Annotated[
        list[Path] | None, typer.Option(help="Public key or trust file; may be repeated.", show_default=False)
    ] = None,
    claim: Annotated[
        list[ClaimId] | None, typer.Option(help="Examine this claim only; may be repeated.", show_default=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not resume; replace a case at the same place.")] = False,
) -> None:
    """Audit a submission and write a case.

    Exit status: 0 every examined claim proved or explained as declared, 1 a claim refuted, 3 something open,
    2 the input or usage was wrong.
    """
    from rich.console import Console

    from sandgrain.audit import REPORT_FILE, AuditOptions
    from sandgrain.audit import audit as run
    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.report import Language, summary
    from sandgrain.transparency.examined import EvidenceOptions

    language = Language.parse(lang)
    evidence = EvidenceOptions(receipt, proof, tuple(trust or ()))
    options = AuditOptions.within(
        budget,
        int(memory * (1 << 30)),
        language,
        fresh=fresh,
        claims=tuple(claim or ()),
        evidence=evidence,
    )
    with WaitingProgress(Console(stderr=True)) as progress:
        case = run(submission, out, options=options, progress=progress)
    if json:
        typer.echo(case.model_dump_json(indent=2))
    else:
        console = Console(highlight=False)
        summary(case, language, console, case_dir=out)
        console.print(f"\n{out / REPORT_FILE}", markup=False, soft_wrap=True)
    raise typer.Exit(case.exit_code)
