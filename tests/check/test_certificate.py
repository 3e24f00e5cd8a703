"""A certificate has one text, and no other text is one."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandgrain.check import Certificate, CertificateError, CertificateLimits, Literal, Related, parse, write
from sandgrain.check.certificate import SUBJECTS
from sandgrain.verdict import ClaimId

HASH = "0123456789abcdef" * 4
SHUTDOWN = Certificate(
    claim=ClaimId.NO_REMOTE_SHUTDOWN,
    subject="fetch",
    top="picorv32",
    network=HASH,
    terms=HASH[::-1],
    frames=24,
    invariant=((Literal("cpu_state[0]", 1), Literal("trap", 0)), (Literal("a b%+", 0),)),
)
SHUTDOWN_TEXT = f"""sandgrain-certificate 1
claim no-remote-shutdown
service fetch
top picorv32
network {HASH}
terms {HASH[::-1]}
frames 24
invariant 2
+cpu_state[0] -trap
-a%20b%25+
"""
CHANNEL = Certificate(
    claim=ClaimId.NO_COVERT_CHANNEL,
    subject="device_id",
    top="芯片",
    network=HASH,
    terms=HASH,
    frames=None,
    invariant=(),
    equal=("pc[0]", "1+x"),
    relation=(
        (Related(1, "q", 1), Related(0, "r[0]", 1)),
        (Related(2, "q", 0), Related(1, "=", 0), Related(2, "2", 1)),
    ),
)
CHANNEL_TEXT = f"""sandgrain-certificate 1
claim no-covert-channel
source device_id
top %E8%8A%AF%E7%89%87
network {HASH}
terms {HASH}
invariant 0
equal 2
pc[0]
1+x
relation 2
1+q =r[0]
2-q 1-= 2+2
"""


def sealed(body: str) -> bytes:
    return f"{body}end {hashlib.sha256(body.encode()).hexdigest()}\n".encode()


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
values = st.integers(0, 1)


@st.composite
def certificates(draw: st.DrawFn) -> Certificate:
    claim = draw(st.sampled_from(list(SUBJECTS)))
    clause = st.lists(st.builds(Literal, names, values), min_size=1, max_size=4).map(tuple)
    both = st.builds(Related, st.just(0), names, st.just(1))
    related = st.lists(st.builds(Related, st.integers(1, 2), names, values) | both, min_size=1, max_size=4).map(tuple)
    certificate = Certificate(
        claim=claim,
        subject=draw(names),
        top=draw(names),
        network=HASH,
        terms=HASH,
        frames=draw(st.integers(0, 100_000)),
        invariant=draw(st.lists(clause, max_size=5).map(tuple)),
    )
    if claim is ClaimId.NO_REMOTE_SHUTDOWN:
        return certificate
    equal, relation = draw(st.lists(names, max_size=5).map(tuple)), draw(st.lists(related, max_size=5).map(tuple))
    return dataclasses.replace(certificate, frames=None, equal=equal, relation=relation)


@pytest.mark.parametrize(("certificate", "text"), [(SHUTDOWN, SHUTDOWN_TEXT), (CHANNEL, CHANNEL_TEXT)])
def test_the_text_is_as_documented(certificate: Certificate, text: str) -> None:
    assert write(certificate) == sealed(text)
    assert parse(sealed(text)) == certificate


@given(certificates())
@settings(deadline=None)
def test_what_is_written_is_read_again(certificate: Certificate) -> None:
    data = write(certificate)
    assert parse(data) == certificate
    assert data.isascii()
    assert data.count(b"\n") == len(data.splitlines())


@pytest.mark.parametrize(
    "change",
    [
        {"invariant": ((),)},
        {"invariant": ((Literal("\ud800", 1),),)},
        {"invariant": ((Literal("x", 2),),)},
        {"frames": None},
        {"frames": 100_001},
        {"frames": -1},
        {"claim": ClaimId.NO_HIDDEN_LOGIC},
        {"claim": ClaimId.NO_COVERT_CHANNEL},
        {"equal": ("x",)},
        {"relation": ((Related(1, "x", 1),),)},
        {"network": "x\ny"},
    ],
)
def test_what_has_no_text_is_not_written(change: dict[str, object]) -> None:
    with pytest.raises(CertificateError, match="cannot be written"):
        write(dataclasses.replace(SHUTDOWN, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("relation", [((Related(0, "x", 0),),), ((Related(3, "x", 1),),), ((),)])
def test_a_relation_that_has_no_text_is_not_written(relation: tuple[tuple[Related, ...], ...]) -> None:
    with pytest.raises(CertificateError, match="cannot be written"):
        write(dataclasses.replace(CHANNEL, relation=relation))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("sandgrain-certificate 1", "sandgrain-certificate 2", 1),
        ("sandgrain-certificate 1", "sandgrain-certificate  1", 1),
        ("claim no-remote-shutdown", "claim no-hidden-logic", 2),
        ("claim no-remote-shutdown", "claim no-covert-channel", 3),
        ("service fetch", "service  fetch", 3),
        ("service fetch\n", "", 3),
        ("top picorv32", "top %70icorv32", 4),
        ("top picorv32", "top\tpicorv32", 4),
        ("frames 24", "frames 024", 7),
        ("frames 24", "frames 2_4", 7),
        ("frames 24", "frames +24", 7),
        ("frames 24", "frames 100001", 7),
        ("frames 24", "frames 9999999999999999999999", 7),
        ("frames 24\n", "", 7),
        ("invariant 2", "invariant 1", 10),
        ("invariant 2", "invariant 3", 11),
        ("invariant 2", "invariant 99999", 8),
        ("+cpu_state[0] -trap", "+cpu_state[0]  -trap", 9),
        ("+cpu_state[0] -trap", " +cpu_state[0] -trap", 9),
        ("+cpu_state[0] -trap", "+cpu_state[0] -trap ", 9),
        ("+cpu_state[0] -trap", "+cpu_state[0] -trap\r", 9),
        ("+cpu_state[0] -trap", "+cpu_state%5B0%5D -trap", 9),
        ("+cpu_state[0] -trap", "cpu_state[0] -trap", 9),
        ("+cpu_state[0] -trap", "1+cpu_state[0] -trap", 9),
        ("+cpu_state[0] -trap", "=cpu_state[0] -trap", 9),
        ("+cpu_state[0] -trap", "+cpu_státe[0] -trap", 9),
        ("+cpu_state[0] -trap", "", 9),
        ("-a%20b%25+", "-a%20b%25%2b", 10),
        ("-a%20b%25+", "-a%20b%2", 10),
        ("-a%20b%25+", "-a%FF", 10),
        ("-a%20b%25+\n", "-a%20b%25+\nequal 0\n", 11),
        ("-a%20b%25+\n", "-a%20b%25+\n\n", 11),
    ],
)
def test_another_text_is_refused_with_its_line_although_it_is_sealed(old: str, new: str, line: int) -> None:
    assert SHUTDOWN_TEXT.count(old) == 1
    with pytest.raises(CertificateError) as caught:
        parse(sealed(SHUTDOWN_TEXT.replace(old, new)), file="a.cert")
    assert (caught.value.file, caught.value.line) == ("a.cert", line)
    assert caught.value.expected and caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("equal 2", "equal 1", 10),
        ("relation 2", "relation 1", 13),
        ("invariant 0\nequal 2\npc[0]\n1+x\n", "invariant 0\n", 8),
        ("relation 2\n1+q =r[0]\n2-q 1-= 2+2\n", "", 11),
        ("1+q =r[0]", "1+q +r[0]", 12),
        ("1+q =r[0]", "3+q =r[0]", 12),
        ("1+q =r[0]", "1=q =r[0]", 12),
        ("source device_id", "service device_id", 3),
    ],
)
def test_another_text_about_two_runs_is_refused(old: str, new: str, line: int) -> None:
    with pytest.raises(CertificateError) as caught:
        parse(sealed(CHANNEL_TEXT.replace(old, new)))
    assert caught.value.line == line


def test_every_changed_byte_is_refused() -> None:
    for text in (SHUTDOWN_TEXT, CHANNEL_TEXT):
        data = sealed(text)
        for at in range(len(data)):
            for new in {data[at] ^ 1, data[at] ^ 0x20, data[at] ^ 0x80, 0, 10, 32} - {data[at]}:
                with pytest.raises(CertificateError):
                    parse(data[:at] + bytes([new]) + data[at + 1 :])
            with pytest.raises(CertificateError):
                parse(data[:at])
            with pytest.raises(CertificateError):
                parse(data[:at] + data[at + 1 :])
        for more in (b"\n", b" ", b"end\n", data):
            with pytest.raises(CertificateError):
                parse(data + more)


def test_limits() -> None:
    data = sealed(SHUTDOWN_TEXT)
    assert parse(data, limits=CertificateLimits(file_bytes=len(data), frames=24)) == SHUTDOWN
    for limits in (CertificateLimits(file_bytes=len(data) - 1), CertificateLimits(frames=23)):
        with pytest.raises(CertificateError):
            parse(data, limits=limits)


TEXT = f"""sandgrain-certificate 1|claim no-covert-channel|claim no-remote-shutdown|service a|source a|top a|frames 3|
invariant 1|invariant 0|equal 1|relation 1|+a -b|=a 1-b|network {HASH}|terms {HASH}|end x"""
words = st.sampled_from(TEXT.replace("\n", "").split("|"))


@given(st.binary(max_size=200) | st.lists(words | st.text(max_size=9), max_size=14).map(lambda x: sealed("\n".join(x))))
@example(b"")
@example(b"\n")
@example(b"sandgrain-certificate 1\n")
@settings(deadline=None, max_examples=400)
def test_anything_is_refused_or_is_the_text_of_what_it_says(data: bytes) -> None:
    try:
        certificate = parse(data)
    except CertificateError as error:
        assert error.line is not None
    else:
        assert write(certificate) == data
