"""What a round proves holds in every reachable state, and it proves what was there to prove."""

from __future__ import annotations

from hypothesis import given, settings

from sandgrain.formal.environment import Environment
from sandgrain.formal.mining import as_clauses, as_cubes, candidates, inductive_clauses
from sandgrain.formal.sampling import sample_states
from sandgrain.formal.strengthening import Strengthening
from tests.logic.networks import OPEN, Circuit, Explicit, environment_of, inside, small_environments


def three_never_together() -> Environment:
    """Three flip-flops that take random inputs, the third only while the first two are not both about to be set."""
    circuit = Circuit(4, 3)
    a, b, c = (circuit.input(index) for index in range(3))
    both = circuit.all_of((a, b))
    third = circuit.all_of((c, both ^ 1))
    network = circuit.network([a, b, third])
    return environment_of(network, {"service s": circuit.latch(0)}, [[OPEN] * 4], reset=3)


def test_three_that_never_meet_are_proved() -> None:
    environment = three_never_together()
    states = sample_states(environment, words=4, episodes=4, cycles=64)
    strengthening = Strengthening(environment, states)
    assert not strengthening.due
    strengthening.note([(0, 2, 4)] * 32)
    assert strengthening.due
    assert strengthening.round([], seconds=60) == [(0, 2, 4)]
    assert not strengthening.due


def test_nothing_known_of_nothing_proved() -> None:
    environment = three_never_together()
    assert Strengthening(environment, sample_states(environment, words=1)).round([], seconds=60) == []


@given(small_environments())
@settings(max_examples=30, deadline=None)
def test_proved_holds_in_every_reachable_state(environment: Environment) -> None:
    states = sample_states(environment, words=2, episodes=2, cycles=24)
    known = as_cubes(inductive_clauses(environment, candidates(states), seconds=60))
    strengthening = Strengthening(environment, states)
    strengthening.note([tuple(range(0, 2 * environment.model.network.latch_count, 2))])
    proved = strengthening.round(known, seconds=60)
    reachable = Explicit(environment).reachable()
    assert not any(inside(state, cube) for state in reachable for cube in proved)


def test_no_time_no_clauses() -> None:
    circuit = Circuit(1, 1)
    network = circuit.network([circuit.input(0) ^ 1])
    environment = environment_of(network, {"service s": circuit.latch(0)}, [[OPEN]], reset=0)
    # True right after reset and false a cycle later, which there is no time to find out.
    assert inductive_clauses(environment, as_clauses([(0,)]), seconds=0).size == 0


def test_cubes_and_clauses_say_the_same() -> None:
    cubes = [(0,), (1, 2), (0, 3, 5)]
    assert as_cubes(as_clauses(cubes)) == cubes
    assert as_clauses([]).shape == (0, 1)
