"""The VCD reader, the choice of cycles, and the picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.errors import CaseError, LimitExceeded
from sandgrain.report import Language, ReportLimits, Translator
from sandgrain.report._trace import read_trace
from sandgrain.report._window import Stretch, choose
from sandgrain.report._witness_scene import interesting
from sandgrain.report.waveform import draw
from sandgrain.verdict import EvidenceFile, RelevantInput, Witness

from .conftest import make_vcd, make_witness

HEADER = b"$timescale 1 ns $end $scope module t $end $var wire 1 ! a $end $upscope $end $enddefinitions $end\n"
NOTHING = EvidenceFile(path="evidence/x", sha256="0" * 64, size=0, media_type="text/x-vcd")


def a_witness(cycles: int, dead: int, last: int | None, needed: list[int]) -> Witness:
    return Witness(
        service="s",
        cycles=cycles,
        reset_cycles=min(2, cycles),
        dead_from=dead,
        last_service_cycle=last,
        stimulus=NOTHING,
        vcd=NOTHING,
        relevant_inputs=[RelevantInput(cycle=cycle, port="a", bit=0, value=1) for cycle in needed],
    )


def stretches_of(witness: Witness) -> list[Stretch]:
    return choose(witness.cycles, interesting(witness), 36)


def test_values_are_those_of_the_cycle() -> None:
    trace = read_trace(make_vcd())
    word = trace.ports["mem_rdata"]
    assert [int(word.at(cycle), 2) for cycle in (40, 41, 42)] == [0x13, 0x5EEDC0DE, 0x13]
    assert trace.own["bus_seen[0]"].at(0) == "x"
    assert trace.own["dead"].at(58) == "0"
    assert trace.own["dead"].at(59) == "1"
    assert trace.ports["resetn"].steady(4, 95)
    assert not trace.ports["resetn"].steady(3, 4)


@pytest.mark.parametrize(
    "data",
    [
        HEADER + b"#10\n1!\n#0\n0!\n",
        HEADER + b"b2 !\n",
        HEADER + b"#" + b"9" * 5000 + b"\n",
        b"$timescale 1 ps $end",
        b"$upscope $end",
        b"\xff\xfe\x00",
        b"$scope module t $end $var wire 1 ! \xc3\xa9 $end",
        b"$bogus $end",
    ],
)
def test_broken_dumps_are_refused(data: bytes) -> None:
    with pytest.raises(CaseError):
        read_trace(data)


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (HEADER, ReportLimits(vcd_bytes=10)),
        (HEADER, ReportLimits(vcd_signals=0)),
        (HEADER + b"0!\n1!\n", ReportLimits(vcd_changes=1)),
        (HEADER.replace(b"wire 1", b"wire 99999"), ReportLimits()),
    ],
)
def test_limits_hold(data: bytes, limits: ReportLimits) -> None:
    with pytest.raises(LimitExceeded):
        read_trace(data, limits=limits)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for text in (data, HEADER + data):
        with suppress(CaseError, LimitExceeded):
            read_trace(text)


@given(
    st.integers(1, 5000).flatmap(
        lambda cycles: st.tuples(
            st.just(cycles),
            st.integers(0, cycles),
            st.none() | st.integers(0, cycles),
            st.lists(st.integers(0, cycles)),
        )
    )
)
def test_the_chosen_stretches_cover_the_run_once(shape: tuple[int, int, int | None, list[int]]) -> None:
    stretches = stretches_of(a_witness(*shape))
    assert stretches[0].first == 0
    assert stretches[-1].last == shape[0] - 1
    assert all(left.last + 1 == right.first for left, right in pairwise(stretches))
    assert any(not stretch.hidden for stretch in stretches)
    # Filling gaps of two between 36 cycles at most triples them.
    assert sum(stretch.last - stretch.first + 1 for stretch in stretches if not stretch.hidden) <= 108


def test_the_interesting_cycles_are_drawn() -> None:
    stretches = stretches_of(a_witness(2000, 1500, 1499, [700, 1490]))
    drawn = {c for s in stretches if not s.hidden for c in range(s.first, s.last + 1)}
    assert {0, 700, 1490, 1499, 1500, 1999} <= drawn


def test_an_endless_run_is_no_trouble() -> None:
    assert stretches_of(a_witness(10**12, 10**12 - 5, None, []))


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("text")]


@pytest.mark.parametrize("language", Language)
def test_the_picture_names_rows_and_marks_cycles(tmp_path: Path, language: Language) -> None:
    witness = make_witness(tmp_path)
    translator = Translator(language)
    drawing = draw(make_vcd(), witness, translator)
    names = " ".join(texts(drawing.names))
    for name in ("resetn", "fetch", "mem_rdata", "mem_ready", "bus_halt", translator.gettext("dead state")):
        assert name in names
    plotted = texts(drawing.waves)
    assert "5eedc0de" in plotted
    assert "0ff00ff0" in plotted
    assert translator.gettext("dead from cycle {cycle}").format(cycle=59) in plotted
    assert translator.gettext("service last seen in cycle {cycle}").format(cycle=57) in plotted
    assert any("⋯" in text for text in plotted)
    root = ET.fromstring(drawing.waves)
    assert root.get("role") == "img"
    assert root.get("aria-label") == drawing.description
    assert drawing.widths["mem_rdata"] == 32


def test_every_needed_input_is_marked_with_its_words(tmp_path: Path) -> None:
    waves = draw(make_vcd(), make_witness(tmp_path), Translator(Language.EN)).waves
    assert waves.count('class="w-need"') == 4
    assert "The trigger needs this input in cycle 57: mem_ready 1" in waves


def test_a_dump_without_the_expected_signals_is_still_a_picture() -> None:
    drawing = draw(HEADER, a_witness(5, 4, None, [3]), Translator(Language.EN))
    assert "<svg" in drawing.waves
