"""The text of a certificate, bound to one network and to the terms of one manifest.

docs/reference/certificate.md tells the format and the digests. What a certificate says has one text only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import PurePath
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote, unquote

from sandgrain.check._registers import initial_values, state_names
from sandgrain.check.errors import CertificateError
from sandgrain.netlist import Module
from sandgrain.netlist.model import Bits
from sandgrain.submission import Constant, Expression, Manifest, to_verilog
from sandgrain.submission.manifest import MANIFEST_NAME, Declared, DeclaredKind, Service, Source
from sandgrain.verdict import ClaimId

VERSION: Final = 1
SUBJECTS: Final = {ClaimId.NO_REMOTE_SHUTDOWN: "service", ClaimId.NO_COVERT_CHANNEL: "source"}
"""The claims that have certificates, and what each certificate is about."""
_STOPPING: Final = (DeclaredKind.HALT, DeclaredKind.DEBUG_LOCK, DeclaredKind.LICENCE_TIMER)
_ONE: Final = {"+": (0, 1), "-": (0, 0)}  # mark of a literal to its run and value
_BOTH: Final = {"1+": (1, 1), "1-": (1, 0), "2+": (2, 1), "2-": (2, 0), "=": (0, 1)}
_PLAIN: Final = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"  # printable, and neither letter nor digit nor %


@dataclass(frozen=True)
class CertificateLimits:
    """How much of a certificate is read.

    Attributes:
        file_bytes: size of the text.
        frames: cycles within which the service must be back.
    """

    file_bytes: int = 64 << 20
    frames: int = 100_000


class Literal(NamedTuple):
    """A register bit and the value it has, 0 or 1."""

    name: str
    value: int


class Related(NamedTuple):
    """A register bit and its value in run 1 or 2; run 0 with value 1 says that it is equal in both runs."""

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
        invariant: clauses over register bits, true in every state of operation (of either run).
        equal: ``no-covert-channel`` only: register bits equal in both runs in every cycle of operation.
        relation: ``no-covert-channel`` only: clauses over the register bits of both runs.
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
        CertificateError: no text says this, e.g. a clause without a literal or a name that is no Unicode.
    """
    try:
        data = _text(certificate)
        if parse(data) == certificate:
            return data
    except (KeyError, UnicodeEncodeError, CertificateError):
        pass
    raise CertificateError("this cannot be written as a certificate", expected="parts as its claim has them")


def _text(certificate: Certificate) -> bytes:
    def clause(literals: Iterable[tuple[int, str, int]], marks: Mapping[str, tuple[int, int]]) -> str:
        mark = {meaning: mark for mark, meaning in marks.items()}
        return " ".join(mark[run, value] + quote(name, safe=_PLAIN) for run, name, value in literals)

    invariant = [clause(((0, *literal) for literal in literals), _ONE) for literals in certificate.invariant]
    lines = [
        f"sandgrain-certificate {VERSION}",
        f"claim {certificate.claim}",
        f"{SUBJECTS[certificate.claim]} {quote(certificate.subject, safe=_PLAIN)}",
        f"top {quote(certificate.top, safe=_PLAIN)}",
        f"network {certificate.network}",
        f"terms {certificate.terms}",
        *([] if certificate.frames is None else [f"frames {certificate.frames}"]),
        *(f"invariant {len(invariant)}", *invariant),
    ]
    if certificate.claim is ClaimId.NO_COVERT_CHANNEL:
        lines += [f"equal {len(certificate.equal)}", *(quote(name, safe=_PLAIN) for name in certificate.equal)]
        lines += [
            f"relation {len(certificate.relation)}",
            *(clause(literals, _BOTH) for literals in certificate.relation),
        ]
    body = "".join(f"{line}\n" for line in lines).encode("ascii", "replace")
    return body + f"end {hashlib.sha256(body).hexdigest()}\n".encode()


def parse(data: bytes, *, file: PurePath | str | None = None, limits: CertificateLimits | None = None) -> Certificate:
    """Read a certificate.

    Raises:
        CertificateError: it is not exactly what :func:`write` writes, or exceeds a limit; names the line of ``file``.
    """
    limits = limits or CertificateLimits()
    lines = data[: limits.file_bytes + 1].decode("ascii", "replace").split("\n")
    at = 0

    def refused(what: str, line: int = 0) -> CertificateError:
        remedy = "get an unaltered copy of the certificate"
        return CertificateError(what, file=file, line=line or max(at, 1), expected="the text as written", remedy=remedy)

    def value(key: str) -> str:
        nonlocal at
        at += 1
        word, _, rest = lines[at - 1].partition(" ") if at <= len(lines) else ("", "", "")
        if word != key:
            raise refused(f"not a line of {key!r}")
        return rest

    def number(key: str, most: int) -> int:
        text = value(key)
        if not text.isdecimal() or len(text) > 9 or int(text) > most:
            raise refused(f"not a number of at most {most}")
        return int(text)

    # Blanks, escapes and numbers are read leniently, since only the text of what was read is accepted in the end.
    def rows(key: str) -> Iterator[str]:
        nonlocal at
        for _ in range(number(key, len(lines))):
            at += 1
            if at > len(lines):
                raise refused("the text ends here")
            yield lines[at - 1]

    def literals(row: str, marks: Mapping[str, tuple[int, int]]) -> Iterator[Related]:
        for word in row.split(" "):
            mark = word[: 2 if word[:1] in ("1", "2") else 1]
            if mark not in marks:
                raise refused(f"not a literal: it begins with none of {' '.join(marks)}")
            run, meaning = marks[mark]
            yield Related(run, unquote(word[len(mark) :]), meaning)

    if len(data) > limits.file_bytes:
        raise refused(f"longer than {limits.file_bytes} bytes (file_bytes)")
    if value("sandgrain-certificate") != str(VERSION):
        raise refused(f"not version {VERSION} of the format")
    said = value("claim")
    claim = next((claim for claim in SUBJECTS if claim == said), None)
    if claim is None:
        raise refused("a claim without certificates")
    channel = claim is ClaimId.NO_COVERT_CHANNEL
    certificate = Certificate(
        claim=claim,
        subject=unquote(value(SUBJECTS[claim])),
        top=unquote(value("top")),
        network=value("network"),
        terms=value("terms"),
        frames=None if channel else number("frames", limits.frames),
        invariant=tuple(
            tuple(Literal(name, meaning) for _, name, meaning in literals(row, _ONE)) for row in rows("invariant")
        ),
        equal=tuple(map(unquote, rows("equal"))) if channel else (),
        relation=tuple(tuple(literals(row, _BOTH)) for row in rows("relation")) if channel else (),
    )
    pairs = zip_longest(data.split(b"\n"), _text(certificate).split(b"\n"))
    altered = next((line for line, (found, wanted) in enumerate(pairs, 1) if found != wanted), None)
    if altered is not None:
        raise refused("this line, or one before it, was altered", altered)
    return certificate


def network_digest(module: Module) -> str:
    """SHA-256, hexadecimal, over ports, cells, connections and power-up values of gates, and what registers are called.

    Net bits are numbered as they are met, so that the numbers another reader gives them do not matter.
    """
    numbers: dict[int, int] = {}

    def told(bits: Bits) -> list[int]:
        return [bit if bit < 0 else numbers.setdefault(bit, len(numbers)) for bit in bits.tolist()]

    cells, inits = module.cells, initial_values(module)
    described = {
        "ports": [[port.name, port.direction, told(port.bits)] for port in module.ports],
        "cells": [
            [cells.type_of(cell), [[pin.name, pin.direction, told(pin.bits)] for pin in cells.pins(cell)]]
            for cell in range(len(cells))
        ],
        "registers": sorted([numbers[bit], name, inits.get(bit, 2)] for bit, name in state_names(module).items()),
    }
    return _digest("network", described)


def terms_digest(manifest: Manifest, claim: ClaimId, subject: str) -> str:
    """SHA-256, hexadecimal, over what of a manifest says what is to be shown; prose does not count.

    Raises:
        CertificateError: the manifest has no such service or source.
        SubmissionError: an expression in it is none.
    """

    def told(expression: Expression | None) -> str | None:
        return None if expression is None else to_verilog(expression)

    terms: dict[str, object] = {
        "claim": claim.value,
        "top": manifest.chip.top,
        "clocks": [[clock.port, clock.edge.value] for clock in manifest.clocks],
        "resets": [[reset.port, reset.active.value, reset.cycles] for reset in manifest.resets],
    }
    if claim is ClaimId.NO_COVERT_CHANNEL:
        source = named("source", manifest.sources, subject)
        terms["source"] = [source.name, source.signal, source.kind.varies]
        flows = [flow for flow in manifest.flows if flow.source == source.name]
        terms["flows"] = [[list(flow.sinks), told(flow.condition())] for flow in flows]
    else:
        service = named("service", manifest.services, subject)
        inputs = manifest.recovery.driven.items()
        terms["service"] = [service.name, told(service.parsed())]
        terms["within"] = manifest.recovery.within_cycles
        terms["recovery"] = {port: _driven(value) for port, value in inputs}
        terms["declared"] = [
            [item.name, told(item.parsed()), told(item.entered_after())] for item in stopping(manifest)
        ]
    return _digest("terms", terms)


def _driven(value: Constant | tuple[Constant, ...] | str) -> str | list[str]:
    if isinstance(value, tuple):
        return [to_verilog(item) for item in value]
    return to_verilog(value) if isinstance(value, Constant) else value


def _digest(what: str, described: object) -> str:
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"sandgrain-{what} {VERSION}\n{text}\n".encode()).hexdigest()


def stopping(manifest: Manifest) -> list[Declared]:
    """The declared functions that may explain a service that stops."""
    return [item for item in manifest.declared if item.kind in _STOPPING]


_Named = TypeVar("_Named", Service, Source)


def named(kind: str, items: Iterable[_Named], name: str) -> _Named:
    """The only one of ``items`` that is called ``name``.

    Raises:
        CertificateError: there is none, or more than one.
    """
    found = [item for item in items if item.name == name]
    if len(found) != 1:
        raise CertificateError(
            f"the manifest has {len(found)} {kind}s called {name!r}", file=MANIFEST_NAME, expected="1"
        )
    return found[0]
