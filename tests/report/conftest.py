"""A realistic case on disk: a PicoRV32 with an undeclared two-word bus kill, its declared trap, and a suspect."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from vcd import VCDWriter

from sandgrain.verdict import (
    Case,
    Certificate,
    Claim,
    ClaimId,
    Coverage,
    EvidenceFile,
    Figure,
    Finding,
    FindingStatus,
    Place,
    RelevantInput,
    Stage,
    StateBit,
    SubmissionRecord,
    SubmittedFileRecord,
    Text,
    Verdict,
    Witness,
)

CYCLES, RESET, DEAD, LAST = 96, 4, 59, 57
FIRST_WORD, SECOND_WORD = (41, 0x5EED_C0DE), (57, 0x0FF0_0FF0)
NOP = 0x13

RTL = """\
module picorv32 (
\tinput clk, resetn,
\toutput reg trap,
\toutput reg        mem_valid,
\toutput reg        mem_instr,
\tinput             mem_ready,
\toutput reg [31:0] mem_addr,
\tinput      [31:0] mem_rdata
);
\t// Bus monitor
\treg [1:0] bus_seen;
\treg       bus_halt;

\talways @(posedge clk) begin
\t\tif (!resetn) begin
\t\t\tbus_seen <= 2'b00;
\t\t\tbus_halt <= 1'b0;
\t\tend else if (mem_valid && mem_ready) begin
\t\t\tif (mem_rdata == 32'h5eed_c0de)
\t\t\t\tbus_seen <= 2'b01;
\t\t\telse if (bus_seen == 2'b01 && mem_rdata == 32'h0ff0_0ff0)
\t\t\t\tbus_halt <= 1'b1;
\t\tend
\tend

\talways @(posedge clk) begin
\t\tif (!resetn || trap || bus_halt) begin
\t\t\tif (!resetn || mem_ready)
\t\t\t\tmem_valid <= 0;
\t\tend
\tend
\t// Halt on anything this core does not know
\talways @(posedge clk) begin
\t\tif (cpu_state == cpu_state_trap)
\t\t\ttrap <= 1;
\tend
endmodule
"""


@dataclass(frozen=True)
class Setting:
    """A case, the directory its evidence is in, and the submission it is about."""

    case: Case
    case_dir: Path
    source_root: Path


def make_vcd() -> bytes:
    """The witness of the bus kill, laid out as the engine lays out every witness."""
    stream = io.StringIO()
    with VCDWriter(stream, timescale="1 ns", check_values=False) as writer:
        ports = {
            name: writer.register_var("picorv32", name, "wire", size=size)
            for name, size in [
                ("clk", 1), ("resetn", 1), ("trap", 1), ("mem_valid", 1), ("mem_instr", 1), ("mem_ready", 1),
                ("mem_addr", 32), ("mem_rdata", 32),
            ]
        }  # fmt: skip
        own = {
            name: writer.register_var("sandgrain", name, "wire", size=1)
            for name in ("service_fetch", "dead", "bus_halt", "bus_seen[1]", "bus_seen[0]")
        }
        for cycle in range(CYCLES):
            now, running = 10 * cycle, cycle >= RESET
            fetch = running and cycle <= LAST and cycle % 4 in (0, 1)
            word = dict([FIRST_WORD, SECOND_WORD]).get(cycle, NOP)
            writer.change(ports["clk"], now, 1)
            writer.change(ports["resetn"], now, int(running))
            writer.change(ports["trap"], now, 0)
            writer.change(ports["mem_valid"], now, int(fetch))
            writer.change(ports["mem_instr"], now, int(fetch))
            writer.change(ports["mem_ready"], now, 1)
            writer.change(ports["mem_addr"], now, 4 * cycle if running else "x" * 32)
            writer.change(ports["mem_rdata"], now, word)
            writer.change(own["service_fetch"], now, int(fetch))
            writer.change(own["dead"], now, int(cycle >= DEAD))
            writer.change(own["bus_halt"], now, int(cycle > SECOND_WORD[0]) if running else "x")
            writer.change(own["bus_seen[1]"], now, 0 if running else "x")
            writer.change(own["bus_seen[0]"], now, int(cycle > FIRST_WORD[0]) if running else "x")
            writer.change(ports["clk"], now + 5, 0)
    return stream.getvalue().encode()


def put(case_dir: Path, data: bytes, suffix: str, media_type: str) -> EvidenceFile:
    """Store evidence as a case stores it: under its own hash."""
    digest = hashlib.sha256(data).hexdigest()
    path = f"evidence/{digest}.{suffix}"
    (case_dir / "evidence").mkdir(parents=True, exist_ok=True)
    (case_dir / path).write_bytes(data)
    return EvidenceFile(path=path, sha256=digest, size=len(data), media_type=media_type)


def word_inputs(cycle: int, value: int) -> list[RelevantInput]:
    return [
        *(RelevantInput(cycle=cycle, port="mem_rdata", bit=bit, value=value >> bit & 1) for bit in range(32)),
        RelevantInput(cycle=cycle, port="mem_ready", bit=0, value=1),
    ]


def make_witness(case_dir: Path, vcd: bytes | None = None) -> Witness:
    return Witness(
        service="fetch",
        cycles=CYCLES,
        reset_cycles=RESET,
        dead_from=DEAD,
        last_service_cycle=LAST,
        stimulus=put(case_dir, json.dumps({"schema": "sandgrain.stimulus/1"}).encode(), "json", "application/json"),
        vcd=put(case_dir, make_vcd() if vcd is None else vcd, "vcd", "text/x-vcd"),
        relevant_inputs=word_inputs(*FIRST_WORD) + word_inputs(*SECOND_WORD),
    )


def place(line: int) -> Place:
    return Place(file="rtl/picorv32.v", line=line)


def findings(witness: Witness) -> list[Finding]:
    """One declared, one suspect, one undeclared: in the order a report must not keep."""
    return [
        Finding(
            id="trap",
            status=FindingStatus.DECLARED,
            title=Text(template="The declared function {name} ends the service", args={"name": "trap"}),
            explanation=Text(template="The service does not come back while {state} holds.", args={"state": "trap"}),
            service="fetch",
            dead_state=[StateBit(name="trap", value=1, place=place(3))],
            places=[place(35)],
            declared_as="trap",
            document="README.md: section \"Trap\"",
        ),
        Finding(
            id="suspect-1",
            status=FindingStatus.SUSPECT,
            title=Text(template="A state of {count} flip-flops from which {service} does not return",
                       args={"count": 6, "service": "fetch"}),
            explanation=Text(template="Neither reached within {bound} cycles nor excluded.", args={"bound": 120}),
            service="fetch",
            dead_state=[
                StateBit(name=f"cpu_state[{bit}]", value=value) for bit, value in [(7, 0), (6, 1), (5, 1), (3, 0)]
            ] + [StateBit(name="mem_do_rinst", value=0), StateBit(name="decoder_trigger", value=1)],
        ),
        Finding(
            id="bus-halt-1",
            status=FindingStatus.UNDECLARED,
            title=Text(template="Two words on the bus stop {service} for good", args={"service": "fetch"}),
            explanation=Text(
                template="After the inputs marked below, {bit} is set. From then on {service} does not come back for "
                "any of the recovery stimuli, and nothing but a reset clears the state.",
                args={"bit": "bus_halt", "service": "fetch"},
            ),
            service="fetch",
            dead_state=[StateBit(name="bus_halt", value=1, place=place(12))],
            places=[place(22), place(27)],
            witness=witness,
        ),
    ]  # fmt: skip


def coverage() -> Coverage:
    return Coverage(
        figures=[
            Figure(name=Text(template="flip-flops modelled"), value=1588),
            Figure(name=Text(template="gates modelled"), value=14512),
            Figure(name=Text(template="recovery bound in cycles"), value=40),
        ],
        assumptions=[Text(template="The clock {clock} runs.", args={"clock": "clk"})],
        not_covered=[Text(template="States reachable only by pulling reset in mid-flight.")],
    )


def make_case(source_root: Path, examined: Claim, **submission: str) -> Case:
    rtl = RTL.encode()
    (source_root / "rtl").mkdir(parents=True, exist_ok=True)
    (source_root / "rtl" / "picorv32.v").write_bytes(rtl)
    record = {"chip": "PicoRV32", "vendor": "Example Silicon Ltd", "date": "2026-11-23", "top": "picorv32"}
    others = [
        Claim(id=claim, verdict=Verdict.OPEN, summary_text=Text(template="Not examined."), examined=False)
        for claim in ClaimId
        if claim is not examined.id
    ]
    return Case(
        tool_version="0.1.0",
        created="2026-11-23T10:15:00Z",
        submission=SubmissionRecord(
            **{**record, **submission},
            digest=hashlib.sha256(b"submission").hexdigest(),
            files=[
                SubmittedFileRecord(
                    path="rtl/picorv32.v", role="rtl", sha256=hashlib.sha256(rtl).hexdigest(), size=len(rtl)
                )
            ],
        ),
        claims=[*others, examined],
        stages=[Stage(name="elaborate", seconds=2.13), Stage(name="recoverability", seconds=41.8)],
    )


@pytest.fixture
def refuted(tmp_path: Path) -> Setting:
    """The bus kill: refuted, with witness."""
    case_dir, source_root = tmp_path / "picorv32.case", tmp_path / "submission"
    claim = Claim(
        id=ClaimId.NO_REMOTE_SHUTDOWN,
        verdict=Verdict.REFUTED,
        summary_text=Text(template="{service} can be stopped for good from outside.", args={"service": "fetch"}),
        examined=True,
        coverage=coverage(),
        findings=findings(make_witness(case_dir)),
    )
    return Setting(make_case(source_root, claim), case_dir, source_root)


@pytest.fixture
def clean(tmp_path: Path) -> Setting:
    """Nothing undeclared was found, but something was not covered: open."""
    case_dir, source_root = tmp_path / "clean.case", tmp_path / "submission"
    case_dir.mkdir()
    claim = Claim(
        id=ClaimId.NO_REMOTE_SHUTDOWN,
        verdict=Verdict.OPEN,
        summary_text=Text(template="No state was reached from which {service} stays away.", args={"service": "fetch"}),
        examined=True,
        coverage=coverage(),
    )
    return Setting(make_case(source_root, claim), case_dir, source_root)


@pytest.fixture
def proved(tmp_path: Path) -> Setting:
    """Proved, with a certificate."""
    case_dir, source_root = tmp_path / "proved.case", tmp_path / "submission"
    claim = Claim(
        id=ClaimId.NO_REMOTE_SHUTDOWN,
        verdict=Verdict.PROVED,
        summary_text=Text(template="{service} comes back from every reachable state.", args={"service": "fetch"}),
        examined=True,
        coverage=Coverage(figures=coverage().figures, assumptions=coverage().assumptions),
        certificates=[
            Certificate(
                kind="inductive invariant",
                subject="fetch",
                file=put(case_dir, b"{}", "json", "application/json"),
                checked_by="sandgrain check, MiniSat 2.2",
            )
        ],
    )
    return Setting(make_case(source_root, claim), case_dir, source_root)


HOSTILE = "<script>alert(1)</script>\"><img src=x onerror='a()'>\u202egnp.exe\u200b{{7*7}}{0.__class__}"


@pytest.fixture
def hostile(tmp_path: Path) -> Setting:
    """Every name the vendor controls tries to break out."""
    case_dir, source_root = tmp_path / "a'; $(x) <b>.case", tmp_path / "submission"
    witness = make_witness(case_dir).model_copy(update={"service": HOSTILE})
    witness.relevant_inputs.append(RelevantInput(cycle=5, port=HOSTILE, bit=3, value=1))
    claim = Claim(
        id=ClaimId.NO_REMOTE_SHUTDOWN,
        verdict=Verdict.REFUTED,
        summary="given, so that nothing formats the template",
        summary_text=Text(template=HOSTILE + "{x} {x.__class__} {x:>99999999999}", args={"x": HOSTILE}),
        examined=True,
        coverage=Coverage(
            figures=[Figure(name=Text(template=HOSTILE), value=HOSTILE)],
            assumptions=[Text(template="{a}", args={"a": HOSTILE})],
            not_covered=[Text(template=HOSTILE)],
        ),
        findings=[
            Finding(
                id="x",
                status=FindingStatus.UNDECLARED,
                title=Text(template="{a}", args={"a": HOSTILE}),
                explanation=Text(template=HOSTILE),
                service=HOSTILE,
                dead_state=[StateBit(name=HOSTILE, value=1, place=Place(file=HOSTILE, line=3))],
                places=[Place(file=HOSTILE, line=9), Place(file="../../etc/passwd", line=1)],
                declared_as=HOSTILE,
                document=HOSTILE,
                witness=witness,
            )
        ],
    )
    case = make_case(source_root, claim, chip=HOSTILE, vendor=HOSTILE, date=HOSTILE, top=HOSTILE)
    return Setting(case, case_dir, source_root)
