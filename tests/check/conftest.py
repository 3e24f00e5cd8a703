"""Chips that several tests look at, elaborated once."""

from __future__ import annotations

import pytest

from sandgrain.netlist import Elaborated
from sandgrain.submission import Submission
from tests.check import chips


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Elaborated:
    """The gates of the ring."""
    return chips.elaborated(tmp_path_factory.mktemp("ring"), chips.RING)


@pytest.fixture(scope="session")
def ring_submission(tmp_path_factory: pytest.TempPathFactory) -> Submission:
    """The ring as handed over."""
    return chips.submission(tmp_path_factory.mktemp("ring-submission"), chips.RING_MANIFEST, chips.RING)


@pytest.fixture(scope="session")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Elaborated:
    """The gates of the vault."""
    return chips.elaborated(tmp_path_factory.mktemp("vault"), chips.VAULT, "vault")


@pytest.fixture(scope="session")
def vault_submission(tmp_path_factory: pytest.TempPathFactory) -> Submission:
    """The vault as handed over."""
    return chips.submission(tmp_path_factory.mktemp("vault-submission"), chips.VAULT_MANIFEST, chips.VAULT)
