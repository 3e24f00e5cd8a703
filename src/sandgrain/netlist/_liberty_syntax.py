"""The groups and attributes of a Liberty file, without the ones that say nothing about functions.

Most of a Liberty file is tables of delays. They are skipped by one regular expression that counts braces, so that
reading takes seconds where a full parse takes minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist.limits import ReadLimits
from sandgrain.possessive import repeated

# Every repetition is possessive: no text makes an expression go back over what it has read.
_ESCAPED: Final = repeated(r'\\.[^"\\]*+')
_STRING: Final = rf'"[^"\\]*+{_ESCAPED}"'
_COMMENTED: Final = repeated(r"[^*]++|\*(?!/)")
_COMMENT: Final = rf"/\*{_COMMENTED}\*/|//[^\n]*+"
_BLANK: Final = repeated(rf"[\s;]++|\\\r?\n|{_COMMENT}")
_SPACE: Final = repeated(rf"\s++|\\\r?\n|{_COMMENT}")
_VALUE: Final = repeated(r"""[^;\n}"/\\]++|/(?![*/])|\\\r?\n|\\(?!\r?\n)""")
_ARGUMENTS: Final = repeated(rf"""[^()"/\\]++|{_STRING}|{_COMMENT}|/(?![*/])|\\.""")
_INSIDE: Final = repeated(rf"""[^{{}}"/\\]++|{_STRING}|{_COMMENT}|/(?![*/])|\\.""")
_STATEMENT: Final = re.compile(
    rf"""{_BLANK}(?:(?P<close>\}})|(?P<name>[\w.$\-]++|{_STRING}){_SPACE}(?:
        :(?P<value>{_SPACE}{_STRING}|{_VALUE})
      |\((?P<arguments>{_ARGUMENTS})\){_SPACE}(?P<open>\{{)?
    ))""",
    re.VERBOSE | re.DOTALL,
)
_SKIPPED: Final = re.compile(rf"{_INSIDE}([{{}}])", re.DOTALL)
_BARE: Final = r"""(?:[^\s,"/\\]++|/(?![*/]))"""
_ARGUMENT: Final = re.compile(rf"{_STRING}|{_BARE}{repeated(_BARE)}|{_COMMENT}|[\s,\\/]", re.DOTALL)
_CONTINUED: Final = re.compile(r"\\\s*\n\s*")

_KEPT: Final = frozenset("cell pin bus bundle ff ff_bank latch latch_bank statetable type pg_pin library".split())
"""Groups that are read; all others are skipped."""
_ATTRIBUTES: Final = frozenset(
    """direction function three_state x_function bus_type bit_width bit_from bit_to downto members clocked_on
    clocked_on_also next_state clear preset clear_preset_var1 clear_preset_var2 enable enable_also data_in table
    internal_node inverted_output input_map state_function clock_gating_integrated_cell clock_gate_clock_pin
    clock_gate_enable_pin clock_gate_test_pin clock_gate_obs_pin clock_gate_out_pin pg_type""".split()
)
"""Attributes that are kept; all others are skipped."""
_REMEDY: Final = "correct the library, or read the file as what it is"


class Attribute(NamedTuple):
    """The text of an attribute's value, without quotes, and where it begins."""

    text: str
    at: int


@dataclass(slots=True)
class Group:
    """A group: its kind, the arguments in its parentheses, what it contains, where it begins."""

    kind: str
    arguments: list[str]
    at: int
    attributes: dict[str, Attribute] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        """The value of an attribute."""
        found = self.attributes.get(name)
        return default if found is None else found.text


class Source:
    """The text of one file, and how to speak of places in it.

    Args:
        text: the text.
        file: its name.
        limits: ``depth`` and ``name_bytes`` apply here.
    """

    def __init__(self, text: str, file: str, limits: ReadLimits) -> None:
        self.text = text
        self.file = file
        self.limits = limits
        self.bus_bits = 0
        self._counted = (0, 1)

    def line(self, at: int) -> int:
        """1-based line of an offset; cheap for offsets that ascend."""
        offset, line = self._counted
        if at < offset:
            offset, line = 0, 1
        line += self.text.count("\n", offset, at)
        self._counted = (at, line)
        return line

    def error(self, what: str, at: int, expected: str, remedy: str = _REMEDY) -> NetlistError:
        """An error at an offset."""
        column = at - self.text.rfind("\n", 0, at)
        return NetlistError(what, file=self.file, line=self.line(at), column=column, expected=expected, remedy=remedy)

    def too_much(self, what: str, at: int, most: int, name: str) -> LimitExceeded:
        """A limit reached at an offset."""
        return LimitExceeded(
            what,
            file=self.file,
            line=self.line(at),
            expected=f"at most {most:,} (ReadLimits.{name})",
            remedy="raise the limit",
        )

    def groups(self) -> Iterator[tuple[str, Group]]:
        """The ``type`` and ``cell`` groups of all libraries in the file, each with the name of its library.

        Raises:
            NetlistError: the text is no Liberty, or includes another file.
            LimitExceeded: groups nest too deeply.
        """
        stack: list[Group] = []
        at = 0
        libraries = 0
        while True:
            match = _STATEMENT.match(self.text, at)
            if match is None:
                if not stack and re.compile(_BLANK).fullmatch(self.text, at):
                    break
                raise self._wrong(at, stack)
            at = match.end()
            if match["close"]:
                if not stack:
                    raise self.error("a group ends that never began", at - 1, "library (name) {")
                done = stack.pop()
                if len(stack) == 1 and done.kind in {"type", "cell"}:
                    yield self._name(stack[0]), done
                elif len(stack) > 1:
                    stack[-1].groups.append(done)
                continue
            start, kind = match.start("name"), match["name"].strip('"')
            if not stack and (kind != "library" or not match["open"]):
                raise self.error(
                    f"{quote(kind)} stands where a library should begin",
                    start,
                    "library (name) {",
                    "check that this is a Liberty file",
                )
            if kind == "include_file":
                raise self.error(
                    f"the library includes another file: {quote(match['arguments'] or match['value'] or '')}",
                    start,
                    "a library that is complete in itself",
                    "put the text of that file in its place",
                )
            if match["open"] and kind in _KEPT:
                if len(stack) >= self.limits.depth:
                    raise self.too_much(f"groups nest {len(stack) + 1:,} deep", start, self.limits.depth, "depth")
                libraries += kind == "library"
                stack.append(Group(kind, self._arguments(match["arguments"], start), start))
            elif match["open"]:
                at = self._skip(at, len(stack))
            elif kind in _ATTRIBUTES and stack:
                self._keep(stack[-1], kind, match)
        if stack:
            raise self.error(
                f"the group {quote(stack[-1].kind)} never ends", stack[-1].at, "}", "check that the file is complete"
            )
        if not libraries:
            raise self.error("the file holds no library", 0, "library (name) {", "check that this is a Liberty file")

    @staticmethod
    def _name(library: Group) -> str:
        return library.arguments[0] if library.arguments else ""

    @staticmethod
    def _keep(group: Group, kind: str, match: re.Match[str]) -> None:
        value = match["value"]
        if value is None:
            group.attributes[kind] = Attribute(match["arguments"], match.start("arguments"))
            return
        start = match.start("value") + len(value) - len(value.lstrip())
        text = value.strip()
        if text.endswith('"'):
            start = match.start("value") + value.index('"') + 1
            text = text[text.index('"') + 1 : -1]
        group.attributes[kind] = Attribute(_CONTINUED.sub(" ", text), start)

    def _skip(self, at: int, depth: int) -> int:
        """The offset after the group whose brace has just been read."""
        start = at
        levels = 1
        while levels:
            match = _SKIPPED.match(self.text, at)
            if match is None:
                raise self._unfinished(at, start)
            at = match.end()
            levels += 1 if match[1] == "{" else -1
            if depth + levels > self.limits.depth:
                raise self.too_much(f"groups nest {depth + levels:,} deep", at, self.limits.depth, "depth")
        return at

    def _unfinished(self, at: int, start: int) -> NetlistError:
        skipped = re.compile(_INSIDE, re.DOTALL)
        rest = skipped.match(self.text, at)
        stop = at if rest is None else rest.end()
        if stop < len(self.text):
            what = "a comment" if self.text[stop] == "/" else "a text in quotes"
            return self.error(f"{what} never ends", stop, "its end", "check that the file is complete")
        return self.error("a group never ends", start, "}", "check that the file is complete")

    def _wrong(self, at: int, stack: list[Group]) -> NetlistError:
        blank = re.compile(_BLANK).match(self.text, at)
        at = at if blank is None else blank.end()
        if at >= len(self.text):
            return self.error(
                f"the group {quote(stack[-1].kind)} never ends", stack[-1].at, "}", "check that the file is complete"
            )
        found = self.text[at : at + 40].split("\n")[0]
        return self.error(
            f"{quote(found)} is no statement", at, "name : value;  name (values);  name (values) {  or  }"
        )

    def _arguments(self, text: str, at: int) -> list[str]:
        found = [item.strip('"') for item in _ARGUMENT.findall(text) if item[0] not in ", \t\r\n\\/"]
        for item in found:
            if len(item) > self.limits.name_bytes:
                raise self.too_much(f"the name {quote(item)} is too long", at, self.limits.name_bytes, "name_bytes")
        return found


def words(text: str) -> list[str]:
    """Names in a list, however they are quoted and parted."""
    return [item for item in re.split(r'[\s,"\\]+', text) if item]
