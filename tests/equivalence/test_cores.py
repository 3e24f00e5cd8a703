"""Processors of the package index, mapped to sky130 cells: proved, and a changed gate found."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from sandgrain.check.correspondence import parse
from sandgrain.equivalence import CompareOptions
from sandgrain.netlist import Design
from sandgrain.redteam import write_example
from sandgrain.redteam._cores import CORES
from sandgrain.verdict import Verdict
from tests.equivalence.cores import MappedCore, mapped
from tests.equivalence.mapping import map_to_sky130
from tests.equivalence.mutations import mutate

pytestmark = pytest.mark.slow


def _core(name: str, flavour: str, work: Path) -> MappedCore:
    if importlib.util.find_spec(CORES[name].package) is None:
        pytest.skip(f"{CORES[name].package} is not installed")
    return mapped(write_example(name, work / "submission", None), work, flavour)


@pytest.fixture(scope="module")
def serv(tmp_path_factory: pytest.TempPathFactory) -> MappedCore:
    return _core("serv", "plain", tmp_path_factory.mktemp("serv"))


@pytest.mark.parametrize(("name", "flavour"), [("vexriscv", "other"), ("picorv32", "plain"), ("picorv32", "retimed")])
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


# A serial transmitter whose five states synthesis puts into a one-hot code.
TRANSMITTER = """
module top(input clk, input rst, input send, input [7:0] data, output reg tx, output busy);
  localparam IDLE = 3'd0, START = 3'd1, BITS = 3'd2, PARITY = 3'd3, STOP = 3'd4;
  reg [2:0] state; reg [2:0] count; reg [7:0] shift; reg parity;
  assign busy = state != IDLE;
  always @(posedge clk)
    if (rst) begin state <= IDLE; tx <= 1; count <= 0; shift <= 0; parity <= 0; end
    else case (state)
      IDLE: if (send) begin state <= START; shift <= data; parity <= 0; end
      START: begin tx <= 0; state <= BITS; count <= 0; end
      BITS: begin
        tx <= shift[0]; parity <= parity ^ shift[0]; shift <= shift >> 1; count <= count + 1;
        if (count == 7) state <= PARITY;
      end
      PARITY: begin tx <= parity; state <= STOP; end
      STOP: begin tx <= 1; state <= IDLE; end
      default: state <= IDLE;
    endcase
endmodule
"""


def test_a_recoded_state_machine_is_proved(tmp_path: Path) -> None:
    (tmp_path / "top.v").write_text(TRANSMITTER)
    recoded = ["setattr", "-set", "fsm_encoding", '"one-hot"', "top/w:state"]
    netlist = map_to_sky130(
        ["read_verilog top.v", "hierarchy -top top", recoded], tmp_path, tmp_path / "mapped.v", flavour="retimed"
    )
    text = netlist.read_text()
    assert text.count("sky130_fd_sc_hd__dfxtp_1 ") == 18  # two more than the description has
    core = MappedCore(
        Design(root=tmp_path, sources=("top.v",), top="top"), netlist, CompareOptions(resets={"rst": (1, 2)})
    )
    result = core.compared(budget=60)
    assert result.verdict is Verdict.PROVED, [str(text) for text in result.not_covered]
    assert result.certificate is not None and len(parse(result.certificate).derived) >= 4
    changed, what = mutate(text, 0)
    assert core.compared(changed, budget=60).verdict is Verdict.REFUTED, what
