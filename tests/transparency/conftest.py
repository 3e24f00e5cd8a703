"""One world of evidence for all tests that only read it, and a copy for those that alter it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.transparency.world import World, make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Evidence nobody may alter."""
    return make_world(tmp_path_factory.mktemp("world") / "w", entries=4)


@pytest.fixture
def copied(world: World, tmp_path: Path) -> Callable[[], World]:
    """Makes a copy of it that may be altered, with the same keys."""

    def build() -> World:
        shutil.copytree(world.root, tmp_path / "w")
        shutil.copytree(world.keys, tmp_path / "w-keys")
        return replace(world, root=tmp_path / "w")

    return build
