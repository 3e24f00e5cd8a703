"""The seal: a signed statement about every file of a directory.

It lies inside the directory, as ``seal/seal.dsse.json``, and covers everything but itself. Beside it,
``seal/prefixes.bin`` has digests of the beginnings of the files, which the statement covers too: with them a
verification says where a file begins to differ.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from sandgrain.case import CASE_FILE, read_case
from sandgrain.progress import Progress
from sandgrain.submission import MANIFEST_NAME, load
from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency._durable import WRITING, write_all
from sandgrain.transparency._hashing import STEP, Hashed, hash_files, list_files
from sandgrain.transparency.envelope import Envelope, Statement, Subject, read_envelope, seal_statement
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import Role, SigningKey
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.merkle import Tree, leaf_hash

DIRECTORY = "seal"
SEAL_FILE = f"{DIRECTORY}/seal.dsse.json"
PREFIXES_FILE = f"{DIRECTORY}/prefixes.bin"
SEAL_TYPE = "urn:sandgrain:seal:1"

SUBMISSION = "submission"
CASE = "case"
SEALERS = {SUBMISSION: frozenset({Role.VENDOR}), CASE: frozenset({Role.EXAMINER, Role.AUDITOR})}
"""Who may seal what."""

_OWN = (SEAL_FILE, PREFIXES_FILE)
_UNFINISHED = re.compile(rf"{DIRECTORY}/\.(seal\.dsse\.json|prefixes\.bin)\.[0-9]+-[0-9]+{re.escape(WRITING)}")
# Where the submission was on the machine of the audit: a hint for a person, checked against the case, and no evidence.
_HINT = "submission.path"
_CERTIFICATES = "certificates/"


@dataclass(frozen=True)
class SealedFile:
    """One file as it was sealed: path relative to the directory, bytes, SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Seal:
    """What a seal says.

    Attributes:
        kind: ``submission`` or ``case``.
        name: of the chip.
        digest: of the submission, as a case records it; hexadecimal.
        root: Merkle root over the files, hexadecimal.
        prefixes: SHA-256 of ``seal/prefixes.bin``, hexadecimal.
        files: every file, sorted by path.
        envelope: the signed statement.
    """

    kind: str
    name: str
    digest: str
    root: str
    prefixes: str
    files: tuple[SealedFile, ...]
    envelope: Envelope


def kind_of(path: Path) -> str | None:
    """Whether a directory is a ``submission``, a ``case``, or None of them."""
    if (path / MANIFEST_NAME).is_file():
        return SUBMISSION
    return CASE if (path / CASE_FILE).is_file() else None


def seal(path: Path, keys: Sequence[SigningKey], progress: Progress) -> Seal:
    """Seal a submission or a case and write the seal into it.

    Raises:
        EvidenceError: it is neither, a key is of the wrong role, or a file is a link.
        SubmissionError: the submission is not what its manifest says.
        CaseError: the case is not whole.
        StorageError: the seal cannot be written.
    """
    kind = kind_of(path)
    if kind is None:
        raise EvidenceError(
            "this is neither a submission nor a case",
            file=path,
            expected=f"a directory with {MANIFEST_NAME} or {CASE_FILE}",
        )
    for key in keys:
        if key.public.role not in SEALERS[kind]:
            raise EvidenceError(
                f"a {kind} is not sealed by a {key.public.role}",
                file=path,
                expected=f"the key of a {' or '.join(sorted(SEALERS[kind]))}",
            )
    with progress.stage("intake"):
        name, digest = _identity(path, kind)
    with progress.stage("hashing"):
        hashed = hash_tree(path, kind, progress)
    refuse_secrets(path, hashed)
    prefixes = b"".join(one.prefixes for one in hashed)
    statement = Statement(
        SEAL_TYPE,
        tuple(Subject(one.path, one.sha256.hex()) for one in hashed),
        {
            "kind": kind,
            "name": name,
            "submission": digest,
            "root": merkle_root(hashed).hex(),
            "sizes": [one.size for one in hashed],
            "step": STEP,
            "prefixes": hashlib.sha256(prefixes).hexdigest(),
        },
    )
    data = seal_statement(statement, keys)
    with progress.stage("sealing"):
        write_all([(path / PREFIXES_FILE, prefixes), (path / SEAL_FILE, data)])
    return seal_of(data, path / SEAL_FILE)


def _identity(path: Path, kind: str) -> tuple[str, str]:
    """Name of the chip and digest of the submission, taken in as an audit does."""
    if kind == CASE:
        record = read_case(path).submission
        return record.chip, record.digest
    submission = load(path)
    manifest = submission.manifest
    for number, group in enumerate(manifest.files):
        for place, pattern in enumerate(group.paths):
            if any(_matches(pattern, own) for own in _OWN):
                line = submission.line_of("files", number, "paths", place)
                raise _covers_itself(path, f"`{pattern}` in the manifest", line)
    for number, directory in enumerate(manifest.elaboration.include_dirs):
        if directory in (".", DIRECTORY):
            line = submission.line_of("elaboration", "include_dirs", number)
            raise _covers_itself(path, f"include directory `{directory}`", line)
    return manifest.chip.name, submission.digest


def _matches(pattern: str, path: str) -> bool:
    """Whether a glob of the manifest matches a path: ``**`` any directories, ``*`` and ``?`` within a name."""
    signs = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern)
    return re.fullmatch("".join(signs.get(part) or re.escape(part) for part in parts), path) is not None


def _covers_itself(path: Path, what: str, line: int) -> EvidenceError:
    return EvidenceError(
        f"{what} would make the seal a part of what is sealed",
        file=path / MANIFEST_NAME,
        line=line,
        expected=f"no role for what is in `{DIRECTORY}/`",
        remedy="name the files or directories more closely",
    )


def hash_tree(path: Path, kind: str, progress: Progress) -> list[Hashed]:
    """Every file that the seal of such a thing covers, sorted by path, hashed."""
    own = {*_OWN, _HINT} if kind == CASE else {*_OWN}
    files = list_files(path, lambda name: name in own or _UNFINISHED.fullmatch(name) is not None)
    return hash_files(path, files, lambda done, total: progress.update(f"{done:,} of {total:,} files", done, total))


def refuse_secrets(path: Path, hashed: Sequence[Hashed]) -> None:
    """Refuse a directory that somebody left a secret in.

    Raises:
        EvidenceError: there is a private key or the secret of a commitment among the files.
    """
    for one in hashed:
        if one.secret:
            raise EvidenceError(
                "this file is a secret, and would be handed over with the others",
                file=path / one.path,
                expected="no private key and no secret of a commitment",
                remedy="move it away",
            )


def unsealed_by_intent(path: str) -> bool:
    """Whether a file may be there without being sealed: a certificate, which proves itself and may come later."""
    return path.startswith(_CERTIFICATES)


def merkle_root(files: Sequence[Hashed | SealedFile]) -> bytes:
    """The root over the files; a leaf is SHA-256, size in 8 bytes, and path of one file."""
    leaves = []
    for one in files:
        digest = one.sha256 if isinstance(one.sha256, bytes) else bytes.fromhex(one.sha256)
        leaves.append(leaf_hash(digest + one.size.to_bytes(8, "big") + one.path.encode()))
    return Tree(leaves).root()


def read_seal(path: Path) -> Seal:
    """The seal in a directory; nobody has verified it.

    Raises:
        EvidenceError: there is none, or it is not one.
    """
    file = path / SEAL_FILE
    if not file.is_file() or file.is_symlink() or (path / DIRECTORY).is_symlink():
        raise EvidenceError(
            "there is no seal", file=path, expected=f"a file {SEAL_FILE}", remedy="`sandgrain seal` writes one"
        )
    return seal_of(read_bounded(file, LIMITS.envelope_bytes, "envelope_bytes", "seal"), file)


def seal_of(data: bytes, file: PurePath | str | None = None) -> Seal:
    """What a seal says, nobody having verified its signatures; it does not contradict itself.

    Raises:
        EvidenceError: it is no seal.
    """
    envelope = read_envelope(data, file=file, what="seal")
    statement = envelope.statement
    try:
        return _seal(envelope, statement.predicate)
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(
            f"this is no seal: {error}", file=file, expected="a file written by `sandgrain seal`"
        ) from error


def _seal(envelope: Envelope, said: Any) -> Seal:
    statement = envelope.statement
    if statement.kind != SEAL_TYPE:
        raise ValueError(f"it is a statement of type {statement.kind!a}")
    if set(said) != {"kind", "name", "submission", "root", "sizes", "step", "prefixes"} or said["step"] != STEP:
        raise ValueError("its predicate has other fields")
    if said["kind"] not in SEALERS:
        raise ValueError(f"{said['kind']!a} is not sealed")
    sizes = said["sizes"]
    if len(sizes) != len(statement.subjects) or not all(type(size) is int and 0 <= size < 1 << 63 for size in sizes):
        raise ValueError("sizes and files do not match")
    files = tuple(SealedFile(one.name, size, one.sha256) for one, size in zip(statement.subjects, sizes, strict=True))
    names = [one.path.encode() for one in files]
    if names != sorted(set(names)):
        raise ValueError("its files are not sorted, or one is there twice")
    if merkle_root(files).hex() != said["root"]:
        raise ValueError("its Merkle root is not that of its files")
    if not all(isinstance(said[name], str) for name in ("name", "submission", "prefixes")):
        raise ValueError("its predicate has fields of another type")
    return Seal(said["kind"], said["name"], said["submission"], said["root"], said["prefixes"], files, envelope)
