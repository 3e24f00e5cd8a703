"""Committing to the drawing of a submission, and opening what was drawn of it, by the vendor."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandgrain.progress import Progress
from sandgrain.submission import FileRole, Submission, load
from sandgrain.transparency._canonical import encode, read_bounded
from sandgrain.transparency._durable import replace_durably, write_all, write_durably
from sandgrain.transparency.challenge import challenge, check_challenge, draw, read_challenge
from sandgrain.transparency.commitment import (
    LAYOUT,
    NETLIST,
    Commitment,
    Piece,
    commit,
    places,
    read_commitment,
    read_opening,
    salted_leaf,
)
from sandgrain.transparency.envelope import check_signatures
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import Role, SigningKey
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.merkle import Tree
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.pieces import Drawing, is_figure, modules, write_layout
from sandgrain.transparency.proof import check_proof
from sandgrain.transparency.reveal import Revealed, check_reveal, misses, reveal
from sandgrain.transparency.trust import Moment, read_trust

_VERILOG = (".v", ".sv", ".vh", ".svh", ".vg")


@dataclass(frozen=True)
class Committed:
    """A commitment and its secret, as the bytes of two files, and how many pieces there are of each sort."""

    commitment: bytes
    secret: bytes
    layout: int
    netlist: int


def commit_submission(path: Path, tile: float, key: SigningKey, progress: Progress) -> Committed:
    """Commit to the layout of a submission, tile by tile and layer by layer, and to the modules of its description.

    Args:
        path: the submission.
        tile: edge length of a tile in micrometres.
        key: the vendor's.
        progress: told what is being done.

    Raises:
        SandgrainError: the submission is wrong, or there are too many pieces.
    """
    with progress.stage("intake"):
        submission = load(path)
    drawing = _drawing(submission, tile)
    with progress.stage("description"):
        description = [Piece.of(name, data) for name, data in _description(submission)]
    with progress.stage("layout"):
        layout = [] if drawing is None else _layout_pieces(drawing, progress)
    grid = None if drawing is None else drawing.grid
    data, opening, _ = commit(submission.manifest.chip.name, grid, layout, description, key)
    submission.verify_unchanged()
    return Committed(data, opening.to_bytes(), len(layout), len(description))


def answer(
    path: Path, commitment_file: Path, secret: Path, challenge_file: Path, progress: Progress, *, digests: bool = False
) -> bytes:
    """Open what a challenge drew: the bytes of a reveal.

    Args:
        path: the submission that was committed to.
        commitment_file: the commitment.
        secret: its secret.
        challenge_file: the challenge; its draw is repeated, its signature is not verified here.
        progress: told what is being done.
        digests: open names, sizes and digests only, no content.

    Raises:
        EvidenceError: the submission is not the one that was committed to, or the files do not belong together.
    """
    data = read_bounded(commitment_file, LIMITS.envelope_bytes, "envelope_bytes", "commitment")
    commitment = read_commitment(data, commitment_file)
    opening = read_opening(secret, commitment)
    asked = read_bounded(challenge_file, LIMITS.envelope_bytes, "envelope_bytes", "challenge")
    drawn = read_challenge(asked, challenge_file)
    if drawn.commitment != commitment.envelope.sha256:
        raise EvidenceError("the challenge is about another commitment", file=challenge_file)
    # Whoever could name the leaves freely could have the whole drawing opened piece by piece.
    if draw(commitment, drawn.randomness, drawn.checkpoint, drawn.draws) != drawn.leaves:
        raise EvidenceError(
            "the challenge names leaves that its randomness does not draw",
            file=challenge_file,
            remedy="open nothing, and ask who made this challenge",
        )
    with progress.stage("intake"):
        submission = load(path)
    pieces, contents, drawing = _pieces(submission, commitment, opening.seed, progress)
    padding = Piece.of("", b"")
    tree = Tree(salted_leaf(opening.salt(leaf), pieces.get(leaf, padding)) for leaf in range(commitment.leaves))
    if tree.root() != commitment.root:
        raise EvidenceError(
            "this submission is not the one that was committed to",
            file=path,
            expected=f"root {commitment.root.hex()}, found {tree.root().hex()}",
        )

    def content(leaf: int) -> bytes:
        return contents[leaf] if leaf in contents or drawing is None else drawing.content(leaf)

    return reveal(drawn, opening, tree, pieces, None if digests else content)


def _pieces(
    submission: Submission, commitment: Commitment, seed: bytes, progress: Progress
) -> tuple[dict[int, Piece], dict[int, bytes], Drawing | None]:
    """The piece of every leaf that is no padding, the bytes of those of the description, and the drawing."""
    pieces: dict[int, Piece] = {}
    contents: dict[int, bytes] = {}
    drawing = None
    for group in commitment.groups:
        if group.name == LAYOUT and group.grid is not None:
            drawing = _drawing(submission, group.grid.tile * group.grid.dbu / 1_000_000)
            if drawing is None or drawing.grid != group.grid:
                raise EvidenceError(
                    "the layout of this submission is not the one that was committed to", file=submission.root
                )
            with progress.stage("layout"):
                pieces.update(enumerate(_layout_pieces(drawing, progress)))
        elif group.name == NETLIST:
            described = _description(submission)
            if len(described) > group.count:
                raise EvidenceError(
                    "the description of this submission is not the one that was committed to", file=submission.root
                )
            spots = places(seed, len(described), group.count)
            for (name, data), spot in zip(described, spots, strict=True):
                pieces[group.first + spot] = Piece.of(name, data)
                contents[group.first + spot] = data
    return pieces, contents, drawing


def _layout_pieces(drawing: Drawing, progress: Progress) -> list[Piece]:
    pieces = []
    for piece in drawing.pieces():
        pieces.append(piece)
        if len(pieces) % 64 == 0:
            progress.update(f"{len(pieces):,} of {drawing.grid.count:,} pieces", len(pieces), drawing.grid.count)
    return pieces


def _drawing(submission: Submission, tile: float) -> Drawing | None:
    files = submission.files_of(FileRole.LAYOUT)
    if len(files) > 1:
        raise EvidenceError(
            f"the submission has {len(files)} layouts", file=submission.root, expected="one GDSII or OASIS file"
        )
    return Drawing(submission.absolute(files[0]), tile) if files else None


def _description(submission: Submission) -> list[tuple[str, bytes]]:
    """Modules of Verilog files, other files whole, sorted by name."""
    files = [file for file in submission.files if file.role in (FileRole.RTL, FileRole.NETLIST)]
    verilog = [(file.path, submission.absolute(file)) for file in files if file.path.endswith(_VERILOG)]
    whole = [
        (file.path, read_bounded(submission.absolute(file), LIMITS.piece_bytes, "piece_bytes", "description"))
        for file in files
        if not file.path.endswith(_VERILOG)
    ]
    return sorted([*modules(verilog), *whole])


def write_commitment(
    path: Path, tile: float, key: SigningKey, out: Path, secret: Path, progress: Progress
) -> Committed:
    """Commit to the drawing of a submission; the secret is written with mode 0600, before the commitment.

    Raises:
        SandgrainError: the submission is wrong, there is something at one of the places, or it lies in the submission.
    """
    for place in (out, secret):
        if os.path.lexists(place):
            raise EvidenceError("there is something here already", file=place, expected="a new file")
    if secret.resolve().is_relative_to(path.resolve()):
        raise EvidenceError("the secret would lie in the submission", file=secret, expected="a place outside of it")
    done = commit_submission(path, tile, key, progress)
    write_durably(secret, done.secret, mode=0o600)
    write_durably(out, done.commitment)
    return done


def write_challenge(
    commitment_file: Path,
    randomness: bytes,
    source: str,
    draws: Mapping[str, int],
    key: SigningKey,
    checkpoint: Path | None,
    out: Path,
) -> dict[str, dict[int, float]]:
    """Draw, sign and write; returns for each group the probability of missing a number of modified pieces.

    Raises:
        EvidenceError: one of the files is not what it should be, or more is drawn than there is.
    """
    commitment = read_commitment(_read(commitment_file, "commitment"), commitment_file)
    note = b"" if checkpoint is None else read_bounded(checkpoint, LIMITS.note_bytes, "note_bytes", "checkpoint")
    write_durably(out, challenge(commitment, randomness, source, draws, key, checkpoint=note))
    return {group.name: misses(group, draws[group.name]) for group in commitment.groups if group.name in draws}


def write_reveal(
    path: Path,
    commitment_file: Path,
    secret: Path,
    challenge_file: Path,
    out: Path,
    progress: Progress,
    *,
    digests: bool = False,
) -> int:
    """Open what a challenge drew and write it; returns its bytes. See :func:`answer`."""
    data = answer(path, commitment_file, secret, challenge_file, progress, digests=digests)
    write_durably(out, data)
    return len(data)


def verify_reveal(
    reveal_file: Path,
    commitment_file: Path,
    challenge_file: Path,
    trusted: Sequence[Path],
    proof: Path | None,
    out: Path | None,
) -> tuple[Outcome, dict[str, dict[int, float]]]:
    """Verify commitment, challenge and reveal; write the revealed pieces to ``out`` if everything holds.

    Returns:
        How it went, and for each group the probability of missing a number of modified pieces.

    Raises:
        EvidenceError: a file cannot be read, or there is something at ``out``.
    """
    trust = read_trust(trusted)
    outcome = Outcome(f"reveal {reveal_file.name}")
    commitment_data = _read(commitment_file, "commitment")
    commitment = read_commitment(commitment_data, commitment_file)
    committed = None
    if proof is not None:
        data = read_bounded(proof, LIMITS.proof_bytes, "proof_bytes", "proof")
        checked, entry, committed = check_proof(data, trust, proof.name)
        if entry is not None and commitment.envelope.sha256 not in {one.sha256 for one in entry.subjects}:
            checked.fault(Kind.PROOF, proof.name, "the entry is not about the commitment", commitment.envelope.sha256)
        outcome.take(checked)
    moment = committed or Moment()
    vendor = frozenset({Role.VENDOR})
    for one in check_signatures(commitment.envelope, trust, vendor, moment, outcome, commitment_file.name):
        outcome.holds.append(f"committed to by {one.name}: root {commitment.root.hex()}")
    asked = read_challenge(_read(challenge_file, "challenge"), challenge_file)
    outcome.take(check_challenge(asked, commitment, trust, challenge_file.name, committed=committed))
    shown = read_bounded(reveal_file, LIMITS.reveal_bytes, "reveal_bytes", "reveal")
    checked, found = check_reveal(shown, commitment, asked, reveal_file.name)
    outcome.take(checked)
    for piece in found:
        if piece.box is not None and piece.data is not None and not is_figure(piece.data, piece.box):
            where = f"leaf {piece.leaf} ({piece.piece.name})"
            outcome.fault(Kind.REVEAL, where, "the content is no figure inside its box")
    if outcome.ok and out is not None:
        write_revealed(out, commitment, found)
    tables = {
        group.name: misses(group, sum(group.first <= leaf < group.first + group.count for leaf in asked.leaves))
        for group in commitment.groups
    }
    return outcome, tables


def write_revealed(out: Path, commitment: Commitment, found: Sequence[Revealed]) -> None:
    """Write revealed pieces for the comparison with a scan: ``revealed.gds``, ``pieces.json`` and the description.

    ``pieces.json`` lists for each piece its leaf, group, name, size, SHA-256, layer and box in database units; a box
    without shapes in ``revealed.gds`` was opened and is empty.

    Raises:
        EvidenceError: there is something at ``out``.
        StorageError: it cannot be written.
    """
    if os.path.lexists(out):
        raise EvidenceError("there is something here already", file=out, expected="a new directory")
    partial = out.with_name(f".{out.name}.writing")
    rows = []
    files: list[tuple[Path, bytes]] = []
    for one in found:
        row = {
            "leaf": one.leaf,
            "group": one.group,
            "name": one.piece.name,
            "size": one.piece.size,
            "sha256": one.piece.sha256.hex(),
            "layer": None if one.layer is None else list(one.layer),
            "box": None if one.box is None else list(one.box),
            "file": None,
        }
        if one.group == NETLIST and one.data is not None and one.piece.name:
            row["file"] = f"description/{one.leaf}.txt"
            files.append((partial / f"description/{one.leaf}.txt", one.data))
        rows.append(row)
    files.append((partial / "pieces.json", encode({"pieces": rows})))
    grid = next((group.grid for group in commitment.groups if group.grid is not None), None)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        write_all(files)
        if grid is not None:
            shapes = [(one.layer, one.data) for one in found if one.layer is not None and one.data is not None]
            write_layout(partial / "revealed.gds", grid, shapes)
        replace_durably(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _read(path: Path, what: str) -> bytes:
    return read_bounded(path, LIMITS.envelope_bytes, "envelope_bytes", what)
