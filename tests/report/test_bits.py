"""Bits told as words."""

from __future__ import annotations

from sandgrain.report._bits import needed_inputs, words
from sandgrain.verdict import Place, RelevantInput, StateBit


def bits(**values: int) -> list[StateBit]:
    return [
        StateBit(name=name.replace("__", "[") + ("]" if "__" in name else ""), value=v) for name, v in values.items()
    ]


def test_bits_of_one_register_become_one_word() -> None:
    (word,) = words(bits(a__3=1, a__1=0))
    assert (word.name, word.pattern, word.hexadecimal) == ("a[3:1]", "1·0", None)


def test_a_full_word_has_a_hexadecimal_value() -> None:
    (word,) = words(bits(a__3=1, a__2=0, a__1=1, a__0=1))
    assert (word.pattern, word.hexadecimal) == ("1011", "0xb")


def test_lone_bits_and_far_bits_stay_apart() -> None:
    assert [word.name for word in words(bits(a=1, b__9=0, c__0=1, c__4000=1))] == ["a", "b[9]", "c[0]", "c[4000]"]


def test_a_name_used_twice_is_shown_twice() -> None:
    assert [word.name for word in words(bits(a=1) + bits(a=0) + bits(a__0=1))] == ["a", "a", "a[0]"]


def test_places_are_kept_once() -> None:
    at = Place(file="a.v", line=3)
    (word,) = words([StateBit(name=f"a[{i}]", value=1, place=at) for i in range(3)])
    assert word.places == (at,)


def test_needed_inputs_by_cycle_and_port() -> None:
    inputs = [RelevantInput(cycle=c, port=p, bit=b, value=1) for c, p, b in [(9, "b", 0), (2, "a", 5), (2, "a", 0)]]
    told = [(item.cycle, item.port, item.pattern) for item in needed_inputs(inputs, {"a": 8})]
    assert told == [(2, "a", "··1· ···1"), (9, "b", "1")]


def test_very_wide_ports_are_listed_by_bit() -> None:
    (item,) = needed_inputs([RelevantInput(cycle=0, port="a", bit=10**9, value=1)], {})
    assert item.pattern == "[1000000000]=1"
