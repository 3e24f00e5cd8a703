"""Inputs drawn again: only in lanes that ask for it, never those that are fixed, and of both kinds."""

from __future__ import annotations

import numpy as np

from sandgrain.equivalence.corpus import Corpus

WIDTH, LANES = 40, 512


def _bits(words: np.ndarray[tuple[int, ...], np.dtype[np.uint64]]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")


def test_rows_take_the_place_of_random_inputs() -> None:
    random = np.random.default_rng(3)
    corpus = Corpus(WIDTH, np.array([0]), random)
    drawn = random.integers(0, 1 << 64, (WIDTH, LANES // 64), np.uint64)
    guided = np.arange(LANES) % 4 != 0
    np.testing.assert_array_equal(corpus.mixed(drawn, guided), drawn)
    busy, rare = np.ones((1, WIDTH), np.uint8), np.tile(np.arange(WIDTH, dtype=np.uint8) % 2, (20_000, 1))
    corpus.add(busy)
    corpus.add_rare(rare)
    mixed = _bits(corpus.mixed(drawn, guided))
    before = _bits(drawn)
    np.testing.assert_array_equal(mixed[:, ~guided], before[:, ~guided])
    np.testing.assert_array_equal(mixed[0], before[0])  # a reset, say
    # Lanes with odd numbers have rows as they were, the others with some bits changed.
    kinds = []
    for row in (busy[0], rare[0]):
        distance = (mixed[1:] != row[1:, None]).sum(axis=0)
        kinds.append(int((distance[guided] < WIDTH // 4).sum()))
        assert ((distance == 0) & guided & (np.arange(LANES) % 2 == 1)).sum() > 50
    assert sum(kinds) == guided.sum() and min(kinds) > 100


def test_the_oldest_rows_are_forgotten() -> None:
    corpus = Corpus(WIDTH, np.zeros(0, np.int64), np.random.default_rng(4))
    corpus.add(np.zeros((10, WIDTH), np.uint8))
    for _ in range(9):
        corpus.add(np.ones((1_000, WIDTH), np.uint8))
    drawn = np.zeros((WIDTH, LANES // 64), np.uint64)
    mixed = _bits(corpus.mixed(drawn, np.ones(LANES, np.bool_)))
    assert mixed[:, 1::2].all()
