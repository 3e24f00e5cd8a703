"""A good certificate is accepted, and whatever was changed about it or the submission is not."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from sandgrain.check import Certificate, Checked, CheckLimits, check, write
from sandgrain.netlist import Elaborated
from sandgrain.progress import SilentProgress
from sandgrain.submission import Manifest, Submission
from tests.check import chips
from tests.check.explicit import Channel, Shutdown

SHUTDOWN = ["model", "reset", "step", "service", "declared", "recovery"]
CHANNEL = ["model", "reset", "step", "sinks"]


def rejected(checked: Checked, obligation: str | None, *needles: str) -> None:
    """It is not accepted, because of ``obligation`` (None: before any was looked at), and says why."""
    assert not checked.accepted
    assert all(needle in checked.reason for needle in needles), checked.reason
    assert [item.name for item in checked.obligations if not item.holds] == ([] if obligation is None else [obligation])
    if obligation is not None:
        assert checked.obligations[-1].name == obligation


def accepted(checked: Checked) -> list[str]:
    """The obligations of a certificate that is accepted."""
    assert checked.accepted, checked.reason
    assert checked.reason == ""
    assert all(item.holds and not item.detail and item.seconds >= 0 for item in checked.obligations)
    return [item.name for item in checked.obligations]


def other_manifest(handed: Submission, old: str, new: str) -> Submission:
    """The submission with one part of its manifest replaced, whether intake would take that or not."""
    text = (handed.root / "submission.toml").read_text()
    assert old in text
    manifest = Manifest.model_validate(tomllib.loads(text.replace(old, new, 1)))
    return dataclasses.replace(handed, manifest=manifest)


def test_a_good_certificate_of_no_shutdown_is_accepted(ring: Elaborated, ring_submission: Submission) -> None:
    certificate = chips.shutdown(ring_submission, ring, chips.RING_INVARIANT)
    checked = chips.verdict(certificate, ring_submission, ring)
    assert accepted(checked) == SHUTDOWN
    assert (checked.claim, checked.subject) == ("no-remote-shutdown", "beat")
    assert "cadical153" not in checked.solver
    interpreter = Shutdown(ring.gates.top_module, ring_submission.manifest)
    assert interpreter.shown(certificate)
    assert interpreter.true(4)


def test_a_good_certificate_of_no_channel_is_accepted(vault: Elaborated, vault_submission: Submission) -> None:
    certificate = chips.channel(vault_submission, vault)
    checked = chips.verdict(certificate, vault_submission, vault)
    assert accepted(checked) == CHANNEL
    assert (checked.claim, checked.subject) == ("no-covert-channel", "id")


def test_the_vault_keeps_its_source_by_exhaustion(vault: Elaborated, vault_submission: Submission) -> None:
    interpreter = Channel(vault.gates.top_module, vault_submission.manifest)
    assert interpreter.shown(chips.channel(vault_submission, vault))
    assert interpreter.true()


def test_a_relation_may_take_the_place_of_other_facts(vault: Elaborated, vault_submission: Submission) -> None:
    relation = ["1+seen 1-twin", "2+seen 2-twin", "1-seen 1+twin", "2-seen 2+twin", "=seen", "=twin"]
    equal = ["count", "log"]
    certificate = chips.channel(vault_submission, vault, (), equal, relation)
    assert accepted(chips.verdict(certificate, vault_submission, vault)) == CHANNEL
    for left_out, good in (((0, 1), True), ((2, 3), False), ((4,), True), ((4, 5), False)):
        kept = [clause for index, clause in enumerate(relation) if index not in left_out]
        less = chips.channel(vault_submission, vault, (), equal, kept)
        assert chips.verdict(less, vault_submission, vault).accepted == good, left_out


def test_the_other_service_needs_more(ring: Elaborated, ring_submission: Submission) -> None:
    few = chips.shutdown(ring_submission, ring, chips.RING_INVARIANT, service="pulse")
    rejected(chips.verdict(few, ring_submission, ring), "recovery", "within 4 cycles")
    more = [*chips.RING_INVARIANT, "-ring[0] -ring[1]", "-ring[0] -beat", "-ring[1] -beat"]
    enough = chips.shutdown(ring_submission, ring, more, service="pulse")
    assert accepted(chips.verdict(enough, ring_submission, ring)) == SHUTDOWN
    subject = dataclasses.replace(enough, subject="beat")
    rejected(chips.verdict(subject, ring_submission, ring), None, "another set of terms")


def test_every_clause_is_needed(ring: Elaborated, ring_submission: Submission) -> None:
    for index in range(3):
        weak = [*chips.RING_INVARIANT[:index], *chips.RING_INVARIANT[index + 1 :]]
        checked = chips.verdict(chips.shutdown(ring_submission, ring, weak), ring_submission, ring)
        rejected(checked, "recovery" if index == 0 else "step")


@pytest.mark.parametrize(
    ("clause", "obligation", "why"),
    [
        ("+halt", "reset", "clause 4 of the invariant does not hold after reset"),
        ("-halt", "step", "clause 4 of the invariant is not kept by a step"),
        ("-beat", "step", "clause 4"),
        ("+ring[0]", "step", "clause 4"),
        ("-ring[2]", "model", "'ring[2]' does not name one register bit"),
        ("-word[0]", "model", "'word[0]' does not name"),
        ("+nothing -dead", "model", "'nothing' does not name"),
    ],
)
def test_a_false_clause_is_found(
    ring: Elaborated, ring_submission: Submission, clause: str, obligation: str, why: str
) -> None:
    certificate = chips.shutdown(ring_submission, ring, [*chips.RING_INVARIANT, clause])
    rejected(chips.verdict(certificate, ring_submission, ring), obligation, why)


def test_facts_that_contradict_each_other_prove_nothing(ring: Elaborated, ring_submission: Submission) -> None:
    certificate = chips.shutdown(ring_submission, ring, ["+halt", "-halt"])
    rejected(chips.verdict(certificate, ring_submission, ring), "reset")


@pytest.mark.parametrize(("frames", "obligation"), [(0, "recovery"), (1, "recovery"), (2, "recovery"), (5, "model")])
def test_frames_are_those_promised_or_fewer_that_suffice(
    ring: Elaborated, ring_submission: Submission, frames: int, obligation: str
) -> None:
    checked = chips.verdict(chips.shutdown(ring_submission, ring, chips.RING_INVARIANT, frames), ring_submission, ring)
    rejected(checked, obligation)
    three = chips.shutdown(ring_submission, ring, chips.RING_INVARIANT, 3)
    assert chips.verdict(three, ring_submission, ring).accepted


def test_without_a_promise_the_certificate_says_how_many_cycles(ring: Elaborated, ring_submission: Submission) -> None:
    handed = other_manifest(ring_submission, "within_cycles = 4\n", "")
    assert chips.verdict(chips.shutdown(handed, ring, chips.RING_INVARIANT, 9), handed, ring).accepted
    assert not chips.verdict(chips.shutdown(handed, ring, chips.RING_INVARIANT, 2), handed, ring).accepted


def test_another_design_is_refused_although_the_facts_are_true_there(
    ring: Elaborated, ring_submission: Submission, tmp_path: Path
) -> None:
    data = write(chips.shutdown(ring_submission, ring, chips.RING_INVARIANT))
    twin = chips.elaborated(tmp_path, chips.RING.replace("word == 2'd1", "word == 2'd2"))
    rejected(chips.verdict(data, ring_submission, twin), None, "another network")
    same = chips.elaborated(tmp_path, chips.RING.replace("// A ring", "// The ring"))
    assert chips.verdict(data, ring_submission, same).accepted


def test_a_design_that_dies_is_refused_with_any_of_its_facts(ring_submission: Submission, tmp_path: Path) -> None:
    bad = chips.elaborated(tmp_path, chips.RING.replace("dead & tune", "tune"))
    certificate = chips.shutdown(ring_submission, bad, chips.RING_INVARIANT)
    rejected(chips.verdict(certificate, ring_submission, bad), "step")
    without = chips.shutdown(ring_submission, bad, chips.RING_INVARIANT[:1])
    rejected(chips.verdict(without, ring_submission, bad), "step")
    rejected(chips.verdict(chips.shutdown(ring_submission, bad, ()), ring_submission, bad), "recovery")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("ready = true", "ready = [true, true]", id="stimulus-written-otherwise"),
        pytest.param('word = "free"', "word = 1", id="stimulus"),
        pytest.param("within_cycles = 4", "within_cycles = 5", id="rate"),
        pytest.param("cycles = 2", "cycles = 1", id="reset-cycles"),
        pytest.param('expression = "beat"', 'expression = "beat | halt"', id="service"),
        pytest.param("word == 2'd3 & ring[1]", "1'b1", id="trigger"),
        pytest.param('state = "halt"', 'state = "halt | arm"', id="state"),
        pytest.param('kind = "halt"', 'kind = "id-readout"', id="kind"),
    ],
)
def test_terms_that_were_changed_are_other_terms(
    ring: Elaborated, ring_submission: Submission, old: str, new: str
) -> None:
    data = write(chips.shutdown(ring_submission, ring, chips.RING_INVARIANT))
    rejected(chips.verdict(data, other_manifest(ring_submission, old, new), ring), None, "another set of terms")


def test_prose_is_no_part_of_the_terms(ring: Elaborated, ring_submission: Submission) -> None:
    data = write(chips.shutdown(ring_submission, ring, chips.RING_INVARIANT))
    handed = other_manifest(ring_submission, 'trigger = "the word 3"', 'trigger = "word 3"')
    assert chips.verdict(data, handed, ring).accepted
    spaced = other_manifest(ring_submission, "word == 2'd3 & ring[1]", "(word==2'b11)&ring[1]")
    assert chips.verdict(data, spaced, ring).accepted


@pytest.mark.parametrize(
    ("old", "new", "obligation", "why"),
    [
        pytest.param("ready = true", "ready = false", "recovery", "", id="stimulus-too-weak"),
        pytest.param("ready = true", 'ready = "free"', "recovery", "", id="free"),
        pytest.param("ready = true\n", "", "recovery", "", id="held"),
        pytest.param("ready = true", "ready = [true, false, false]", "recovery", "", id="every-other-cycle"),
        pytest.param("ready = true", "ready = true\nresetn = false", "model", "resetn", id="reset-in-recovery"),
        pytest.param("ready = true", 'ready = true\nresetn = "free"', "model", "resetn", id="free-reset"),
        pytest.param("ready = true", "ready = true\nclk = true", "model", "clk", id="clock-in-recovery"),
        pytest.param("ready = true", "ready = 2", "model", "does not fit", id="too-wide"),
        pytest.param("ready = true", 'ready = "2\'d1"', "model", "does not fit", id="other-width"),
        pytest.param("ready = true", "reddy = true", "model", "no input port", id="no-such-port"),
        pytest.param("ready = true", "beat = true", "model", "no input port", id="an-output"),
        pytest.param('port = "clk"', 'port = "word"', "model", "one bit", id="clock-too-wide"),
        pytest.param('port = "clk"', 'port = "beat"', "model", "no input port", id="clock-no-input"),
        pytest.param('port = "clk"', 'port = "tune"', "model", "not on the declared clock", id="other-clock"),
        pytest.param('edge = "rising"', 'edge = "falling"', "model", "not on the declared clock", id="other-edge"),
        pytest.param('port = "resetn"', 'port = "clk"', "model", "is the clock", id="clock-as-reset"),
        pytest.param('active = "low"', 'active = "high"', "reset", "after reset", id="other-level"),
        pytest.param('expression = "beat"', 'expression = "1\'b0"', "service", "never given", id="service-false"),
        pytest.param('expression = "beat"', 'expression = "clk"', "model", "the clock", id="clock-as-service"),
        pytest.param('expression = "beat"', 'expression = "boat"', "model", "'boat'", id="no-such-signal"),
        pytest.param('expression = "beat"', 'expression = "ring[3]"', "model", "range", id="no-such-bit"),
        pytest.param('only_after = "word == 2\'d3 & ring[1]"\n', "", "model", "only_after", id="no-trigger"),
        pytest.param("& ring[1]", "& ring[0]", "declared", "without its trigger", id="other-trigger"),
        pytest.param("word == 2'd3", "word == 2'd1", "declared", "without its trigger", id="other-word"),
        pytest.param('state = "halt"', 'state = "ring[0]"', "reset", "right after reset", id="active-at-once"),
        pytest.param('kind = "halt"', 'kind = "id-readout"', "recovery", "", id="no-stop"),
        pytest.param(
            "[[resets]]", '[[clocks]]\nport = "tune"\nedge = "rising"\n[[resets]]', "model", "2 clocks", id="two-clocks"
        ),
        pytest.param(
            "[[services]]",
            '[[resets]]\nport = "resetn"\nactive = "high"\nsynchronous = true\ncycles = 1\n[[services]]',
            "model",
            "both levels",
            id="contradictory-resets",
        ),
    ],
)
def test_a_certificate_bound_to_worse_terms_does_not_hold(
    ring: Elaborated, ring_submission: Submission, old: str, new: str, obligation: str, why: str
) -> None:
    handed = other_manifest(ring_submission, old, new)
    certificate = chips.shutdown(handed, ring, chips.RING_INVARIANT)
    rejected(chips.verdict(certificate, handed, ring), obligation, why)


def test_a_sequence_is_followed_cycle_by_cycle(ring: Elaborated, ring_submission: Submission) -> None:
    handed = other_manifest(ring_submission, "ready = true", "ready = [false, true, true]\nresetn = 1")
    assert not chips.verdict(chips.shutdown(handed, ring, chips.RING_INVARIANT, 3), handed, ring).accepted
    assert chips.verdict(chips.shutdown(handed, ring, chips.RING_INVARIANT, 4), handed, ring).accepted


def test_without_a_reset_initial_values_count(tmp_path: Path) -> None:
    start, end = chips.RING_MANIFEST.index("[[resets]]"), chips.RING_MANIFEST.index("[[services]]")
    handed = chips.submission(tmp_path, chips.RING_MANIFEST[:start] + chips.RING_MANIFEST[end:])
    text = chips.RING.replace("reg dead, arm;", "reg dead = 0, arm = 0; initial {ring, halt} = 4'b0010;")
    for rtl, good in (
        (text, True),
        (text.replace("arm = 0", "arm"), False),
        (text.replace("4'b0010", "4'b0000"), False),
    ):
        chip = chips.elaborated(tmp_path, rtl.replace("resetn", "1'b1").replace("input 1'b1", "input unused"))
        certificate = chips.shutdown(handed, chip, chips.RING_INVARIANT)
        assert Shutdown(chip.gates.top_module, handed.manifest).shown(certificate) == good
        checked = chips.verdict(certificate, handed, chip)
        assert checked.accepted == good
        if not good:
            rejected(checked, "reset")


def test_a_long_reset_is_looked_at_in_part(ring: Elaborated, ring_submission: Submission) -> None:
    handed = other_manifest(ring_submission, "cycles = 2", "cycles = 1000")
    assert chips.verdict(chips.shutdown(handed, ring, chips.RING_INVARIANT), handed, ring).accepted


BOX = """(* blackbox *) module box(input a, output y); endmodule
"""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        pytest.param("2'd3 & ring[1]", "2'd3 & ring[1] & q", "type box", id="black-box"),
        pytest.param("2'd3 & ring[1]", "2'd3 & ring[1] & o", "not on the declared clock edge", id="second-clock"),
        pytest.param("2'd3 & ring[1]", "2'd3 & ring[1] & f", "not on the declared clock edge", id="other-edge"),
        pytest.param("2'd3 & ring[1]", "2'd3 & ring[1] & l", "$_DLATCH_", id="latch"),
        pytest.param("2'd3 & ring[1]", "2'd3 & ring[1] & clk", "the clock", id="clock-as-data"),
    ],
)
def test_what_is_not_modelled_must_not_be_in_the_cone(tmp_path: Path, old: str, new: str, why: str) -> None:
    extra = """wire q; reg o, f, l;
  box b(.a(word[0]), .y(q));
  always @(posedge ready) o <= word[0];
  always @(negedge clk) f <= word[0];
  always @* if (tune) l = word[0];
  assign beat"""
    handed = chips.submission(tmp_path, chips.RING_MANIFEST)
    beside = BOX + chips.RING.replace("assign beat", extra)
    chip = chips.elaborated(tmp_path, beside)
    assert chips.verdict(chips.shutdown(handed, chip, chips.RING_INVARIANT), handed, chip).accepted, "not in the cone"
    chip = chips.elaborated(tmp_path, beside.replace(old, new))
    rejected(chips.verdict(chips.shutdown(handed, chip, chips.RING_INVARIANT), handed, chip), "model", why)


def test_undefined_values_are_arbitrary(tmp_path: Path) -> None:
    handed = chips.submission(tmp_path, chips.RING_MANIFEST)
    for new, good in (("ready & !halt", True), ("ready & !halt & x", False), ("(ready | x) & !halt", True)):
        rtl = chips.RING.replace("ready & !halt", new).replace("reg dead", "wire x;\n  reg dead")
        chip = chips.elaborated(tmp_path, rtl)
        certificate = chips.shutdown(handed, chip, chips.RING_INVARIANT)
        assert chips.verdict(certificate, handed, chip).accepted == good
        assert Shutdown(chip.gates.top_module, handed.manifest).true(4) == good


def test_a_limit_is_no_proof(
    ring: Elaborated, ring_submission: Submission, tmp_path: Path, vault_submission: Submission
) -> None:
    data = write(chips.shutdown(ring_submission, ring, chips.RING_INVARIANT))
    for limits, obligation, why in (
        (CheckLimits(seconds=0), "step", "not decided in time"),
        (CheckLimits(variables=20), "reset", "20 variables"),
    ):
        rejected(check(data, ring_submission, ring, progress=SilentProgress(), limits=limits), obligation, why)


def test_two_runs_need_their_whole_reset(vault: Elaborated, vault_submission: Submission) -> None:
    handed = other_manifest(vault_submission, "cycles = 1", "cycles = 300")
    rejected(chips.verdict(chips.channel(handed, vault), handed, vault), "reset", "300 cycles of reset")


def channel_of(certificate: Certificate, **changes: object) -> Certificate:
    return dataclasses.replace(certificate, **changes)  # type: ignore[arg-type]


def test_every_fact_about_both_runs_is_needed(vault: Elaborated, vault_submission: Submission) -> None:
    good = chips.channel(vault_submission, vault)
    for name in ("count", "log", "seen", "twin"):
        checked = chips.verdict(
            channel_of(good, equal=tuple(other for other in good.equal if other != name)), vault_submission, vault
        )
        # Equality of a twin follows from the invariant.
        assert checked.accepted == (name in ("seen", "twin"))
    rejected(chips.verdict(channel_of(good, invariant=()), vault_submission, vault), "step", "the equality of log")


def test_a_wrong_equal_bit_is_found(vault: Elaborated, vault_submission: Submission) -> None:
    certificate = chips.channel(vault_submission, vault, equal=[*chips.VAULT_EQUAL, "shadow"])
    rejected(chips.verdict(certificate, vault_submission, vault), "reset", "equality of shadow")
    claimed = chips.channel(vault_submission, vault, relation=["=shadow"])
    rejected(chips.verdict(claimed, vault_submission, vault), "reset", "clause 1 of the relation")


def test_without_the_declared_flow_the_output_tells(vault: Elaborated, vault_submission: Submission) -> None:
    flow = chips.VAULT_MANIFEST[chips.VAULT_MANIFEST.index("[[flows]]") :]
    for new, good in (
        ("", False),
        (flow.replace('when = "seen"\n', ""), True),
        (flow.replace('when = "seen"', 'when = "open"'), False),
        (flow.replace('"show"', '"log"'), False),
        (flow.replace('"show"', '"log", "show"'), True),
        (flow.replace('"seen"', '"seen & !twin"') + flow.replace('"seen"', '"twin"'), True),
    ):
        handed = other_manifest(vault_submission, flow, new)
        checked = chips.verdict(chips.channel(handed, vault), handed, vault)
        assert checked.accepted == good, new
        if not good:
            rejected(checked, "sinks", "the output show[0]")


@pytest.mark.parametrize(
    ("old", "new", "obligation", "why"),
    [
        pytest.param('sinks = ["show"]', 'sinks = ["shaw"]', "model", "'shaw' is no output", id="no-such-sink"),
        pytest.param('sinks = ["show"]', 'sinks = ["open"]', "model", "'open' is no output", id="sink-no-output"),
        pytest.param('signal = "id"', 'signal = "count"', "step", "", id="a-register"),
        pytest.param('signal = "id"', 'signal = "clk"', "model", "clock", id="the-clock"),
        pytest.param('signal = "id"', 'signal = "rst"', "model", "reset", id="a-reset"),
        pytest.param('signal = "id"', 'signal = "ids"', "model", "'ids'", id="no-such-signal"),
        pytest.param('signal = "id"', 'signal = "id | go"', "model", "no signal", id="an-expression"),
        pytest.param('signal = "id"', 'signal = "pad"', "sinks", "pad[0]", id="a-port-both-ways"),
        pytest.param('signal = "id"', 'signal = "show"', "step", "", id="source-equal-to-sink"),
    ],
)
def test_sources_and_sinks_that_do_not_fit(
    vault: Elaborated, vault_submission: Submission, old: str, new: str, obligation: str, why: str
) -> None:
    handed = other_manifest(vault_submission, old, new)
    checked = chips.verdict(chips.channel(handed, vault), handed, vault)
    if obligation != "step":
        rejected(checked, obligation, why)
    else:
        assert not checked.accepted


def test_a_source_that_is_an_output_reaches_it(vault: Elaborated, vault_submission: Submission) -> None:
    handed = other_manifest(vault_submission, 'signal = "id"', 'signal = "show"')
    checked = chips.verdict(chips.channel(handed, vault, equal=["seen", "twin"]), handed, vault)
    rejected(checked, "sinks")


def test_a_register_as_source_is_cut(vault: Elaborated, vault_submission: Submission) -> None:
    handed = other_manifest(vault_submission, 'signal = "id"', 'signal = "shadow[0]"')
    assert chips.verdict(chips.channel(handed, vault), handed, vault).accepted
    checked = chips.verdict(chips.channel(handed, vault, equal=[*chips.VAULT_EQUAL, "shadow"]), handed, vault)
    rejected(checked, "model", "'shadow'")


KEPT = """module chip(input clk, input rst, input id, input go, output reg first, output reg out, output afterwards);
  // What is seen in reset stays: equal only if the source is one constant, and never reaches an output in operation.
  reg told;
  always @(posedge clk) begin
    told <= rst ? id : told;
    first <= rst ? 0 : go;
    out <= rst ? told ^ id : out;
  end
  assign afterwards = first;
endmodule
"""


def test_an_identity_is_one_value_and_a_location_may_change(tmp_path: Path) -> None:
    chip = chips.elaborated(tmp_path, KEPT)
    text = chips.VAULT_MANIFEST[: chips.VAULT_MANIFEST.index("[[flows]]")].replace("cycles = 1", "cycles = 2")
    text = text.replace('"vault"', '"chip"').replace('"count == 0"', '"first"')
    for kind, good in (("identity", True), ("key", True), ("fuses", True), ("location", False), ("debug", False)):
        handed = chips.submission(tmp_path, text.replace('kind = "identity"', f'kind = "{kind}"'))
        certificate = chips.channel(handed, chip, (), ["out", "first"])
        checked = chips.verdict(certificate, handed, chip)
        assert checked.accepted == good, kind
        assert Channel(chip.gates.top_module, handed.manifest).shown(certificate) == good
        if not good:
            rejected(checked, "reset", "the equality of out")


def test_a_memory_that_was_left_out_is_no_proof(vault: Elaborated, vault_submission: Submission) -> None:
    left_out = dataclasses.replace(vault, abstracted_memories=(object(),))  # type: ignore[arg-type]
    rejected(chips.verdict(chips.channel(vault_submission, vault), vault_submission, left_out), "model", "memory")
