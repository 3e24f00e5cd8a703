"""Processors of the package index, mapped to sky130 cells: proved, and a changed gate found."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from sandgrain.redteam import write_example
from sandgrain.redteam._cores import CORES
from sandgrain.verdict import Verdict
from tests.equivalence.cores import MappedCore, mapped
from tests.equivalence.mutations import mutate

pytestmark = pytest.mark.slow


def _core(name: str, flavour: str, work: Path) -> MappedCore:
    if importlib.util.find_spec(CORES[name].package) is None:
        pytest.skip(f"{CORES[name].package} is not installed")
    return mapped(write_example(name, work / "submission", None), work, flavour)


@pytest.fixture(scope="module")
def serv(tmp_path_factory: pytest.TempPathFactory) -> MappedCore:
    return _core("serv", "plain", tmp_path_factory.mktemp("serv"))


@pytest.mark.parametrize(("name", "flavour"), [("vexriscv", "other"), ("picorv32", "plain")])
def test_a_mapped_core_is_proved(name: str, flavour: str, tmp_path: Path) -> None:
    result = _core(name, flavour, tmp_path).compared(budget=600)
    assert result.verdict is Verdict.PROVED, [str(text) for text in result.not_covered]


def test_it_is_proved_without_looking_at_names(serv: MappedCore) -> None:
    result = serv.compared(use_names=False)
    assert result.verdict is Verdict.PROVED, [str(text) for text in result.not_covered]


@pytest.mark.parametrize("seed", [2, 4])
def test_a_changed_gate_is_found(serv: MappedCore, seed: int) -> None:
    changed, what = mutate(serv.netlist.read_text(), seed)
    result = serv.compared(changed)
    assert result.verdict is Verdict.REFUTED, what
    assert result.counterexample is not None and result.counterexample.replayed_by
