"""The S-expressions of EDIF, read without recursion, and the names and strings in them.

Source: *Electronic Design Interchange Format Version 2 0 0*, ANSI/EIA-548-1988.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist.limits import ReadLimits

Node = list[Any]
"""Offset in the file, keyword in lower case, then atoms (bytes; strings with their quotes) and further nodes."""

# What can be very large is handed on part by part, as soon as each part has been read; here, within what it stands.
CONTAINERS: Final = {
    b"edif": (b"",),
    b"library": (b"edif",),
    b"external": (b"edif",),
    b"cell": (b"library", b"external"),
    b"view": (b"cell",),
    b"contents": (b"view",),
}
_TOKEN: Final = re.compile(rb'[()]|"[^"]*"|[^\s()"]+|"')
_CODES: Final = re.compile(r"%([\s\d]*)%")
_RANGE: Final = re.compile(r"(.+?)[\[(<](\d{1,9}):(\d{1,9})[\])>]\Z", re.DOTALL)
_NUMBER: Final = re.compile(rb"[+-]?\d{1,18}\Z")


class Name(NamedTuple):
    """A name: the identifier others refer to, what to show, and the width if it is an array."""

    key: bytes
    shown: str
    width: int | None


class Vector(NamedTuple):
    """An array's base name and the numbering of its bits; see `sandgrain.netlist.model.Net`."""

    name: str
    width: int
    offset: int
    upto: bool


class Text:
    """The file: its bytes, and lines and errors by offset."""

    def __init__(self, data: bytes, file: str, limits: ReadLimits) -> None:
        self.data = data
        self.file = file
        self.limits = limits
        self._offset = 0
        self._line = 1

    def line(self, offset: int) -> int:
        """1-based line of ``offset``; linear over all calls as long as offsets ascend."""
        if offset < self._offset:
            return 1 + self.data.count(b"\n", 0, offset)
        self._line += self.data.count(b"\n", self._offset, offset)
        self._offset = offset
        return self._line

    def fail(self, what: str, expected: str, offset: int) -> NetlistError:
        """An error at ``offset``."""
        return NetlistError(
            what,
            file=self.file,
            line=1 + self.data.count(b"\n", 0, offset),
            column=offset - self.data.rfind(b"\n", 0, offset),
            expected=expected,
            remedy="correct the file, or write it again with the tool it is from",
        )

    def exceeded(self, what: str, field: str, offset: int) -> LimitExceeded:
        """The error that a limit was passed at ``offset``."""
        return LimitExceeded(
            what,
            file=self.file,
            line=1 + self.data.count(b"\n", 0, offset),
            expected=f"at most {getattr(self.limits, field):,} (ReadLimits.{field})",
            remedy="raise the limit, or deliver a smaller netlist",
        )

    def read(
        self, enter: Callable[[Node], None], handle: Callable[[Node, Node], None], leave: Callable[[Node], None]
    ) -> None:
        """Read the one expression of the file.

        Args:
            enter: called with a container when another one starts within it.
            handle: called with a container and each node that was read within it.
            leave: called with a container at its end.

        Raises:
            NetlistError: parentheses or quotes that do not match, or something before or after the expression.
            LimitExceeded: nested too deeply.
        """
        stack: list[Node] = []
        kinds: list[bytes] = [b""]  # of each open node that is a container, else a blank; the file itself is first
        deepest = self.limits.depth
        done = False
        for found in _TOKEN.finditer(self.data):
            token = found.group()
            if token == b"(":
                if done:
                    raise self.fail("there is something after the end", "one expression", found.start())
                if stack and len(stack[-1]) == 1:
                    raise self.fail("a list has no keyword", "a keyword after (", found.start())
                if len(stack) >= deepest:
                    raise self.exceeded(f"lists are nested more than {deepest} deep", "depth", found.start())
                stack.append([found.start()])
                kinds.append(b" ")
            elif token == b")":
                if not stack:
                    raise self.fail("a closing parenthesis closes nothing", "(", found.start())
                node = stack.pop()
                kind = kinds.pop()
                if len(node) == 1:
                    raise self.fail("a list is empty", "a keyword after (", found.start())
                if kind != b" ":
                    leave(node)
                if not stack:
                    done = True
                elif kinds[-1] != b" ":
                    if kind == b" ":
                        handle(stack[-1], node)
                else:
                    stack[-1].append(node)
            elif not stack:
                raise self.fail(f"{quote(token)} stands outside of all lists", "(edif ...)", found.start())
            elif token == b'"':
                raise self.fail("a string has no end", 'a closing "', found.start())
            else:
                node = stack[-1]
                if len(node) == 1:
                    token = token.lower()
                    if kinds[-2] in CONTAINERS.get(token, ()):
                        kinds[-1] = token
                        if len(stack) > 1:
                            enter(stack[-2])
                    elif len(stack) == 1:
                        raise self.fail(f"the file starts with {quote(token)}", "(edif ...)", found.start())
                node.append(token)
        if stack:
            raise self.fail(
                f"the file ends within {quote(self.keyword(stack[-1]))}",
                f"{len(stack)} closing parentheses",
                stack[-1][0],
            )
        if not done:
            raise self.fail("the file is empty", "(edif ...)", 0)

    def keyword(self, node: Node) -> bytes:
        """The keyword of a node that may have none yet."""
        return node[1] if len(node) > 1 and isinstance(node[1], bytes) else b"("

    def name(self, item: Any, offset: int) -> Name:
        """The name ``item`` is: an identifier, ``(rename ...)``, ``(name ...)`` or ``(array ...)`` of these."""
        width = None
        if isinstance(item, list) and item[1] == b"array":
            if len(item) != 4 or not isinstance(item[3], bytes):
                raise self.fail("an array is not as it should be", "(array name size), of one dimension", item[0])
            width = self.number(item[3], item[0])
            if not 0 < width <= self.limits.width:
                raise self.exceeded(f"an array has {width:,} members", "width", item[0])
            item = item[2]
        shown = item
        if isinstance(item, list) and item[1] == b"rename" and len(item) == 4:
            item, shown = item[2], item[3]
            if isinstance(shown, list) and shown[1] == b"stringdisplay" and len(shown) > 2:
                shown = shown[2]
        if isinstance(item, list) and item[1] == b"name" and len(item) > 2:
            shown = item = item[2]
        if not isinstance(item, bytes) or item.startswith(b'"') or not isinstance(shown, bytes):
            raise self.fail("something else than a name stands here", "a name, or (rename name string)", offset)
        if max(len(item), len(shown)) > self.limits.name_bytes:
            raise self.exceeded(f"the name {quote(item)} is too long", "name_bytes", offset)
        text = self.string(shown) if shown.startswith(b'"') else shown.decode("utf-8", "backslashreplace")
        return Name(item, text.removeprefix("&") if shown is item else text, width)

    def string(self, item: bytes) -> str:
        """The text of a string; ``%34 65%`` stands for the characters of these codes."""

        def decoded(found: re.Match[str]) -> str:
            codes = [int(code) for code in found[1].split() if len(code) < 8]
            return "".join(chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "?" for code in codes)

        return _CODES.sub(decoded, item[1:-1].decode("utf-8", "backslashreplace"))

    def number(self, item: object, offset: int) -> int:
        """An integer."""
        if not isinstance(item, bytes) or not _NUMBER.match(item):
            shown = quote(item) if isinstance(item, bytes) else "a list"
            raise self.fail(f"{shown} is no number", "an integer", offset)
        return int(item)


def vector(name: Name) -> Vector:
    """The base name and numbering of an array shown as ``base[7:0]`` (or with other brackets).

    Where the range is missing or does not fit the size, bits count from 0 at the last member.
    """
    width = name.width or 1
    found = _RANGE.match(name.shown) if name.width is not None else None
    if found:
        left, right = int(found[2]), int(found[3])
        if abs(left - right) + 1 == width:
            return Vector(found[1], width, min(left, right), left < right)
    return Vector(name.shown, width, 0, False)
