"""A small submission that is right, from which each test breaks one thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = """\
schema = 1
[chip]
name = "PicoRV32"            # chip
vendor = "YosysHQ"
date = 2026-11-23            # date of the submission
top = "picorv32"             # top module

[[files]]
role = "rtl"
paths = ["rtl/*.v"]          # globs relative to the submission
[elaboration]
include_dirs = ["rtl"]
defines = { }
parameters = { ENABLE_IRQ = 0 }
[[clocks]]
port = "clk"
edge = "rising"
frequency_hz = 100_000_000
[[resets]]
port = "resetn"
active = "low"
synchronous = true
cycles = 4
[[services]]
name = "fetch"
expression = "mem_valid & mem_instr"
description = "fetches instructions"
[recovery]
description = "memory always ready, answers with NOP"
within_cycles = 40
[recovery.inputs]
mem_ready = "1'b1"
mem_rdata = "32'h00000013"
[[declared]]
name = "trap"
kind = "halt"
state = "trap"
trigger = "illegal instruction, ebreak or misaligned access"
document = "README.md: section Traps"
[[sources]]
name = "uid"
kind = "identity"
signal = "chip_id"
description = "set when the chip is made"
[[flows]]
source = "uid"
sinks = ["uid_out"]
when = "debug"
document = "README.md: section Identity"
"""


@pytest.fixture
def example() -> str:
    return EXAMPLE


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a submission: the manifest's text and files by path; the default is the example."""

    def build(manifest: str = EXAMPLE, files: dict[str, str] | None = None) -> Path:
        root = tmp_path / "submission"
        for path, text in (files if files is not None else {"rtl/core.v": "module picorv32; endmodule\n"}).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        root.mkdir(exist_ok=True)
        (root / "submission.toml").write_text(manifest)
        return root

    return build
