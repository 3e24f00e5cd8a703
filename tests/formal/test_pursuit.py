"""A trigger of several words is reached word by word, where no single search is deep enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from sandgrain.formal import bounded, pursuit
from sandgrain.formal.bounded import DOES_NOT_MATTER, Run, Search
from sandgrain.formal.environment import Environment
from sandgrain.formal.pursuit import Pursuit, hold_condition
from sandgrain.formal.reachability import Cube, Reachability
from sandgrain.formal.sampling import sample_states
from tests.logic.networks import OPEN, Circuit, Explicit, environment_of, inside, number

WIDTH = 12
WORDS = (0xA5C, 0x39E, 0x71B)
START = np.zeros(4, np.bool_)
KILL = 2 * 2
"""The latch literal of the kill; the beat is latch 3."""


def sequence(words: Sequence[int] = WORDS, *, armed: bool = True) -> Environment:
    """Latches s0, s1, kill and beat: each word of the sequence must follow the one before it at once.

    Without being ``armed``, the last word does nothing.
    """
    circuit = Circuit(WIDTH, 4)
    port = [circuit.input(index) for index in range(WIDTH)]
    seen = [circuit.equals(port, word) for word in words]
    last = circuit.all_of((circuit.latch(1), seen[2])) if armed else 0
    nexts = [
        seen[0],
        circuit.all_of((circuit.latch(0), seen[1])),
        circuit.any_of((circuit.latch(2), last)),
        circuit.all_of((circuit.latch(3) ^ 1, circuit.latch(2) ^ 1)),
    ]
    return environment_of(
        circuit.network(nexts, [0, 0, 0, 0]), {"service a": circuit.latch(3)}, [[0] * WIDTH, [1] * WIDTH]
    )


def chase(environment: Environment, depth: int) -> Pursuit:
    states = sample_states(environment, words=1, episodes=1, cycles=16)
    return Pursuit(environment, START, Reachability(environment), states, depth)


def search_here(
    environment: Environment,
    start: NDArray[np.bool_],
    cubes: Sequence[Cube],
    *,
    seconds: float,
    max_depth: int,
    tick: Callable[[int], None] = lambda _depth: None,
    ended: Callable[[], bool] = lambda: False,
) -> Search:
    """`bounded.search` without a process, which takes a second to start; it never stops early."""
    messages: list[object] = []

    class Pipe:
        def send(self, message: object) -> None:
            messages.append(message)

    bounded._search(Pipe(), environment, start, list(cubes), max_depth)  # type: ignore[arg-type]
    *depths, run = messages
    for depth in range(len(depths)):
        tick(depth + 1)
    assert run is None or isinstance(run, Run)
    return Search(run, len(depths))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pursuit, "search", search_here)


def check(environment: Environment, run: Run | None) -> None:
    """The run spells the words in its last three cycles, and leads into the kill."""
    assert run is not None
    spelt = [number(row.tolist()) for row in run.inputs[-3:]]
    assert spelt == list(WORDS)
    plain, state = Explicit(environment), 0
    for row in np.where(run.inputs == DOES_NOT_MATTER, 1, run.inputs):
        assert not inside(state, (KILL,))
        state = plain.next(state, number(row.tolist()))
    assert inside(state, (KILL,))


def test_stones_are_the_words_in_order() -> None:
    assert chase(sequence(), 1).stones((KILL,)) == [(0,), (2,), (4,)]
    assert chase(sequence(), 1).stones((6,)) == [], "ordinary operation shows the beat"
    assert chase(sequence(armed=False), 1).stones((KILL,)) == [(KILL,)], "nothing leads there"


@pytest.mark.usefixtures("here")
def test_one_word_at_a_time() -> None:
    """No single search looks further than one cycle."""
    environment = sequence()
    found = chase(environment, 1)
    check(environment, found.run_into((KILL,), seconds=60))
    assert found.searched == 2


@pytest.mark.usefixtures("here")
def test_directly_when_deep_enough() -> None:
    environment = sequence()
    depths: list[int] = []
    found = chase(environment, 3)
    check(environment, found.run_into((KILL,), seconds=60, tick=depths.append))
    assert found.searched == 3
    assert depths == [1, 2, 3]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("depth", [1, 3, 6])
def test_no_run_where_the_last_word_does_nothing(depth: int) -> None:
    assert chase(sequence(armed=False), depth).run_into((KILL,), seconds=60) is None


@pytest.mark.usefixtures("here")
def test_together_with_what_is_ordinary() -> None:
    """The beat dies one cycle after the kill: a cube of both takes one more cycle than the stones."""
    environment = sequence()
    found = chase(environment, 1).run_into((KILL, 7), seconds=60)
    assert found is not None
    assert [number(row.tolist()) for row in found.inputs[:3]] == list(WORDS)
    plain, state = Explicit(environment), 0
    for row in np.where(found.inputs == DOES_NOT_MATTER, 0, found.inputs):
        state = plain.next(state, number(row.tolist()))
    assert inside(state, (KILL, 7))


@pytest.mark.usefixtures("here")
def test_no_time_no_run() -> None:
    assert chase(sequence(), 1).run_into((KILL,), seconds=0) is None


@pytest.mark.slow
def test_with_processes_of_their_own() -> None:
    environment = sequence()
    check(environment, chase(environment, 1).run_into((KILL,), seconds=120))


def test_a_word_kept_from_before_is_a_stone() -> None:
    """A trigger that compares the last word with one value and the one before, which a register keeps, with another."""
    width = 8
    circuit = Circuit(width + 1, 2 * width + 1)
    write = circuit.input(width)
    data = [circuit.latch(index) for index in range(width)]
    kept = [circuit.latch(width + index) for index in range(width)]
    kill = circuit.latch(2 * width)
    both = circuit.all_of((write, circuit.equals(data, 0xA5), circuit.equals(kept, 0x3C)))
    nexts = [circuit.input(index) for index in range(width)]
    nexts += [circuit.mux(write, new, old) for new, old in zip(data, kept, strict=True)]
    network = circuit.network([*nexts, circuit.any_of((kill, both))], [0] * (2 * width + 1))
    environment = environment_of(network, {"service s": kill ^ 1}, [[OPEN] * (width + 1)])
    conditions = {hold_condition(network, width + index) for index in range(width)}
    assert conditions == {write ^ 1}
    assert hold_condition(network, 0) is None
    states = sample_states(environment, words=8, episodes=4, cycles=64)
    pursuit = Pursuit(environment, np.zeros(2 * width + 1, bool), Reachability(environment), states, depth=2)
    word = tuple(2 * (width + bit) + 1 - (0x3C >> bit & 1) for bit in range(width))
    target = (4 * width,)
    assert [word, target] in pursuit.ways(target)
    run = pursuit.run_into(target, seconds=60)
    assert run is not None
    assert len(run.inputs) == 4


def test_a_counted_sequence_is_reached_count_by_count() -> None:
    """Each count is a stone, although no count after the first has all its flip-flops off before it."""
    words = (0xA5C, 0x39E, 0x71B, 0xC04)
    circuit = Circuit(WIDTH, 4)
    port = [circuit.input(index) for index in range(WIDTH)]
    count = [circuit.latch(index) for index in range(3)]
    steps = [circuit.all_of((circuit.equals(count, at), circuit.equals(port, word))) for at, word in enumerate(words)]
    done = circuit.equals(count, 4)
    nexts = [circuit.any_of((steps[0], steps[2])), circuit.any_of((steps[1], steps[2]))]
    nexts += [circuit.any_of((steps[3], done)), circuit.all_of((circuit.latch(3) ^ 1, done ^ 1))]
    network = circuit.network(nexts, [0] * 4)
    environment = environment_of(network, {"service s": circuit.latch(3)}, [[OPEN] * WIDTH])
    hunt = chase(environment, 1)
    assert hunt.stones((4,)) == [(0,), (2,), (0, 2), (4,)]
    run = hunt.run_into((4,), seconds=60)
    assert run is not None
    assert len(run.inputs) == 4
