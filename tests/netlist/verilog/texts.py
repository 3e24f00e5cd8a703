"""Random structural Verilog, and the connectivity of a module in a form that two readers can be compared by."""

from __future__ import annotations

from hypothesis import strategies as st

from sandgrain.netlist import Module
from sandgrain.netlist.model import Bits

_SPACES = (" ", "  ", "\n", "\t", " // note ; module (\n", " /* a ; \n b */ ", ' (* keep = "a;*b" *) ')


def connectivity(module: Module) -> list[tuple[object, ...]]:
    """For every port bit and pin bit, the first such bit it is joined to."""
    first: dict[int, int] = {}
    rows: list[tuple[object, ...]] = []
    ends: list[tuple[tuple[str, ...], Bits]] = [
        (("port", port.name), port.bits) for port in sorted(module.ports, key=lambda port: port.name)
    ]
    cells = module.cells
    order = sorted(range(len(cells)), key=lambda cell: cells.names[cell])
    for cell in order:
        ends += [
            ((cells.names[cell], cells.type_of(cell), pin.name), pin.bits)
            for pin in sorted(cells.pins(cell), key=lambda pin: pin.name)
        ]
    for end, bits in ends:
        for index, bit in enumerate(bits.tolist()):
            rows.append((*end, index, bit if bit < 0 else first.setdefault(bit, len(rows))))
    return rows


@st.composite
def structural(draw: st.DrawFn, attributes: bool = True) -> str:
    """A text of one to three modules: declarations of every kind, instances by name and by position, assignments."""

    def gap() -> str:
        spaces = _SPACES if attributes else _SPACES[:-1]
        return str(draw(st.sampled_from(spaces)))

    leaf_ports = draw(st.lists(st.tuples(st.sampled_from("io"), st.integers(1, 4)), min_size=1, max_size=4))
    leaf = [("leaf", [(f"p{index}", way, width) for index, (way, width) in enumerate(leaf_ports)])]
    text = []
    for name, ports in leaf:
        header = ", ".join(port for port, _, _ in ports)
        body = "".join(
            f"{'input' if way == 'i' else 'output'} {f'[{width - 1}:0] ' if width > 1 else ''}{port};\n"
            for port, way, width in ports
        )
        text.append(f"module {name} ({header});\n{body}endmodule\n")

    nets: list[tuple[str, int, int, bool]] = []
    lines: list[str] = []
    shown = {}
    for index in range(draw(st.integers(1, 8))):
        width = draw(st.integers(1, 6))
        right = draw(st.integers(0, 5))
        upto = draw(st.booleans())
        escaped = draw(st.booleans())
        name = f"n{index}.a[{index}]" if escaped else f"n{index}$_"
        shown[name] = f"\\{name} " if escaped else name
        left = right - width + 1 if upto else right + width - 1
        if left < 0:
            left, right = left + 10, right + 10
        if width == 1 and draw(st.booleans()):
            lines.append(f"wire{gap()}{shown[name]};")
            nets.append((name, 1, 0, False))
        else:
            lines.append(f"wire{gap()}[{left}{gap()}:{right}] {shown[name]}{gap()};")
            nets.append((name, width, right, left < right))

    def element(width: int) -> str:
        """Text of exactly ``width`` bits."""
        kind = draw(st.integers(0, 4))
        fitting = [net for net in nets if net[1] >= width]
        if kind == 0 and width == 1:
            return draw(st.sampled_from(("1'b0", "1'b1", "1'bx", "1'h1")))
        if kind == 1 and width > 1:
            cut = draw(st.integers(1, width - 1))
            return "{" + gap() + element(width - cut) + "," + gap() + element(cut) + "}"
        if kind == 2:
            return f"{width}'b" + "_".join(draw(st.sampled_from("01xz")) for _ in range(width))
        if kind == 3 and width > 1:
            return f"{{{width}{{{element(1)}}}}}"
        if not fitting:
            return f"{width}'d{draw(st.integers(0, 2**width - 1))}"
        name, size, right, upto = draw(st.sampled_from(fitting))
        if size == width and draw(st.booleans()):
            return shown[name] + gap()
        low = draw(st.integers(0, size - width))
        first, last = low + width - 1, low
        step = -1 if upto else 1
        if size == 1:
            return shown[name] + gap()
        if width == 1:
            return f"{shown[name]}[{right + step * last}]"
        return f"{shown[name]}{gap()}[{right + step * first}{gap()}:{right + step * last}]"

    name, ports = leaf[0]
    for index in range(draw(st.integers(0, 6))):
        instance = draw(st.sampled_from((f"u{index}", f"\\u{index}/x[0] ")))
        if draw(st.booleans()):
            pins = [f".{port}({gap()}{element(width)})" for port, _, width in ports if draw(st.booleans())]
        else:
            pins = [element(width) for _, _, width in ports]
        lines.append(f"{name}{gap()}{instance}{gap()}({(',' + gap()).join(pins)});")
    assigned: set[str] = set()
    for net, width, _, _ in nets:
        if draw(st.integers(0, 3)) == 0:
            source = draw(st.sampled_from(nets))
            if source[0] > net and source[1] == width and net not in assigned:
                assigned.add(net)
                lines.append(f"assign {shown[net]}={gap()}{shown[source[0]]};")
    outputs = [net for net in nets if draw(st.booleans())]
    header = ", ".join(f"o{index}" for index in range(len(outputs)))
    declarations = []
    for index, (net, width, _, _) in enumerate(outputs):
        declarations.append(f"output {f'[{width - 1}:0] ' if width > 1 else ''}o{index};")
        lines.append(f"assign o{index} = {shown[net]};")
    text.append(f"module top{gap()}({header});\n" + "\n".join([*declarations, *lines]) + "\nendmodule\n")
    return "".join(text)
