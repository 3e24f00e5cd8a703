"""The cores under test come from optional packages; without them there is nothing to plant in."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandgrain.redteam import write_example
from sandgrain.redteam._cores import CORES

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an example under a fresh directory; skip the test when its core is not installed."""

    def make(core: str, plant: str | None = None, **rest: Any) -> Path:
        if importlib.util.find_spec(CORES[core].package) is None:
            pytest.skip(f"{CORES[core].package} is not installed")
        label = "-".join(str(part) for part in (core, plant, *rest.values()))
        return write_example(core, tmp_path / label, plant, **rest)

    return make
