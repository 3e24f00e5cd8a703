"""What an earlier run proved is proved again or dropped; nothing read back is believed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.formal.environment import Environment
from sandgrain.formal.facts import NoStore, facts_key, keep_facts, proved_again
from sandgrain.formal.mining import as_cubes, candidates, inductive_clauses
from sandgrain.formal.sampling import sample_states
from tests.logic.networks import Explicit, small_environments


class Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def read(self, key: str, most: int) -> bytes | None:
        data = self.held.get(key)
        return data if data is not None and len(data) <= most else None

    def write(self, key: str, data: bytes) -> None:
        self.held[key] = data


def excluded(environment: Environment, cubes: list[tuple[int, ...]]) -> bool:
    """Whether no state the design can be in is in any of the cubes."""
    return not any(
        all((state >> (literal >> 1)) & 1 != literal & 1 for literal in cube)
        for state in Explicit(environment).reachable()
        for cube in cubes
    )


@settings(max_examples=40, deadline=None)
@given(environment=small_environments(), lies=st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=3), max_size=4))
def test_facts_are_proved_again_and_lies_are_not(environment: Environment, lies: list[list[int]]) -> None:
    count = 2 * environment.model.network.latch_count
    proved = as_cubes(inductive_clauses(environment, candidates(sample_states(environment)), seconds=60))
    store = Kept()
    keep_facts(store, environment, proved)
    assert set(proved_again(store, environment, seconds=60)) == set(proved)
    made_up = [tuple(sorted({literal % count for literal in cube})) for cube in lies]
    keep_facts(store, environment, [*proved, *made_up])
    again = proved_again(store, environment, seconds=60)
    assert excluded(environment, again)
    assert set(again) <= {*proved, *made_up}


@settings(max_examples=100, deadline=None)
@given(environment=small_environments(), data=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_no_bytes_are_facts(environment: Environment, data: bytes) -> None:
    store = Kept()
    store.write(facts_key(environment), data)
    assert excluded(environment, proved_again(store, environment, seconds=60))


@pytest.mark.parametrize("data", [[[]], [[-1]], [[10**9]], [[True]], [["0"]], {"0": 1}, [[[0]]], "0", None])
@settings(max_examples=3, deadline=None)
@given(environment=small_environments())
def test_what_are_no_cubes_is_nothing(environment: Environment, data: object) -> None:
    store = Kept()
    store.write(facts_key(environment), json.dumps(data).encode())
    assert proved_again(store, environment, seconds=60) == []


@settings(max_examples=5, deadline=None)
@given(environment=small_environments())
def test_nothing_is_kept_where_nothing_is_to_be(environment: Environment) -> None:
    store = NoStore()
    keep_facts(store, environment, [(0,)])
    assert proved_again(store, environment, seconds=60) == []
