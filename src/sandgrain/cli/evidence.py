"""``sandgrain seal``, ``receive``, ``verify``, ``archive`` and ``timestamp``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandgrain.cli._outcome import tell
from sandgrain.cli._trusted import split_trusted

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]
Keys = Annotated[
    list[str], typer.Option("--key", help="Private key: a file, or env:VARIABLE; may be repeated.", show_default=False)
]


def seal(
    what: Annotated[Path, typer.Argument(metavar="SUBMISSION|CASE", help="Directory to seal.", show_default=False)],
    key: Keys,
    json: Json = False,
) -> None:
    """Sign a list of every file with its SHA-256 and write it into the directory, as seal/seal.dsse.json.

    Exit status: 0 sealed, 2 it cannot be sealed or the usage is wrong.
    """
    import json as encoder

    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.transparency.keys import read_signing
    from sandgrain.transparency.seal import seal as run

    signers = [read_signing(one) for one in key]
    with WaitingProgress(Console(stderr=True)) as progress:
        sealed = run(what, signers, progress)
    total = sum(one.size for one in sealed.files)
    if json:
        told = {"files": len(sealed.files), "bytes": total, "root": sealed.root, "sha256": sealed.envelope.sha256}
        typer.echo(encoder.dumps(told, indent=2))
    else:
        typer.echo(f"sealed {len(sealed.files):,} files, {total:,} bytes, root {sealed.root}")
        typer.echo(f"seal {sealed.envelope.sha256}")


def receive(
    submission: Annotated[Path, typer.Argument(help="Sealed submission.", show_default=False)],
    key: Keys,
    vendor: Annotated[list[Path], typer.Option(help="The vendor's public key.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Receipt to write.", show_default=False)],
    receipt: Annotated[
        Path | None, typer.Option(help="Add signatures to this receipt of other examiners.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Verify a sealed submission and counter-sign it: both sides then hold one digest signed by both.

    Exit status: 0 received, 1 something is not as it was sealed, and there is no receipt; 2 the usage is wrong.
    """
    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.transparency.keys import read_signing
    from sandgrain.transparency.receipt import write_receipt

    signers = [read_signing(one) for one in key]
    with WaitingProgress(Console(stderr=True)) as progress:
        outcome = write_receipt(submission, signers, vendor, out, receipt, progress)
    tell(outcome, json=json)
    raise typer.Exit(0 if outcome.ok else 1)


def verify(
    what: Annotated[
        list[Path],
        typer.Argument(
            metavar="SUBMISSION|CASE|RECEIPT|PROOF",
            help="What to verify; further .pub files are trusted.",
            show_default=False,
        ),
    ],
    trust: Annotated[
        list[Path],
        typer.Option(help="Public key, trust file (.toml) or proof of a change of keys.", show_default=False),
    ],
    submission: Annotated[
        Path | None, typer.Option(help="The submission it is about, to be compared.", show_default=False)
    ] = None,
    proof: Annotated[Path | None, typer.Option(help="Proof that it is in a log.", show_default=False)] = None,
    timestamp: Annotated[Path | None, typer.Option(help="RFC 3161 timestamp over it.", show_default=False)] = None,
    tsa: Annotated[
        list[Path] | None, typer.Option(help="Root certificate of a timestamp authority.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Verify, offline and reading only, that something is what was signed; say exactly what is not.

    Exit status: 0 everything holds, 1 something was altered or is not signed by anybody trusted, 2 wrong usage.
    """
    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.transparency.verify import Beside
    from sandgrain.transparency.verify import verify as run

    (subject,), trusted = split_trusted(what, trust)
    beside = Beside(tuple(trusted), submission, proof, timestamp, tuple(tsa or ()))
    with WaitingProgress(Console(stderr=True)) as progress:
        outcome = run(subject, beside, progress)
    tell(outcome, json=json)
    raise typer.Exit(0 if outcome.ok else 1)


def archive(
    case: Annotated[Path, typer.Argument(help="Case directory.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Archive to write: NAME.sgcase.", show_default=False)],
) -> None:
    """Write a case as one file; the same case always gives the same bytes.

    Exit status: 0 written, 2 the case is not whole, or the usage is wrong.
    """
    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.transparency.archive import write_archive

    with WaitingProgress(Console(stderr=True)) as progress, progress.stage("archive"):
        size = write_archive(case, out)
    typer.echo(f"{out}: {size:,} bytes")


def timestamp(
    file: Annotated[Path, typer.Argument(help="Seal, receipt or commitment.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Request to write: NAME.tsq.", show_default=False)],
) -> None:
    """Write an RFC 3161 request; what a timestamp authority answers is passed to `sandgrain verify --timestamp`.

    Exit status: 0 written, 2 the file cannot be read.
    """
    from sandgrain.transparency.timestamp import write_request

    write_request(file, out)
    typer.echo(str(out))
