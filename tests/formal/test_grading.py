"""What brings the service back: each grade on a design made for it."""

from __future__ import annotations

import numpy as np

from sandgrain.formal.environment import Environment
from sandgrain.formal.grading import WAITED, grade_stop
from sandgrain.logic.network import UNKNOWN
from sandgrain.verdict import Grade
from tests.logic.networks import Circuit, environment_of

RESET, GO = 0, 1


def stopped(*, cleared: bool, init: int = UNKNOWN, has_reset: bool = True) -> Environment:
    """Serves while a latch is 0; the latch stays set, unless reset clears it."""
    circuit = Circuit(2, 1)
    kill = circuit.latch(0)
    following = circuit.all_of((kill, circuit.input(RESET) ^ 1)) if cleared else kill
    network = circuit.network([following], [init])
    return environment_of(network, {"service s": kill ^ 1}, [[0, 1]], reset=RESET if has_reset else None)


def slow(bits: int) -> Environment:
    """Serves once in ``2 ** bits`` cycles: when a counter is 0."""
    circuit = Circuit(2, bits)
    count = [circuit.latch(index) for index in range(bits)]
    nexts, carry = [], 1
    for bit in count:
        nexts.append(circuit.any_of((circuit.all_of((bit, carry ^ 1)), circuit.all_of((bit ^ 1, carry)))))
        carry = circuit.all_of((carry, bit))
    serves = circuit.equals(count, 0)
    nexts = [circuit.all_of((following, circuit.input(RESET) ^ 1)) for following in nexts]
    network = circuit.network(nexts)
    return environment_of(network, {"service s": serves}, [[0, 1]], reset=RESET)


def grade(environment: Environment, state: list[int]) -> tuple[Grade, int | None]:
    service = environment.services["s"]
    graded = grade_stop(environment, np.array(state, bool), service, np.zeros(2, np.uint8), 0)
    return graded.grade, graded.returns_after


def test_reset_brings_it_back() -> None:
    assert grade(stopped(cleared=True), [1]) == (Grade.NEEDS_RESET, None)


def test_power_brings_it_back_where_reset_does_not() -> None:
    assert grade(stopped(cleared=False, init=0), [1]) == (Grade.NEEDS_POWER_CYCLE, None)


def test_nothing_says_that_power_brings_it_back() -> None:
    assert grade(stopped(cleared=False, init=UNKNOWN), [1]) == (Grade.SURVIVES_RESET, None)
    assert grade(stopped(cleared=False, init=1), [1]) == (Grade.SURVIVES_RESET, None)


def test_without_a_reset_only_power_is_left() -> None:
    assert grade(stopped(cleared=False, init=0, has_reset=False), [1]) == (Grade.NEEDS_POWER_CYCLE, None)


def test_it_comes_back_by_itself() -> None:
    assert grade(slow(4), [1, 0, 0, 0]) == (Grade.SLOWED, 15)
    assert grade(slow(4), [1, 1, 1, 1]) == (Grade.SLOWED, 1)


def test_what_takes_too_long_is_no_longer_waited_for() -> None:
    bits = WAITED.bit_length()
    assert grade(slow(bits), [1] + [0] * (bits - 1)) == (Grade.NEEDS_RESET, None)
