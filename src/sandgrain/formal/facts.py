"""Proven facts that outlive an interrupted run: invariant clauses, by the network and reset they are about.

Nothing read back is believed. The clauses are candidates that one round of induction proves again, together, or drops.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import numpy as np

from sandgrain.formal.environment import Environment
from sandgrain.formal.mining import as_clauses, as_cubes, inductive_clauses
from sandgrain.formal.reachability import Cube

_MOST_CUBES: Final = 200_000
_MOST_BYTES: Final = 64 << 20


class Store(Protocol):
    """Where facts are kept between runs."""

    def read(self, key: str, most: int) -> bytes | None:
        """What was last written under a key, None if nothing or more than ``most`` bytes."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Keep ``data`` under a key, replacing what was there."""
        ...


class NoStore:
    """Forgets everything."""

    def read(self, key: str, most: int) -> bytes | None:
        """Nothing."""

    def write(self, key: str, data: bytes) -> None:
        """Not kept."""


def facts_key(environment: Environment) -> str:
    """SHA-256 of the network and of how it comes out of reset: what an invariant depends on, and nothing else."""
    hasher = hashlib.sha256(b"sandgrain.facts/1\0" + environment.model.network.digest.encode())
    for array in (environment.reset_asserted, environment.reset_released):
        hasher.update(np.ascontiguousarray(array, dtype="u1").tobytes())
    hasher.update(environment.reset_cycles.to_bytes(8, "little"))
    return hasher.hexdigest()


def keep_facts(store: Store, environment: Environment, invariant: Iterable[Cube]) -> None:
    """Keep what has been proved so far."""
    data = json.dumps([list(cube) for cube in invariant], separators=(",", ":")).encode()
    store.write(facts_key(environment), data)


def proved_again(
    store: Store,
    environment: Environment,
    *,
    seconds: float,
    tick: Callable[[int], None] = lambda _alive: None,
) -> list[Cube]:
    """What an earlier run proved of this network and reset, proved again; nothing if that does not succeed."""
    data = store.read(facts_key(environment), _MOST_BYTES)
    cubes = [] if data is None else _cubes(data, 2 * environment.model.network.latch_count)
    if not cubes:
        return []
    return as_cubes(inductive_clauses(environment, as_clauses(cubes), seconds=seconds, tick=tick))


def _cubes(data: bytes, literals: int) -> list[Cube]:
    """Cubes over so many literals; none if the data is anything else."""
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError):
        return []
    if not isinstance(rows, list) or len(rows) > _MOST_CUBES:
        return []
    cubes = []
    for row in rows:
        if not isinstance(row, list) or not row:
            return []
        if not all(type(literal) is int and 0 <= literal < literals for literal in row):
            return []
        cubes.append(tuple(row))
    return cubes
