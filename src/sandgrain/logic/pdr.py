"""Property directed reachability by ABC, in a process of its own.

The method is that of Bradley (VMCAI 2011), made efficient by Een, Mishchenko and Brayton (FMCAD 2011). What it says is
a suggestion: a run to simulate, or clauses to prove. ABC comes with the Yosys that elaborates.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
import resource
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.logic.aiger_out import write_network_aiger
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.model import InputBit, LatchBit, Model, PortBits
from sandgrain.logic.network import FALSE, PORT_INPUT, TRUE, Literals, Network

_BYTES: Final = 4 << 30
_GRACE: Final = 5
_MOST_CLAUSES: Final = 4_096
_MOST_CYCLES: Final = 1 << 16
_MOST_CHARACTERS: Final = 64 << 20
_LONGEST_LINE: Final = 256
_VALUE: Final = re.compile(r"i(\d{1,9})@(\d{1,9})=([01])")
_FLOP: Final = re.compile(r"l(\d+)")


@dataclass(frozen=True)
class Reached:
    """What is said of a state that is not to be reached.

    Attributes:
        inputs: uint8 (cycles, inputs), a run in the last cycle of which the literal is true; None if there is none.
        begin: bool (latches,), where that run begins.
        clauses: literals of latches, ``2 * latch + negated``, of which one is true in every state that can be reached,
            and that exclude the literal; None where there is a run.
    """

    inputs: NDArray[np.uint8] | None
    begin: NDArray[np.bool_]
    clauses: tuple[tuple[int, ...], ...] | None


def reach(
    network: Network, literal: int, begin: NDArray[np.bool_], open_: NDArray[np.int64], seconds: float
) -> Reached | None:
    """Whether a literal can become true; None if that was not decided, or ABC is not there.

    Args:
        network: the network; initial values are those of ``begin``.
        literal: of the network.
        begin: bool (latches,).
        open_: int64 (latches,), -1 for those that begin so; the others begin at any value, but those with the same
            number at the same.
        seconds: how long it may take.
    """
    if literal == FALSE:
        return Reached(None, begin, ())
    program = abc_program()
    if program is None or seconds < 1:
        return None
    with tempfile.TemporaryDirectory(prefix="sandgrain-pdr-") as directory:
        work = Path(directory)
        with (work / "p.aig").open("wb") as stream:
            write_network_aiger(_model(_from_zero(network, literal, begin, open_)), stream)
        script = f"read p.aig; dc2; write_aiger q.aig; pdr -d -f -I inv.pla -T {int(seconds)}; write_cex -a -f cex.txt"
        with subprocess.Popen(
            [str(program), "-c", script],
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as child:
            with contextlib.suppress(ProcessLookupError, AttributeError):
                resource.prlimit(child.pid, resource.RLIMIT_AS, (_BYTES, _BYTES))
            try:
                said, _ = child.communicate(timeout=seconds + _GRACE)
            except subprocess.TimeoutExpired:
                return None
            finally:
                child.kill()
        if b"was asserted in frame" in said:
            return _run(work / "cex.txt", network.input_count, begin, open_)
        if b"Property proved" in said:
            return _invariant(work / "inv.pla", begin)
        # What rewriting makes constant is not looked at, and called undecided.
        if b"All outputs solved" in said and _is_never(work / "q.aig"):
            return Reached(None, begin, ())
    return None


def abc_program() -> Path | None:
    """ABC as it comes with Yosys; None if it is not there."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "yosys-abc"
    return program if program.is_file() else None


def _from_zero(
    network: Network, literal: int, begin: NDArray[np.bool_], open_: NDArray[np.int64]
) -> tuple[Network, int]:
    """The same network, the latches of which all begin at 0, as ABC wants it.

    Those that begin at 1 hold the opposite. Where some begin at any value, inputs say it in a cycle before the first
    one, in which a last latch, true from then on, is still 0.
    """
    flips: Literals = begin.astype(np.uint32)
    graph = Graph(2 * network.variable_count)
    inputs, chosen = graph.free(network.input_count), graph.free(_chosen(open_))
    state, begun = graph.free(network.latch_count), int(graph.free(1)[0]) if chosen.size else int(TRUE)
    first_and = len(graph)
    values = graph.frame(network, inputs, state ^ flips)
    following = literal_values(values, network.latch_next) ^ flips
    bad = graph.land(begun, int(literal_values(values, np.array([literal], np.uint32))[0]))
    latches = [graph.land(begun, after) for after in following.tolist()]
    for at in np.flatnonzero(open_ >= 0).tolist():
        value = int(chosen[open_[at]]) ^ int(flips[at])
        latches[at] = graph.any_of([latches[at], graph.land(begun ^ 1, value)])
    latches += [int(TRUE)] if chosen.size else []
    changed = Network(
        input_kinds=np.full(network.input_count + chosen.size, PORT_INPUT, np.uint8),
        latch_next=np.array(latches, np.uint32),
        latch_init=np.zeros(len(latches), np.uint8),
        fanin0=graph.fanin0[first_and:].copy(),
        fanin1=graph.fanin1[first_and:].copy(),
    )
    return changed, bad


def _chosen(open_: NDArray[np.int64]) -> int:
    """How many values are chosen at the beginning."""
    return 1 + int(open_.max(initial=-1))


def _model(asked: tuple[Network, int]) -> Model:
    network, literal = asked
    return Model(
        network,
        tuple(InputBit(f"i{at}", 0, f"i{at}") for at in range(network.input_count)),
        tuple(LatchBit(f"l{at}", None) for at in range(network.latch_count)),
        {},
        (PortBits("bad", "output", np.array([literal], np.uint32)),),
    )


def _run(file: Path, inputs: int, begin: NDArray[np.bool_], open_: NDArray[np.int64]) -> Reached | None:
    """The run of a counterexample as ABC writes it: ``input@cycle=value``."""
    if not file.is_file() or file.stat().st_size > _MOST_CHARACTERS:
        return None
    found = _VALUE.findall(file.read_text(encoding="ascii", errors="replace"))
    values = np.array([list(map(int, one)) for one in found], np.int64)
    width = inputs + _chosen(open_)
    if not values.size or int(values[:, 0].max()) >= width or int(values[:, 1].max()) >= _MOST_CYCLES:
        return None
    rows = np.zeros((int(values[:, 1].max()) + 1, width), np.uint8)
    rows[values[:, 1], values[:, 0]] = values[:, 2]
    if width == inputs:
        return Reached(rows, begin, None)
    begun = np.where(open_ < 0, begin, rows[0, inputs:][open_] == 1)
    return Reached(rows[1:, :inputs], begun, None)


def _is_never(file: Path) -> bool:
    """Whether the one output of a binary AIGER file is constant 0: its literal follows the header and the latches."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        header = stream.readline(_LONGEST_LINE).split()
        if len(header) < 6 or not header[3].isdigit():
            return False
        for _ in range(int(header[3])):
            stream.readline(_LONGEST_LINE)
        return stream.readline(_LONGEST_LINE).strip() == b"0"


def _invariant(file: Path, begin: NDArray[np.bool_]) -> Reached | None:
    """The clauses of an invariant: the negated cubes of a table that names its latches."""
    if not file.is_file():
        return Reached(None, begin, ())
    if file.stat().st_size > _MOST_CHARACTERS:
        return None
    latches: list[int] = []
    clauses = []
    for line in file.read_text(encoding="ascii").splitlines():
        words = line.split()
        if line.startswith(".ilb"):
            latches = [int(found[1]) for word in words[1:] if (found := _FLOP.fullmatch(word))]
        elif len(words) == 2 and words[1] == "1" and not line.startswith((".", "#")):
            cube = {latch: value == "1" for latch, value in zip(latches, words[0], strict=True) if value != "-"}
            # Of the cycle before the first one nothing is to be said.
            if cube.pop(begin.size, True):
                clauses.append(tuple(2 * latch + int(value != begin[latch]) for latch, value in cube.items()))
    return Reached(None, begin, tuple(clauses)) if len(clauses) <= _MOST_CLAUSES else None
