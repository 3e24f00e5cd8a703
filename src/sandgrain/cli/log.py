"""``sandgrain log``: a log, its entries and proofs, its witnesses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandgrain.cli._outcome import tell
from sandgrain.cli._trusted import split_trusted

app = typer.Typer(
    name="log",
    help="Keep an append-only log of what happens to a case, prove entries of it, witness and audit it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Where = Annotated[Path, typer.Argument(metavar="LOG", help="Directory of the log.", show_default=False)]
Key = Annotated[str, typer.Option(help="Private key of who acts: a file, or env:VARIABLE.", show_default=False)]
LogKey = Annotated[str, typer.Option(help="Private key of the log: a file, or env:VARIABLE.", show_default=False)]
Trusted = Annotated[list[Path], typer.Option("--trust", help="Public key or trust file.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]


@app.command()
def init(log: Where, log_key: LogKey) -> None:
    """Make an empty log, whose origin is the name of its key.

    Exit status: 0 made, 2 there is something here already.
    """
    from sandgrain.transparency.keys import read_signing
    from sandgrain.transparency.log import Log
    from sandgrain.transparency.note import verifier_key

    made = Log.create(log, read_signing(log_key))
    typer.echo(verifier_key(made.key))


@app.command()
def append(
    log: Where,
    file: Annotated[list[Path], typer.Argument(help="Seal, receipt, commitment, challenge or reveal.")],
    key: Key,
    log_key: LogKey,
    json: Json = False,
) -> None:
    """Enter that a file was signed, received, committed to, challenged or revealed; all at once or nothing.

    Exit status: 0 the entries are in the log for good, 2 they are not.
    """
    from sandgrain.transparency.keys import read_signing
    from sandgrain.transparency.log import Log
    from sandgrain.transparency.log_acts import append_files

    done = append_files(Log(log), file, read_signing(key), read_signing(log_key))
    _tell_appended(done.first, len(file), done.checkpoint.checkpoint.size, json)


@app.command()
def record(
    log: Where,
    case: Annotated[Path, typer.Argument(help="Case directory.", show_default=False)],
    key: Key,
    log_key: LogKey,
    json: Json = False,
) -> None:
    """Enter every act of a finished case: taken in, elaborated, each claim, each witness, the report.

    Exit status: 0 the entries are in the log for good, 2 they are not.
    """
    from sandgrain.transparency.acts import record_case
    from sandgrain.transparency.keys import read_signing
    from sandgrain.transparency.log import Log

    done = record_case(case, Log(log), read_signing(key), read_signing(log_key))
    size = done.checkpoint.checkpoint.size
    _tell_appended(done.first, size - done.first, size, json)


@app.command()
def revoke(
    log: Where,
    subject: Annotated[Path, typer.Argument(metavar="PUB|REPORT", help="Public key or report to revoke.")],
    reason: Annotated[str, typer.Option(help="Why, in words.", show_default=False)],
    key: Key,
    log_key: LogKey,
    json: Json = False,
) -> None:
    """Enter that a key, or a report, does not count any more from this entry on.

    Exit status: 0 the entry is in the log for good, 2 it is not.
    """
    from sandgrain.transparency.keys import read_signing
    from sandgrain.transparency.log import Log
    from sandgrain.transparency.log_acts import append_revocation

    done = append_revocation(Log(log), subject, reason, read_signing(key), read_signing(log_key))
    _tell_appended(done.first, 1, done.checkpoint.checkpoint.size, json)


@app.command()
def rotate(
    log: Where,
    new: Annotated[Path, typer.Argument(metavar="NEW.pub", help="The new public key.", show_default=False)],
    key: Key,
    log_key: LogKey,
    json: Json = False,
) -> None:
    """Enter that a new key counts in place of the one that signs this, from this entry on.

    Exit status: 0 the entry is in the log for good, 2 it is not.
    """
    from sandgrain.transparency.acts import rotation
    from sandgrain.transparency.keys import read_public, read_signing
    from sandgrain.transparency.log import Log

    done = Log(log).append([rotation(read_public(new), read_signing(key))], read_signing(log_key))
    _tell_appended(done.first, 1, done.checkpoint.checkpoint.size, json)


@app.command()
def checkpoint(log: Where) -> None:
    """Print the current checkpoint, its signature verified.

    Exit status: 0 printed, 2 there is none that holds.
    """
    from sandgrain.transparency.log import Log

    typer.echo(Log(log).checkpoint().to_bytes().decode(), nl=False)


@app.command()
def prove(
    log: Where,
    index: Annotated[int, typer.Argument(min=0, help="Number of the entry, from 0.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Proof to write: NAME.tlog-proof.", show_default=False)],
    witness: Annotated[
        list[Path] | None, typer.Option(help="Public key of a witness whose cosignature is wanted.", show_default=False)
    ] = None,
) -> None:
    """Write the proof that an entry is in the log: one text file that needs nothing else.

    Exit status: 0 written, 2 there is no such entry, or the log is not whole.
    """
    from sandgrain.transparency.keys import read_public
    from sandgrain.transparency.log import Log
    from sandgrain.transparency.proof import write_proof

    proof = write_proof(Log(log), index, out, [read_public(one) for one in witness or ()])
    typer.echo(f"{out}: entry {index} of {proof.signed.checkpoint.size}")


@app.command()
def find(
    log: Where,
    digest: Annotated[str, typer.Argument(metavar="SHA256|FILE", help="A digest, or a file.", show_default=False)],
    json: Json = False,
) -> None:
    """Name the entries about a file or digest.

    Exit status: 0 there are some, 1 there is none, 2 the log cannot be read.
    """
    import json as encoder
    from dataclasses import asdict

    from sandgrain.transparency.log import Log
    from sandgrain.transparency.log_index import digest_of, find

    found = find(Log(log), digest_of(digest))
    if json:
        typer.echo(encoder.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        from sandgrain.report import visible

        for one in found:
            typer.echo(visible(f"{one.index}: {one.act} {one.subject} {one.time}"))
    raise typer.Exit(0 if found else 1)


@app.command()
def witness(
    log: Where,
    key: Key,
    log_pub: Annotated[Path, typer.Option(help="The log's public key, as the witness knows it.", show_default=False)],
    state: Annotated[Path, typer.Option(help="File in which the witness remembers this log.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Cosigned checkpoint to write.", show_default=False)],
    fork: Annotated[
        Path | None, typer.Option(help="Where to write the proof when the log has forked.", show_default=False)
    ] = None,
) -> None:
    """Cosign the checkpoint of a log that continues what this witness saw before.

    Exit status: 0 cosigned, 1 the log has another history than before, 2 it is not whole or is older.
    """
    from sandgrain.transparency.keys import read_public, read_signing
    from sandgrain.transparency.log_acts import cosign_log

    outcome = cosign_log(log, read_public(log_pub), read_signing(key), state, out, fork)
    tell(outcome, json=False)
    raise typer.Exit(0 if outcome.ok else 1)


@app.command()
def cosign(
    log: Where,
    note: Annotated[list[Path], typer.Argument(help="Cosigned checkpoints that witnesses wrote.")],
    trust: Trusted,
) -> None:
    """Keep the cosignatures of trusted witnesses for the proofs of this log.

    Exit status: 0 kept, 2 a checkpoint is not one of this log's, or no trusted witness has cosigned it.
    """
    from sandgrain.transparency.log import Log
    from sandgrain.transparency.log_acts import keep_cosignatures

    notes, trusted = split_trusted(note, trust, most=None)
    for size, names in keep_cosignatures(Log(log), notes, trusted):
        typer.echo(f"{size} entries: {', '.join(names)}")


@app.command()
def audit(
    log: Annotated[
        list[Path],
        typer.Argument(metavar="LOG", help="Directory of the log; further .pub files are trusted.", show_default=False),
    ],
    trust: Trusted,
    proof: Annotated[
        list[Path] | None, typer.Option(help="A proof kept from before: the log must continue it.", show_default=False)
    ] = None,
    hashes: Annotated[bool, typer.Option("--hashes", help="Do not verify the signature of every entry.")] = False,
    json: Json = False,
) -> None:
    """Verify a whole log: every entry, every tile, the checkpoint, and that earlier proofs are of the same history.

    Exit status: 0 everything holds, 1 something does not, 2 there is no log here.
    """
    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.transparency.log import Log
    from sandgrain.transparency.log_acts import audit_with

    with WaitingProgress(Console(stderr=True)) as progress:
        (where,), trusted = split_trusted(log, trust)
        outcome = audit_with(Log(where), trusted, proof or [], progress, signatures=not hashes)
    tell(outcome, json=json)
    raise typer.Exit(0 if outcome.ok else 1)


def _tell_appended(first: int, count: int, size: int, json: bool) -> None:
    import json as encoder

    if json:
        typer.echo(encoder.dumps({"first": first, "count": count, "size": size}))
    else:
        numbers = f"entry {first}" if count == 1 else f"entries {first} to {first + count - 1}"
        typer.echo(f"{numbers} of {size}")
