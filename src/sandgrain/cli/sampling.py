"""``sandgrain commit``, ``challenge``, ``reveal``, ``check-reveal``: a drawing shown only where a draw asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandgrain.cli._outcome import tell
from sandgrain.cli._trusted import split_trusted

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="File to write.", show_default=False)]


def commit(
    submission: Annotated[Path, typer.Argument(help="Submission with the drawing.", show_default=False)],
    key: Annotated[str, typer.Option(help="The vendor's private key.", show_default=False)],
    out: Out,
    secret: Annotated[Path, typer.Option(help="Secret to write; needed to reveal, to be kept.", show_default=False)],
    tile: Annotated[float, typer.Option(min=0.001, help="Edge length of a tile in micrometres.")] = 50.0,
) -> None:
    """Commit to a drawing without showing it: tiles of each layer, and modules of the description.

    Exit status: 0 written, 2 the submission is wrong or the usage is.
    """
    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.transparency.disclosure import write_commitment
    from sandgrain.transparency.keys import read_signing

    with WaitingProgress(Console(stderr=True)) as progress:
        done = write_commitment(submission, tile, read_signing(key), out, secret, progress)
    typer.echo(f"{out}: {done.layout:,} pieces of the layout, {done.netlist:,} of the description")


def challenge(
    commitment: Annotated[Path, typer.Argument(help="The vendor's commitment.", show_default=False)],
    key: Annotated[str, typer.Option(help="The examiner's private key.", show_default=False)],
    out: Out,
    randomness: Annotated[
        str, typer.Option(help="Public randomness fixed after the commitment, in hexadecimal.", show_default=False)
    ],
    source: Annotated[str, typer.Option(help="Where anybody can look it up.", show_default=False)],
    layout: Annotated[int, typer.Option(min=0, help="Pieces of the layout to draw.")] = 0,
    netlist: Annotated[int, typer.Option(min=0, help="Pieces of the description to draw.")] = 0,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Checkpoint of the log that has the commitment, part of the draw.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Draw the pieces to be revealed, each equally likely, none twice; anybody can repeat the draw.

    Exit status: 0 written, 2 the commitment is none or the usage is wrong.
    """
    from sandgrain.transparency.disclosure import write_challenge
    from sandgrain.transparency.keys import read_signing

    try:
        data = bytes.fromhex(randomness)
    except ValueError as error:
        raise typer.BadParameter("not hexadecimal", param_hint="--randomness") from error
    draws = {name: count for name, count in (("layout", layout), ("netlist", netlist)) if count}
    if not draws:
        raise typer.BadParameter("nothing is drawn; say how many with --layout or --netlist")
    tables = write_challenge(commitment, data, source, draws, read_signing(key), checkpoint, out)
    _tell_misses(tables, json)


def reveal(
    submission: Annotated[Path, typer.Argument(help="Submission that was committed to.", show_default=False)],
    commitment: Annotated[Path, typer.Option(help="The commitment.", show_default=False)],
    secret: Annotated[Path, typer.Option(help="Its secret.", show_default=False)],
    challenge: Annotated[Path, typer.Option(help="The challenge.", show_default=False)],
    out: Out,
    digests: Annotated[bool, typer.Option("--digests", help="Open names, sizes and digests, no content.")] = False,
) -> None:
    """Open the pieces that were drawn, and nothing else.

    Exit status: 0 written, 2 the files do not belong together or the usage is wrong.
    """
    from rich.console import Console

    from sandgrain.cli.waiting import WaitingProgress
    from sandgrain.transparency.disclosure import write_reveal

    with WaitingProgress(Console(stderr=True)) as progress:
        size = write_reveal(submission, commitment, secret, challenge, out, progress, digests=digests)
    typer.echo(f"{out}: {size:,} bytes")


def check_reveal(
    reveal: Annotated[
        list[Path],
        typer.Argument(
            metavar="REVEAL", help="What the vendor revealed; further .pub files are trusted.", show_default=False
        ),
    ],
    commitment: Annotated[Path, typer.Option(help="The commitment.", show_default=False)],
    challenge: Annotated[Path, typer.Option(help="The challenge.", show_default=False)],
    trust: Annotated[list[Path], typer.Option(help="Public key or trust file.", show_default=False)],
    proof: Annotated[
        Path | None, typer.Option(help="Proof that the commitment is in a log.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Directory for the revealed pieces.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Verify that exactly the drawn pieces were opened, each as it was committed to.

    Exit status: 0 everything holds, 1 something does not, 2 a file cannot be read or the usage is wrong.
    """
    from sandgrain.transparency.disclosure import verify_reveal

    (shown,), trusted = split_trusted(reveal, trust)
    outcome, tables = verify_reveal(shown, commitment, challenge, trusted, proof, out)
    tell(outcome, json=json)
    if outcome.ok and not json:
        _tell_misses(tables, json)
    raise typer.Exit(0 if outcome.ok else 1)


def _tell_misses(tables: dict[str, dict[int, float]], json: bool) -> None:
    import json as encoder

    if json:
        typer.echo(encoder.dumps(tables, indent=2))
        return
    for group, table in tables.items():
        for modified, probability in table.items():
            typer.echo(f"{group}: {modified} modified pieces are missed with probability {probability:.3g}")
