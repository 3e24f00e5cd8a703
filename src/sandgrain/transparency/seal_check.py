"""Is every file of a directory the one that was sealed? If not: which, and from which byte on."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sandgrain.errors import SandgrainError
from sandgrain.progress import Progress
from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency._hashing import STEP, Hashed
from sandgrain.transparency.envelope import check_signatures
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.seal import (
    CASE,
    PREFIXES_FILE,
    SEAL_FILE,
    SEALERS,
    SUBMISSION,
    Seal,
    SealedFile,
    hash_tree,
    kind_of,
    read_seal,
    unsealed_by_intent,
)
from sandgrain.transparency.trust import Moment, Trust

_DIGEST = 32


def check_directory(path: Path, trust: Trust, moment: Moment, progress: Progress) -> tuple[Outcome, Seal | None]:
    """Verify the seal in a submission or case, and every file against it."""
    kind = kind_of(path) or SUBMISSION
    outcome = Outcome(f"{kind} {path.name}")
    try:
        seal = read_seal(path)
    except SandgrainError as error:
        outcome.fault(Kind.SEAL, SEAL_FILE, error.what, error.expected or "")
        return outcome, None
    if seal.kind != kind:
        outcome.fault(Kind.SEAL, SEAL_FILE, f"this is the seal of a {seal.kind}", f"the seal of a {kind}")
    outcome.take(check_seal_signatures(seal, trust, moment))
    outcome.take(check_files(path, seal, progress))
    return outcome, seal


def check_seal_signatures(seal: Seal, trust: Trust, moment: Moment) -> Outcome:
    """Whether those who may seal such a thing have signed the seal, as many of them as are needed."""
    outcome = Outcome(f"seal of {seal.name}")
    accepted = check_signatures(seal.envelope, trust, SEALERS[seal.kind], moment, outcome, SEAL_FILE)
    for role in sorted({key.role for key in accepted} or SEALERS[seal.kind]):
        names = sorted(key.name for key in accepted if key.role is role)
        wanted = trust.threshold(role)
        if len(names) >= wanted and names:
            outcome.holds.append(f"sealed by {', '.join(names)}, {role}: {len(seal.files):,} files, root {seal.root}")
        elif accepted:
            outcome.fault(Kind.SIGNATURE, SEAL_FILE, f"{len(names)} of {wanted} signatures of a {role}")
    return outcome


def check_files(path: Path, seal: Seal, progress: Progress) -> Outcome:
    """Compare every file below ``path`` with the seal."""
    outcome = Outcome(path.name)
    try:
        with progress.stage("hashing"):
            hashed = hash_tree(path, seal.kind, progress)
    except SandgrainError as error:
        outcome.fault(Kind.FILE, error.place or str(path), error.what, error.expected or "")
        return outcome
    found = {one.path: one for one in hashed}
    sealed = {one.path: one for one in seal.files}
    by_digest = {one.sha256: one.path for one in seal.files if one.size}
    marks = _marks(path, seal, outcome)
    for name, one in sealed.items():
        now = found.get(name)
        if now is None:
            moved = [
                other.path
                for other in hashed
                if one.size and other.sha256.hex() == one.sha256 and other.path not in sealed
            ]
            where = f"; its content is now in {', '.join(moved)}" if moved else ""
            outcome.fault(Kind.FILE, name, f"the file is missing{where}", f"{one.size:,} bytes, SHA-256 {one.sha256}")
        elif now.sha256.hex() != one.sha256 or now.size != one.size:
            _altered(one, now, marks, by_digest, outcome)
    unsealed = []
    for name in sorted(found.keys() - sealed.keys()):
        if unsealed_by_intent(name):
            unsealed.append(name)
        else:
            was = by_digest.get(found[name].sha256.hex())
            same = f", with the content of {was}" if was else ""
            outcome.fault(
                Kind.FILE, name, f"the file was added after sealing{same}", found=f"SHA-256 {found[name].sha256.hex()}"
            )
    if unsealed:
        outcome.notes.append(f"not sealed, to be judged by themselves: {', '.join(unsealed)}")
    if seal.kind == CASE and (path / "submission.path").exists():
        outcome.notes.append("submission.path, a hint for a person, is never sealed")
    if not outcome.faults:
        outcome.holds.append(f"every one of {len(sealed):,} files is as it was sealed")
    return outcome


def _marks(path: Path, seal: Seal, outcome: Outcome) -> dict[str, bytes] | None:
    """The prefix digests of each file, if the file that holds them is the sealed one."""
    sizes = {one.path: max(1, -(-one.size // STEP)) * _DIGEST for one in seal.files}
    most = min(sum(sizes.values()), LIMITS.envelope_bytes * 8)
    file = path / PREFIXES_FILE
    try:
        data = read_bounded(file, most, "envelope_bytes", "list of prefix digests")
    except SandgrainError as error:
        outcome.fault(Kind.SEAL, PREFIXES_FILE, error.what, f"SHA-256 {seal.prefixes}")
        return None
    digest = hashlib.sha256(data).hexdigest()
    if digest != seal.prefixes or len(data) != sum(sizes.values()):
        outcome.fault(Kind.SEAL, PREFIXES_FILE, "the file was altered", f"SHA-256 {seal.prefixes}", f"SHA-256 {digest}")
        return None
    marks, at = {}, 0
    for name, size in sizes.items():
        marks[name] = data[at : at + size]
        at += size
    return marks


def _altered(
    one: SealedFile, now: Hashed, marks: dict[str, bytes] | None, by_digest: dict[str, str], outcome: Outcome
) -> None:
    other = by_digest.get(now.sha256.hex())
    what = f"the file was altered: it has the content of {other}" if other else "the file was altered"
    if marks is not None and not other:
        what += f", {_where(marks[one.path], one.size, now)}"
    outcome.fault(
        Kind.FILE,
        one.path,
        what,
        f"{one.size:,} bytes, SHA-256 {one.sha256}",
        f"{now.size:,} bytes, SHA-256 {now.sha256.hex()}",
    )


def _where(before: bytes, size: int, now: Hashed) -> str:
    """From which bytes on the file differs.

    The digest after each full step is comparable; that of a shorter end only if both ends are at the same byte.
    """
    steps = min(size, now.size) // STEP
    for step in range(steps):
        at = slice(step * _DIGEST, (step + 1) * _DIGEST)
        if before[at] != now.prefixes[at]:
            return f"first within bytes {step * STEP:,} to {(step + 1) * STEP - 1:,}"
    same = steps * STEP
    if now.size < size and now.size == same:
        return f"cut off after byte {now.size:,}"
    if now.size > size and size == same:
        return f"lengthened after byte {size:,}"
    if now.size == size:
        return f"first within bytes {same:,} to {size - 1:,}"
    change = "shortened" if now.size < size else "lengthened"
    return f"{change}, first within bytes {same:,} to {max(size, now.size) - 1:,}"
