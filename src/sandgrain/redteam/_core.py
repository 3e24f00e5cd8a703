"""What a core is to the red team: its files, its manifest, and where in its text a modification takes hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandgrain.redteam._patch import Edit


@dataclass(frozen=True)
class Sites:
    """Where and how one file of a core takes a modification, for the patch of :mod:`sandgrain.redteam.plants`.

    Expressions are Verilog over signals of the patched module.

    Attributes:
        file: the patched file, relative to the submission.
        scope: hierarchical prefix of the patched module below the top module, with its dot; empty for the top.
        indent: one level of indentation in that file.
        clock: the clock.
        reset: holds while the reset is asserted.
        write: holds in the cycle in which a bus write ends.
        address, data: the address and the 32-bit word written in that cycle.
        read: holds in the cycle in which a bus read by a load ends.
        read_data: the 32-bit word read in that cycle.
        ended: holds in the cycle in which an instruction fetch ends (any transfer, where one bus serves both).
        waiting: holds while a transfer would begin if ``gates`` did not stop it.
        declarations: anchors after which a declaration may stand; all come before all of ``statements``.
        statements: anchors before which an always block or an assignment may stand; what the expressions above name is
            declared before each of them.
        gates: edits that stop the memory interface while ``{stop}`` holds, transfers under way excepted.
        port: anchor in the port list after which an input may stand; None where no input can be added.
        inside: how the core's own registers are overridden; None where they are not.
        sinks: how a beacon reaches an output, by the kind's value.
    """

    file: str
    scope: str
    indent: str
    clock: str
    reset: str
    write: str
    address: str
    data: str
    read: str
    read_data: str
    ended: str
    waiting: str
    declarations: tuple[str, ...]
    statements: tuple[str, ...]
    gates: tuple[Edit, ...]
    port: str | None = None
    inside: Inside | None = None
    sinks: Mapping[str, Sink] = field(default_factory=dict)


@dataclass(frozen=True)
class Inside:
    """Registers of the core that a modification can override.

    Attributes:
        anchor: a statement at the end of the always block that drives them, before which an override may stand.
        indent: how deep that block is indented.
        trap: the statement that sends the core into its declared trap.
        counter: name of a counter of which the top eight bits are never anything but 0 in a chip's life.
        counter_bits: the highest and the lowest of these bits.
    """

    anchor: str
    indent: str
    trap: str
    counter: str
    counter_bits: tuple[int, int]


@dataclass(frozen=True)
class Sink:
    """An output that a beacon can use.

    Attributes:
        ports: the outputs that may differ first.
        edits: edits that put the beacon's signals on it; ``{symbol}``, ``{sending}`` and ``{bit}`` stand for them.
        declarations, statements: what these edits need beside them, in the same terms and ``{core_out}`` for a wire.
        wires: the names among them that the beacon's own logic does not have.
    """

    ports: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    declarations: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    wires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identity:
    """Where the identity and its declared read-out are added to the description, in every example.

    Attributes:
        file: the file of the top module, relative to the submission.
        ports: anchor before which the three ports are declared.
        body: anchor before which the register and the assignment stand.
        port_text, body_text: what is written there.
    """

    file: str
    ports: str
    body: str
    port_text: str
    body_text: str


@dataclass(frozen=True)
class Excerpt:
    """A part of the core's own documentation.

    Attributes:
        source: file in the package.
        sections: (first line, line after the last) as regular expressions, each found once; in this order.
        target: file in the submission.
    """

    source: str
    sections: tuple[tuple[str, str], ...]
    target: str


@dataclass(frozen=True)
class Core:
    """A core.

    Attributes:
        name: as users call it.
        package: Python package that holds its files, in the directory ``data_location``.
        files: globs of its description in the package, each with the directory of the submission it goes to.
        licence: its licence in the package.
        excerpt: which part of its documentation is submitted.
        manifest: ``submission.toml`` as its vendor would write it.
        identity: where the identity is added.
        sites: where a modification that stops it takes hold.
        beacon_sites: where one that tells the identity takes hold.
        plants: values of the kinds it can take.
    """

    name: str
    package: str
    files: tuple[tuple[str, str], ...]
    licence: str
    excerpt: Excerpt
    manifest: str
    identity: Identity
    sites: Sites
    beacon_sites: Sites
    plants: tuple[str, ...]
