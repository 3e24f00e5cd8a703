"""Speed and power of RTL = netlist: cores mapped to sky130 cells, proved beside ABC ``dsec``, and mutations told apart.

python benchmarks/equivalence.py [--core serv]... [--flavour plain]... [--mutations 200]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sandgrain.equivalence.joint import Ports, match_ports
from sandgrain.equivalence.sides import NETLIST, RTL, Side, make_side
from sandgrain.logic.aiger_out import write_network_aiger
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.model import InputBit, LatchBit, Model, PortBits
from sandgrain.logic.network import Network
from sandgrain.logic.pdr import abc_program
from sandgrain.netlist.elaborate import elaborate
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.link import link
from sandgrain.netlist.read import read_netlist
from sandgrain.redteam import write_example
from tests.equivalence.cores import MappedCore, mapped
from tests.equivalence.mapping import cells
from tests.equivalence.mutations import mutate

PEER_SECONDS = 300


def bound(side: Side, ports: Ports, places: NDArray[np.int64]) -> Model:
    """A side over the inputs of both, with what it leaves undefined as 0: ``dsec`` wants the same inputs."""
    network = side.network
    graph = Graph(network.variable_count)
    inputs, state = graph.free(len(ports.inputs)), graph.free(network.latch_count)
    own = np.zeros(network.input_count, np.uint32)
    own[places >= 0] = inputs[places[places >= 0]]
    values = graph.frame(network, own, state)
    first_and = 1 + inputs.size + state.size
    whole = Network(
        np.zeros(inputs.size, np.uint8),
        literal_values(values, network.latch_next),
        network.latch_init,
        graph.fanin0[first_and:].copy(),
        graph.fanin1[first_and:].copy(),
    )
    outputs = [
        PortBits(key, "output", literal_values(values, np.array([side.outputs[key]], np.uint32)))
        for key in ports.outputs
    ]
    return Model(
        whole,
        tuple(InputBit(key, 0, key) for key in ports.inputs),
        tuple(LatchBit(str(at), None) for at in range(state.size)),
        {},
        tuple(outputs),
    )


def peer(core: MappedCore, work: Path) -> tuple[str, float]:
    """What ``dsec`` of ABC says of the same two networks, registers beginning at 0, undefined values as 0."""
    program = abc_program()
    if program is None:
        return "absent", 0.0
    first = link(elaborate(core.design).gates, {}, generic_cell)
    second = link(read_netlist([core.netlist], top=core.design.top).netlist, cells(), generic_cell)
    sides = [make_side(name, linked, core.options.clocks, {}) for name, linked in ((RTL, first), (NETLIST, second))]
    ports = match_ports(*sides)
    for side, places in zip(sides, (ports.first_inputs, ports.second_inputs), strict=True):
        with (work / f"{side.name}.aig").open("wb") as stream:
            write_network_aiger(bound(side, ports, places), stream)
    command = f"read {work}/rtl.aig; zero; write {work}/a.aig; read {work}/netlist.aig; zero; write {work}/b.aig; "
    command += f"dsec -n {work}/a.aig {work}/b.aig"
    started = time.monotonic()
    try:
        done = subprocess.run(
            [str(program), "-c", command], capture_output=True, text=True, timeout=PEER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "timed out", time.monotonic() - started
    lines = [line for line in done.stdout.splitlines() if "equivalent" in line.lower() or "match" in line.lower()]
    said = done.stdout.strip().splitlines()[-1:] or ["nothing"]
    return (lines[-1].strip() if lines else f"no answer ({said[0].strip()})"), time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", action="append")
    parser.add_argument("--flavour", action="append")
    parser.add_argument("--mutations", type=int, default=0)
    parser.add_argument("--budget", type=float, default=120.0)
    options = parser.parse_args()
    for name in options.core or ["serv", "vexriscv", "picorv32"]:
        for flavour in options.flavour or ["plain", "other"]:
            with tempfile.TemporaryDirectory() as directory:
                work = Path(directory)
                core = mapped(write_example(name, work / "submission", None), work, flavour)
                result = core.compared(budget=options.budget)
                answer, seconds = peer(core, work)
                print(
                    f"{name} {flavour}: {result.verdict} in {result.seconds:.1f} s; dsec: {answer} in {seconds:.1f} s; "
                    f"ratio {seconds / max(result.seconds, 0.01):.2f}",
                    flush=True,
                )
                text = core.netlist.read_text()
                counts: Counter[str] = Counter()
                for seed in range(options.mutations):
                    changed, what = mutate(text, seed)
                    verdict = core.compared(changed, budget=options.budget).verdict
                    counts[verdict.value] += 1
                    if verdict.value == "open":
                        print(f"  open: {seed} {what}", flush=True)
                if options.mutations:
                    print(f"  {options.mutations} mutations: {dict(counts)}", flush=True)


if __name__ == "__main__":
    main()
