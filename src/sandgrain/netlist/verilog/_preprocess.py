"""Compiler directives (IEEE 1364-2005 section 19), resolved so that every line keeps its number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist.limits import ReadLimits

_PIECE: Final = re.compile(rb'//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"|\\[!-~]+|`\s*([A-Za-z_][\w$]*)', re.DOTALL)
_REST: Final = re.compile(rb"(?:[^\n\\]|\\\r?\n|\\)*")
_VISIBLE: Final = re.compile(rb"[^\n]")
_NAME: Final = re.compile(rb"[ \t]*\\?([A-Za-z_][\w$]*)")
_COMMENT: Final = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DEPTH: Final = 50
_IGNORED: Final = frozenset(
    b"timescale celldefine endcelldefine resetall line pragma unconnected_drive nounconnected_drive "
    b"begin_keywords end_keywords delay_mode_path delay_mode_distributed delay_mode_unit delay_mode_zero "
    b"suppress_faults enable_portfaults nosuppress_faults disable_portfaults default_decay_time "
    b"default_trireg_strength accelerate noaccelerate expand_vectornets noexpand_vectornets "
    b"autoexpand_vectornets remove_gatenames noremove_gatenames remove_netnames noremove_netnames".split()
)
_CONDITIONS: Final = frozenset((b"ifdef", b"ifndef", b"elsif", b"else", b"endif"))


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """Text without directives.

    Attributes:
        text: as many lines as the original, each with what is left of it.
        implicit: offsets in ``text`` from which undeclared names are (or are not) one-bit wires.
        unusual: what a reader of the report should know, with the line.
    """

    text: bytes
    implicit: tuple[tuple[int, bool], ...] = ()
    unusual: tuple[tuple[int, str], ...] = ()


@dataclass
class _State:
    """Where conditional text stands: for every open condition, whether a branch was taken and whether this one is."""

    taken: list[bool] = field(default_factory=list)
    active: list[bool] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)

    @property
    def on(self) -> bool:
        return all(self.active)


def preprocess(source: bytes, file: str, defines: Mapping[str, str], limits: ReadLimits) -> Preprocessed:
    """Resolve the directives of ``source``.

    Macros without arguments are replaced; `` `include`` is never followed (give the reader every file instead).

    Args:
        source: the text.
        file: its name, for messages.
        defines: macros known beforehand, by name without the backquote.
        limits: ``file_bytes`` bounds the result, ``depth`` the nesting of conditions.

    Raises:
        NetlistError: an unknown macro, a macro with arguments that is used, unbalanced conditions, encrypted text.
        LimitExceeded: the expanded text is too large.
    """
    if b"`" not in source:
        return Preprocessed(source)
    return _Preprocessor(source, file, defines, limits).run()


class _Preprocessor:
    def __init__(self, source: bytes, file: str, defines: Mapping[str, str], limits: ReadLimits) -> None:
        self.source = source
        self.file = file
        self.limits = limits
        self.macros: dict[bytes, bytes | None] = {name.encode(): text.encode() for name, text in defines.items()}
        self.parts: list[bytes] = []
        self.size = 0
        self.implicit: list[tuple[int, bool]] = []
        self.unusual: list[tuple[int, str]] = []
        self.conditions = _State()

    def line(self, at: int) -> int:
        return 1 + self.source.count(b"\n", 0, at)

    def fail(self, what: str, at: int, expected: str, remedy: str) -> NetlistError:
        column = at - self.source.rfind(b"\n", 0, at)
        return NetlistError(what, file=self.file, line=self.line(at), column=column, expected=expected, remedy=remedy)

    def keep(self, text: bytes) -> None:
        """Put out ``text``, or as much emptiness where a condition leaves it out."""
        if not self.conditions.on:
            text = _VISIBLE.sub(b" ", text)
        self.put(text)

    def put(self, text: bytes) -> None:
        self.parts.append(text)
        self.size += len(text)
        if self.size > self.limits.file_bytes:
            raise LimitExceeded(
                "the text grows too large when its macros are replaced",
                file=self.file,
                expected=f"at most {self.limits.file_bytes:,} bytes (ReadLimits.file_bytes)",
                remedy="replace the macros before delivery",
            )

    def run(self) -> Preprocessed:
        source = self.source
        kept = at = 0
        while (piece := _PIECE.search(source, at)) is not None:
            word = piece.group(1)
            if word is None:  # a comment, a string or an escaped name: a backquote in it is no directive
                at = piece.end()
                continue
            self.keep(source[kept : piece.start()])
            at = kept = self.directive(word, piece.start(), piece.end())
        self.keep(source[kept:])
        if self.conditions.opened:
            raise self.fail(
                "a condition is not closed", self.conditions.opened[-1], "`endif", "close it, or deliver the whole file"
            )
        return Preprocessed(b"".join(self.parts), tuple(self.implicit), tuple(self.unusual))

    def directive(self, word: bytes, start: int, end: int) -> int:
        """Deal with one directive; the offset to go on from."""
        source = self.source
        if word in _CONDITIONS:
            return self.condition(word, start, end)
        if not self.conditions.on:
            self.put(b" " * (end - start))
            return end
        rest_end = _REST.match(source, end).end()  # type: ignore[union-attr]  # matches the empty text at least
        rest = source[end:rest_end]
        if word == b"define":
            self.define(rest, start)
        elif word == b"undef":
            if (name := _NAME.match(rest)) is not None:
                self.macros.pop(name.group(1), None)
        elif word == b"include":
            self.unusual.append(
                (self.line(start), f"`include{rest.decode('utf-8', 'replace').rstrip()} is not followed")
            )
        elif word == b"default_nettype":
            self.implicit.append((self.size, _COMMENT.sub(b"", rest).strip() != b"none"))
        elif word in (b"protect", b"protected"):
            raise self.fail("the text is encrypted", start, "readable Verilog", "deliver the file unencrypted")
        elif word not in _IGNORED:
            return self.use(word, start, end)
        self.put(_VISIBLE.sub(b" ", source[start:rest_end]))
        return rest_end

    def define(self, rest: bytes, start: int) -> None:
        name = _NAME.match(rest)
        if name is None:
            raise self.fail("a macro without a name", start, "`define NAME text", "name it")
        body = rest[name.end() :]
        if body.startswith(b"("):
            self.macros[name.group(1)] = None
            return
        self.macros[name.group(1)] = _COMMENT.sub(b" ", body).replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").strip()

    def use(self, word: bytes, start: int, end: int) -> int:
        text = b"`" + word
        for _ in range(_DEPTH):
            macro = _PIECE.search(text)
            while macro is not None and macro.group(1) is None:
                macro = _PIECE.search(text, macro.end())
            if macro is None:
                self.put(text)
                return end
            name = macro.group(1)
            if name not in self.macros:
                raise self.fail(
                    f"the macro `{name.decode()} is not defined",
                    start,
                    "a macro defined before it is used",
                    f"define it (an empty text will do for a delay): defines={{{name.decode()!r}: ''}}",
                )
            body = self.macros[name]
            if body is None:
                raise self.fail(
                    f"the macro `{name.decode()} takes arguments",
                    start,
                    "macros without arguments",
                    "deliver the netlist with its macros replaced",
                )
            text = text[: macro.start()] + body + text[macro.end() :]
            if len(text) > self.limits.name_bytes * self.limits.depth:
                break
        raise self.fail(
            f"the macro `{word.decode()} never ends or grows too long", start, "a plain text", "correct its definition"
        )

    def condition(self, word: bytes, start: int, end: int) -> int:
        state = self.conditions
        source = self.source
        if word in (b"ifdef", b"ifndef", b"elsif"):
            name = _NAME.match(source, end)
            if name is None:
                raise self.fail(f"`{word.decode()} without a name", start, "the name of a macro", "name it")
            end = name.end()
            holds = (name.group(1) in self.macros) != (word == b"ifndef")
        else:
            holds = True
        if word in (b"ifdef", b"ifndef"):
            if len(state.opened) >= self.limits.depth:
                raise LimitExceeded(
                    "conditions are nested too deeply",
                    file=self.file,
                    line=self.line(start),
                    expected=f"at most {self.limits.depth} (ReadLimits.depth)",
                    remedy="deliver the netlist preprocessed",
                )
            state.taken.append(holds)
            state.active.append(holds)
            state.opened.append(start)
        elif not state.opened:
            raise self.fail(f"`{word.decode()} without `ifdef", start, "`ifdef before it", "remove it")
        elif word == b"endif":
            state.taken.pop()
            state.active.pop()
            state.opened.pop()
        else:
            state.active[-1] = holds and not state.taken[-1]
            state.taken[-1] |= holds
        self.put(_VISIBLE.sub(b" ", source[start:end]))
        return end
