"""Compiled reading of blanks, names and numbers: the part of the fast reader below its grammar."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

NAMES: Final = 1
"""Counter of names; see `_kernel`."""
NAME_BYTES: Final = 9
"""Counter that holds the longest identifier allowed; see `_kernel`."""
NO_ROOM: Final = -2
"""No room for another name."""
NO_NAME: Final = -1
"""No name here."""
BLANK: Final = np.uint8(32)
"""The greatest byte that is blank."""


def _classes() -> NDArray[np.uint8]:
    """uint8 (256,): bit 0 starts an identifier, bit 1 continues one, bit 2 a decimal digit."""
    table = np.zeros(256, np.uint8)
    for first, last, flags in ((65, 90, 3), (97, 122, 3), (95, 95, 3), (48, 57, 6), (36, 36, 2)):
        table[first : last + 1] = flags
    return table


CLASS: Final = _classes()
"""uint8 (256,), see `_classes`."""


@numba.njit(cache=True)
def skip(text, pos):  # type: ignore[no-untyped-def]
    """The next offset that is no blank, comment or attribute, or the end; the start of one that is not closed."""
    end = text.size
    while pos < end:
        byte = text[pos]
        if byte <= BLANK:
            pos += 1
        elif byte == 47 and pos + 1 < end and text[pos + 1] == 47:  # a comment to the end of the line
            pos += 2
            while pos < end and text[pos] != 10:
                pos += 1
        elif byte == 47 and pos + 1 < end and text[pos + 1] == 42:  # a comment between marks
            start = pos
            pos += 2
            while pos + 1 < end and not (text[pos] == 42 and text[pos + 1] == 47):
                pos += 1
            if pos + 1 >= end:
                return start
            pos += 2
        elif byte == 40 and pos + 2 < end and text[pos + 1] == 42 and text[pos + 2] != 41:  # (* an attribute *)
            start = pos
            pos += 2
            quoted = False
            while pos + 1 < end and (quoted or not (text[pos] == 42 and text[pos + 1] == 41)):
                if text[pos] == 92 and quoted:
                    pos += 1
                elif text[pos] == 34:
                    quoted = not quoted
                pos += 1
            if pos + 1 >= end:
                return start
            pos += 2
        else:
            return pos
    return end


@numba.njit(cache=True)
def intern(slots, name_bytes, name_offsets, net_of, n, source, start, end):  # type: ignore[no-untyped-def]
    """Number of the name ``source[start:end]``, made if new; -2 if there is no room for it."""
    mixed = np.uint64(14695981039346656037)
    for index in range(start, end):
        mixed = (mixed ^ np.uint64(source[index])) * np.uint64(1099511628211)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    upper = mixed & np.uint64(0xFFFFFFFF00000000)
    mask = np.int64(slots.size - 1)
    slot = np.int64((mixed >> np.uint64(7)) & np.uint64(mask))
    length = end - start
    while True:
        entry = slots[slot]
        if entry == 0:
            break
        if entry & np.uint64(0xFFFFFFFF00000000) == upper:
            number = np.int64(entry & np.uint64(0xFFFFFFFF)) - 1
            first = name_offsets[number]
            if name_offsets[number + 1] - first == length:
                same = True
                for index in range(length):
                    if name_bytes[first + index] != source[start + index]:
                        same = False
                        break
                if same:
                    return number
        slot = (slot + 1) & mask
    number = n[NAMES]
    first = name_offsets[number]
    if number + 2 > name_offsets.size or 2 * number >= slots.size or first + length > name_bytes.size:
        return NO_ROOM
    for index in range(length):
        name_bytes[first + index] = source[start + index]
    name_offsets[number + 1] = first + length
    slots[slot] = upper | np.uint64(number + 1)
    net_of[number] = -1
    n[NAMES] = number + 1
    return number


@numba.njit(cache=True)
def rehash_names(slots, name_bytes, name_offsets, count):  # type: ignore[no-untyped-def]
    """Fill the hash table ``slots`` with the first ``count`` names."""
    mask = np.int64(slots.size - 1)
    for number in range(count):
        mixed = np.uint64(14695981039346656037)
        for index in range(name_offsets[number], name_offsets[number + 1]):
            mixed = (mixed ^ np.uint64(name_bytes[index])) * np.uint64(1099511628211)
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        slot = np.int64((mixed >> np.uint64(7)) & np.uint64(mask))
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = (mixed & np.uint64(0xFFFFFFFF00000000)) | np.uint64(number + 1)


@numba.njit(cache=True)
def identifier(text, slots, name_bytes, name_offsets, net_of, n, pos):  # type: ignore[no-untyped-def]
    """(number of the name at ``pos`` or a negative reason, offset after it)."""
    end = text.size
    if pos >= end:
        return NO_NAME, pos
    start = pos
    if text[pos] == 92:
        start = pos + 1
        pos = start
        while pos < end and text[pos] > BLANK:
            pos += 1
        if pos == start:
            return NO_NAME, pos
    elif CLASS[text[pos]] & 1:
        while pos < end and CLASS[text[pos]] & 2:
            pos += 1
    else:
        return NO_NAME, pos
    if pos - start > n[NAME_BYTES]:
        return NO_NAME, pos
    return intern(slots, name_bytes, name_offsets, net_of, n, text, start, pos), pos


@numba.njit(cache=True)
def number_at(text, pos):  # type: ignore[no-untyped-def]
    """(plain decimal number at ``pos`` below 2**31, or -1; offset after it)."""
    value = 0
    start = pos
    while pos < text.size and CLASS[text[pos]] & 4:
        value = value * 10 + (text[pos] - 48)
        pos += 1
        if value >= 1 << 31:
            return -1, pos
    if pos == start:
        return -1, pos
    return value, pos
