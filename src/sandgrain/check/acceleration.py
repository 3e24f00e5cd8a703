"""Certificates of accelerated runs: that the cycles a witness skips change nothing but registers that count.

While cycles are skipped the inputs are held as in the cycle of the jump.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from sandgrain.check.errors import CertificateError

VERSION: Final = 1
SUFFIX: Final = ".skip"
MEDIA_TYPE: Final = "text/plain; charset=us-ascii"

_PLAIN: Final = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
_MOST_BYTES: Final = 1 << 22
_MOST_PERIOD: Final = 256
_WIDEST: Final = 256


@dataclass(frozen=True)
class Register:
    """Flip-flops that count, least significant first: (name, value at which it passes the carry on)."""

    bits: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Stretch:
    """Passes of the loop during which counter ``counter`` stays below ``limit``."""

    passes: int
    counter: int
    limit: int


@dataclass(frozen=True)
class Acceleration:
    """What a certificate says.

    Attributes:
        top: name of the top module.
        network: digest of its gates.
        stimulus: SHA-256 of the stimulus of the witness.
        period: clock cycles of one pass of the loop; it begins in the cycle of the jump.
        counters: the registers that count in it.
        stretches: what is skipped, one after another.
    """

    top: str
    network: str
    stimulus: str
    period: int
    counters: tuple[Register, ...]
    stretches: tuple[Stretch, ...]


def write(said: Acceleration) -> bytes:
    """The text of a certificate."""
    lines = [
        f"sandgrain-acceleration {VERSION}",
        f"top {quote(said.top, safe=_PLAIN)}",
        f"network {said.network}",
        f"stimulus {said.stimulus}",
        f"period {said.period}",
        f"counters {len(said.counters)}",
        *(" ".join("-+"[value] + quote(name, safe=_PLAIN) for name, value in item.bits) for item in said.counters),
        f"stretches {len(said.stretches)}",
        *(f"{item.passes} {item.counter} {item.limit}" for item in said.stretches),
    ]
    body = "".join(f"{line}\n" for line in lines).encode("ascii", "replace")
    return body + f"end {hashlib.sha256(body).hexdigest()}\n".encode()


def read(data: bytes) -> Acceleration:
    """Read a certificate.

    Raises:
        CertificateError: it is not exactly what :func:`write` writes.
    """
    if len(data) > _MOST_BYTES:
        raise refused(f"longer than {_MOST_BYTES} bytes")
    lines = iter(data.decode("ascii", "replace").split("\n"))

    def value(key: str) -> str:
        word, _, rest = next(lines, "").partition(" ")
        if word != key:
            raise refused(f"not a line of {key!r}")
        return rest

    def number(text: str, most: int) -> int:
        if not text.isdecimal() or len(text) > 80 or int(text) > most:
            raise refused(f"not a number of at most {most}")
        return int(text)

    def counters() -> Iterator[Register]:
        for _ in range(number(value("counters"), 4096)):
            words = next(lines, "").split(" ")
            if len(words) > _WIDEST or any(word[:1] not in ("+", "-") for word in words):
                raise refused("not a counter")
            yield Register(tuple((unquote(word[1:]), int(word[0] == "+")) for word in words))

    def stretches() -> Iterator[Stretch]:
        for _ in range(number(value("stretches"), 64)):
            words = next(lines, "").split(" ")
            if len(words) != 3:
                raise refused("not a stretch")
            yield Stretch(*(number(word, 1 << _WIDEST) for word in words))

    if value("sandgrain-acceleration") != str(VERSION):
        raise refused(f"not version {VERSION} of the format")
    said = Acceleration(
        unquote(value("top")),
        value("network"),
        value("stimulus"),
        number(value("period"), _MOST_PERIOD),
        tuple(counters()),
        tuple(stretches()),
    )
    if write(said) != data:
        raise refused("the text was altered")
    return said


def refused(what: str) -> CertificateError:
    """The error that says why a certificate is not accepted."""
    return CertificateError(what, expected="a certificate of this run", remedy="get an unaltered copy of the case")
