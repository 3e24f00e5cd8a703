"""Whose signatures count: expiry, revocation and rotation with effect from a logged point, thresholds."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandgrain.transparency.acts import Act, entry, read_entry, revocation, rotation
from sandgrain.transparency.envelope import Subject, add_signatures, seal_statement
from sandgrain.transparency.errors import EvidenceError, KeyFileError, LogError
from sandgrain.transparency.key_changes import learn, learned
from sandgrain.transparency.keys import Role, generate
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_acts import append_files, append_revocation, audit_with
from sandgrain.transparency.proof import check_proof, write_proof
from sandgrain.transparency.receipt import read_receipt, write_receipt
from sandgrain.transparency.seal import seal
from sandgrain.transparency.trust import LogPoint, Moment, Trust, TrustedKey, read_trust
from sandgrain.transparency.verify import Beside, verify
from tests.transparency.world import ORIGIN, QUIET, World, cosign, make_key

UTC = datetime.UTC
VENDOR = frozenset({Role.VENDOR})


def at(year: int, index: int | None = None, origin: str = ORIGIN) -> Moment:
    time = datetime.datetime(year, 1, 1, tzinfo=UTC)
    return Moment(time=time, point=None if index is None else LogPoint(origin, index))


def test_a_key_counts_in_its_role_only(world: World) -> None:
    trust = Trust.of([world.vendor.public])
    assert trust.judge(world.vendor.public.keyid, VENDOR, Moment())[0] == world.vendor.public
    assert "as vendor" in trust.judge(world.vendor.public.keyid, frozenset({Role.EXAMINER}), Moment())[1]
    assert "not among" in trust.judge("0" * 64, VENDOR, Moment())[1]


def test_a_key_counts_while_it_is_valid(world: World) -> None:
    limits = [datetime.datetime(year, 6, 1, tzinfo=UTC) for year in (2026, 2027)]
    trust = Trust((TrustedKey(world.vendor.public, limits[0], limits[1]),))
    keyid = world.vendor.public.keyid
    assert trust.judge(keyid, VENDOR, at(2027))[0] is not None
    assert "from 2026-06-01" in trust.judge(keyid, VENDOR, at(2026))[1]
    assert trust.judge(keyid, VENDOR, at(2028))[1].endswith("expired at 2027-06-01T00:00:00+00:00")
    # Without anything that shows when, the time of the verification counts.
    late = Moment(now=datetime.datetime(2028, 1, 1, tzinfo=UTC))
    assert "nothing shows that this was signed earlier" in trust.judge(keyid, VENDOR, late)[1]


def test_a_revocation_holds_from_its_entry_on(world: World) -> None:
    keyid = world.vendor.public.keyid
    trust = Trust.of([world.vendor.public]).revoke(keyid, LogPoint(ORIGIN, 7))
    assert trust.judge(keyid, VENDOR, at(2026, 6))[0] is not None
    for moment in (at(2026, 7), at(2026, 8), at(2026), at(2026, 6, "another.log")):
        assert "revoked from entry 7" in trust.judge(keyid, VENDOR, moment)[1]
    # The earliest of several holds.
    assert "entry 7" in trust.revoke(keyid, LogPoint(ORIGIN, 9)).judge(keyid, VENDOR, at(2026, 8))[1]
    assert "entry 3" in trust.revoke(keyid, LogPoint(ORIGIN, 3)).judge(keyid, VENDOR, at(2026, 5))[1]


def test_a_rotation_brings_a_key_from_its_entry_on(world: World) -> None:
    new, _ = generate(Role.VENDOR, "vendor.example")
    trust = Trust.of([world.vendor.public]).rotate(world.vendor.public.keyid, new, LogPoint(ORIGIN, 7))
    assert trust.judge(new.keyid, VENDOR, at(2026, 7))[0] == new
    assert "from entry 7" in trust.judge(new.keyid, VENDOR, at(2026, 6))[1]
    assert "from entry 7" in trust.judge(new.keyid, VENDOR, at(2026))[1]
    assert trust.judge(world.vendor.public.keyid, VENDOR, at(2026, 6))[0] is not None
    assert trust.judge(world.vendor.public.keyid, VENDOR, at(2026, 7))[0] is None


def test_who_may_change_which_key(world: World, tmp_path: Path) -> None:
    auditor = make_key(tmp_path, Role.AUDITOR, "auditor.example")
    other = make_key(tmp_path, Role.VENDOR, "other.example")
    trust = Trust.of([world.vendor.public, world.examiner.public, auditor.public, other.public])
    point = LogPoint(ORIGIN, 9)
    victim = world.vendor.public.keyid
    for signer in (world.vendor, auditor, other):
        after = learned(trust, read_entry(revocation(victim, "lost", signer), "e"), point)
        assert after.judge(victim, VENDOR, at(2026, 10))[0] is None
    with pytest.raises(LogError, match="may not revoke"):
        learned(trust, read_entry(revocation(victim, "so", world.examiner), "e"), point)
    with pytest.raises(LogError, match="not among"):
        learned(trust, read_entry(revocation("0" * 64, "so", auditor), "e"), point)
    new, _ = generate(Role.VENDOR, "new.example")
    assert learned(trust, read_entry(rotation(new, world.vendor), "e"), point).find(new.keyid) is not None
    with pytest.raises(EvidenceError, match="role"):
        rotation(new, auditor)
    # Somebody else may not name his key as a vendor's successor.
    forged = entry(Act.KEY_ROTATED, [], {"keyid": victim, "key": new.to_bytes().decode()}, other)
    with pytest.raises(LogError, match="by itself only"):
        learned(trust, read_entry(forged, "e"), point)


def test_a_lost_key_end_to_end(copied: Callable[[], World], tmp_path: Path) -> None:
    """What was logged before the revocation holds for ever; what the thief signs afterwards does not."""
    world = copied()
    log = Log(world.log)
    vendor = world.keys / "vendor.example.pub"
    before = Beside(world.pubs, submission=world.submission, proof=world.proof)
    assert verify(world.receipt, before, QUIET).ok
    done = append_revocation(log, vendor, "the key was lost", world.vendor, world.log_key)
    cosign(world, now=1_790_000_300)
    write_proof(log, done.first, tmp_path / "lost.tlog-proof", [world.witness.public])
    after = Beside((*world.pubs, tmp_path / "lost.tlog-proof"), submission=world.submission, proof=world.proof)
    assert verify(world.receipt, after, QUIET).ok
    unlogged = Beside((*world.pubs, tmp_path / "lost.tlog-proof"), submission=world.submission)
    (fault,) = verify(world.receipt, unlogged, QUIET).faults
    assert "revoked" in fault.what
    # The thief seals something else, and even has it logged.
    (world.submission / "rtl" / "top.v").write_text("module top(input clk, output busy); endmodule\n")
    seal(world.submission, [world.vendor], QUIET)
    seal_file = world.submission / "seal" / "seal.dsse.json"
    done = append_files(log, [seal_file], world.vendor, world.log_key)
    cosign(world, now=1_790_000_400)
    write_proof(log, done.first, tmp_path / "thief.tlog-proof", [world.witness.public])
    assert verify(tmp_path / "thief.tlog-proof", Beside(world.pubs, world.submission), QUIET).ok
    faults = verify(tmp_path / "thief.tlog-proof", Beside(after.trust, world.submission), QUIET).faults
    assert any("revoked" in fault.what for fault in faults)
    # An audit of the whole log needs no proof: it meets the revocation on its way.
    faults = audit_with(log, world.pubs, [], QUIET).faults
    assert [fault.where for fault in faults] == [f"of entry {done.first}"]
    assert "revoked" in faults[0].what


def test_a_rotated_key_end_to_end(copied: Callable[[], World], tmp_path: Path) -> None:
    world = copied()
    log = Log(world.log)
    new = make_key(tmp_path / "new", Role.VENDOR, "vendor.example")
    first = log.append([rotation(new.public, world.vendor)], world.log_key).first
    cosign(world, now=1_790_000_300)
    write_proof(log, first, tmp_path / "new.tlog-proof", [world.witness.public])
    seal(world.submission, [new], QUIET)
    done = append_files(log, [world.submission / "seal" / "seal.dsse.json"], new, world.log_key)
    cosign(world, now=1_790_000_400)
    write_proof(log, done.first, tmp_path / "sealed.tlog-proof", [world.witness.public])
    plain = Beside(world.pubs, world.submission)
    assert not verify(tmp_path / "sealed.tlog-proof", plain, QUIET).ok
    rotated = Beside((*world.pubs, tmp_path / "new.tlog-proof"), world.submission)
    outcome = verify(tmp_path / "sealed.tlog-proof", rotated, QUIET)
    assert outcome.ok, outcome.faults
    assert audit_with(log, world.pubs, [], QUIET).ok


def test_a_proof_that_changes_no_key_teaches_nothing(world: World) -> None:
    trust = read_trust(world.pubs)
    after, outcome = learn(trust, [("p", world.proof.read_bytes())])
    assert after == trust
    assert outcome.ok
    altered = world.proof.read_bytes().replace(b"index 1", b"index 2")
    after, outcome = learn(trust, [("p", altered)])
    assert after == trust
    assert not outcome.ok


def test_keys_of_logs_and_witnesses_expire_too(world: World) -> None:
    """The witness of the world cosigned in September 2026."""
    day = datetime.datetime(2026, 9, 1, tzinfo=UTC)
    plain = read_trust(world.pubs)

    def until(role: Role) -> Trust:
        keys = [replace(one, not_after=day) if one.key.role is role else one for one in plain.keys]
        return replace(plain, keys=tuple(keys))

    data = world.proof.read_bytes()
    assert check_proof(data, plain, "p")[0].ok
    expired, _, moment = check_proof(data, until(Role.LOG), "p")
    assert ["expired" in fault.what for fault in expired.faults] == [True]
    assert moment.point is None
    expired, _, moment = check_proof(data, until(Role.WITNESS), "p")
    assert [fault.kind.value for fault in expired.faults] == ["cosignature"]
    assert "expired" in expired.notes[0]
    assert moment.time is None
    stolen = plain.revoke(world.witness.public.keyid, LogPoint(ORIGIN, 3))
    assert not check_proof(data, stolen, "p")[0].ok
    assert check_proof(data, plain.revoke(world.witness.public.keyid, LogPoint(ORIGIN, 99)), "p")[0].ok


def test_two_of_three_examiners(copied: Callable[[], World], tmp_path: Path) -> None:
    world = copied()
    others = [make_key(world.keys, Role.EXAMINER, f"examiner{number}.example") for number in (2, 3)]
    names = [path.name for path in world.pubs]
    trust = world.keys / "trust.toml"
    trust.write_text("[threshold]\nexaminer = 2\n" + "".join(f'[[key]]\nfile = "{name}"\n' for name in names))
    beside = Beside((trust,), world.submission)
    (fault,) = verify(world.receipt, beside, QUIET).faults
    assert fault.what == "1 of 2 signatures of an examiner"
    vendor = [world.keys / "vendor.example.pub"]
    second = tmp_path / "second.json"
    assert write_receipt(world.submission, [others[0]], vendor, second, world.receipt, QUIET).ok
    assert verify(second, beside, QUIET).ok
    # One examiner is not two, and may not sign twice.
    with pytest.raises(EvidenceError, match="already"):
        add_signatures(second.read_bytes(), [others[0]])
    twice = tmp_path / "third.json"
    with pytest.raises(EvidenceError, match="signed this already"):
        write_receipt(world.submission, [world.examiner], vendor, twice, world.receipt, QUIET)
    assert not twice.exists()


def test_a_receipt_of_something_else_is_not_signed_too(copied: Callable[[], World], tmp_path: Path) -> None:
    world = copied()
    other = make_key(world.keys, Role.EXAMINER, "examiner2.example")
    (world.submission / "rtl" / "top.v").write_text("// another\n")
    seal(world.submission, [world.vendor], QUIET)
    vendor = [world.keys / "vendor.example.pub"]
    outcome = write_receipt(world.submission, [other], vendor, tmp_path / "r.json", world.receipt, QUIET)
    assert not outcome.ok
    assert not (tmp_path / "r.json").exists()
    assert read_receipt(world.receipt.read_bytes()).seal.name == "Small"


def test_nobody_signs_in_another_role(world: World, tmp_path: Path) -> None:
    auditor = make_key(tmp_path, Role.AUDITOR, "a")
    for act, key in ((Act.RECEIVED, auditor), (Act.SEALED, world.witness), (Act.COMMITTED, world.examiner)):
        with pytest.raises(EvidenceError, match="no act of"):
            entry(act, [Subject("x", "0" * 64)], {}, key)
    with pytest.raises(EvidenceError, match="not sealed by"):
        seal(world.submission, [auditor], QUIET)
    # Whoever writes such an entry all the same is not believed.
    made = read_entry(entry(Act.RECEIVED, [Subject("x", "0" * 64)], {}, world.examiner), "e").envelope.statement
    forged = seal_statement(made, [auditor])
    log = Log.create(tmp_path / "log", world.log_key)
    log.append([forged], world.log_key)
    trust = [*world.pubs, tmp_path / "a.pub"]
    faults = audit_with(log, trust, [], QUIET).faults
    assert any("as auditor, which is not examiner" in fault.what for fault in faults)


def test_trust_files(world: World, tmp_path: Path) -> None:
    trust = world.keys.parent / "trust-file.toml"
    name = f"{world.keys.name}/vendor.example.pub"
    trust.write_text(f'[[key]]\nfile = "{name}"\nnot_before = 2026-01-01\nnot_after = 2026-12-31\n')
    (one,) = read_trust([trust]).keys
    assert one.not_before == datetime.datetime(2026, 1, 1, tzinfo=UTC)
    assert one.not_after is not None
    assert one.not_after.date() == datetime.date(2026, 12, 31)
    assert one.not_after.hour == 23
    with pytest.raises(KeyFileError, match="named twice"):
        read_trust([trust, world.keys / "vendor.example.pub"])
    for text in (
        "[[key]]\n",
        "x = 1\n",
        "key = []\n[threshold]\njudge = 1\n",
        "key = []\n[threshold]\nexaminer = -1\n",
        "not toml",
    ):
        (tmp_path / "t.toml").write_text(text)
        with pytest.raises(KeyFileError):
            read_trust([tmp_path / "t.toml"])
    assert read_trust([]).threshold(Role.WITNESS) == 0
    assert read_trust(world.pubs).threshold(Role.WITNESS) == 1
    with pytest.raises(EvidenceError, match="no key is trusted"):
        verify(world.receipt, Beside(()), QUIET)
