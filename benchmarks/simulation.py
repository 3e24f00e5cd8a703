"""Simulation of PicoRV32: combinational and sequential, beside KyuPy on the same gates and the same patterns.

    python -m benchmarks.simulation [--words 1024] [--kyupy PYTHON] [--network FILE.npz]

A gate-pattern is one two-input and-gate of the and-inverter network evaluated for one stimulus; inverters are part of
the gates that read them and are not counted, neither for us nor for KyuPy. The same rate is also given per cell of the
netlist KyuPy gets (and2, nor2, and an inverter per signal that is needed both ways). Times include handing the
patterns in and reading the results out. KyuPy (which uses one thread) runs in the Python given by --kyupy, or in this
one if it is installed; it is given 32, 128 and 512 words at a time, and the fastest counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from sandgrain.logic.network import Network
from sandgrain.logic.simulate import evaluate, run
from sandgrain.logic.stimuli import Drive, Stimuli, reset

ARRAYS = ("input_kinds", "latch_next", "latch_init", "fanin0", "fanin1")

KYUPY = """
import json, sys, time
import numpy as np
netlist, patterns, path, repeat = sys.argv[1], np.load(sys.argv[2]), sys.argv[3], int(sys.argv[4])
from kyupy.circuit import Circuit, Line, Node
from kyupy.logic_sim import LogicSim
circuit = Circuit("gates")
for line in open(netlist):
    kind, name, *drivers = line.split()
    node = Node(circuit, kind + name, kind)
    if kind in ("input", "output"):
        circuit.io_nodes.append(node)
    if kind != "output":
        Line(circuit, node, circuit.get_or_add_fork(name))
    for driver in drivers:
        Line(circuit, circuit.get_or_add_fork(driver), node)
start = time.perf_counter()
sim = LogicSim(circuit, sims=64, m=2, c_reuse=True, strip_forks=True)
results = np.empty((sim.s_len - len(patterns), patterns.shape[1]), np.uint64)
def work(words):
    inner = 0.0
    for at in range(0, patterns.shape[1], words):
        sim.s[0, :len(patterns), 0] = patterns[:, at:at + words].copy().view(np.uint8)
        sim.s_to_c()
        begin = time.perf_counter()
        sim.c_prop()
        inner += time.perf_counter() - begin
        sim.c_to_s()
        results[:, at:at + words] = sim.s[1, len(patterns):, 0].copy().view(np.uint64)
    return inner
ready = whole = inner = None
for words in (32, 128, 512):
    # The schedule takes many seconds and is the same for any width, so only the arrays are made anew.
    sim.c = np.zeros((sim.c_len, 1, 8 * words), np.uint8)
    sim.s = np.zeros((2, sim.s_len, 3, 8 * words), np.uint8)
    work(words)
    ready = ready or time.perf_counter() - start
    for _ in range(repeat):
        begin = time.perf_counter()
        gates = work(words)
        inner = min(gates, inner or gates)
        seconds = time.perf_counter() - begin
        whole = min(seconds, whole or seconds)
np.save(path, results)
print("RESULT " + json.dumps(dict(ready=ready, whole=whole, inner=inner)))
"""

READY = """
import time
begin = time.perf_counter()
import numpy as np
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import evaluate, run
from sandgrain.logic.stimuli import Stimuli
one = np.zeros(1, np.uint32)
network = Network(np.zeros(1, np.uint8), one, np.zeros(1, np.uint8), one + 2, one + 4)
evaluate(network, one + 6, np.zeros((1, 1), np.uint64), np.zeros((1, 1), np.uint64))
run(network, Stimuli.of(network, {}), cycles=1, count=1)
print(time.perf_counter() - begin)
"""


def picorv32() -> tuple[Network, int, int]:
    """The network, the index of its reset input, and the level that asserts it."""
    from sandgrain.formal.environment import bind
    from sandgrain.netlist.submitted import elaborate_submission
    from sandgrain.progress import SilentProgress
    from sandgrain.redteam import write_example
    from sandgrain.submission import load

    with tempfile.TemporaryDirectory() as directory:
        submission = load(write_example("picorv32", Path(directory) / "submission"))
        whole = bind(submission, elaborate_submission(submission, SilentProgress())).whole
    asserted = whole.reset_asserted
    which = int(np.flatnonzero(asserted < 2)[0])
    return whole.model.network, which, int(asserted[which])


def stored(path: Path) -> tuple[Network, int, int]:
    """As `picorv32`, from a file or into it."""
    if not path.exists():
        network, which, level = picorv32()
        np.savez(path, which=which, level=level, **{name: getattr(network, name) for name in ARRAYS})
    with np.load(path) as data:
        return Network(**{name: data[name] for name in ARRAYS}), int(data["which"]), int(data["level"])


def ends(network: Network) -> np.ndarray:
    """Literals that together depend on every gate: next states, and gates that no gate reads."""
    read = np.zeros(network.variable_count, np.bool_)
    read[network.fanin0 >> 1] = True
    read[network.fanin1 >> 1] = True
    wanted = ~read
    wanted[network.latch_next >> 1] = True
    wanted[: network.first_and] = False
    return (np.flatnonzero(wanted) * 2).astype(np.uint32)


def as_cells(network: Network, outputs: np.ndarray) -> tuple[str, int]:
    """The gates as lines ``kind output input...``, inputs and outputs first, and the number of cells."""
    lines = [f"input v{variable}" for variable in range(1, network.first_and)]
    lines += [f"output o{literal >> 1} v{literal >> 1}" for literal in outputs.tolist()]
    ports = len(lines)
    inverted: set[int] = set()

    def wire(literal: int) -> str:
        variable = literal >> 1
        if variable == 0:
            raise SystemExit("a gate reads a constant: the network is not folded")
        if not literal & 1:
            return f"v{variable}"
        if variable not in inverted:
            inverted.add(variable)
            lines.append(f"inv n{variable} v{variable}")
        return f"n{variable}"

    for gate, (a, b) in enumerate(
        zip(network.fanin0.tolist(), network.fanin1.tolist(), strict=True), network.first_and
    ):
        kind, flip = ("nor", 1) if a & b & 1 else ("and", 0)
        lines.append(f"{kind} v{gate} {wire(a ^ flip)} {wire(b ^ flip)}")
    return "\n".join(lines) + "\n", len(lines) - ports


def best(work: Callable[[], object], repeat: int) -> float:
    """Seconds of the fastest of some runs."""
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def ready() -> None:
    """How long a process takes from nothing to its first result."""
    with tempfile.TemporaryDirectory() as cache:
        for what in ("first use, kernels compiled", "later, kernels from the cache"):
            done = subprocess.run(
                [sys.executable, "-c", READY],
                env=os.environ | {"NUMBA_CACHE_DIR": cache},
                capture_output=True,
                text=True,
                check=True,
            )
            print(f"  {what:<34} {float(done.stdout):8.2f} s until the first results of both functions")


def beside_kyupy(
    python: str,
    network: Network,
    outputs: np.ndarray,
    patterns: np.ndarray,
    ours: tuple[np.ndarray, float],
    repeat: int,
) -> None:
    """Run KyuPy on the same gates and patterns, check that it finds the same, print its rates and the ratio."""
    expected, seconds = ours
    text, cells = as_cells(network, outputs)
    count = 64 * patterns.shape[1]
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        (directory / "netlist.txt").write_text(text)
        np.save(directory / "patterns.npy", patterns)
        files = [str(directory / name) for name in ("netlist.txt", "patterns.npy", "results.npy")]
        done = subprocess.run([python, "-c", KYUPY, *files, str(repeat)], capture_output=True, text=True, check=False)
        line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
        if line is None:
            print(f"  KyuPy failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
            return
        told = json.loads(line.removeprefix("RESULT "))
        same = np.array_equal(np.load(directory / "results.npy"), expected)
    gates = network.and_count * count
    print(f"  KyuPy  pass with patterns in and out  {gates / told['whole']:9.2e} gate-patterns/s")
    print(f"  KyuPy  gates alone                    {gates / told['inner']:9.2e} gate-patterns/s")
    print(f"  KyuPy  ready after                    {told['ready']:9.2f} s")
    print(f"  per cell of its netlist ({cells} cells): we {cells * count / seconds:.2e}, ", end="")
    print(f"KyuPy {cells * count / told['whole']:.2e} cell-patterns/s")
    print(f"  same results: {same}")
    print(f"  ratio: {told['whole'] / seconds:.1f} (against KyuPy's gates alone: {told['inner'] / seconds:.1f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--words", type=int, default=1024, help="words of 64 patterns, a multiple of 512, combinational"
    )
    parser.add_argument("--cycles", type=int, default=1000, help="cycles of 64 x 64 stimuli, sequential")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--kyupy", help="a Python in which KyuPy (and numba, which makes it fast) is installed")
    parser.add_argument("--network", type=Path, help="keep the elaborated network in this .npz file")
    chosen = parser.parse_args()
    network, which, level = stored(chosen.network) if chosen.network else picorv32()
    print(f"PicoRV32: {network.and_count} and-gates, {network.latch_count} latches, {network.input_count} inputs")
    print("\nready")
    ready()

    outputs = ends(network)
    generator = np.random.default_rng(1)
    patterns = generator.integers(0, 2**64, (network.first_and - 1, chosen.words), dtype=np.uint64)
    inputs, state = patterns[: network.input_count], patterns[network.input_count :]
    count = 64 * chosen.words
    print(f"\ncombinational, {count} patterns, every gate needed, {outputs.size} outputs read; best of {chosen.repeat}")
    expected = evaluate(network, outputs, inputs, state)
    seconds = {}
    for threads in (1, len(os.sched_getaffinity(0))):
        seconds[threads] = best(partial(evaluate, network, outputs, inputs, state, threads=threads), chosen.repeat)
        rate = network.and_count * count / seconds[threads]
        print(f"  sandgrain, {threads} threads                  {rate:9.2e} gate-patterns/s")
    python = chosen.kyupy or (sys.executable if importlib.util.find_spec("kyupy") else None)
    if python is None:
        print("  KyuPy is not installed here: install kyupy and numba somewhere and name that Python with --kyupy")
    else:
        beside_kyupy(python, network, outputs, patterns, (expected, min(seconds.values())), chosen.repeat)

    drives: dict[int, Drive] = {which: reset(4, level)}
    stimuli = Stimuli.of(network, drives, seed=1)
    run(network, stimuli, cycles=1, count=64)  # kernels compiled or fetched
    print(f"\nsequential, 64 x 64 stimuli from reset, {chosen.cycles} cycles, random inputs")
    for name, three, counting in (
        ("two-valued", False, False),
        ("two-valued, ones and toggles of all", False, True),
        ("three-valued", True, False),
        ("three-valued, counted", True, True),
    ):
        took = best(
            partial(run, network, stimuli, cycles=chosen.cycles, count=4096, three_valued=three, counting=counting),
            1,
        )
        rate = network.and_count * 4096 * chosen.cycles / took
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  {name:<38} {took:7.2f} s  {rate:9.2e} gate-patterns/s  {peak:6.0f} MiB resident at most so far")


if __name__ == "__main__":
    main()
