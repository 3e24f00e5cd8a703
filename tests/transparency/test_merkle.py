"""Hashes and proofs: published vectors, the definition of RFC 6962, and nothing false is accepted."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.transparency.merkle import (
    EMPTY_ROOT,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.transparency import spec

# The test vectors of the reference implementation of RFC 6962: eight leaves and the root of each prefix.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf_hash(str(number).encode()) for number in range(300)]


def test_the_published_roots() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    leaves = [leaf_hash(data) for data in LEAVES]
    assert [Tree(leaves[: size + 1]).root().hex() for size in range(8)] == ROOTS


def test_the_published_consistency_proof() -> None:
    """From 6 to 8 leaves, as published with the vectors above."""
    tree = Tree([leaf_hash(data) for data in LEAVES])
    assert [node.hex() for node in consistency_proof(tree, 6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize("size", [*range(20), 31, 32, 33, 255, 256, 257, 300])
def test_roots_and_paths_are_those_of_the_definition(size: int) -> None:
    leaves = HASHES[:size]
    tree = Tree(leaves)
    assert tree.root() == spec.mth(leaves)
    for index in {*range(min(size, 20)), *range(max(0, size - 3), size)}:
        assert inclusion_proof(tree, index, size) == spec.path(index, leaves)
        assert spec.included(leaves[index], index, size, inclusion_proof(tree, index, size)) == tree.root()
    for old in {*range(1, min(size, 20)), *range(max(1, size - 3), size)}:
        assert consistency_proof(tree, old, size) == spec.proof(old, leaves)


def pairs_hold(sizes: range) -> None:
    tree = Tree(HASHES)
    roots = [root_of(tree, size) for size in range(301)]
    for size in sizes:
        for index in range(size):
            proof = inclusion_proof(tree, index, size)
            assert verify_inclusion(HASHES[index], index, size, proof, roots[size])
            assert not verify_inclusion(HASHES[(index + 1) % size], index, size, proof, roots[size]) or size == 1
        for old in range(size + 1):
            proof = consistency_proof(tree, old, size)
            assert verify_consistency(old, size, proof, roots[old], roots[size])
            assert not verify_consistency(old, size, proof, roots[old - 1], roots[size]) or old == 0


def test_all_pairs_of_small_sizes() -> None:
    pairs_hold(range(70))


@pytest.mark.slow
def test_all_pairs_of_sizes_up_to_300() -> None:
    pairs_hold(range(70, 301))


@pytest.mark.slow
def test_a_million_leaves() -> None:
    leaves = [number.to_bytes(4, "big") * 8 for number in range(1_000_000)]
    tree = Tree(leaves)
    root = tree.root()
    drawn = random.Random(1)
    for _ in range(300):
        index, old = drawn.randrange(1_000_000), drawn.randrange(1, 1_000_001)
        proof = inclusion_proof(tree, index, 1_000_000)
        assert verify_inclusion(leaves[index], index, 1_000_000, proof, root)
        assert spec.included(leaves[index], index, 1_000_000, proof) == root
        assert not verify_inclusion(leaves[index - 1], index, 1_000_000, proof, root)
        between = consistency_proof(tree, old, 1_000_000)
        assert verify_consistency(old, 1_000_000, between, root_of(tree, old), root)
        assert not verify_consistency(old, 1_000_000, between, root_of(tree, old - 1), root)


def test_there_is_no_proof_of_what_is_not_there() -> None:
    tree = Tree(HASHES[:5])
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_proof(tree, index, size)
    for old, new in ((5, 4), (-1, 4)):
        with pytest.raises(ValueError, match="no proof"):
            consistency_proof(tree, old, new)
    assert not verify_inclusion(HASHES[0], 5, 5, [], HASHES[0])
    assert not verify_inclusion(HASHES[0], 0, 0, [], EMPTY_ROOT)
    assert not verify_consistency(5, 4, [], EMPTY_ROOT, EMPTY_ROOT)
    assert not verify_consistency(0, 4, [], HASHES[0], HASHES[0])


nodes = st.lists(st.one_of(st.sampled_from(HASHES[:12]), st.binary(min_size=32, max_size=32)), max_size=8)


@given(st.integers(1, 40), st.data())
@settings(max_examples=300, deadline=None)
def test_no_other_path_is_accepted(size: int, data: st.DataObject) -> None:
    """Whatever is changed about a proof, its place or its leaf, it is not accepted any more."""
    tree = Tree(HASHES[:size])
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(tree, index, size)
    other = data.draw(
        st.one_of(
            nodes,
            st.permutations(proof),
            st.builds(lambda cut: proof[:cut], st.integers(0, len(proof))),
            st.builds(lambda more: [*proof, more], st.sampled_from(HASHES)),
        )
    )
    place, leaf = data.draw(st.integers(0, 41)), data.draw(st.sampled_from(HASHES[:size]))
    accepted = verify_inclusion(leaf, place, size, other, tree.root())
    assert accepted == (place < size and leaf == HASHES[place] and other == spec.path(place, HASHES[:size]))


@given(st.integers(1, 40), st.integers(1, 40), nodes, st.booleans(), st.data())
@settings(max_examples=300, deadline=None)
def test_no_false_consistency_is_accepted(
    old: int, new: int, other: list[bytes], forged: bool, data: st.DataObject
) -> None:
    old, new = min(old, new), max(old, new)
    tree = Tree(HASHES[:new])
    right = consistency_proof(tree, old, new)
    claimed = data.draw(st.sampled_from([root_of(tree, old), root_of(tree, max(1, old - 1)), HASHES[20], EMPTY_ROOT]))
    given_proof = other if forged else right
    accepted = verify_consistency(old, new, given_proof, claimed, tree.root())
    assert accepted == (given_proof == right and claimed == root_of(tree, old))
