"""A look at the sources before any front end sees them: text, within the limits, and reading nothing outside.

Front ends follow `` `include`` and ``$readmemh`` wherever they lead, and Yosys even calls C functions a description
imports. So everything that names a file is checked here first, and what cannot be checked is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sandgrain.errors import ElaborationError, LimitExceeded
from sandgrain.netlist.design import Design
from sandgrain.netlist.limits import ElaborationLimits

_SAFE_NAME = re.compile(r"^[A-Za-z0-9_.+@,=~][A-Za-z0-9_.+@,=~/ -]*$")
_IDENTIFIER = re.compile(r"^[A-Za-z_][A-Za-z0-9_$]*$")
_TOKEN = re.compile(
    r"""(?P<line_comment>//[^\n]*)
      |(?P<block_comment>/\*.*?(?:\*/|\Z))
      |(?P<string>"(?:\\.|[^"\\\n])*"?)
      |(?P<include>`include\b)
      |(?P<define>`define\b)
      |(?P<condition>`(?:ifdef|ifndef|elsif|else|endif)\b(?:[ \t]+(?P<macro>[A-Za-z_][A-Za-z0-9_$]*))?)
      |(?P<undefine>`undefineall\b|`undef\s+(?:SYNTHESIS\b|[^A-Za-z_\s]))
      |(?P<task>\$(?:readmem[hb]|fopen|fdumpfile|dumpfile|writemem[hb]|system|sdf_annotate)\b)
      |(?P<dpi>\bDPI(?:_C|-C)?\b)
      |(?P<off>\b(?:translate_off|synthesis_off)\b)
      |(?P<unsized>'[bodhBODH](?:[xX]+|[zZ?]+)(?![\w?]))""",
    re.VERBOSE | re.DOTALL,
)
_DEFINITION = re.compile(r"(?:\\\r?\n|/\*.*?(?:\*/|\Z)|[^\n])*", re.DOTALL)
_FILLER = re.compile(r"(?:\s|//[^\n]*\n|/\*.*?\*/|\\\n)*", re.DOTALL)
_QUOTED = re.compile(r'"([^"\n]*)"|<([^>\n]*)>')
_TRANSLATE_OFF = re.compile(r"\b(?:translate_off|synthesis_off)\b")
_SIZED = re.compile(r"(?<!`define\s)(?<!\w)\w+\s*$|\)\s*$")
_DPI_STRING = re.compile(r'^"\s*DPI')


@dataclass(slots=True)
class SourceScan:
    """What a scan found besides errors.

    Attributes:
        files: every file read.
        hidden_text: the lines where ``translate_off`` hides text.
        foreign: lines of foreign functions left out by `` `ifndef SYNTHESIS``. A front end that would call them if
            this scan were mistaken must not read the text.
        undefines: whether any file may take SYNTHESIS back, which the front ends define.
        unsized: files with constants like ``'bx``.
    """

    files: list[str] = field(default_factory=list)
    hidden_text: list[tuple[str, int]] = field(default_factory=list)
    foreign: list[tuple[str, int]] = field(default_factory=list)
    undefines: bool = False
    unsized: list[str] = field(default_factory=list)


class _Conditions:
    """Which text `` `ifndef SYNTHESIS`` leaves out; no other condition is ever taken to leave anything out."""

    def __init__(self) -> None:
        self._open: list[tuple[bool, bool]] = []  # left out now, left out after `else

    def meet(self, directive: str, macro: str | None) -> None:
        """Go on past a directive."""
        if directive in ("`ifdef", "`ifndef"):
            ours = macro == "SYNTHESIS"
            self._open.append((ours and directive == "`ifndef", ours and directive == "`ifdef"))
        elif directive == "`endif":
            self._open = self._open[:-1]
        elif self._open:
            _, otherwise = self._open.pop()
            self._open.append((otherwise if directive == "`else" else False, False))

    @property
    def conditional(self) -> bool:
        """Whether any condition is open."""
        return bool(self._open)

    @property
    def left_out(self) -> bool:
        """Whether no front end sees the text here."""
        return any(now for now, _ in self._open)


def with_filling_unknowns(text: str) -> str:
    """The text with unsized constants of nothing but x, or z, as those that fill the width they are used in.

    ``'bx`` is as wide as the expression it is in, x in every bit (IEEE 1800-2017, 5.7.1). slang pads it with 0 beyond
    32 bits, but not ``'x``. Nothing changes its line or column.
    """
    pieces, end = [], 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "unsized" and not _SIZED.search(text, max(end, token.start() - 64), token.start()):
            word = token.group()
            pieces += [text[end : token.start()], f"'{'x' if word[2] in 'xX' else 'z'}".ljust(len(word))]
            end = token.end()
    return "".join([*pieces, text[end:]])


def scan_sources(design: Design, limits: ElaborationLimits) -> SourceScan:
    """Check everything the front ends would read.

    Raises:
        ElaborationError: a name is unsafe, a file is missing, not text, or reaches outside the submission.
        LimitExceeded: too many files or bytes.
    """
    if not design.sources:
        raise ElaborationError(
            "the submission names no source file",
            expected="at least one file of role rtl or netlist",
            remedy="add the files to the manifest",
        )
    for what, name in [
        ("top module", design.top),
        *(("define", n) for n in design.defines),
        *(("parameter", n) for n in design.parameters),
    ]:
        if not _IDENTIFIER.match(name):
            raise ElaborationError(
                f"{name!r} is not a name for a {what}",
                expected="letters, digits, _ and $",
                remedy="correct the manifest",
            )
    for text in [*design.defines.values(), *(v for v in design.parameters.values() if isinstance(v, str))]:
        if any(ord(character) < 32 or character == "\\" or character == "`" for character in text) or "DPI" in text:
            raise ElaborationError(
                f"{text!r} cannot be the text of a define or parameter",
                expected="one line without backslash, backquote and DPI",
                remedy="correct the manifest",
            )
        _check_path(text, "the manifest", None, literal=False)
    return _Scanner(design, limits).run()


class _Scanner:
    def __init__(self, design: Design, limits: ElaborationLimits) -> None:
        self.root = design.root.resolve()
        self.design = design
        self.limits = limits
        self.bytes = 0
        self.scan = SourceScan()

    def run(self) -> SourceScan:
        for directory in self.design.include_dirs:
            self._confined(directory)
        waiting = [(name, None, None) for name in self.design.sources]
        seen: set[Path] = set()
        while waiting:
            name, by, line = waiting.pop(0)
            path = self._confined(name, by, line)
            if path in seen:
                continue
            seen.add(path)
            self.scan.files.append(name)
            if len(seen) > self.limits.source_files:
                raise LimitExceeded(
                    f"more than {self.limits.source_files:,} source files",
                    expected=f"at most {self.limits.source_files:,} (ElaborationLimits.source_files)",
                    remedy="raise the limit, or submit fewer files",
                )
            waiting += [(found, name, at) for found, at in self._read(name, path, by, line)]  # type: ignore[misc]
        if self.scan.foreign and self.scan.undefines:
            raise _foreign(*self.scan.foreign[0])
        return self.scan

    def _confined(self, name: str, by: str | None = None, line: int | None = None) -> Path:
        """The real path of ``name``, which must be a safe name and stay inside the submission."""
        if not _SAFE_NAME.match(name) or ".." in PurePosixPath(name).parts or name.endswith(" "):
            raise ElaborationError(
                f"the file name {name!r} is not allowed",
                file=by,
                line=line,
                expected="a path inside the submission, of letters, digits and _ . + @ , = ~ / -",
                remedy="rename the file",
            )
        path = (self.root / name).resolve()
        if not path.is_relative_to(self.root):
            raise _outside(name, by, line)
        return path

    def _read(self, name: str, path: Path, by: str | None, line: int | None) -> list[tuple[str, int]]:
        """Check one file; the files it includes, each with the line that does."""
        try:
            size = path.stat().st_size
            if not path.is_file():
                raise ElaborationError("this is not a file", file=name, expected="a source file")
            self.bytes += size
            if self.bytes > self.limits.source_bytes:
                raise LimitExceeded(
                    f"the sources have more than {self.limits.source_bytes:,} bytes",
                    file=name,
                    expected=f"at most {self.limits.source_bytes:,} bytes (ElaborationLimits.source_bytes)",
                    remedy="raise the limit, or submit a smaller description",
                )
            raw = path.read_bytes()
        except OSError as error:
            raise ElaborationError(
                f"{name} cannot be read: {error.strerror}",
                file=by or name,
                line=line,
                expected="a readable file",
                remedy="add the file to the submission or correct its name",
            ) from error
        text = _text(name, raw)
        if with_filling_unknowns(text) != text:
            self.scan.unsized.append(name)
        return self._check_text(name, text)

    def _check_text(self, name: str, text: str) -> list[tuple[str, int]]:
        included: list[tuple[str, int]] = []
        strings: list[tuple[str, int]] = []
        computed: int | None = None
        conditions, definition_end = _Conditions(), 0
        line, counted = 1, 0
        for token in _TOKEN.finditer(text):
            line += text.count("\n", counted, token.start())
            counted = token.start()
            kind, word = token.lastgroup, token.group()
            if kind in ("line_comment", "block_comment"):
                if _TRANSLATE_OFF.search(word):
                    self.scan.hidden_text.append((name, line))
            elif kind == "define":
                definition = _DEFINITION.match(text, token.end())
                definition_end = definition.end() if definition else token.end()
            elif kind == "condition":
                if token.start() >= definition_end:  # in the text of a macro it is no directive
                    conditions.meet(word.split()[0], token["macro"])
            elif kind == "undefine":
                self.scan.undefines = True
            elif kind == "dpi" or (kind == "string" and _DPI_STRING.match(word)):
                if conditions.left_out:
                    self.scan.foreign.append((name, line))
                    continue
                raise _foreign(name, line)
            elif kind == "string":
                strings.append((word.strip('"'), line))
            elif kind == "include":
                file = self._included(name, text, token.end(), line, needed=not conditions.conditional)
                if file is not None:
                    included.append((file, line))
            elif kind == "task":
                rest = _FILLER.match(text, token.end())
                at = rest.end() if rest else token.end()
                argument = _QUOTED.match(text, _FILLER.match(text, at + 1).end()) if text[at : at + 1] == "(" else None  # type: ignore[union-attr]
                if argument and argument[1] is not None:
                    _check_path(argument[1], name, line, literal=True)
                else:
                    computed = line
        if computed is not None:
            # The file name is computed: then no string it could be computed from may lead outside.
            for string, at in strings:
                _check_path(string, name, at, literal=False)
        return included

    def _included(self, name: str, text: str, end: int, line: int, *, needed: bool) -> str | None:
        """The file an `` `include`` names, or ``None`` if it is not there and only some condition asks for it."""
        filler = _FILLER.match(text, end)
        quoted = _QUOTED.match(text, filler.end() if filler else end)
        if not quoted:
            raise ElaborationError(
                "an `include without a file name in quotes",
                file=name,
                line=line,
                expected='`include "file"',
                remedy="write the name of the file out",
            )
        target = quoted[1] or quoted[2] or ""
        _check_path(target, name, line, literal=True)
        here = PurePosixPath(name).parent
        for directory in (here, *map(PurePosixPath, self.design.include_dirs), PurePosixPath(".")):
            candidate = str(directory / target)
            if (self.root / candidate).exists():
                return candidate
        if not needed:
            return None
        raise ElaborationError(
            f"the included file {target} is not in the submission",
            file=name,
            line=line,
            expected="a file beside this one or in one of the include directories",
            remedy="add the file, or its directory to include_dirs in the manifest",
        )


def _text(name: str, raw: bytes) -> str:
    """``raw`` as text: fails fast on binary data, before a parser has to make sense of it."""
    control = raw.translate(None, bytes(range(32, 256)) + b"\t\n\r\f\v\x1a")
    if control:
        offset = raw.index(control[:1])
        raise ElaborationError(
            f"this is not text: byte {control[0]:#04x} at offset {offset:,}",
            file=name,
            line=raw.count(b"\n", 0, offset) + 1,
            expected="Verilog or SystemVerilog source",
            remedy="correct the list of files in the manifest",
        )
    # Comments in legacy encodings are common and harmless; identifiers are ASCII.
    return raw.decode("latin-1")


def _check_path(text: str, file: str, line: int | None, *, literal: bool) -> None:
    """Refuse a path that is absolute or climbs; what need not be a path (``literal`` false) must look like one."""
    path = text.strip()
    if literal and not path:
        raise ElaborationError("an empty file name", file=file, line=line, expected="the name of a file")
    climbs = ".." in re.split(r"[/\\]", path) or "../" in path
    absolute = path.startswith(("/", "~", "\\")) or bool(re.match(r"^[A-Za-z]:[/\\]", path))
    if climbs or (absolute and (literal or len(path) > 1)):
        raise _outside(path, file, line)


def _foreign(file: str, line: int) -> ElaborationError:
    return ElaborationError(
        "the description imports a foreign function",
        file=file,
        line=line,
        expected="hardware only: no DPI imports",
        remedy="leave the import out, e.g. under `ifndef SYNTHESIS (which must not be undefined anywhere)",
    )


def _outside(path: str, file: str | None, line: int | None) -> ElaborationError:
    return ElaborationError(
        f"{path!r} leads outside the submission",
        file=file,
        line=line,
        expected="a path relative to the submission without ..",
        remedy="copy the file into the submission",
    )
