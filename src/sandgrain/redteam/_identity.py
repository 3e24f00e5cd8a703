"""The identity every example has, and its one declared way out.

The cores come without an identity, so that there would be nothing to leak. Each example therefore has three more ports
on its top module, a register behind them, and a document that declares the read-out.
"""

from __future__ import annotations

from sandgrain.redteam._core import Core
from sandgrain.redteam._patch import insert_before

SOURCE = "device_id"
"""Name of the source in the manifest, and of the input port that carries it."""
REGISTER = "device_id_q"
"""The register in the top module that holds a copy of it."""
DOCUMENT = "docs/identity.md"
"""Where the submission declares it."""

_BODY = f"""\
// Identity read-out, see docs/identity.md
reg [31:0] {REGISTER};
always @(posedge @clock@)
\t{REGISTER} <= {SOURCE};
assign debug_data = debug_en ? {REGISTER} : 32'h00000000;"""

TEXT = """\
# Identity read-out

Beside what the core's own documentation describes, the chip has a unique identity.

| port | width | direction | meaning |
|---|---|---|---|
| `device_id` | 32 | input | the identity of this chip, from its fuses; it is the same for the chip's whole life |
| `debug_en` | 1 | input | a debugger is attached |
| `debug_data` | 32 | output | the identity while `debug_en` is 1, zero while it is 0 |

`device_id` is copied into a register with every clock. The gate between that register and `debug_data` is
combinational: in each cycle in which `debug_en` is 0, `debug_data` is zero. The identity reaches no other output, and
`debug_data` only while `debug_en` is 1.

The core itself is as its authors publish it; these three ports and the register are all that was added.
"""

MANIFEST = f"""\

# Every chip has an identity, and one declared way out for it: the read-out port, and only while a debugger is attached.
# The gate is combinational, so the condition is that of the same cycle.
[[sources]]
name = "{SOURCE}"
kind = "identity"
signal = "{SOURCE}"
description = "The unique identity of the chip, from its fuses."

[[flows]]
source = "{SOURCE}"
sinks = ["debug_data"]
when = "debug_en"
document = "{DOCUMENT}"
"""

RECOVERY_INPUTS = """\
# No debugger. The identity is not named: whatever it is, the chip must come back.
debug_en = "1'b0"
"""


def body(clock: str, indent: str) -> str:
    """The register and the gate, for the body of a module clocked by ``clock``."""
    lines = _BODY.replace("@clock@", clock).splitlines()
    return "\n".join(indent + line.replace("\t", indent) for line in lines)


def with_identity(core: Core, sources: dict[str, str]) -> dict[str, str]:
    """The package's ``sources`` with the identity added; raises RedTeamError when an anchor is not found once."""
    place = core.identity
    text = insert_before(sources[place.file], place.body, place.body_text, file=place.file)
    text = insert_before(text, place.ports, place.port_text, file=place.file)
    return {**sources, place.file: text}
