"""The statements a delivered netlist consists of, read at the speed of memory.

One compiled pass over the bytes knows instances, plain declarations and plain assignments. Whatever else it meets it
hands back untouched (`SLOW`): the full grammar, and every error message, is that of `_statements`. The two agree by
construction of the tables both fill, and by a test that reads everything both ways.
"""

from __future__ import annotations

import numba

from sandgrain.netlist.verilog._elements import connection, declare
from sandgrain.netlist.verilog._layout import (
    ALIASES,
    AT,
    CELL,
    CELLS,
    END,
    FIRST_PIN,
    GROW_ALIASES,
    GROW_CELLS,
    GROW_NAMES,
    GROW_NETS,
    GROW_PINS,
    MODULE_END,
    NET_BITS,
    NETS,
    PIN_BITS,
    PINS,
    POS,
    SLOW,
    TYPE,
)
from sandgrain.netlist.verilog._lexical import NO_ROOM, identifier, number_at, skip
from sandgrain.netlist.verilog._words import (
    FIRST_POSITION,
    KEYWORDS,
    LAST_GATE,
    NET_FLAGS,
    POSITIONS,
    PRIMITIVE_INPUTS,
    PRIMITIVE_OUTPUTS,
    PRIMITIVE_PINS,
)

_FEW = 64
"""Named pins that are compared one by one to find a name that comes twice."""
_ASSIGN = KEYWORDS.index("assign")
_ENDMODULE = KEYWORDS.index("endmodule")


@numba.njit(cache=True)
def _pins(text, slots, name_bytes, name_offsets, net_of, nets, net_at, pin_name, pin_bits, bits, n, kind, pos):  # type: ignore[no-untyped-def]
    """The pins of one instance, from after its opening parenthesis to after the closing one."""
    first = n[PINS]
    pos = skip(text, pos)
    if pos >= text.size:
        return SLOW, pos
    if text[pos] == 41:
        return END, pos + 1
    named = text[pos] == 46
    if named and kind < LAST_GATE:
        return SLOW, pos
    while True:
        if pos >= text.size or (text[pos] == 46) != named:
            return SLOW, pos
        if n[PINS] >= pin_name.size:
            return GROW_PINS, pos
        pin = n[PINS]
        name = FIRST_POSITION + pin - first
        if named:
            name, pos = identifier(text, slots, name_bytes, name_offsets, net_of, n, skip(text, pos + 1))
            if name == NO_ROOM:
                return GROW_NAMES, pos
            pos = skip(text, pos)
            if name < 0 or pos >= text.size or text[pos] != 40:
                return SLOW, pos
            pos = skip(text, pos + 1)
            for other in range(first, pin):
                if pin_name[other] == name:  # connected twice
                    return SLOW, pos
            if pin - first >= _FEW:
                return SLOW, pos
        elif pin - first >= POSITIONS:
            return SLOW, pos
        if pos >= text.size:
            return SLOW, pos
        pin_name[pin] = name
        pin_bits[pin] = n[PIN_BITS]
        n[PINS] = pin + 1
        if text[pos] != 41 or not named:
            status, pos = connection(text, slots, name_bytes, name_offsets, net_of, nets, net_at, bits, n, pos)
            if status != END:
                return status, pos
            if pos >= text.size:
                return SLOW, pos
        if named:
            if text[pos] != 41:
                return SLOW, pos
            pos = skip(text, pos + 1)
            if pos >= text.size:
                return SLOW, pos
        if text[pos] == 41:
            pos += 1
            break
        if text[pos] != 44:
            return SLOW, pos
        pos = skip(text, pos + 1)
    if kind < LAST_GATE:
        count = n[PINS] - first
        outputs = PRIMITIVE_OUTPUTS[kind]
        inputs = PRIMITIVE_INPUTS[kind]
        if outputs < 0:  # buf and not: the last is the input
            outputs = count - 1
        if inputs < 0:
            inputs = count - outputs
        controls = count - outputs - inputs
        if outputs < 1 or inputs < 0 or controls not in (0, 1) or (outputs + inputs == count) != (controls == 0):
            return SLOW, pos
        if (PRIMITIVE_INPUTS[kind] < 0 and inputs < 1) or count > POSITIONS:
            return SLOW, pos
        for index in range(count):
            pin_name[first + index] = PRIMITIVE_PINS + (
                index if index < outputs else POSITIONS + index - outputs if index < outputs + inputs else 2 * POSITIONS
            )
            width = (n[PIN_BITS] if index == count - 1 else pin_bits[first + index + 1]) - pin_bits[first + index]
            if width != 1:
                return SLOW, pos
    return END, pos


@numba.njit(cache=True)
def _instances(  # type: ignore[no-untyped-def]
    text, slots, name_bytes, name_offsets, net_of, nets, net_at, cells, cell_at, pin_name, pin_bits, bits, n, kind, pos
):
    """``kind name (pins), name (pins);`` from after ``kind``."""
    while True:
        pos = skip(text, pos)
        at = pos
        name, pos = identifier(text, slots, name_bytes, name_offsets, net_of, n, pos)
        if name == NO_ROOM:
            return GROW_NAMES, pos
        if name < 0 or (name < len(KEYWORDS) and text[at] != 92):
            return SLOW, pos
        pos = skip(text, pos)
        if pos >= text.size or text[pos] != 40:
            return SLOW, pos
        cell = n[CELLS]
        if cell + 1 >= cells.shape[0]:
            return GROW_CELLS, pos
        cells[cell, TYPE] = kind
        cells[cell, CELL] = name
        cell_at[cell, AT] = at
        cell_at[cell, FIRST_PIN] = n[PINS]
        n[CELLS] = cell + 1
        status, pos = _pins(
            text, slots, name_bytes, name_offsets, net_of, nets, net_at, pin_name, pin_bits, bits, n, kind, pos + 1
        )
        if status != END:
            return status, pos
        pos = skip(text, pos)
        if pos >= text.size:
            return SLOW, pos
        if text[pos] == 59:
            return END, pos + 1
        if text[pos] != 44:
            return SLOW, pos
        pos += 1


@numba.njit(cache=True)
def _declaration(text, slots, name_bytes, name_offsets, net_of, nets, net_at, n, flags, pos):  # type: ignore[no-untyped-def]
    """``[left:right] name, name;`` from after the keyword."""
    statement = n[POS]
    pos = skip(text, pos)
    if pos >= text.size:
        return SLOW, pos
    width = 1
    right = 0
    upto = False
    if text[pos] == 91:
        left, pos = number_at(text, skip(text, pos + 1))
        pos = skip(text, pos)
        if left < 0 or pos >= text.size or text[pos] != 58:
            return SLOW, pos
        right, pos = number_at(text, skip(text, pos + 1))
        pos = skip(text, pos)
        if right < 0 or pos >= text.size or text[pos] != 93:
            return SLOW, pos
        pos = skip(text, pos + 1)
        upto = left < right
        width = abs(left - right) + 1
        if width > 4096:
            return SLOW, pos
    while True:
        at = pos
        name, pos = identifier(text, slots, name_bytes, name_offsets, net_of, n, pos)
        if name == NO_ROOM:
            return GROW_NAMES, pos
        if name < 0 or (name < len(KEYWORDS) and text[at] != 92):
            return SLOW, pos
        if n[NETS] >= nets.shape[0]:
            return GROW_NETS, pos
        if not declare(net_of, nets, net_at, n, name, width, right, upto, flags, at, statement):
            return SLOW, pos
        pos = skip(text, pos)
        if pos >= text.size:
            return SLOW, pos
        if text[pos] == 59:
            return END, pos + 1
        if text[pos] != 44:
            return SLOW, pos
        pos = skip(text, pos + 1)


@numba.njit(cache=True)
def _assignment(text, slots, name_bytes, name_offsets, net_of, nets, net_at, bits, aliases, n, pos):  # type: ignore[no-untyped-def]
    """``left = right;`` of equal widths, from after ``assign``."""
    scratch = n[PIN_BITS]
    pos = skip(text, pos)
    at = pos
    if pos >= text.size:
        return SLOW, pos
    status, pos = connection(text, slots, name_bytes, name_offsets, net_of, nets, net_at, bits, n, pos)
    if status != END:
        return status, pos
    middle = n[PIN_BITS]
    if pos >= text.size or text[pos] != 61:
        return SLOW, pos
    pos = skip(text, pos + 1)
    if pos >= text.size:
        return SLOW, pos
    status, pos = connection(text, slots, name_bytes, name_offsets, net_of, nets, net_at, bits, n, pos)
    if status != END:
        return status, pos
    width = middle - scratch
    if n[PIN_BITS] - middle != width or pos >= text.size or text[pos] != 59:
        return SLOW, pos
    if n[ALIASES] + width > aliases.shape[0]:
        return GROW_ALIASES, pos
    for index in range(width):
        if bits[scratch + index] < 0:
            return SLOW, pos
        alias = n[ALIASES] + index
        aliases[alias, 0] = bits[scratch + index]
        aliases[alias, 1] = bits[middle + index]
        aliases[alias, 2] = at
    n[ALIASES] += width
    n[PIN_BITS] = scratch
    return END, pos + 1


@numba.njit(cache=True, nogil=True)
def read_statements(  # type: ignore[no-untyped-def]
    text,
    slots,
    name_bytes,
    name_offsets,
    net_of,
    nets,
    net_at,
    cells,
    cell_at,
    pin_name,
    pin_bits,
    bits,
    aliases,
    n,
    stop_at,
):
    """Read statements of a module body until something else is wanted; ``n[POS]`` is where.

    Returns also when ``stop_at`` is passed (`END` with more text left), so that progress can be shown.
    """
    while True:
        pos = skip(text, n[POS])
        n[POS] = pos
        if pos >= stop_at:
            return END
        before = (n[NETS], n[NET_BITS], n[CELLS], n[PINS], n[PIN_BITS], n[ALIASES])
        escaped = text[pos] == 92
        kind, after = identifier(text, slots, name_bytes, name_offsets, net_of, n, pos)
        if kind == NO_ROOM:
            return GROW_NAMES
        status = SLOW
        if kind >= len(KEYWORDS):
            status, after = _instances(
                text,
                slots,
                name_bytes,
                name_offsets,
                net_of,
                nets,
                net_at,
                cells,
                cell_at,
                pin_name,
                pin_bits,
                bits,
                n,
                kind,
                after,
            )
        elif kind >= 0 and not escaped:
            if kind < LAST_GATE:
                status, after = _instances(
                    text,
                    slots,
                    name_bytes,
                    name_offsets,
                    net_of,
                    nets,
                    net_at,
                    cells,
                    cell_at,
                    pin_name,
                    pin_bits,
                    bits,
                    n,
                    kind,
                    after,
                )
            elif NET_FLAGS[kind]:
                status, after = _declaration(
                    text, slots, name_bytes, name_offsets, net_of, nets, net_at, n, NET_FLAGS[kind], after
                )
            elif kind == _ASSIGN:
                status, after = _assignment(
                    text, slots, name_bytes, name_offsets, net_of, nets, net_at, bits, aliases, n, after
                )
            elif kind == _ENDMODULE:
                n[POS] = after
                return MODULE_END
        if status != END:
            n[NETS], n[NET_BITS], n[CELLS], n[PINS], n[PIN_BITS], n[ALIASES] = before
            return status
        n[POS] = after
