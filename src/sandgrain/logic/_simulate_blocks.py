"""How many stimuli are worked on together, and by how many threads. Results never depend on either."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

from sandgrain.errors import NetworkError
from sandgrain.logic._simulate_lanes import FIELD_BITS, LANES

_CACHE_BYTES: Final = 1 << 20
"""Working set of one thread: half of the second-level cache of a present server core, all of an older one's."""
_NARROWEST: Final = 32
"""Words per block even if they do not fit: a gate's two rows are fetched while the one before is still at work."""
_MOST_BYTES: Final = 128 << 20
"""Working set above which blocks are as narrow as can be: wider ones cost memory and gain little there."""
_WIDEST: Final = 64
_COUNTABLE: Final = 1 << FIELD_BITS - 7
"""Words of which a tally cannot run over."""

_Result = TypeVar("_Result")


class Cut(NamedTuple):
    """Words per block, and the stretches of words that threads take."""

    width: int
    stretches: tuple[tuple[int, int], ...]


def cut_up(words: int, rows: int, threads: int | None, block_words: int | None) -> Cut:
    """How ``words`` words of stimuli are cut up when each needs ``rows`` words of working set."""
    if (threads is not None and threads < 1) or (block_words is not None and block_words < 1):
        raise NetworkError(f"{threads} threads, blocks of {block_words} words", expected="one or more of each")
    threads = threads or _processors()
    share = -(-words // threads)
    narrowest = _NARROWEST if 8 * rows * _NARROWEST <= _MOST_BYTES else LANES
    fits = min(max(_CACHE_BYTES // (8 * rows), narrowest), _WIDEST)
    # Blocks of one width: the words that fill up the last one are work for nothing.
    width = min(block_words, _COUNTABLE) if block_words else -(-share // max(1, -(-share // fits)))
    width = max(-(-width // LANES), 1) * LANES
    blocks = -(-words // width)
    each = -(-blocks // threads) * width
    return Cut(width, tuple((start, min(start + each, words)) for start in range(0, words, max(each, 1))))


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def share(cut: Cut, work: Callable[[int, int], _Result]) -> list[_Result]:
    """``work`` on every stretch; the kernels in it let go of the interpreter lock."""
    if len(cut.stretches) <= 1:
        return [work(first, last) for first, last in cut.stretches]
    with ThreadPoolExecutor(len(cut.stretches)) as pool:
        return list(pool.map(lambda stretch: work(*stretch), cut.stretches))
