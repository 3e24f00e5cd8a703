"""Small chips as submissions, and honest certificates about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from sandgrain.check import Certificate, Checked, Literal, Related, check, network_digest, terms_digest, write
from sandgrain.netlist import Design, Elaborated, Module, elaborate
from sandgrain.progress import SilentProgress
from sandgrain.submission import Submission, load
from sandgrain.verdict import ClaimId

RING = """module chip(input clk, input resetn, input ready, input [1:0] word, input tune, output beat, output reg halt);
  // A ring of three that never starts again once it is empty, or once `dead` is 1.
  reg [2:0] ring;
  reg dead, arm;
  always @(posedge clk) begin
    ring <= !resetn ? 3'b001 : dead ? 3'b000 : ready & !halt ? {ring[1:0], ring[2]} : ring;
    halt <= resetn & (halt | word == 2'd3 & ring[1]);
    arm <= resetn & (arm ? !tune : dead & tune);
    dead <= resetn & (dead | arm & word == 2'd1);
  end
  assign beat = ring[2];
endmodule
"""
RING_MANIFEST = """schema = 1
[chip]
name = "Chip"
vendor = "Somebody"
date = 2026-11-23
top = "chip"
[[files]]
role = "rtl"
paths = ["chip.v"]
[[clocks]]
port = "clk"
edge = "rising"
[[resets]]
port = "resetn"
active = "low"
synchronous = true
cycles = 2
[[services]]
name = "beat"
expression = "beat"
[[services]]
name = "pulse"
expression = "ring == 3'b100"
[recovery]
within_cycles = 4
[recovery.inputs]
ready = true
word = "free"
[[declared]]
name = "halt"
kind = "halt"
state = "halt"
trigger = "the word 3"
only_after = "word == 2'd3 & ring[1]"
document = "manual"
"""
RING_INVARIANT = ("+ring[0] +ring[1] +beat", "-dead", "-arm")

VAULT = """module vault(input clk, input rst, input id, input go, input open, output reg count, output show,
             output reg log, inout pad, output tick);
  // `shadow` keeps the source and is shown while `open` was seen; `seen` and `twin` are alike.
  reg shadow, seen, twin;
  always @(posedge clk) begin
    count <= rst ? 0 : count + go;
    shadow <= id;
    seen <= !rst & open;
    twin <= !rst & open;
    log <= !rst & shadow & seen & !twin;
  end
  assign show = shadow & seen;
  assign tick = clk;
endmodule
"""
VAULT_MANIFEST = """schema = 1
[chip]
name = "Vault"
vendor = "Somebody"
date = 2026-11-23
top = "vault"
[[files]]
role = "rtl"
paths = ["chip.v"]
[[clocks]]
port = "clk"
edge = "rising"
[[resets]]
port = "rst"
active = "high"
synchronous = true
cycles = 1
[[services]]
name = "count"
expression = "count == 0"
[recovery.inputs]
[[sources]]
name = "id"
kind = "identity"
signal = "id"
[[flows]]
source = "id"
sinks = ["show"]
when = "seen"
document = "manual"
"""
VAULT_EQUAL = ("count", "seen", "twin", "log")
VAULT_INVARIANT = ("+seen -twin", "-seen +twin")


def submission(root: Path, manifest: str, rtl: str = "module unread; endmodule\n") -> Submission:
    """A submission in the directory ``root``."""
    (root / "chip.v").write_text(rtl)
    (root / "submission.toml").write_text(manifest)
    return load(root)


def elaborated(root: Path, rtl: str, top: str = "chip") -> Elaborated:
    """The netlists of a description."""
    (root / "chip.v").write_text(rtl)
    return elaborate(Design(root=root, sources=("chip.v",), top=top))


def with_gates(chip: Elaborated, module: Module) -> Elaborated:
    """The same description with other gates."""
    gates = dataclasses.replace(chip.gates, modules={chip.gates.top: module})
    return dataclasses.replace(chip, gates=gates)


def clause(text: str) -> tuple[Literal, ...]:
    """A clause as a certificate writes it, without escapes."""
    return tuple(Literal(word[1:], int(word[0] == "+")) for word in text.split())


def related(text: str) -> tuple[Related, ...]:
    """A clause over both runs as a certificate writes it, without escapes."""
    return tuple(
        Related(0, word[1:], 1) if word[0] == "=" else Related(int(word[0]), word[2:], int(word[1] == "+"))
        for word in text.split()
    )


def shutdown(
    handed: Submission, chip: Elaborated, invariant: Iterable[str], frames: int = 4, service: str = "beat"
) -> Certificate:
    """A certificate of *no remote shutdown* that is bound as it should be."""
    claim = ClaimId.NO_REMOTE_SHUTDOWN
    return Certificate(
        claim=claim,
        subject=service,
        top=handed.manifest.chip.top,
        network=network_digest(chip.gates.top_module),
        terms=terms_digest(handed.manifest, claim, service),
        frames=frames,
        invariant=tuple(map(clause, invariant)),
    )


def channel(
    handed: Submission,
    chip: Elaborated,
    invariant: Iterable[str] = VAULT_INVARIANT,
    equal: Iterable[str] = VAULT_EQUAL,
    relation: Iterable[str] = (),
    source: str = "id",
) -> Certificate:
    """A certificate of *no covert channel* that is bound as it should be."""
    claim = ClaimId.NO_COVERT_CHANNEL
    return Certificate(
        claim=claim,
        subject=source,
        top=handed.manifest.chip.top,
        network=network_digest(chip.gates.top_module),
        terms=terms_digest(handed.manifest, claim, source),
        frames=None,
        invariant=tuple(map(clause, invariant)),
        equal=tuple(equal),
        relation=tuple(map(related, relation)),
    )


def verdict(certificate: Certificate | bytes, handed: Submission, chip: Elaborated) -> Checked:
    """What the checker says."""
    data = certificate if isinstance(certificate, bytes) else write(certificate)
    return check(data, handed, chip, progress=SilentProgress())
