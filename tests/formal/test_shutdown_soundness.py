"""Verdicts on random small designs agree with a search through every state they can be in."""

from __future__ import annotations

import hashlib
import itertools
import random
from pathlib import Path

import numpy as np
import pytest

from sandgrain.formal.budgets import ShutdownOptions
from sandgrain.formal.environment import HELD, Bound, Environment, bind
from sandgrain.formal.shutdown import examine
from sandgrain.formal.witness import reset_inputs
from sandgrain.logic.simulate import Simulator
from sandgrain.netlist.submitted import elaborate_submission
from sandgrain.progress import SilentProgress
from sandgrain.submission import load
from sandgrain.verdict import EvidenceFile, Verdict

MANIFEST = """schema = 1
[chip]
name = "Random"
vendor = "V"
date = 2026-11-23
top = "top"
[[files]]
role = "rtl"
paths = ["top.v"]
[[clocks]]
port = "clk"
edge = "rising"
[[resets]]
port = "rst"
active = "high"
synchronous = true
cycles = 2
[[services]]
name = "work"
expression = "busy"
[recovery]
within_cycles = 12
[recovery.inputs]
a = "1'b1"
"""


def verilog(rng: random.Random, latches: int) -> str:
    """A ring that serves now and then, some logic around it, and sometimes a latch that can stop it."""

    def term() -> str:
        signal = rng.choice([*(f"s[{i}]" for i in range(latches)), "a", "b"])
        return rng.choice(["", "~"]) + signal

    def expression() -> str:
        return "(" + f" {rng.choice('&|^')} ".join(term() for _ in range(rng.randint(2, 4))) + ")"

    lines = [f"    s[{i}] <= {expression()};" for i in range(3, latches)]
    guard = rng.choice(["1'b1", f"~s[{latches - 1}]", f"~(s[{latches - 1}] & s[{latches - 2}])", "(a | ~s[3])"])
    sticky = rng.random() < 0.5
    if sticky:
        lines[-1] = f"    s[{latches - 1}] <= s[{latches - 1}] | (b & {expression()} & s[3]);"
    # Some flip-flops reset leaves alone: their power-up value is anybody's.
    cleared = latches if rng.random() < 0.5 else latches - 1
    return f"""module top(input clk, input rst, input a, input b, output busy);
  reg [{latches - 1}:0] s;
  assign busy = s[0] & {guard};
  always @(posedge clk) if (rst) s[{cleared - 1}:0] <= 1;
  else begin
    s[0] <= s[2]; s[1] <= s[0]; s[2] <= s[1];
{chr(10).join(lines)}
  end
endmodule
"""


def step(environment: Environment, states: np.ndarray, inputs: np.ndarray, service: int) -> tuple[np.ndarray, ...]:
    """Next states and service of bool (n, latches) under bool (n, inputs), by the simulator, 64 to a word."""
    count = len(states)
    words = -(-count // 64)

    def pack(bits: np.ndarray) -> np.ndarray:
        padded = np.zeros((64 * words, bits.shape[1]), np.uint8)
        padded[:count] = bits
        return np.packbits(padded.T.copy(), axis=1, bitorder="little").view(np.uint64)

    simulator = Simulator(environment.model.network, words)
    simulator.state[:] = pack(states)
    simulator.inputs[:] = pack(inputs)
    simulator.evaluate()
    served = simulator.values[service >> 1] ^ (np.uint64(0xFFFFFFFFFFFFFFFF) if service & 1 else np.uint64(0))
    given = np.unpackbits(served.view(np.uint8), bitorder="little")[:count].astype(bool)
    simulator.clock()
    unpacked = np.unpackbits(simulator.state.view(np.uint8), axis=1, bitorder="little")[:, :count].T.astype(bool)
    return unpacked, given


def always_returns(bound: Bound, frames: int) -> bool:
    """Whether service returns within ``frames`` cycles from every reachable state, by looking at all of them."""
    environment = bound.cone
    network = environment.model.network
    service = environment.services["work"]
    everything = np.array(list(itertools.product([False, True], repeat=network.input_count)), bool)
    everything = everything.reshape(-1, network.input_count)
    states = np.array(list(itertools.product([False, True], repeat=network.latch_count)), bool)
    states = states.reshape(-1, network.latch_count)

    def successors(of: np.ndarray, rows: np.ndarray) -> np.ndarray:
        pairs = np.repeat(of, len(rows), axis=0), np.tile(rows, (len(of), 1))
        return np.unique(step(environment, *pairs, service)[0], axis=0)

    for _ in reset_inputs(environment):
        fixed = environment.reset_asserted < 2
        rows = everything[(everything[:, fixed] == (environment.reset_asserted[fixed] == 1)).all(axis=1)]
        states = successors(states, rows)
    fixed = environment.reset_released < 2
    operation = everything[(everything[:, fixed] == (environment.reset_released[fixed] == 1)).all(axis=1)]
    while True:
        more = np.unique(np.concatenate((states, successors(states, operation))), axis=0)
        if len(more) == len(states):
            break
        states = more
    row = environment.stimulus[0]
    held = np.flatnonzero(row == HELD)
    for constants in itertools.product([False, True], repeat=len(held)):
        driven = row == 1
        driven[held] = constants
        waiting = states
        for _ in range(frames):
            waiting, given = step(environment, waiting, np.tile(driven, (len(waiting), 1)), service)
            waiting = waiting[~given]
            if not len(waiting):
                break
        if len(waiting):
            return False
    return True


def keep(data: bytes, suffix: str, media_type: str) -> EvidenceFile:
    digest = hashlib.sha256(data).hexdigest()
    return EvidenceFile(path=f"evidence/{digest}{suffix}", sha256=digest, size=len(data), media_type=media_type)


@pytest.mark.slow
def test_verdicts_agree_with_every_state(tmp_path: Path) -> None:
    verdicts = []
    for seed in range(24):
        rng = random.Random(seed)
        root = tmp_path / str(seed)
        root.mkdir()
        (root / "top.v").write_text(verilog(rng, rng.randint(5, 9)))
        (root / "submission.toml").write_text(MANIFEST)
        submission = load(root)
        elaborated = elaborate_submission(submission, SilentProgress())
        claim = examine(
            submission, elaborated, keep=keep, progress=SilentProgress(), options=ShutdownOptions(seconds=20)
        )
        returns = always_returns(bind(submission, elaborated), 12)
        verdicts.append(claim.verdict)
        if claim.verdict is Verdict.PROVED:
            assert returns, f"seed {seed}: proved, but some state never returns\n{(root / 'top.v').read_text()}"
        if claim.verdict is Verdict.REFUTED:
            assert not returns, f"seed {seed}: refuted, but every state returns\n{(root / 'top.v').read_text()}"
    # The designs are small: the search is to end one way or the other on most of them, and both ways.
    assert verdicts.count(Verdict.PROVED) >= 4
    assert verdicts.count(Verdict.REFUTED) >= 4
    assert verdicts.count(Verdict.OPEN) <= 8
