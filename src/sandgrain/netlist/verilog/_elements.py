"""Compiled reading of what pins and assignments connect: nets, parts of nets, constants, flat concatenations."""

from __future__ import annotations

import numba

from sandgrain.netlist.model import ONE, ZERO, X, Z
from sandgrain.netlist.verilog._layout import (
    AT,
    BASE,
    END,
    FLAGS,
    GROW_BITS,
    GROW_NAMES,
    GROW_NETS,
    IMPLICIT,
    IS_IMPLICIT,
    IS_ONE,
    IS_WIRE,
    IS_ZERO,
    LAST,
    NAME,
    NET_BITS,
    NETS,
    PIN_BITS,
    RIGHT,
    SLOW,
    UPTO,
    WIDTH,
)
from sandgrain.netlist.verilog._lexical import CLASS, NO_NAME, NO_ROOM, identifier, number_at, skip
from sandgrain.netlist.verilog._words import KEYWORDS


@numba.njit(cache=True)
def declare(net_of, nets, net_at, n, name, width, right, upto, flags, at, statement):  # type: ignore[no-untyped-def]
    """Declare a net or add ``flags`` to it; False if it is there with another range or another meaning."""
    known = net_of[name]
    if 0 <= known < n[NETS] and nets[known, NAME] == name:
        old = nets[known, FLAGS]
        if net_at[known, LAST] == statement and old & flags == flags:
            return True
        both_directions = (old & 7) and (flags & 7)
        constant = (old | flags) & (IS_ZERO | IS_ONE)
        repeated = (old & flags) & (IS_WIRE | IS_IMPLICIT)
        if (
            both_directions
            or constant
            or repeated
            or nets[known, WIDTH] != width
            or nets[known, RIGHT] != right
            or nets[known, UPTO] != upto
        ):
            return False
        nets[known, FLAGS] |= flags
        net_at[known, LAST] = statement
        return True
    net = n[NETS]
    net_of[name] = net
    nets[net, NAME] = name
    nets[net, BASE] = n[NET_BITS]
    nets[net, WIDTH] = width
    nets[net, RIGHT] = right
    nets[net, UPTO] = upto
    nets[net, FLAGS] = flags
    net_at[net, AT] = at
    net_at[net, LAST] = statement
    n[NETS] = net + 1
    n[NET_BITS] += width
    return True


@numba.njit(cache=True)
def _digit(byte, base_bits):  # type: ignore[no-untyped-def]
    """Value of a digit, 16 for x, 17 for z, -1 for none of that base."""
    if byte in (120, 88):
        return 16
    if byte in (122, 90, 63):
        return 17
    if 48 <= byte <= 57:
        value = byte - 48
    elif 97 <= byte <= 102:
        value = byte - 87
    elif 65 <= byte <= 70:
        value = byte - 55
    else:
        return -1
    return value if value < (1 << base_bits) else -1


@numba.njit(cache=True)
def _constant(text, bits, n, pos):  # type: ignore[no-untyped-def]
    """Append a sized binary, octal or hexadecimal constant, most significant bit first: (status, offset after)."""
    width, pos = number_at(text, pos)
    if not 0 < width <= 4096 or pos + 2 >= text.size or text[pos] != 39:
        return SLOW, pos
    letter = text[pos + 1] | 32
    if letter == 98:
        base_bits = 1
    elif letter == 111:
        base_bits = 3
    elif letter == 104:
        base_bits = 4
    elif letter == 100 and width == 1:
        base_bits = 1  # 1'd0 and 1'd1
    else:
        return SLOW, pos
    start = pos + 2
    pos = start
    digits = 0
    while pos < text.size and (text[pos] == 95 or _digit(text[pos], base_bits) >= 0):
        digits += text[pos] != 95
        pos += 1
    if digits == 0 or (pos < text.size and (CLASS[text[pos]] & 2 or text[pos] == 63)):
        return SLOW, pos
    first = n[PIN_BITS]
    if first + width > bits.size:
        return GROW_BITS, pos
    bit = 0
    at = pos - 1
    last = ZERO
    while bit < width:
        if at >= start:
            if text[at] == 95:
                at -= 1
                continue
            value = _digit(text[at], base_bits)
            at -= 1
        elif last in (X, Z):
            value = 16 if last == X else 17  # a leading x or z fills the constant
        else:
            value = 0
        for step in range(base_bits):
            if value == 16:
                last = X
            elif value == 17:
                last = Z
            else:
                last = ONE if (value >> step) & 1 else ZERO
            if bit < width:
                bits[first + width - 1 - bit] = last
                bit += 1
    n[PIN_BITS] = first + width
    return END, pos


@numba.njit(cache=True)
def _element(text, slots, name_bytes, name_offsets, net_of, nets, net_at, bits, n, pos):  # type: ignore[no-untyped-def]
    """Append a name, a bit or part of one, or a constant, most significant bit first: (status, offset after)."""
    if pos < text.size and CLASS[text[pos]] & 4:
        return _constant(text, bits, n, pos)
    at = pos
    name, pos = identifier(text, slots, name_bytes, name_offsets, net_of, n, pos)
    if name == NO_ROOM:
        return GROW_NAMES, pos
    if name == NO_NAME or (name < len(KEYWORDS) and text[at] != 92):
        return SLOW, pos
    pos = skip(text, pos)
    if pos >= text.size:
        return SLOW, pos
    net = net_of[name]
    if not (0 <= net < n[NETS] and nets[net, NAME] == name):
        if not n[IMPLICIT] or text[pos] == 91:
            return SLOW, pos
        if n[NETS] >= nets.shape[0]:
            return GROW_NETS, pos
        net = n[NETS]
        declare(net_of, nets, net_at, n, name, 1, 0, False, IS_IMPLICIT, at, -1)
    high = nets[net, WIDTH] - 1
    low = 0
    if text[pos] == 91:
        left, pos = number_at(text, skip(text, pos + 1))
        pos = skip(text, pos)
        if left < 0 or pos >= text.size:
            return SLOW, pos
        right = left
        if text[pos] == 58:
            right, pos = number_at(text, skip(text, pos + 1))
            pos = skip(text, pos)
            if right < 0 or pos >= text.size:
                return SLOW, pos
        if text[pos] != 93:
            return SLOW, pos
        pos += 1
        if nets[net, UPTO]:
            high = nets[net, RIGHT] - left
            low = nets[net, RIGHT] - right
        else:
            high = left - nets[net, RIGHT]
            low = right - nets[net, RIGHT]
        if not 0 <= low <= high < nets[net, WIDTH]:
            return SLOW, pos
    first = n[PIN_BITS]
    count = high - low + 1
    if first + count > bits.size:
        return GROW_BITS, pos
    if nets[net, FLAGS] & (IS_ZERO | IS_ONE):
        bits[first : first + count] = ONE if nets[net, FLAGS] & IS_ONE else ZERO
    else:
        base = nets[net, BASE]
        for index in range(count):
            bits[first + index] = base + high - index
    n[PIN_BITS] = first + count
    return END, pos


@numba.njit(cache=True)
def connection(text, slots, name_bytes, name_offsets, net_of, nets, net_at, bits, n, pos):  # type: ignore[no-untyped-def]
    """Append what is connected, a plain element or a flat concatenation, least significant first."""
    first = n[PIN_BITS]
    if text[pos] == 123:
        while True:
            pos = skip(text, pos + 1)
            if pos >= text.size:
                return SLOW, pos
            status, pos = _element(text, slots, name_bytes, name_offsets, net_of, nets, net_at, bits, n, pos)
            if status != END:
                return status, pos
            pos = skip(text, pos)
            if pos >= text.size or text[pos] not in (44, 125):
                return SLOW, pos
            if text[pos] == 125:
                pos += 1
                break
    else:
        status, pos = _element(text, slots, name_bytes, name_offsets, net_of, nets, net_at, bits, n, pos)
        if status != END:
            return status, pos
    last = n[PIN_BITS] - 1
    while first < last:
        bits[first], bits[last] = bits[last], bits[first]
        first += 1
        last -= 1
    return END, skip(text, pos)
