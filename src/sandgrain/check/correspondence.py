"""The text of a correspondence: why two descriptions of a chip do the same in every cycle.

docs/reference/correspondence.md tells the format. What a correspondence says has one text only, and it is bound to both
flat netlists by digests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from sandgrain.check.errors import CertificateError

VERSION: Final = 3
_PLAIN: Final = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
MOST_BYTES: Final = 256 << 20


class Member(NamedTuple):
    """A state bit of a side (1 the description, 2 the netlist) by its name, and whether it is its class's negation."""

    side: int
    name: str
    negated: bool


class Value(NamedTuple):
    """A value of a side: ``bit`` of a net by number, ``next`` of a state bit by name, or a constant.

    ``name`` is the number of the net bit or the name of the state bit; empty for the constant 0.
    """

    side: int
    kind: str
    name: str
    negated: bool


@dataclass(frozen=True)
class Correspondence:
    """A relation between the states of two descriptions, and what makes it checkable.

    Attributes:
        tops: names of the top modules.
        digests: of the flat netlists.
        clocks: ``PORT rising`` or ``PORT falling``.
        held: input bits and the constant they are held at.
        resets: input bits, the level at which they reset and for how many cycles after power-up.
        cycles: of the declared reset after which the relation holds: 0, or all of them.
        constants: state bits that are the constant 0, or 1 if negated.
        classes: state bits that are equal or opposite.
        derived: state bits that are the value of a net of the other side, which depends on other state bits alone.
        begins: state bits of the description that are in no class with the netlist, each with state bits of the netlist
            (opposite if negated): it is taken to power up as 1 where all of these do, of one entry of its.
        invariant: clauses over state bits of both sides.
        choices: net bits of the description that it leaves undefined, and the value of the netlist each is taken to be.
        lemmas: values that are equal in a step; hints to the checker, which proves each or goes without it.
    """

    tops: tuple[str, str]
    digests: tuple[str, str]
    clocks: tuple[tuple[str, str], ...]
    held: tuple[tuple[str, int], ...]
    resets: tuple[tuple[str, int, int], ...]
    cycles: int
    constants: tuple[Member, ...]
    classes: tuple[tuple[Member, ...], ...]
    derived: tuple[tuple[Member, Value], ...]
    begins: tuple[tuple[Member, ...], ...]
    invariant: tuple[tuple[Member, ...], ...]
    choices: tuple[tuple[int, Value], ...]
    lemmas: tuple[tuple[Value, Value], ...]


def write(item: Correspondence) -> bytes:
    """The text of a correspondence; ``parse(write(c)) == c``."""
    lines = [
        f"sandgrain-correspondence {VERSION}",
        *(f"{key} {_quoted(top)}" for key, top in zip(("rtl-top", "netlist-top"), item.tops, strict=True)),
        *(f"{key} {digest}" for key, digest in zip(("rtl", "netlist"), item.digests, strict=True)),
        f"clocks {len(item.clocks)}",
        *(f"{_quoted(name)} {edge}" for name, edge in item.clocks),
        f"held {len(item.held)}",
        *(f"{_quoted(name)} {value}" for name, value in item.held),
        f"resets {len(item.resets)}",
        *(f"{_quoted(name)} {level} {cycles}" for name, level, cycles in item.resets),
        f"cycles {item.cycles}",
        f"constants {len(item.constants)}",
        *(_member(member) for member in item.constants),
        f"classes {len(item.classes)}",
        *(" ".join(map(_member, members)) for members in item.classes),
        f"derived {len(item.derived)}",
        *(f"{_member(one)} {_value(other)}" for one, other in item.derived),
        f"begins {len(item.begins)}",
        *(" ".join(map(_member, pair)) for pair in item.begins),
        f"invariant {len(item.invariant)}",
        *(" ".join(map(_member, members)) for members in item.invariant),
        f"choices {len(item.choices)}",
        *(f"{bit} {_value(value)}" for bit, value in item.choices),
        f"lemmas {len(item.lemmas)}",
        *(f"{_value(one)} {_value(other)}" for one, other in item.lemmas),
    ]
    body = "".join(f"{line}\n" for line in lines).encode("ascii")
    return body + f"end {hashlib.sha256(body).hexdigest()}\n".encode()


def parse(data: bytes, *, file: PurePath | str | None = None) -> Correspondence:
    """Read a correspondence.

    Raises:
        CertificateError: it is not exactly what :func:`write` writes; names the line of ``file``.
    """
    lines = data[: MOST_BYTES + 1].decode("ascii", "replace").split("\n")
    at = 0

    def refused(what: str) -> CertificateError:
        return CertificateError(
            what,
            file=file,
            line=max(at, 1),
            expected="the text as written",
            remedy="get an unaltered copy of the certificate",
        )

    if len(data) > MOST_BYTES:
        raise refused(f"longer than {MOST_BYTES} bytes")

    def line() -> str:
        nonlocal at
        at += 1
        if at > len(lines):
            raise refused("the text ends here")
        return lines[at - 1]

    def value(key: str) -> str:
        word, _, rest = line().partition(" ")
        if word != key:
            raise refused(f"not a line of {key!r}")
        return rest

    def number(text: str, most: int = 10**9) -> int:
        if not text.isdecimal() or len(text) > 10 or int(text) > most:
            raise refused(f"not a number of at most {most}")
        return int(text)

    def rows(key: str) -> Iterator[list[str]]:
        for _ in range(number(value(key), len(lines))):
            yield line().split(" ")

    def fields(row: list[str], count: int) -> list[str]:
        if len(row) != count:
            raise refused(f"not {count} words")
        return row

    def member(word: str) -> Member:
        if word[:1] not in ("1", "2") or word[1:2] not in ("+", "-"):
            raise refused("not a state bit")
        return Member(int(word[0]), unquote(word[2:]), word[1] == "-")

    def of_value(word: str) -> Value:
        kinds = {"b": "bit", "n": "next", "0": "zero"}
        if word[:1] not in ("1", "2") or word[1:2] not in ("+", "-") or word[2:3] not in kinds:
            raise refused("not a value")
        return Value(int(word[0]), kinds[word[2]], unquote(word[3:]), word[1] == "-")

    if value("sandgrain-correspondence") != str(VERSION):
        raise refused(f"not version {VERSION} of the format")
    item = Correspondence(
        tops=(unquote(value("rtl-top")), unquote(value("netlist-top"))),
        digests=(value("rtl"), value("netlist")),
        clocks=tuple((unquote(name), edge) for name, edge in (fields(row, 2) for row in rows("clocks"))),
        held=tuple((unquote(name), number(level, 1)) for name, level in (fields(row, 2) for row in rows("held"))),
        resets=tuple(
            (unquote(name), number(level, 1), number(cycles))
            for name, level, cycles in (fields(row, 3) for row in rows("resets"))
        ),
        cycles=number(value("cycles")),
        constants=tuple(member(fields(row, 1)[0]) for row in rows("constants")),
        classes=tuple(tuple(map(member, row)) for row in rows("classes")),
        derived=tuple((member(one), of_value(other)) for one, other in (fields(row, 2) for row in rows("derived"))),
        begins=tuple(tuple(map(member, row)) for row in rows("begins")),
        invariant=tuple(tuple(map(member, row)) for row in rows("invariant")),
        choices=tuple((number(bit), of_value(word)) for bit, word in (fields(row, 2) for row in rows("choices"))),
        lemmas=tuple((of_value(one), of_value(other)) for one, other in (fields(row, 2) for row in rows("lemmas"))),
    )
    try:
        same = write(item) == data
    except UnicodeEncodeError:
        same = False
    if not same:
        raise refused("the text was altered")
    return item


def _quoted(name: str) -> str:
    return quote(name, safe=_PLAIN, errors="surrogateescape")


def _member(member: Member) -> str:
    return f"{member.side}{'-' if member.negated else '+'}{_quoted(member.name)}"


_KINDS: Final[Mapping[str, str]] = {"bit": "b", "next": "n", "zero": "0"}


def _value(value: Value) -> str:
    return f"{value.side}{'-' if value.negated else '+'}{_KINDS[value.kind]}{_quoted(value.name)}"
