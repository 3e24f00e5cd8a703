"""The text of a certificate: written in one way only, bound to one network and to the terms of one manifest.

The format and the digests are told in docs/reference/certificate.md. A text has one form: :func:`parse` refuses every
other, so that a certificate can be compared and signed as bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from sandgrain.check.errors import CertificateError
from sandgrain.check.registers import initial_values, state_names
from sandgrain.netlist import Module
from sandgrain.submission import Constant, Expression, Manifest, to_verilog
from sandgrain.submission.manifest import MANIFEST_NAME, Declared, DeclaredKind, Service, Source
from sandgrain.verdict import ClaimId

VERSION: Final = 1
SUBJECTS: Final = {ClaimId.NO_REMOTE_SHUTDOWN: "service", ClaimId.NO_COVERT_CHANNEL: "source"}
"""What a certificate of a claim is about; the claims that have certificates."""
STOPPING: Final = (DeclaredKind.HALT, DeclaredKind.DEBUG_LOCK, DeclaredKind.LICENCE_TIMER)
"""The kinds of declared function that may explain a service that stops."""
BOTH: Final = 0
"""Run of a :class:`Related` that says a bit is equal in both runs."""

_PLAIN = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"  # every printable character that is no letter, no digit and not %
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMEDY = "get an unaltered copy, or have the certificate written again"


@dataclass(frozen=True)
class CertificateLimits:
    """How much of a certificate is read.

    Attributes:
        file_bytes: size of the text.
        clauses: clauses of its invariant and of its relation, and its equal bits, each.
        clause_literals: literals of one clause.
        name_bytes: one name, as written.
        frames: cycles within which the service must be back.
    """

    file_bytes: int = 64 << 20
    clauses: int = 1_000_000
    clause_literals: int = 10_000
    name_bytes: int = 4_096
    frames: int = 100_000


class Literal(NamedTuple):
    """A flip-flop bit and the value it is said to have."""

    name: str
    value: int


class Related(NamedTuple):
    """A flip-flop bit and its value (0 or 1) in run 1 or 2; for run ``BOTH`` and value 1, that it is equal in both."""

    run: int
    name: str
    value: int


@dataclass(frozen=True)
class Certificate:
    """A proof of one claim about one service or source.

    Attributes:
        claim: ``no-remote-shutdown`` or ``no-covert-channel``.
        subject: name of the service or source.
        top: name of the top module.
        network: :func:`network_digest` of the gates.
        terms: :func:`terms_digest` of the manifest.
        frames: cycles of recovery within which the service is back; None for ``no-covert-channel``.
        invariant: clauses over state bits, true in every state of operation (of either run).
        equal: ``no-covert-channel`` only: state bits that are equal in both runs in every cycle of operation.
        relation: ``no-covert-channel`` only: clauses over the state bits of both runs.
    """

    claim: ClaimId
    subject: str
    top: str
    network: str
    terms: str
    frames: int | None
    invariant: tuple[tuple[Literal, ...], ...]
    equal: tuple[str, ...] = ()
    relation: tuple[tuple[Related, ...], ...] = ()


def write(certificate: Certificate) -> bytes:
    """The text of a certificate; ``parse(write(c)) == c``.

    Raises:
        CertificateError: no text says this, e.g. a clause without a literal, a name that is no Unicode, too many frames.
    """
    data = _text(certificate)
    if parse(data) != certificate:
        raise CertificateError("the certificate cannot be written", expected="parts as its claim has them")
    return data


def _text(certificate: Certificate) -> bytes:
    lines = [
        f"sandgrain-certificate {VERSION}",
        f"claim {certificate.claim}",
        f"{SUBJECTS[certificate.claim]} {_encoded(certificate.subject)}",
        f"top {_encoded(certificate.top)}",
        f"network {certificate.network}",
        f"terms {certificate.terms}",
    ]
    channel = certificate.claim is ClaimId.NO_COVERT_CHANNEL
    lines += [] if channel else [f"frames {certificate.frames}"]
    lines += [f"invariant {len(certificate.invariant)}"]
    lines += [" ".join(map(_signed, clause)) for clause in certificate.invariant]
    if channel:
        lines += [f"equal {len(certificate.equal)}", *map(_encoded, certificate.equal)]
        lines += [f"relation {len(certificate.relation)}"]
        lines += [" ".join(map(_related, clause)) for clause in certificate.relation]
    body = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    return body + f"end {hashlib.sha256(body).hexdigest()}\n".encode()


def parse(data: bytes, *, file: PurePath | str | None = None, limits: CertificateLimits | None = None) -> Certificate:
    """Read a certificate.

    Args:
        data: the text.
        file: what to call it in errors.
        limits: how much of it is read.

    Raises:
        CertificateError: it is not exactly what :func:`write` writes, or exceeds a limit; names the line.
    """
    reader = _Reader(data, file, limits or CertificateLimits())
    certificate = reader.certificate()
    if _text(certificate) != data:
        raise reader.refused("the text was altered: its parts and its last line do not fit", "the text as written")
    return certificate


class _Reader:
    def __init__(self, data: bytes, file: PurePath | str | None, limits: CertificateLimits) -> None:
        self.file, self.limits, self.at = file, limits, 0
        if len(data) > limits.file_bytes:
            raise self.refused("the text is too long", f"at most {limits.file_bytes} bytes (file_bytes)")
        self.lines = data.split(b"\n")

    def refused(self, what: str, expected: str) -> CertificateError:
        return CertificateError(what, file=self.file, line=max(self.at, 1), expected=expected, remedy=_REMEDY)

    def certificate(self) -> Certificate:
        version = self.field("sandgrain-certificate")
        if version != str(VERSION):
            raise self.refused("this version of the format is not known", f"version {VERSION}")
        named = self.field("claim")
        claim = next((known for known in SUBJECTS if known == named), None)
        if claim is None:
            raise self.refused("a claim without certificates", " or ".join(SUBJECTS))
        channel = claim is ClaimId.NO_COVERT_CHANNEL
        certificate = Certificate(
            claim=claim,
            subject=self.name(self.field(SUBJECTS[claim])),
            top=self.name(self.field("top")),
            network=self.digest("network"),
            terms=self.digest("terms"),
            frames=None if channel else self.number("frames", 1, self.limits.frames),
            invariant=tuple(tuple(map(self.literal, words)) for words in self.clauses("invariant")),
            equal=tuple(self.name(self.line()) for _ in range(self.count("equal"))) if channel else (),
            relation=tuple(tuple(map(self.related, words)) for words in self.clauses("relation")) if channel else (),
        )
        self.digest("end")
        if self.lines[self.at :] != [b""]:
            raise self.refused("text after the end", "one line feed after the last line, and nothing else")
        return certificate

    def line(self) -> str:
        if self.at >= len(self.lines):
            raise self.refused("the text ends here", "a certificate with all its lines")
        self.at += 1
        line = self.lines[self.at - 1]
        if not all(0x20 <= byte < 0x7F for byte in line):
            raise self.refused("a character that cannot stand here", "printable ASCII, lines that end with a line feed")
        return line.decode("ascii")

    def field(self, key: str) -> str:
        word, _, value = self.line().partition(" ")
        if word != key or not value or " " in value:
            raise self.refused("another line was expected here", f"{key!r} and one value")
        return value

    def digest(self, key: str) -> str:
        value = self.field(key)
        if not _SHA256.fullmatch(value):
            raise self.refused("this is no SHA-256", "64 hexadecimal digits, a to f in lower case")
        return value

    def number(self, key: str, least: int, most: int) -> int:
        value = self.field(key)
        if not _NUMBER.fullmatch(value) or not least <= int(value) <= most:
            raise self.refused("this number cannot stand here", f"a plain decimal from {least} to {most}")
        return int(value)

    def count(self, key: str) -> int:
        return self.number(key, 0, self.limits.clauses)

    def clauses(self, key: str) -> Iterator[list[str]]:
        for _ in range(self.count(key)):
            words = self.line().split(" ")
            if len(words) > self.limits.clause_literals:
                raise self.refused("the clause is too long", f"at most {self.limits.clause_literals} literals")
            yield words

    def name(self, text: str) -> str:
        if not text or len(text) > self.limits.name_bytes:
            raise self.refused("this is no name", f"1 to {self.limits.name_bytes} characters (name_bytes)")
        return unquote(text, errors="replace")

    def literal(self, word: str) -> Literal:
        if word[:1] not in ("+", "-"):
            raise self.refused("this is no literal", "+NAME or -NAME, one blank between two")
        return Literal(self.name(word[1:]), int(word[0] == "+"))

    def related(self, word: str) -> Related:
        if word[:1] == "=":
            return Related(BOTH, self.name(word[1:]), 1)
        if word[:2] not in ("1+", "1-", "2+", "2-"):
            raise self.refused("this is no literal", "1+NAME, 1-NAME, 2+NAME, 2-NAME or =NAME, one blank between two")
        return Related(int(word[0]), self.name(word[2:]), int(word[1] == "+"))


def _signed(literal: Literal) -> str:
    return "-+"[literal.value] + _encoded(literal.name)


def _related(literal: Related) -> str:
    if literal.run == BOTH and literal.value:
        return "=" + _encoded(literal.name)
    return "?12"[literal.run] + _signed(Literal(literal.name, literal.value))


def _encoded(name: str) -> str:
    try:
        encoded = quote(name, safe=_PLAIN)
    except UnicodeEncodeError:
        encoded = ""
    if not encoded:
        raise CertificateError(f"{name!r} cannot be written as a name", expected="one character of Unicode or more")
    return encoded


def network_digest(module: Module) -> str:
    """SHA-256, hexadecimal, over ports, cells, connections and power-up values of gates, and what registers are called.

    Net bits are numbered as they are met, so that the numbers another reader gives them do not matter.
    """
    numbers: dict[int, int] = {}

    def told(bits: NDArray[np.int32]) -> list[int]:
        return [bit if bit < 0 else numbers.setdefault(bit, len(numbers)) for bit in bits.tolist()]

    cells, inits = module.cells, initial_values(module)
    described = {
        "ports": [[port.name, port.direction, told(port.bits)] for port in module.ports],
        "cells": [
            [cells.type_of(cell), [[pin.name, pin.direction, told(pin.bits)] for pin in cells.pins(cell)]]
            for cell in range(len(cells))
        ],
        "parameters": [[cell, sorted(cells.parameters[cell].items())] for cell in sorted(cells.parameters)],
        "registers": sorted([numbers[bit], name, inits.get(bit, 2)] for bit, name in state_names(module).items()),
    }
    return _digest("network", described)


def terms_digest(manifest: Manifest, claim: ClaimId, subject: str) -> str:
    """SHA-256, hexadecimal, over what of a manifest says what is to be shown; prose does not count.

    Raises:
        CertificateError: the claim has no certificates, or the manifest has no such service or source.
        SubmissionError: an expression in it is none.
    """
    terms: dict[str, object] = {
        "claim": claim.value,
        "top": manifest.chip.top,
        "clocks": [[clock.port, clock.edge.value] for clock in manifest.clocks],
        "resets": [[reset.port, reset.active.value, reset.cycles] for reset in manifest.resets],
    }
    if claim is ClaimId.NO_REMOTE_SHUTDOWN:
        service = named("service", manifest.services, subject)
        terms["service"] = [service.name, to_verilog(service.parsed())]
        terms["within"] = manifest.recovery.within_cycles
        terms["recovery"] = {port: _driven(value) for port, value in manifest.recovery.inputs.items()}
        terms["declared"] = [
            [item.name, to_verilog(item.parsed()), _optional(item.entered_after())] for item in stopping(manifest)
        ]
    elif claim is ClaimId.NO_COVERT_CHANNEL:
        source = named("source", manifest.sources, subject)
        terms["source"] = [source.name, source.signal, source.kind.varies]
        flows = [flow for flow in manifest.flows if flow.source == source.name]
        terms["flows"] = [[list(flow.sinks), _optional(flow.condition())] for flow in flows]
    else:
        raise CertificateError(f"the claim {claim} has no certificates", expected=" or ".join(SUBJECTS))
    return _digest("terms", terms)


def stopping(manifest: Manifest) -> list[Declared]:
    """The declared functions that may explain a service that stops."""
    return [item for item in manifest.declared if item.kind in STOPPING]


_Named = TypeVar("_Named", Service, Source)


def named(kind: str, items: Iterable[_Named], name: str) -> _Named:
    """The only one of ``items`` that is called ``name``.

    Raises:
        CertificateError: there is none, or more than one.
    """
    found = [item for item in items if item.name == name]
    if len(found) != 1:
        raise CertificateError(
            f"the manifest has {len(found) or 'no'} {kind} called {name!r}",
            file=MANIFEST_NAME,
            expected=f"one {kind} of this name",
        )
    return found[0]


def _driven(value: Constant | tuple[Constant, ...] | str) -> str | list[str]:
    if isinstance(value, tuple):
        return [to_verilog(item) for item in value]
    return to_verilog(value) if isinstance(value, Constant) else value


def _optional(expression: Expression | None) -> str | None:
    return None if expression is None else to_verilog(expression)


def _digest(what: str, described: object) -> str:
    text = json.dumps(described, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"sandgrain-{what} {VERSION}\n{text}\n".encode("ascii")).hexdigest()
