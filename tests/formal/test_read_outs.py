"""A constant that is read out like an identity is asked about; masks, small numbers and comparisons are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.formal.read_outs import looks_like_identity, questions
from sandgrain.logic.build import ClockEdge, build
from sandgrain.logic.model import Model
from sandgrain.netlist import Design, elaborate

CHIP = """module chip(input clk, input rst, input [7:0] command, input [31:0] data, output [31:0] shown, output other);
  reg [31:0] held; reg [31:0] hidden; reg busy;
  assign shown = busy ? 32'h0 : held;
  assign other = held[3] ^ busy;
  always @(posedge clk) begin
    busy <= command[7] & ~rst;
    hidden <= command == 8'h11 ? 32'h93D1C7A5 : data;
    if (rst) held <= 0;
    else case (command)
      8'h5a: held <= @value@;
      8'h01: held <= data;
      8'h02: held <= held + data;
      8'h03: if (data == 32'h5EC7E7ED) held <= 1;
    endcase
  end
endmodule
"""


def model(value: str, directory: Path) -> Model:
    (directory / "chip.v").write_text(CHIP.replace("@value@", value))
    elaborated = elaborate(Design(root=directory, sources=("chip.v",), top="chip"))
    return build(elaborated.gates.top_module, ClockEdge("clk", "rising"), {}).model


def test_a_read_out_is_asked_about_where_it_is_declared(tmp_path: Path) -> None:
    asked = questions(model("32'hC0DE71A3", tmp_path))
    assert {question.text.args["word"] for question in asked} == {"held"}
    (question,) = asked
    assert question.text.args["value"] == "0xc0de71a3"
    assert [str(place) for place in question.places] == ["chip.v:2"]
    # Bits of the command are what it takes; what is hidden reaches no output and is not told.
    assert "command[" in str(question.text.args["condition"])


@pytest.mark.parametrize("value", ["32'h0", "32'hFFFF0000", "32'h13", "32'h80000000", "32'h5A5A5A5A", "data ^ held"])
def test_what_has_a_pattern_is_not_asked_about(value: str, tmp_path: Path) -> None:
    assert questions(model(value, tmp_path)) == []


def test_names_are_not_needed(tmp_path: Path) -> None:
    for value, expected in (("32'hC0DE71A3", 1), ("32'h13", 0)):
        named = model(value, tmp_path)
        latches = tuple(replace(latch, name=f"r{at}") for at, latch in enumerate(named.latches))
        asked = questions(replace(named, latches=latches))
        assert len(asked) == expected
        if asked:
            # The flip-flop beside the word is fixed too.
            assert asked[0].text.args["count"] == 33 and asked[0].text.args["ones"] == 16


@given(value=st.integers(0, (1 << 32) - 1), times=st.integers(2, 8))
def test_repetition_is_a_pattern(value: int, times: int) -> None:
    bits = f"{value:032b}"
    assert not looks_like_identity(bits * times)
    assert looks_like_identity(bits) == looks_like_identity(bits.translate(str.maketrans("01", "10")))


def test_the_rules() -> None:
    assert looks_like_identity(f"{0xC0DE71A3:032b}")
    for plain in (0, 0xFFFFFFFF, 0x0000FFFF, 0x00000013, 0xAAAAAAAA):
        assert not looks_like_identity(f"{plain:032b}")
    assert not looks_like_identity("0110100110")
