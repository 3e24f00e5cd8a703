"""64 stimuli to a word, each of them exactly what the interpreter says."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Simulator, Words, read
from tests.logic.networks import Interpreter, number, small_networks

CYCLES = 5


def stream(words: Words, which: int) -> list[int]:
    """Stimulus ``which`` of every row."""
    return [int(row[which // 64]) >> which % 64 & 1 for row in words]


def random_words(generator: np.random.Generator, rows: int, words: int) -> Words:
    return generator.integers(0, 2**64, (rows, words), dtype=np.uint64)


@given(small_networks(), st.integers(0, 2**32), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_every_stimulus_in_every_cycle(network: Network, seed: int, words: int) -> None:
    plain = Interpreter(network)
    generator = np.random.default_rng(seed)
    simulator = Simulator(network, words)
    simulator.state[:] = random_words(generator, network.latch_count, words)
    states = [number(stream(simulator.state, which)) for which in range(64 * words)]
    for _ in range(CYCLES):
        simulator.inputs[:] = random_words(generator, network.input_count, words)
        simulator.evaluate()
        inputs = [number(stream(simulator.inputs, which)) for which in range(64 * words)]
        for which in range(64 * words):
            assert stream(simulator.values, which) == plain.values(states[which], inputs[which])
        states = [plain.next(state, row) for state, row in zip(states, inputs, strict=True)]
        simulator.clock()
        assert [number(stream(simulator.state, which)) for which in range(64 * words)] == states


def swap() -> Network:
    """Two latches that take each other's value, one of them negated: all must move at once."""
    empty = np.empty(0, np.uint32)
    return Network(np.empty(0, np.uint8), np.array([4, 3], np.uint32), np.array([0, 0], np.uint8), empty, empty)


def test_latches_move_together() -> None:
    simulator = Simulator(swap(), 1)
    simulator.state[:] = np.array([[0b0011], [0b0101]], np.uint64)
    simulator.evaluate()
    simulator.clock()
    assert [int(row[0]) & 15 for row in simulator.state] == [0b0101, 0b1100]


def test_read_negates() -> None:
    values = np.array([[0], [6]], np.uint64)
    rows = read(values, np.array([0, 1, 2, 3], np.uint32))
    everything = 2**64 - 1
    assert rows[:, 0].tolist() == [0, everything, 6, everything ^ 6]
    assert values[:, 0].tolist() == [0, 6]


def test_inputs_and_state_are_views() -> None:
    simulator = Simulator(swap(), 2)
    simulator.state[1, 0] = 9
    assert simulator.values[2].tolist() == [9, 0]
    assert simulator.inputs.shape == (0, 2)
