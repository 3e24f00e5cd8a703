"""State machines that synthesis gives another code and the same name: some are reset, and some are just written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sandgrain.check.agreed import Agreed
from sandgrain.check.correspondence import Member, parse, write
from sandgrain.check.corresponding import Flat, check_correspondence
from sandgrain.equivalence import CompareOptions, Equivalence
from sandgrain.equivalence.codes import Code, without
from sandgrain.equivalence.joint import Relation
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.netlist import Design, elaborate
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.library import Library
from sandgrain.netlist.link import link
from sandgrain.netlist.read import read_netlist
from sandgrain.progress import SilentProgress
from sandgrain.verdict import Verdict
from tests.equivalence.cores import MappedCore
from tests.equivalence.mapping import cells, map_to_sky130
from tests.equivalence.mutations import mutate

# What is to be shown is fetched, looked at, and shown in a width. No reset writes the width, but every fetch does.
SHOWING = """
module top(input clk, input rst, input go, input [1:0] kind, input [7:0] data, output reg [7:0] word, output busy);
  localparam FETCH = 3'b100, LOOK = 3'b001, SHOW = 3'b010;
  reg [2:0] state; reg [1:0] width;
  assign busy = state != FETCH;
  always @*
    (* full_case *) case (width) 0: word = data; 1: word = {2{data[3:0]}}; 2: word = {4{data[1:0]}}; endcase
  always @(posedge clk)
    if (rst) state <= FETCH;
    else case (state)
      FETCH: begin width <= 0; if (go) state <= LOOK; end
      LOOK: begin if (kind == 1) width <= 1; else if (kind == 2) width <= 2; if (kind != 3) state <= SHOW; end
      SHOW: if (width != 2 || go) state <= FETCH;
      default: state <= FETCH;
    endcase
endmodule
"""
OPTIONS = CompareOptions(resets={"rst": (1, 2)})


@pytest.fixture(scope="module")
def recoded(tmp_path_factory: pytest.TempPathFactory) -> MappedCore:
    work = tmp_path_factory.mktemp("recoded")
    (work / "top.v").write_text(SHOWING)
    codes = [["setattr", "-set", "fsm_encoding", '"one-hot"', f"top/w:{name}"] for name in ("state", "width")]
    netlist = map_to_sky130(
        ["read_verilog top.v", "hierarchy -top top", *codes], work, work / "mapped.v", flavour="retimed"
    )
    assert netlist.read_text().count("sky130_fd_sc_hd__dfxtp_1 ") == 6
    return MappedCore(Design(root=work, sources=("top.v",), top="top"), netlist, OPTIONS)


@pytest.fixture(scope="module")
def proved(recoded: MappedCore) -> Equivalence:
    return recoded.compared(budget=60)


def test_it_is_proved(proved: Equivalence) -> None:
    assert proved.verdict is Verdict.PROVED, [str(text) for text in proved.not_covered]
    assert proved.certificate is not None
    # The width powers up as three bits of the netlist say.
    assert {len(entry) for entry in parse(proved.certificate).begins} == {4}


def test_no_other_power_up_is_accepted(recoded: MappedCore, proved: Equivalence) -> None:
    assert proved.certificate is not None
    item = parse(proved.certificate)
    library = Library(cells(), generic_cell)
    netlist = read_netlist([recoded.netlist], top="top").netlist
    linked = [link(one, library.cells, library.generic) for one in (elaborate(recoded.design).gates, netlist)]
    first, second = (Flat(flatten(one), one.lookup) for one in linked)
    agreed = Agreed({"clk": "rising"}, {}, {"rst": (1, 2)})

    def accepted(begins: tuple[tuple[Member, ...], ...]) -> bool:
        data = write(replace(item, begins=begins))
        return check_correspondence(data, first, second, agreed=agreed, progress=SilentProgress()).accepted

    assert accepted(item.begins) and accepted(item.begins[::-1])
    assert not accepted(())
    for at, entry in enumerate(item.begins):
        one, *word = entry
        without = item.begins[:at] + item.begins[at + 1 :]
        assert not accepted(without)
        assert not accepted((*without, (one, *word[:-1], word[-1]._replace(negated=not word[-1].negated))))
        assert not accepted((*without, (one,))) and not accepted((*without, (word[0], *word)))
        assert not accepted((*without, (one, *word[:-1], one)))


@pytest.mark.parametrize("seed", range(6))
def test_a_changed_gate_is_found(recoded: MappedCore, seed: int) -> None:
    changed, what = mutate(recoded.netlist.read_text(), seed)
    result = recoded.compared(changed, budget=60)
    assert result.verdict is not Verdict.OPEN, what
    assert (result.verdict is Verdict.REFUTED) == (result.counterexample is not None)


def test_it_is_proved_without_names(recoded: MappedCore) -> None:
    assert recoded.compared(budget=60, use_names=False).verdict is Verdict.PROVED


def test_a_word_that_is_never_written_is_not_proved(recoded: MappedCore, tmp_path: Path) -> None:
    """Then the netlist may show what is no width at all for ever, and the description is not asked what it means."""
    (tmp_path / "top.v").write_text(SHOWING.replace("width <= 0; if (go)", "if (go)"))
    core = replace(recoded, design=replace(recoded.design, root=tmp_path))
    assert core.compared(budget=20).verdict is not Verdict.PROVED


def test_a_code_as_clauses_and_as_power_up() -> None:
    code = Code((0, 1), (0, 1, 2), (3, 0, 2, 3, 1, 3, 3, 3), (3,))
    relation = Relation(
        first=np.array([1, 2]),
        second=np.array([3, 4, 5]),
        first_flips=np.array([True, False]),
        second_flips=np.array([False, True, False]),
        count=6,
        choices=np.zeros(0, np.uint32),
    )
    clauses = code.clauses(relation)
    flips = [False, True, False, False, True, False]
    graph = Graph(64)
    state = graph.free(3)
    begun = dict(code.power_up(graph, state))
    for values in range(1 << 5):
        latches = [bool(values >> at & 1) for at in range(5)]
        classes = [False, *(latch ^ flip for latch, flip in zip(latches, flips[1:], strict=True))]
        held = code.table[values >> 2]
        assert all(any(classes[at >> 1] ^ bool(at & 1) for at in clause) for clause in clauses.tolist()) == (
            held == (values & 3)
        )
    for value in range(8):
        known = np.array([value >> at & 1 for at in range(3)], np.uint32)
        network_values = np.zeros(len(graph), np.uint32)
        network_values[state >> 1] = known
        for node in np.flatnonzero(graph.is_and).tolist():
            a, b = (
                int(literal_values(network_values, fan[node : node + 1])[0]) for fan in (graph.fanin0, graph.fanin1)
            )
            network_values[node] = a & b
        shown = {latch: int(network_values[literal >> 1]) ^ (literal & 1) for latch, literal in begun.items()}
        assert shown == {latch: code.table[value] >> latch & 1 for latch in (0, 1)}


def test_what_was_guessed_is_dropped_and_the_table_is_not() -> None:
    code = Code((0, 1), (0, 1, 2), (3, 0, 2, 3, 1, 3, 3, 3), (3,), np.array([[1, 3, 8], [1, 3, 10], [1, 3, 13]]))
    left = code.without([16, 18])
    assert left is not None and left.unwritten.tolist() == [[1, 3, 10]]
    assert code.without([15]) is None and code.without([0, 17]) is None
    assert code.without([]) is not None
    flips = np.zeros(8, np.bool_), np.zeros(3, np.bool_)
    relation = Relation(np.arange(1, 9), np.arange(9, 12), *flips, 12, np.zeros(0, np.uint32))
    found = without((code, code), relation, [17, 19 + 16, 19 + 18])
    assert found is not None
    assert [one.unwritten.tolist() for one in found] == [[[1, 3, 8], [1, 3, 13]], [[1, 3, 10]]]
    for rows in ([38], [17, 19]):
        assert without((code, code), relation, rows) is None
    assert without((), relation, [0]) is None and without((), relation, []) == ()
