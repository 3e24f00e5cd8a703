"""The run of a witness as a value change dump (IEEE 1364-2005 clause 18) that any waveform viewer shows.

Timescale 1 ns, 10 ns per clock cycle: at ``10 * t`` the active level of the clock begins and inputs and state of
cycle ``t`` appear, at ``10 * t + 5`` the clock goes inactive. Scope ``<top>`` holds all ports; scope ``sandgrain``
holds what the description does not say: ``service_<name>``, ``dead``, and one wire per bit of the dead state.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from vcd import VCDWriter
from vcd.writer import VarValue

from sandgrain.errors import ReplayError
from sandgrain.logic.vcd import PERIOD, vcd_name

_DIGITS: Final = np.frombuffer(b"01x", np.uint8)

MEDIA_TYPE = "text/vcd"
"""Media type of a value change dump."""

OWN_SCOPE = "sandgrain"
Bits = NDArray[np.uint8]
Value = tuple[int, str]  # cycle from which on, and the value, most significant bit first


@dataclass(frozen=True, slots=True)
class TracedPort:
    """A port of the top module over time.

    Attributes:
        name: in the vendor's words.
        direction: ``input``, ``output`` or ``inout``.
        bits: uint8 (cycles, width), least significant bit first.
    """

    name: str
    direction: str
    bits: Bits

    @property
    def width(self) -> int:
        """Number of bits."""
        return int(self.bits.shape[1])


def write_vcd(
    *,
    top: str,
    clock: str,
    clock_edge: Literal["rising", "falling"],
    ports: Sequence[TracedPort],
    services: Mapping[str, Bits],
    dead: Bits,
    dead_state: Mapping[str, Bits],
) -> bytes:
    """The run as the text of a VCD file.

    Args:
        top: top module.
        clock: clock port; one of ``ports`` by this name is left out.
        clock_edge: the edge on which registers change.
        ports: the ports but the clock, in the order they shall appear.
        services: uint8 (cycles,) by name.
        dead: uint8 (cycles,), 1 where the chip is in the dead state.
        dead_state: uint8 (cycles,) by the vendor's name of the bit.

    Raises:
        ReplayError: the arrays are not of one length, or there is no cycle.
    """
    # The top module may itself be called like the scope of what is not the vendor's.
    top_scope = _scope(top)
    columns: list[tuple[str, str, Bits]] = [
        (top_scope, port.name, np.asarray(port.bits, np.uint8)) for port in ports if port.name != clock
    ]
    own = {f"service_{name}": bits for name, bits in services.items()} | {"dead": dead}
    columns += [(OWN_SCOPE, name, _column(bits)) for name, bits in [*own.items(), *dead_state.items()]]
    cycles = len(dead)
    wrong = [name for _, name, bits in columns if len(bits) != cycles or bits.ndim != 2 or bits.shape[1] == 0]
    if wrong or cycles == 0:
        raise ReplayError(
            f"the values of {', '.join(wrong[:3]) or 'the run'} do not cover the run",
            expected=f"bits for each of the {max(cycles, 1)} cycles",
            remedy="report this as a bug: a run is recorded for every signal alike",
        )
    return write_scopes(top_scope, clock, clock_edge, columns, cycles)


def write_scopes(
    clock_scope: str,
    clock: str,
    clock_edge: Literal["rising", "falling"],
    columns: Sequence[tuple[str, str, Bits]],
    cycles: int,
) -> bytes:
    """Variables over time as the text of a VCD file.

    Args:
        clock_scope: scope of the clock.
        clock: its name.
        clock_edge: the edge on which registers change.
        columns: scope, name and uint8 (cycles, width) of each variable.
        cycles: number of clock cycles.
    """
    text = io.StringIO()
    with VCDWriter(
        text,
        timescale="1 ns",
        comment="cycle t begins at 10*t ns",
        version="sandgrain",
        date="",
    ) as writer:
        taken: dict[str, set[str]] = {scope: set() for scope in (clock_scope, *(scope for scope, _, _ in columns))}
        active, inactive = ("1", "0") if clock_edge == "rising" else ("0", "1")
        ticking: Any = writer.register_var(
            (clock_scope,),
            vcd_name(clock, taken[clock_scope]),
            "wire",
            size=1,
            init=active,
        )
        variables: list[Any] = []
        changes: list[tuple[int, int, str]] = []
        for number, (scope, name, bits) in enumerate(columns):
            first, *later = _values(bits)
            unique = vcd_name(name, taken[scope])
            variables.append(_declare(writer, scope, unique, bits.shape[1], first[1]))
            changes += [(cycle, number, value) for cycle, value in later]
        changes.sort(key=itemgetter(0))
        at = {cycle: list(group) for cycle, group in groupby(changes, itemgetter(0))}
        for cycle in range(cycles):
            if cycle:
                writer.change(ticking, PERIOD * cycle, active)
            for _, number, value in at.get(cycle, ()):
                writer.change(variables[number], PERIOD * cycle, value)
            writer.change(ticking, PERIOD * cycle + PERIOD // 2, inactive)
        writer.close(PERIOD * cycles)
    return text.getvalue().encode("ascii", "replace")


def _scope(top: str) -> str:
    name = vcd_name(top, {OWN_SCOPE}).replace("[", "(").replace("]", ")")
    return name.replace(".", "_")  # the separator of scopes


def _declare(writer: VCDWriter, scope: str, name: str, width: int, first: VarValue) -> Any:
    return writer.register_var((scope,), name, "wire", size=width, init=first)


def _column(bits: Bits) -> Bits:
    return np.asarray(bits, np.uint8).reshape(len(bits), -1)


def _values(bits: Bits) -> Iterable[Value]:
    """Where uint8 (cycles, width) changes, and to what; cycle 0 first. Bits that are neither 0 nor 1 are unknown."""
    starts = np.concatenate(([0], np.flatnonzero((bits[1:] != bits[:-1]).any(axis=1)) + 1))
    texts = np.ascontiguousarray(_DIGITS[np.minimum(bits[starts, ::-1], 2)])
    return [(int(start), row.tobytes().decode("ascii")) for start, row in zip(starts, texts, strict=True)]
