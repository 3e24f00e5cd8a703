"""Readers of drawings answer any bytes: with what they hold, or with an error that names the file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import SandgrainError
from tests.fuzz.readers import CORPUS
from tests.layout.corpus import READERS, SAMPLES

FOUND = [path for name in READERS for path in sorted((CORPUS / name).glob("*"))]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples_are_read(name: str) -> None:
    for sample in SAMPLES[name]:
        assert READERS[name](sample)


def test_what_a_fuzzer_found() -> None:
    for path in FOUND:
        read_or_refused(path.parent.name, path.read_bytes())


def read_or_refused(name: str, data: bytes) -> None:
    try:
        READERS[name](data)
    except SandgrainError as error:
        assert error.file is not None and error.what


def altered(data: bytes, at: int, gone: int, more: bytes) -> bytes:
    at %= len(data) + 1
    return data[:at] + more + data[at + gone :]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["gds", "lef"]), st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=40))
def test_altered_bytes(name: str, at: int, gone: int, more: bytes) -> None:
    read_or_refused(name, altered(SAMPLES[name][0], at, gone, more))


@settings(max_examples=4, deadline=None)
@given(st.sampled_from(["oasis", "def"]), st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=40))
def test_altered_bytes_for_a_child_process(name: str, at: int, gone: int, more: bytes) -> None:
    read_or_refused(name, altered(SAMPLES[name][0], at, gone, more))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["gds", "lef"]), st.binary(max_size=200))
def test_any_bytes(name: str, data: bytes) -> None:
    read_or_refused(name, data)


@pytest.mark.parametrize("name", ["lef", "def", "oasis", "gds"])
def test_a_file_cut_short(name: str) -> None:
    """Half a drawing is none; half a LEF is one with fewer pins or none."""
    data = SAMPLES[name][0]
    if name == "lef":
        read_or_refused(name, data[: len(data) // 2])
        return
    with pytest.raises(SandgrainError):
        READERS[name](data[: len(data) // 2])
