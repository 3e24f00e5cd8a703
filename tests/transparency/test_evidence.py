"""Receipts, acts, archives, timestamps, and the claim that evidence is unaltered."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement as InToto

from sandgrain.case import CaseWriter
from sandgrain.errors import CaseError, SandgrainError
from sandgrain.submission import load
from sandgrain.transparency.acts import ACT_TYPE, Act, read_entry, record_case
from sandgrain.transparency.archive import opened, write_archive
from sandgrain.transparency.challenge import CHALLENGE_TYPE, read_challenge
from sandgrain.transparency.claim import judge_evidence, recheck_evidence
from sandgrain.transparency.commitment import COMMITMENT_TYPE, read_commitment
from sandgrain.transparency.envelope import Statement, Subject, read_envelope, seal_statement
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import Role
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_acts import audit_with
from sandgrain.transparency.receipt import RECEIPT_TYPE, read_receipt, receive
from sandgrain.transparency.seal import SEAL_FILE, SEAL_TYPE, read_seal, seal, seal_of
from sandgrain.transparency.timestamp import write_request
from sandgrain.transparency.trust import Trust, read_trust
from sandgrain.transparency.verify import Beside, verify
from sandgrain.verdict import Case, Claim, ClaimId, Text, Verdict
from tests.transparency.world import QUIET, World, make_key, make_submission


def make_case(path: Path, submission: Path) -> Path:
    """A case about a submission, as an audit that examined nothing leaves it."""
    taken = load(submission)
    with CaseWriter(path, {"key": 1}) as writer:
        writer.keep(b"evidence", ".txt", "text/plain")
        claims = [
            Claim(id=one, verdict=Verdict.OPEN, summary_text=Text(template="x"), examined=False) for one in ClaimId
        ]
        case = Case(tool_version="0", created="2026-11-28T00:00:00+00:00", submission=taken.record(), claims=claims)
        writer.finish(case, {"report.html": "<p>report</p>\n", "findings.sarif": "{}\n"}, submission)
    return path


@pytest.fixture
def case(world: World, tmp_path: Path) -> Path:
    return make_case(tmp_path / "case", world.submission)


def test_statements_are_in_toto_statements(world: World) -> None:
    for path in (world.submission / SEAL_FILE, world.receipt):
        envelope = read_envelope(path.read_bytes())
        message = json_format.Parse(envelope.statement.to_bytes(), statement_pb2.Statement())
        InToto.copy_from_pb(message).validate()
        assert [one.name for one in message.subject] == [one.name for one in envelope.statement.subjects]
        assert envelope.pae().startswith(b"DSSEv1 28 application/vnd.in-toto+json ")


def test_a_receipt_has_both_signatures(world: World) -> None:
    receipt = read_receipt(world.receipt.read_bytes())
    assert receipt.seal_bytes == (world.submission / SEAL_FILE).read_bytes()
    assert receipt.seal == seal_of(receipt.seal_bytes)
    assert receipt.seal.digest == load(world.submission).digest
    assert receipt.envelope.signatures[0][0] == world.examiner.public.keyid
    assert receipt.seal.envelope.signatures[0][0] == world.vendor.public.keyid


def test_nothing_is_received_that_does_not_hold(copied: Callable[[], World]) -> None:
    world = copied()
    vendor = Trust.of([world.vendor.public])
    (world.submission / "rtl" / "top.v").write_text("// altered\n")
    outcome, data = receive(world.submission, [world.examiner], vendor, QUIET)
    assert (outcome.ok, data) == (False, None)
    with pytest.raises(EvidenceError, match="does not receive"):
        receive(world.submission, [world.vendor], vendor, QUIET)


def test_a_seal_that_names_another_submission_is_not_received(
    copied: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = copied()
    monkeypatch.setattr("sandgrain.transparency.seal._identity", lambda path, kind: ("Small", "0" * 64))
    seal(world.submission, [world.vendor], QUIET)
    monkeypatch.undo()
    outcome, data = receive(world.submission, [world.examiner], Trust.of([world.vendor.public]), QUIET)
    assert data is None
    assert "names another submission" in outcome.faults[0].what


def test_what_is_not_sealed(tmp_path: Path, world: World) -> None:
    with pytest.raises(EvidenceError, match="neither a submission nor a case"):
        seal(tmp_path, [world.vendor], QUIET)
    submission = make_submission(tmp_path / "s")
    (submission / "rtl" / "link.v").symlink_to("top.v")
    with pytest.raises(SandgrainError, match="link|same as"):
        seal(submission, [world.vendor], QUIET)
    (submission / "rtl" / "link.v").unlink()
    (submission / "notes" / "link").symlink_to("/etc/hostname")
    with pytest.raises(EvidenceError, match="a link or not a regular file"):
        seal(submission, [world.vendor], QUIET)
    (submission / "notes" / "link").unlink()
    with pytest.raises(EvidenceError, match="there is no seal"):
        read_seal(submission)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"layout/*"', '"layout/*", "seal/*"'),
        ('"layout/*"', '"layout/*", "**/*.json"'),
        ('"layout/*"', '"layout/*", "se?l/prefixes.bin"'),
        ("[[clocks]]", '[elaboration]\ninclude_dirs = ["."]\n[[clocks]]'),
    ],
)
def test_a_seal_does_not_cover_itself(tmp_path: Path, world: World, before: str, after: str) -> None:
    """Or sealing would change what was sealed."""
    submission = make_submission(tmp_path / "s")
    shutil.rmtree(submission / "notes")  # its name would be refused first
    for name in ("seal/prefixes.bin", "seal/seal.dsse.json"):
        (submission / name).parent.mkdir(exist_ok=True)
        (submission / name).write_text("left from before")
    manifest = submission / "submission.toml"
    manifest.write_text(manifest.read_text().replace(before, after))
    with pytest.raises(EvidenceError, match="a part of what is sealed") as raised:
        seal(submission, [world.vendor], QUIET)
    assert raised.value.line is not None


def test_the_hint_of_a_case_is_a_file_like_any_other_in_a_submission(copied: Callable[[], World]) -> None:
    world = copied()
    (world.submission / "submission.path").write_text("added")
    assert [fault.where for fault in verify(world.submission, Beside(world.pubs), QUIET).faults] == ["submission.path"]
    seal(world.submission, [world.vendor], QUIET)
    assert "submission.path" in {one.path for one in read_seal(world.submission).files}


def test_a_file_beside_the_seal_is_no_part_of_it(copied: Callable[[], World]) -> None:
    world = copied()
    (world.submission / "seal" / "more.txt").write_text("x")
    (fault,) = verify(world.submission, Beside(world.pubs), QUIET).faults
    assert (fault.where, fault.what) == ("seal/more.txt", "the file was added after sealing")


def test_a_case_is_sealed_by_the_examiner(world: World, case: Path) -> None:
    sealed = seal(case, [world.examiner], QUIET)
    assert {"case.json", "report.html", "findings.sarif"} < {one.path for one in sealed.files}
    assert "submission.path" not in {one.path for one in sealed.files}
    outcome = verify(case, Beside(world.pubs, world.submission), QUIET)
    assert outcome.ok, outcome.faults
    with pytest.raises(EvidenceError, match="not sealed by a vendor"):
        seal(case, [world.vendor], QUIET)
    (case / "report.html").write_text("<p>another report</p>\n")
    assert [fault.where for fault in verify(case, Beside(world.pubs), QUIET).faults] == ["report.html"]


def test_a_case_of_another_submission_is_told(world: World, case: Path, tmp_path: Path) -> None:
    seal(case, [world.examiner], QUIET)
    other = make_submission(tmp_path / "other", seed=2)
    seal(other, [world.vendor], QUIET)
    faults = verify(case, Beside(world.pubs, other), QUIET).faults
    assert [fault.what for fault in faults] == ["this is not the submission the case is about"]


def test_every_act_of_a_case_is_recorded(world: World, case: Path, tmp_path: Path) -> None:
    log = Log.create(tmp_path / "log", world.log_key)
    done = record_case(case, log, world.examiner, world.log_key)
    entries = [read_entry(data, "e") for data in log.entries(0, done.checkpoint.checkpoint.size)]
    assert [one.act for one in entries] == [
        Act.RECEIVED,
        Act.ELABORATED,
        *[Act.CLAIM_JUDGED] * 7,
        Act.REPORT_ISSUED,
    ]
    assert {"sandgrain", "pyosys", "python-sat"} <= set(entries[1].details["tools"])
    assert all(one.subjects[0].sha256 == load(world.submission).digest for one in entries)
    report = hashlib.sha256((case / "report.html").read_bytes()).hexdigest()
    assert report in {one.sha256 for one in entries[-1].subjects}
    trust = [path for path in world.pubs if "witness" not in path.name]
    assert audit_with(log, trust, [], QUIET).ok
    # The same case again is another act, not the same entry.
    record_case(case, log, world.examiner, world.log_key)
    assert audit_with(log, trust, [], QUIET).ok
    with pytest.raises(CaseError):
        record_case(tmp_path / "none", log, world.examiner, world.log_key)


def test_the_same_case_gives_the_same_archive(world: World, case: Path, tmp_path: Path) -> None:
    seal(case, [world.examiner], QUIET)
    size = write_archive(case, tmp_path / "a.sgcase")
    copy = tmp_path / "copy"
    shutil.copytree(case, copy)
    for path in copy.rglob("*"):
        path.touch()
    (copy / "report.html").chmod(0o600)
    (copy / "submission.path").write_text("/somewhere/else\n")
    assert write_archive(copy, tmp_path / "b.sgcase") == size
    assert (tmp_path / "a.sgcase").read_bytes() == (tmp_path / "b.sgcase").read_bytes()
    assert verify(tmp_path / "a.sgcase", Beside(world.pubs, world.submission), QUIET).ok
    with pytest.raises(EvidenceError, match="already"):
        write_archive(case, tmp_path / "a.sgcase")
    with pytest.raises(CaseError):
        write_archive(world.submission, tmp_path / "c.sgcase")
    shutil.copy(world.keys / "vendor.example.key", case / "evidence" / "key")
    with pytest.raises(EvidenceError, match="secret"):
        write_archive(case, tmp_path / "d.sgcase")
    assert sorted(path.name for path in tmp_path.glob("*.sgcase*")) == ["a.sgcase", "b.sgcase"]


def test_every_altered_byte_of_an_archive_is_found(world: World, case: Path, tmp_path: Path) -> None:
    seal(case, [world.examiner], QUIET)
    write_archive(case, tmp_path / "a.sgcase")
    data = (tmp_path / "a.sgcase").read_bytes()
    altered = tmp_path / "b.sgcase"
    for at in range(0, len(data), 641):
        altered.write_bytes(data[:at] + bytes([data[at] ^ 1 << (at % 8)]) + data[at + 1 :])
        outcome = verify(altered, Beside(world.pubs), QUIET)
        assert not outcome.ok, at
    for length in (0, 100, 512, len(data) // 2, len(data) - 1):
        altered.write_bytes(data[:length])
        assert not verify(altered, Beside(world.pubs), QUIET).ok
    altered.write_bytes(data + b"\0")
    assert not verify(altered, Beside(world.pubs), QUIET).ok


@pytest.mark.parametrize("name", ["../out", "/abs", "a/../../out", "./case.json", "a//b"])
def test_an_archive_stays_where_it_is(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "x.sgcase", "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(EvidenceError, match="no plain file"), opened(tmp_path / "x.sgcase"):
        pass
    assert not (tmp_path.parent / "out").exists()


def test_an_archive_has_no_links_and_a_case(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    for member, words in ((link, "no plain file"), (tarfile.TarInfo("file"), "no case")):
        with tarfile.open(tmp_path / "x.sgcase", "w") as archive:
            archive.addfile(member)
        with pytest.raises(EvidenceError, match=words), opened(tmp_path / "x.sgcase"):
            pass


def answered(openssl: str, root: Path, request: Path, out: Path) -> None:
    """A timestamp authority: a root, a certificate for timestamping below it, and its answer to a request."""
    (root / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\ncrypto_device = builtin\nsigner_cert = tsa.pem\n"
        "certs = tsa.pem\nsigner_key = tsa.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\n"
        "other_policies = 1.2.3.5\ndigests = sha256\naccuracy = secs:1\nordering = yes\ness_cert_id_chain = no\n"
        "ess_cert_id_alg = sha256\n[ext]\n"
        "extendedKeyUsage = critical,timeStamping\nkeyUsage = critical,digitalSignature\n"
        "[ca]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n"
        "[dn]\n[req]\ndistinguished_name=dn\n"
    )
    (root / "serial").write_text("01\n")
    new = ["req", "-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf", "-sha256"]
    sign = ["x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "30"]
    reply = ["ts", "-reply", "-config", "tsa.cnf", "-section", "one"]
    for arguments in (
        [*new, "-x509", "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=root", "-extensions", "ca"],
        [*new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa"],
        [*sign, "-extfile", "tsa.cnf", "-extensions", "ext", "-out", "tsa.pem"],
        [*reply, "-queryfile", str(request), "-out", str(out)],
    ):
        done = subprocess.run([openssl, *arguments], cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_timestamp_shows_when(world: World, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    write_request(world.receipt, tmp_path / "r.tsq")
    answered(openssl, tmp_path, tmp_path / "r.tsq", tmp_path / "r.tsr")
    beside = Beside(world.pubs, timestamp=tmp_path / "r.tsr", authorities=(tmp_path / "root.pem",))
    outcome = verify(world.receipt, beside, QUIET)
    assert outcome.ok, outcome.faults
    (seen,) = [one for one in outcome.holds if "seen by a timestamp authority" in one]
    at = datetime.datetime.fromisoformat(seen.rpartition(" ")[2])
    assert abs(datetime.datetime.now(datetime.UTC) - at) < datetime.timedelta(hours=1)
    # Of something else, altered, or below another root: it shows nothing.
    seal_outcome = verify(world.submission, beside, QUIET)
    assert [fault.kind for fault in seal_outcome.faults] == ["timestamp"]
    data = (tmp_path / "r.tsr").read_bytes()
    refused = 0
    for byte in range(40, len(data), 61):
        (tmp_path / "b.tsr").write_bytes(data[:byte] + bytes([data[byte] ^ 1]) + data[byte + 1 :])
        altered = verify(world.receipt, replace(beside, timestamp=tmp_path / "b.tsr"), QUIET)
        # What is outside of everything signed may change; the time never does.
        assert not altered.ok or seen in altered.holds, byte
        refused += not altered.ok
    assert refused > 10
    (tmp_path / "other").mkdir()
    answered(openssl, tmp_path / "other", tmp_path / "r.tsq", tmp_path / "other" / "r.tsr")
    foreign = replace(beside, authorities=(tmp_path / "other" / "root.pem",))
    assert not verify(world.receipt, foreign, QUIET).ok
    assert not verify(world.receipt, replace(beside, authorities=()), QUIET).ok


def test_the_claim_is_proved_refuted_or_open(copied: Callable[[], World], tmp_path: Path) -> None:
    world = copied()
    trust = read_trust(world.pubs)
    taken = load(world.submission)
    result = judge_evidence(taken, trust, world.receipt, world.proof, QUIET)
    assert result.verdict is Verdict.PROVED
    assert str(result.summary) == "Every one of 6 files is the one that vendor.example and examiner.example signed."
    certificate = result.certificate
    assert certificate is not None
    assert not result.assumptions
    assert not result.not_covered
    assert recheck_evidence(taken, trust, certificate, QUIET) == result
    for broken in (b"{}\n", certificate[:-1], certificate.replace(b"evidence/1", b"evidence/2")):
        with pytest.raises(EvidenceError):
            recheck_evidence(taken, trust, broken, QUIET)
    altered = certificate.replace(b'"receipt":"eyJ', b'"receipt":"eyK')
    assert recheck_evidence(taken, trust, altered, QUIET).verdict is Verdict.OPEN
    assert judge_evidence(taken, trust, world.receipt, None, QUIET).assumptions
    assert judge_evidence(taken, trust, None, None, QUIET).verdict is Verdict.OPEN
    assert judge_evidence(taken, Trust(), world.receipt, None, QUIET).verdict is Verdict.OPEN
    # Somebody else's signatures, or a proof of something else, say nothing either way.
    stranger = Trust.of([make_key(tmp_path / "k", Role.EXAMINER, "e").public, world.vendor.public])
    result = judge_evidence(taken, stranger, world.receipt, None, QUIET)
    assert result.verdict is Verdict.OPEN
    assert result.faults
    assert result.certificate is None
    # A file that is not what both sides signed is.
    (world.submission / "layout" / "chip.gds").write_bytes(b"another drawing")
    result = judge_evidence(load(world.submission), trust, world.receipt, world.proof, QUIET)
    assert result.verdict is Verdict.REFUTED
    assert [fault.where for fault in result.faults] == ["layout/chip.gds"]
    assert recheck_evidence(load(world.submission), trust, certificate, QUIET).verdict is Verdict.REFUTED
    assert str(result.summary) == "1 files are not as both sides signed them; the first is layout/chip.gds."


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    for read in (seal_of, read_receipt, read_envelope):
        with pytest.raises(SandgrainError):
            read(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["payload", "payloadType", "signatures", "keyid", "sig"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_any_json_is_refused(value: object) -> None:
    data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") + b"\n"
    for read in (seal_of, read_receipt, read_envelope):
        with pytest.raises(SandgrainError):
            read(data)


names = st.sampled_from(
    "kind name submission root sizes step prefixes received seal act details time nonce groups first count grid left "
    "bottom tile columns rows layers picometres randomness source checkpoint draws leaves layout netlist".split()
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([1 << 64, 1 << 31, "", "0" * 64, "layout", "case", "AA=="]),
)
predicates = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=7), max_leaves=20
)
KINDS: dict[str, tuple[Callable[[bytes], object], set[str]]] = {
    SEAL_TYPE: (seal_of, {"kind", "name", "submission", "root", "sizes", "step", "prefixes"}),
    RECEIPT_TYPE: (read_receipt, {"name", "submission", "root", "received", "seal"}),
    ACT_TYPE: (lambda data: read_entry(data, "e"), {"act", "details", "time", "nonce"}),
    COMMITMENT_TYPE: (read_commitment, {"name", "root", "groups"}),
    CHALLENGE_TYPE: (read_challenge, {"randomness", "source", "checkpoint", "draws", "leaves"}),
}


@given(st.sampled_from(sorted(KINDS)), st.data())
@settings(max_examples=150, deadline=None)
def test_a_hostile_signer_crashes_nobody(kind: str, data: st.DataObject) -> None:
    """Properly signed, the right fields, and anything in them: read, or refused with a reason."""
    read, fields = KINDS[kind]
    said = {name: data.draw(predicates) for name in sorted(fields)}
    subjects = tuple(Subject(name, "0" * 64) for name in data.draw(st.lists(st.sampled_from("abc"), max_size=2)))
    try:
        read(seal_statement(Statement(kind, subjects, said), []))
    except SandgrainError:
        return


hostile_grids = st.fixed_dictionaries(
    {
        name: st.integers(-3, 3) | st.sampled_from([1 << 20, 1 << 31, 1 << 70])
        for name in ("left", "bottom", "tile", "columns", "rows", "picometres")
    }
    | {"layers": st.lists(st.lists(st.integers(-1, 1 << 17), min_size=2, max_size=2), max_size=3)}
)


@given(hostile_grids, st.integers(-1, 30), st.integers(-1, 30))
def test_a_hostile_grid_crashes_nobody(grid: dict[str, object], first: int, count: int) -> None:
    root = "0" * 64
    said = {"name": "x", "root": root, "groups": [{"name": "layout", "first": first, "count": count, "grid": grid}]}
    try:
        found = read_commitment(seal_statement(Statement(COMMITMENT_TYPE, (Subject("commitment", root),), said), []))
    except SandgrainError:
        return
    (group,) = found.groups
    assert group.grid is not None
    assert group.grid.count == count >= 1
    assert group.grid.name(count - 1)
