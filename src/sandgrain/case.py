"""A case on disk: evidence named by its hash, claims kept as they are finished, the whole appearing in one step."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from sandgrain.errors import CaseError
from sandgrain.verdict import SCHEMA_VERSION, Case, Claim, ClaimId, EvidenceFile, Finding

CASE_FILE = "case.json"
_RUN_FILE = "run.json"
_HINT_FILE = "submission.path"
_FACTS = "facts"
_MOST_JSON_BYTES = 256 << 20
_EVIDENCE_PATH = re.compile(r"evidence/[0-9a-f]{64}(\.[a-z0-9]+){0,3}")


def case_json_schema() -> dict[str, Any]:
    """JSON Schema of ``case.json``."""
    schema = Case.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema


class CaseWriter:
    """Writes a case beside its final place and moves it there when it is finished.

    An interrupted run leaves ``.NAME.partial`` with the claims finished so far; a later run with the same ``key``
    goes on from there. Whatever does not match or does not hash right is thrown away, never used.

    Facts outlive even other options, by the content they are about; whoever reads them has to prove them again.
    """

    def __init__(self, path: Path, key: dict[str, Any], *, fresh: bool = False) -> None:
        """Open or resume.

        Args:
            path: where the finished case shall be.
            key: what the answers depend on (submission digest, tool version, options); JSON.
            fresh: throw away earlier partial work, and replace a finished case.

        Raises:
            CaseError: something else is already at ``path``.
        """
        self.path = path
        self.key = key
        self.fresh = fresh
        self.partial = path.parent / f".{path.name}.partial"
        if path.exists() and not fresh:
            raise CaseError(
                "there is something here already",
                file=path,
                expected="a new directory",
                remedy="name another directory with -o, or replace it with --fresh",
            )
        if path.exists() and not (path / CASE_FILE).is_file() and (not path.is_dir() or any(path.iterdir())):
            raise CaseError(
                "this is no case, so it is not replaced",
                file=path,
                expected="a case or a new directory",
                remedy="name another directory with -o",
            )

    def __enter__(self) -> Self:
        run = self.partial / _RUN_FILE
        same = False
        if run.is_file() and not self.fresh:
            try:
                same = json.loads(run.read_text(encoding="utf-8")) == self.key
            except ValueError:
                same = False
        if not same:
            for old in self.partial.iterdir() if self.partial.is_dir() else ():
                if self.fresh or old.name != _FACTS:
                    shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        (self.partial / "evidence").mkdir(parents=True, exist_ok=True)
        (self.partial / "claims").mkdir(exist_ok=True)
        _write(run, json.dumps(self.key, sort_keys=True).encode())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # Partial work stays for the next run; nothing that looks finished has been written.
        return

    def keep(self, data: bytes, suffix: str, media_type: str) -> EvidenceFile:
        """Keep evidence under its SHA-256; ``suffix`` starts with a dot."""
        digest = hashlib.sha256(data).hexdigest()
        name = f"evidence/{digest}{suffix}"
        _write(self.partial / name, data)
        return EvidenceFile(path=name, sha256=digest, size=len(data), media_type=media_type)

    def read(self, key: str, most: int) -> bytes | None:
        """What an earlier run wrote under a key; None if nothing, or more than ``most`` bytes."""
        file = self.partial / _FACTS / key
        if not file.is_file() or file.is_symlink() or file.stat().st_size > most:
            return None
        return file.read_bytes()

    def write(self, key: str, data: bytes) -> None:
        """Keep ``data`` under a key until the case is finished."""
        (self.partial / _FACTS).mkdir(exist_ok=True)
        _write(self.partial / _FACTS / key, data)

    def keep_claim(self, claim: Claim) -> None:
        """Keep a finished claim, so that an interrupted run need not examine it again."""
        _write(self.partial / "claims" / f"{claim.id}.json", claim.model_dump_json().encode())

    def finished_claim(self, claim: ClaimId) -> Claim | None:
        """The claim an earlier run finished, if all its evidence is still what it was."""
        file = self.partial / "claims" / f"{claim}.json"
        if not file.is_file():
            return None
        try:
            kept = Claim.model_validate_json(file.read_bytes())
            for evidence in evidence_of(kept):
                _check(self.partial, evidence)
        except (ValidationError, CaseError):
            return None
        return kept if kept.id is claim else None

    def finish(self, case: Case, files: dict[str, str], submission: Path) -> None:
        """Write ``case.json`` and the reports, then move the case to its place.

        Args:
            case: the whole answer.
            files: further files by name, as text.
            submission: where the submission was, as a hint for `replay`.
        """
        for name, text in files.items():
            _write(self.partial / name, text.encode())
        _write(self.partial / _HINT_FILE, f"{submission.resolve()}\n".encode())
        _write(self.partial / CASE_FILE, (case.model_dump_json(indent=2) + "\n").encode())
        shutil.rmtree(self.partial / "claims")
        shutil.rmtree(self.partial / _FACTS, ignore_errors=True)
        (self.partial / _RUN_FILE).unlink()
        old = self.path.parent / f".{self.path.name}.replaced"
        if self.path.exists():
            shutil.rmtree(old, ignore_errors=True)
            os.replace(self.path, old)
        os.replace(self.partial, self.path)
        shutil.rmtree(old, ignore_errors=True)


def read_case(path: Path) -> Case:
    """Read a finished case and check every piece of evidence it names.

    Raises:
        CaseError: no case, an unfinished one, another schema version, or evidence that is missing or altered.
    """
    file = path / CASE_FILE
    if not file.is_file():
        partial = path.parent / f".{path.name}.partial"
        raise CaseError(
            "the audit of this case was not finished" if partial.is_dir() else "this is no case: it has no case.json",
            file=path,
            expected="a directory written by `sandgrain audit`",
            remedy="run the audit again; it goes on where it stopped"
            if partial.is_dir()
            else "name the case directory",
        )
    if file.stat().st_size > _MOST_JSON_BYTES:
        raise CaseError("case.json is too large", file=file, expected=f"at most {_MOST_JSON_BYTES} bytes")
    try:
        raw = json.loads(file.read_bytes())
        version = raw.get("schema_version") if isinstance(raw, dict) else None
        if not isinstance(version, str) or version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
            raise CaseError(
                f"case.json has schema version {version!r}",
                file=file,
                expected=SCHEMA_VERSION,
                remedy="read it with the version of Sandgrain that wrote it",
            )
        case = Case.model_validate(raw)
    except (ValidationError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise CaseError(f"case.json cannot be read: {reason}", file=file, expected="a case as written") from error
    for claim in case.claims:
        for evidence in evidence_of(claim):
            _check(path, evidence)
    return case


def submission_hint(path: Path) -> Path | None:
    """Where the submission was when the case was written: a hint, to be checked against the case's digest."""
    file = path / _HINT_FILE
    if not file.is_file() or file.stat().st_size > 1 << 16:
        return None
    return Path(file.read_text(encoding="utf-8", errors="replace").strip())


def evidence_of(claim: Claim) -> list[EvidenceFile]:
    """Every evidence file a claim names."""
    files = [certificate.file for certificate in claim.certificates]
    for finding in claim.findings:
        files += _evidence_of_finding(finding)
    return files


def _evidence_of_finding(finding: Finding) -> list[EvidenceFile]:
    files: list[EvidenceFile] = []
    if finding.witness is not None:
        files += [finding.witness.stimulus, finding.witness.vcd]
        if finding.witness.acceleration is not None:
            files.append(finding.witness.acceleration.certificate)
    if finding.difference is not None:
        files += [*finding.difference.pictures, *finding.difference.files]
    if finding.leak is not None:
        files += [finding.leak.pair, finding.leak.vcd]
    return files


def _check(root: Path, evidence: EvidenceFile) -> None:
    file = root / evidence.path
    if not _EVIDENCE_PATH.fullmatch(evidence.path) or file.is_symlink():
        raise CaseError(f"{evidence.path!r} is no evidence path", file=root, expected="evidence/SHA-256.suffix")
    if not file.is_file():
        raise CaseError("evidence is missing", file=file, expected="the file the case names")
    if file.stat().st_size != evidence.size or _sha256(file) != evidence.sha256:
        raise CaseError(
            "evidence has been altered",
            file=file,
            expected=f"SHA-256 {evidence.sha256}",
            remedy="get an unaltered copy of the case",
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is either whole or not there."""
    temporary = path.with_name(f".{path.name}.writing")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
