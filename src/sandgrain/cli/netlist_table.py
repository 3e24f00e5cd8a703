"""The facts of a netlist, and of a simulation of it, as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandgrain.logic.exercise import Exercise
from sandgrain.netlist.facts import NetlistFacts
from sandgrain.report import visible
from sandgrain.verdict import Place

_SHOWN = 20


def print_facts(facts: NetlistFacts, console: Console) -> None:
    """Print what a netlist is made of; of long lists the beginning, and how many more there are."""
    console.print(Text(f"{_shown(facts.top)}  ({facts.form})", style="bold"))
    _figures(
        console,
        [
            ("inputs, outputs, inouts", f"{facts.input_bits:,}, {facts.output_bits:,}, {facts.inout_bits:,} bits"),
            ("cells", f"{facts.cells:,}, of them {facts.inert:,} that compute nothing"),
            ("nets", f"{facts.nets:,} bits, {facts.floating:,} of them read and driven by nothing"),
            ("state", f"{facts.flip_flops:,} flip-flops, {facts.latches:,} latches"),
            ("modules", f"{len(facts.modules):,} on {facts.depth:,} levels"),
        ],
    )
    if len(facts.modules) > 1:
        rows = ((_shown(m.name), f"{m.copies:,}", f"{m.instances:,}", _place(m.place)) for m in facts.modules)
        _table(console, ("module", "copies", "instances", "at"), rows, len(facts.modules), numbers=(1, 2))
    _table(
        console,
        ("cell", "instances"),
        ((_shown(name), f"{count:,}") for name, count in facts.types.items()),
        len(facts.types),
        numbers=(1,),
    )
    _table(
        console,
        ("control", "how", "state bits"),
        ((_shown(item.net), item.role, f"{item.elements:,}") for item in facts.controls),
        len(facts.controls),
        numbers=(2,),
    )
    if facts.indirect:
        console.print(f"{facts.indirect:,} state bits are controlled by logic inside their cell.")
    if facts.black_boxes:
        console.print(Text("Black boxes: nobody knows what these compute.", style="bold red"))
        boxes = ((_shown(box.name), f"{box.instances:,}", _place(box.place)) for box in facts.black_boxes)
        _table(console, ("cell", "instances", "first at"), boxes, len(facts.black_boxes), numbers=(1,))
    else:
        console.print("No black boxes.")
    for place, said in facts.unusual[:_SHOWN]:
        console.print(Text(f"unusual: {_place(place)}: {_shown(said)}", style="yellow"))
    if len(facts.unusual) > _SHOWN:
        console.print(f"... and {len(facts.unusual) - _SHOWN:,} more; --json has them all.")


def print_exercise(seen: Exercise, console: Console) -> None:
    """Print what a simulation counted."""
    rate = seen.gates * seen.samples / seen.seconds if seen.seconds else 0.0
    _figures(
        console,
        [
            ("network", f"{seen.gates:,} and-gates, {seen.latches:,} registers, {seen.inputs:,} inputs"),
            ("undefined", f"{seen.free_inputs:,} inputs that nothing in the netlist defines, random here"),
            ("simulated", f"{seen.samples:,} cycles in {seen.seconds:.2f} s, {rate:.2g} gate-patterns a second"),
            ("never changed", f"{seen.still_count:,} of {seen.nets:,} nets"),
        ],
    )
    for head, nets, count in (("never changed", seen.still, seen.still_count), ("most uneven", seen.rarest, 0)):
        rows = (
            (_shown(net.name), f"{net.ones / seen.samples:.3g}", f"{net.toggles:,}", f"{net.unknowns:,}")
            for net in nets
        )
        _table(console, (head, "share of 1", "changes", "X"), rows, count or len(nets), numbers=(1, 2, 3))
    for note in seen.not_modelled:
        console.print(Text(f"note: {_shown(note)}", style="yellow"))


def _shown(text: str) -> str:
    return visible(text, lines=False, limit=100)


def _place(place: Place | None) -> str:
    return "" if place is None else _shown(str(place))


def _figures(console: Console, rows: list[tuple[str, str]]) -> None:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _table(
    console: Console, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], count: int, *, numbers: tuple[int, ...]
) -> None:
    if not count:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index in numbers else "left", overflow="fold")
    for index, row in enumerate(rows):
        if index == _SHOWN:
            break
        table.add_row(*(Text(cell) for cell in row))
    console.print()
    console.print(table)
    if count > _SHOWN:
        console.print(f"... and {count - _SHOWN:,} more; --json has them all.")
