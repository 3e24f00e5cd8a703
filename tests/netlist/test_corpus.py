"""What once broke a reader does so no more, and the samples the fuzzer starts from are good."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandgrain.errors import SandgrainError
from tests.netlist.corpus import READERS, SAMPLES

FOUND = [
    path
    for path in sorted((Path(__file__).parent / "corpus").glob("*/*"))
    if path.is_file() and path.parent.name in READERS
]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples_are_read(name: str) -> None:
    for text in SAMPLES[name]:
        READERS[name](text)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_a_fuzzer_found(path: Path) -> None:
    try:
        READERS[path.parent.name](path.read_bytes())
    except SandgrainError as error:
        assert error.what
