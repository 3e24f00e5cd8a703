"""Running a delivered netlist under random stimuli: which nets change, how often, and what a run looks like."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic.assemble import Assembled, Clock, assemble
from sandgrain.logic.network import Literals
from sandgrain.logic.simulate import Counts, run
from sandgrain.logic.stimuli import Constant, Drive, Stimuli, reset
from sandgrain.logic.vcd import Watch, write_vcd
from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.link import Linked
from sandgrain.netlist.model import ONE, ZERO, Module, Net, Port


@dataclass(frozen=True)
class ExerciseOptions:
    """How a netlist is exercised.

    Attributes:
        cycles: clock cycles of every run.
        stimuli: number of runs.
        seed: of all random values.
        clocks: the clocks that step together; by default the only one there is.
        resets: per input port, the value that resets and for how many cycles it is applied.
        held: constants on input ports.
        supplies: inputs that are no inputs at all but constants of the chip, such as supplies.
        leave_free: cut ring oscillators open and leave registers without a sure clock edge free.
        three_valued: simulate X too: registers start as X unless the netlist says otherwise.
        watch: nets and ports to show in the VCD; by default all ports.
    """

    cycles: int = 1_000
    stimuli: int = 4_096
    seed: int = 1
    clocks: tuple[Clock, ...] = ()
    resets: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    supplies: Mapping[str, int] = field(default_factory=dict)
    leave_free: bool = False
    three_valued: bool = False
    watch: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NetActivity:
    """What one net bit did over all runs and cycles.

    Attributes:
        name: the vendor's.
        ones: samples in which it was 1.
        toggles: changes from one cycle to the next.
        unknowns: samples in which it was X.
    """

    name: str
    ones: int
    toggles: int
    unknowns: int


@dataclass(frozen=True)
class Exercise:
    """What `exercise` saw.

    Attributes:
        inputs, latches, gates: size of the network; gates are two-input ands.
        free_inputs: inputs nothing defines.
        samples: runs times cycles.
        seconds: of the simulation alone.
        nets: net bits that are no constants.
        still_count: how many net bits never changed.
        still: the first of them, by number.
        rarest: net bits that changed, the ones furthest from even first.
        not_modelled: sentences on what was left free or taken for granted.
    """

    inputs: int
    latches: int
    gates: int
    free_inputs: int
    samples: int
    seconds: float
    nets: int
    still_count: int
    still: tuple[NetActivity, ...]
    rarest: tuple[NetActivity, ...]
    not_modelled: tuple[str, ...]


def exercise(
    linked: Linked, options: ExerciseOptions | None = None, *, vcd: Path | None = None, shown: int = 1_000
) -> Exercise:
    """Simulate a netlist from power-up under random inputs.

    Args:
        linked: the netlist.
        options: how.
        vcd: file for the first of the runs.
        shown: the most nets listed as still, and as rarest.

    Raises:
        NetworkError: a port or net that is not there, or a netlist that is no clocked network.
        LimitExceeded: more watched values than fit into memory.
    """
    options = options or ExerciseOptions()
    module = flatten(linked)
    assembled = assemble(
        module, linked.lookup, options.clocks or None, held=options.supplies, leave_free=options.leave_free
    )
    network = assembled.network
    stimuli = Stimuli.of(network, _drives(module, assembled, options), seed=options.seed)
    watch = _watch(module, assembled, options.watch) if vcd is not None else Watch((), ())
    started = time.perf_counter()
    done = run(
        network,
        stimuli,
        cycles=options.cycles,
        count=options.stimuli,
        three_valued=options.three_valued,
        trace=watch.literals,
    )
    seconds = time.perf_counter() - started
    if vcd is not None:
        part = vcd.with_name(f".{vcd.name}.part")
        try:
            with part.open("w", encoding="ascii") as stream:
                clock = assembled.domains[0].name if assembled.domains else None
                write_vcd(stream, watch.signals(done.traced), top=module.name, clock=clock)
            os.replace(part, vcd)
        except OSError as error:
            raise NetworkError(f"the trace cannot be written: {error.strerror or error}", file=vcd) from error
        finally:
            part.unlink(missing_ok=True)
    counts = done.counts
    if counts is None:
        raise RuntimeError("a run that counts has counts")
    still_count, still, rarest, nets = _ranked(module, assembled, counts, shown)
    return Exercise(
        inputs=network.input_count,
        latches=network.latch_count,
        gates=network.and_count,
        free_inputs=int((network.input_kinds != 0).sum()),
        samples=counts.samples,
        seconds=seconds,
        nets=nets,
        still_count=still_count,
        still=still,
        rarest=rarest,
        not_modelled=tuple(str(note) for note in assembled.not_modelled),
    )


def _drives(module: Module, assembled: Assembled, options: ExerciseOptions) -> dict[int, Drive]:
    """Drives by network input, from what the options say of ports."""
    index = {bit: position for position, bit in enumerate(assembled.input_bits.tolist()) if bit >= 0}
    ports = {port.name: port for port in module.ports if port.direction != "output"}
    drives: dict[int, Drive] = {}
    for name, (active, cycles) in options.resets.items():
        port = _port(ports, name)
        if port.width != 1 or active not in (0, 1) or cycles < 1:
            raise NetworkError(
                f"{name!r} cannot be a reset of {cycles} cycles at {active}",
                expected="an input of one bit, 0 or 1, and at least one cycle",
            )
        drives[_input(index, port, 0)] = reset(cycles, active)
    for name, value in options.held.items():
        port = _port(ports, name)
        if not 0 <= value < 1 << port.width:
            raise NetworkError(f"{value} does not fit into the {port.width} bits of {name!r}")
        for position in range(port.width):
            drives[_input(index, port, position)] = Constant(value >> position & 1)
    return drives


def _port(ports: Mapping[str, Port], name: str) -> Port:
    if name not in ports:
        raise NetworkError(
            f"there is no input port {name!r}",
            expected=f"one of: {', '.join(list(ports)[:12]) or '(the netlist has none)'}",
            remedy="correct the name",
        )
    return ports[name]


def _input(index: Mapping[int, int], port: Port, position: int) -> int:
    bit = int(port.bits[position])
    if bit not in index:
        raise NetworkError(
            f"bit {position} of {port.name!r} is no input of the network",
            expected="a port that is neither a clock nor held",
        )
    return index[bit]


def _watch(module: Module, assembled: Assembled, names: Sequence[str]) -> Watch:
    """The watched signals; by default all ports, without the clocks."""
    clocks = {domain.bit for domain in assembled.domains}
    found: list[tuple[str, Literals]] = []
    if not names:
        shown = [port for port in module.ports if not clocks & set(port.bits.tolist())]
        found = [(port.name, _literals(assembled, port.bits)) for port in shown]
    for name in names:
        signal: Port | Net | None = next((port for port in module.ports if port.name == name), None)
        signal = signal or module.nets.find(name)
        if signal is None:
            raise NetworkError(f"there is no net {name!r}", expected="the name of a port or net of the flat design")
        found.append((name, _literals(assembled, signal.bits)))
    return Watch(tuple(name for name, _ in found), tuple(bits for _, bits in found))


def _literals(assembled: Assembled, bits: NDArray[np.int32]) -> Literals:
    literals: Literals = assembled.net_literals[bits.clip(0)].copy()
    literals[bits == ZERO] = 0
    literals[bits == ONE] = 1
    return literals


def _ranked(
    module: Module, assembled: Assembled, counts: Counts, shown: int
) -> tuple[int, tuple[NetActivity, ...], tuple[NetActivity, ...], int]:
    """How many nets never changed, which; those that changed, most uneven first; how many nets there are."""
    literals = assembled.net_literals
    variables = literals >> np.uint32(1)
    ones, toggles = counts.ones_of(literals), counts.toggles[variables]
    unknowns = counts.unknowns[variables]
    clocks = [domain.bit for domain in assembled.domains]
    real = variables != 0
    real[clocks] = False
    uneven = np.minimum(ones, np.uint64(counts.samples) - ones - unknowns)

    def listed(chosen: NDArray[np.int64]) -> tuple[NetActivity, ...]:
        return tuple(
            NetActivity(bit_name(module, bit), int(ones[bit]), int(toggles[bit]), int(unknowns[bit]))
            for bit in chosen[:shown].tolist()
        )

    still = np.flatnonzero(real & (toggles == 0))
    moving = np.flatnonzero(real & (toggles > 0))
    order = np.argsort(uneven[moving], kind="stable")
    return int(still.size), listed(still), listed(moving[order]), int(real.sum())
