"""Notes, checkpoints and cosignatures against the published examples, and what is refused."""

from __future__ import annotations

import base64
import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, SandgrainError
from sandgrain.transparency.checkpoint import (
    Checkpoint,
    cosign,
    cosigned_at,
    in_order,
    parse_checkpoint,
    sign_checkpoint,
    signed_by_log,
    with_signatures,
)
from sandgrain.transparency.errors import EvidenceError, KeyFileError
from sandgrain.transparency.keys import PublicKey, Role, read_signing
from sandgrain.transparency.note import key_id, parse_note, parse_verifier_key, sign_text, signed_by, verifier_key
from tests.transparency.world import World

# The example of the reference implementation of signed notes.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{LINE}".encode()
# The example checkpoint of C2SP tlog-cosignature; its public keys are not published.
SOFA = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 witness.example.com/w1 \
jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""


# Two checkpoints that public witnesses cosigned, and the published keys of those witnesses.
COSIGNED = {
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv": (
        "log2025-1.rekor.sigstore.dev\n139911860\nEliTHtnx44DhEBH+5qIXBtQsSpc54Avam7mIYEvxnTA=\n\n"
        "\u2014 log2025-1.rekor.sigstore.dev "
        "zxGZFcOra4Y7QpuiQen+CmnUvDZbxSXfBOXJzL+HKIeR9aC58QTfao58ABqkhVyBhQDseS+TZdDNpcnZhoRxkh7IbQ0=\n"
        "\u2014 witness.stagemole.eu "
        "Z/euoAAAAABqxF18wrJCADsJ1G5Lc2JaRjZqqBwjpNqH24yQse4iJ4rKS6b5MtvHP+IbKYXwaWuWokdGA+BubLFi+TrwK7xpKr6XBw==\n"
    ),
    "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G": (
        "markovianprotocol.com/log\n9266\nQnwPzJywq5AyOk9k1zLqfryh6Ktw1CnaaKplELApoxw=\n\n"
        "\u2014 markovianprotocol.com/log "
        "AwLGyIvuxLXZM101mKdNCPTsl9GgtiG/wzbd8cGru0pGnWVMXI06twIsEIZho7n8id+w2EO0BZCalxuEm6BauQGNmgo=\n"
        "\u2014 witness.navigli.sunlight.geomys.org "
        "o+AP4gAAAABqwX+So8evhUsltetL+QnwUxEYMNrD25pJYOTFHwDCopbgQMl2AEh583AxfFNMDZzE73rdjK62tUN8oUBfd9p6usq+BA==\n"
    ),
}


@pytest.mark.parametrize("key", COSIGNED)
def test_cosignatures_of_public_witnesses_verify(key: str) -> None:
    note = COSIGNED[key]
    witness = parse_verifier_key(key)
    assert witness.role is Role.WITNESS
    assert verifier_key(witness) == key
    signed = parse_checkpoint(note.encode())
    at = cosigned_at(signed, witness)
    assert at is not None
    assert datetime.datetime.fromtimestamp(at, datetime.UTC).year == 2026
    assert signed.to_bytes() == note.encode()
    size = signed.checkpoint.size
    with pytest.raises(EvidenceError, match="does not verify"):
        cosigned_at(parse_checkpoint(note.replace(f"\n{size}\n", f"\n{size + 1}\n").encode()), witness)


def test_the_published_note_verifies_and_is_made_again() -> None:
    peter = parse_verifier_key(PETER)
    note = parse_note(NOTE)
    assert note.text == TEXT
    assert signed_by(note, peter) is True
    assert verifier_key(peter) == PETER
    assert note.to_bytes() == NOTE
    # Ed25519 is deterministic (RFC 8032): the published private key makes the published signature.
    private = ed25519.Ed25519PrivateKey.from_private_bytes(PETER_SEED)
    assert private.public_key().public_bytes_raw() == peter.raw()
    assert private.sign(TEXT.encode()) == note.signatures[0].signature


def test_the_signature_of_rfc_8032() -> None:
    """Test 1 of RFC 8032, 7.1: the key that checkpoints are signed with signs as it says."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    public = PublicKey(Role.LOG, "x", private.public_key())
    assert public.raw().hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert public.verifies(signature, b"")
    assert not public.verifies(signature, b"x")


def test_the_published_checkpoint_is_read() -> None:
    signed = parse_checkpoint(SOFA.encode())
    assert signed.checkpoint.origin == "example.com/behind-the-sofa"
    assert signed.checkpoint.size == 20852163
    assert base64.b64encode(signed.checkpoint.root) == b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    assert signed.to_bytes() == SOFA.encode()
    assert in_order(signed)
    log, witness = signed.note.signatures
    assert len(log.signature) == 64
    # The text of the specification says the time: 1679315147.
    assert int.from_bytes(witness.signature[:8], "big") == 1679315147
    assert len(witness.signature) == 72


def test_every_mangled_key_is_refused() -> None:
    for start in range(len(PETER)):
        for end in range(start, len(PETER) + 1):
            if (start, end) != (0, len(PETER)):
                with pytest.raises(EvidenceError):
                    parse_verifier_key(PETER[start:end])
    for at in range(len(PETER)):
        with pytest.raises(EvidenceError):
            parse_verifier_key(PETER[:at] + chr(ord(PETER[at]) + 1) + PETER[at + 1 :])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        TEXT.encode(),
        NOTE[:-1],
        NOTE.replace(b"\n\n", b"\n"),
        NOTE + b"x\n",
        NOTE.replace(LINE.encode(), LINE.replace(" ", "  ").encode()),
        NOTE.replace("\u2014".encode(), b"-"),
        NOTE.replace(b"If you", b"If\tyou"),
        NOTE.replace(b"If you", b"If\xffyou"),
        NOTE.replace(b"AM=", b"AM"),
        NOTE.replace(b"AM=", b"AN="),
        NOTE.replace(b"PeterNeumann", b"Peter+Neumann"),
    ],
)
def test_what_is_no_note(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        parse_note(data)


def test_an_altered_text_does_not_verify() -> None:
    peter = parse_verifier_key(PETER)
    assert signed_by(parse_note(NOTE.replace(b"problem", b"Problem", 1)), peter) is False
    assert signed_by(parse_note(NOTE.replace(b"PeterNeumann", b"PeterNewmann")), peter) is None


def test_sixteen_signatures_are_read_and_a_hundred_refused() -> None:
    assert len(parse_note(NOTE + LINE.encode() * 15).signatures) == 16
    with pytest.raises(LimitExceeded):
        parse_note(NOTE + LINE.encode() * 100)


@pytest.mark.parametrize(
    "lines",
    [
        ("", "1", "A" * 43 + "="),
        ("o", "01", "A" * 43 + "="),
        ("o", "-1", "A" * 43 + "="),
        ("o", "1", "A" * 42 + "=="),
        ("o", "1", "AAAA"),
        ("o", "1"),
        ("o", "1", "A" * 43 + "=", "", "x"),
        ("o", "\u0661", "A" * 43 + "="),
    ],
)
def test_what_is_no_checkpoint(lines: tuple[str, ...]) -> None:
    with pytest.raises(EvidenceError):
        parse_checkpoint(("".join(f"{line}\n" for line in lines) + "\n" + LINE).encode())


def test_checkpoints_are_signed_and_cosigned(world: World) -> None:
    checkpoint = Checkpoint(world.log_key.public.name, 7, bytes(32), ("extension",))
    signed = sign_checkpoint(checkpoint, world.log_key)
    assert parse_checkpoint(signed.to_bytes()) == signed
    assert signed_by_log(signed, world.log_key.public)
    assert cosigned_at(signed, world.witness.public) is None
    both = with_signatures(signed, [cosign(signed, world.witness, 1679315147)])
    assert cosigned_at(both, world.witness.public) == 1679315147
    # The message of the specification, spelled out.
    (line,) = [one for one in both.note.signatures if one.name == world.witness.public.name]
    message = f"cosignature/v1\ntime 1679315147\n{_lines(checkpoint)}".encode()
    assert world.witness.public.verifies(line.signature[8:], message)
    assert line.key_id == key_id(line.name, 4, world.witness.public.raw())
    # Another time, another root, or a signature of the log's sort is none.
    for other in (
        parse_checkpoint(both.to_bytes().replace(b"\n7\n", b"\n8\n")),
        with_signatures(signed, [type(line)(line.name, line.key_id, bytes(7) + b"\x01" + line.signature[8:])]),
        with_signatures(signed, [type(line)(line.name, line.key_id, line.signature[:-1])]),
    ):
        with pytest.raises(EvidenceError, match="does not verify"):
            cosigned_at(other, world.witness.public)


def _lines(checkpoint: Checkpoint) -> str:
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\nextension\n"


def test_a_log_signs_in_its_own_name_only(world: World) -> None:
    signed = sign_checkpoint(Checkpoint("another.example", 0, bytes(32)), world.log_key)
    assert not signed_by_log(signed, world.log_key.public)


def test_notes_are_signed_with_ed25519_only(world: World) -> None:
    with pytest.raises(KeyFileError, match="Ed25519"):
        sign_text("x\n", world.examiner)
    assert read_signing(str(world.keys / "vendor.example.key")).public == world.vendor.public


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (parse_note, parse_checkpoint):
        try:
            read(data)
        except SandgrainError:
            continue


@given(st.text(alphabet="\u2014 \n+=/AZaz09\u00a0\x0b", max_size=120))
def test_a_note_that_is_read_is_written_again(text: str) -> None:
    data = (text + "\n").encode()
    try:
        note = parse_note(data)
    except SandgrainError:
        return
    assert note.to_bytes() == data
