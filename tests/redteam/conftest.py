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
    """Write an example under a directory of its own, once; skip the test when its core is not installed."""

    def make(core: str, plant: str | None = None, **rest: Any) -> Path:
        if importlib.util.find_spec(CORES[core].package) is None:
            pytest.skip(f"{CORES[core].package} is not installed")
        label = "-".join(str(part) for part in (core, plant, *rest.values()))
        out = tmp_path / label
        return out if out.exists() else write_example(core, out, plant, **rest)

    return make
