"""Reader of BLIF, the Berkeley Logic Interchange Format (University of California, Berkeley, 1992), with the
extensions of Yosys (``.attr .blackbox .cname .conn .gateinit .param``) and of ABC (``.blackbox``, ``.short``).

Covers become gates or ``$sop`` cells, latches ``$_DFF_P_``, ``$_DFF_N_``, ``$_DLATCH_P_``, ``$_DLATCH_N_`` or (without
a control) ``$_FF_``. An asynchronous latch (``as``) is the black box `ASYNCHRONOUS`, since nothing says when it
changes. What has no instance name is called after what it drives or after its line. Timing and area annotations are
passed over; ``.exdc``, ``.search``, finite-state machines and everything unknown are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist._blif_model import BlifModel
from sandgrain.netlist._quote import quote
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import Module, Netlist
from sandgrain.netlist.source import load

_MODEL: Final = re.compile(rb"^[ \t]*\.model[ \t]+(\S+)", re.MULTILINE)
_PASSED_OVER: Final = frozenset(
    b".area .delay .wire_load_slope .wire .input_arrival .default_input_arrival .output_required "
    b".default_output_required .input_required .default_input_required .input_drive .default_input_drive .output_load "
    b".default_output_load .max_input_load .default_max_input_load .cycle .clock_event .latch_order".split()
)
_REFUSED: Final = {
    b".exdc": "external don't-care sets are not read: they would change what the outputs are",
    b".search": "no other file is opened",
    b".start_kiss": "state tables (KISS) are not read",
    b".end_kiss": "state tables (KISS) are not read",
    b".code": "state codes (KISS) are not read",
}


def read_blif(path: Path, limits: ReadLimits | None = None) -> Netlist:
    """Read a BLIF file; its first model is the top.

    Raises:
        LimitExceeded: it is larger than ``limits`` allow.
        NetlistError: it cannot be read, is not BLIF, is cut short, or contradicts itself.
    """
    limits = limits or ReadLimits()
    return _Reader(load(path, limits), str(path), path.name.partition(".")[0] or path.name, limits).read()


class _Reader:
    def __init__(self, data: bytes, file: str, stem: str, limits: ReadLimits) -> None:
        self.data = data
        self.file = file
        self.stem = stem
        self.limits = limits
        self.models = frozenset(_MODEL.findall(data))
        self.modules: dict[str, Module] = {}
        self.model: BlifModel | None = None
        self.ended = False

    def fail(self, what: str, expected: str, line: int, text: bytes | None = None) -> NetlistError:
        """An error about ``text``, which stands on ``line`` or on one of those that continue it."""
        column = None
        if text:
            for number, content in enumerate(self.data.split(b"\n")[line - 1 :], line):
                found = re.search(rb"(?<!\S)" + re.escape(text) + rb"(?![^\s#\\])", content)
                if found:
                    line, column = number, found.start() + 1
                if found or not content.rstrip().endswith(b"\\"):
                    break
        return NetlistError(
            what,
            file=self.file,
            line=line,
            column=column,
            expected=expected,
            remedy="correct the file, or write it again with the tool it is from",
        )

    def lines(self) -> Iterator[tuple[int, list[bytes]]]:
        """The words of every line that has any, continued lines as one, with the number of the first."""
        words: list[bytes] = []
        start = 0
        for number, line in enumerate(self.data.split(b"\n"), 1):
            if b"#" in line:
                line = line[: line.index(b"#")]
            if b"\\" in line and line.rstrip().endswith(b"\\"):
                words += line.rstrip()[:-1].split()
                start = start or number
                continue
            if start:
                if words := words + line.split():
                    yield start, words
                words, start = [], 0
                continue
            if split := line.split():
                yield number, split
        if start:
            raise self.fail("the file ends in a continued line", "another line after the backslash", start)

    def read(self) -> Netlist:
        rows: list[list[bytes]] | None = None
        model = None
        line = 1
        handlers = self._handlers()
        for line, words in self.lines():
            first = words[0]
            if first[0] != 46:  # no dot: a row of a cover
                if rows is None:
                    raise self.fail(f"{quote(first)} starts no statement", "a word such as .names", line, first)
                if len(rows) >= self.limits.table_rows:
                    raise LimitExceeded(
                        f"a cover has more than {self.limits.table_rows:,} rows",
                        file=self.file,
                        line=line,
                        expected=f"at most {self.limits.table_rows:,} (ReadLimits.table_rows)",
                        remedy="raise the limit",
                    )
                rows.append(words)
                if model is not None:
                    model.row_lines.append(line)
                continue
            if first == b".names":
                model = self._current(line)
                rows = model.names(words, line)
                continue
            if rows is not None:
                rows = None
                self._current(line).flush()
            handler = handlers.get(first)
            if handler is not None:
                handler(words, line)
            elif first in _REFUSED:
                raise self.fail(f"{quote(first)}: {_REFUSED[first]}", "a netlist without it", line, first)
            elif first not in _PASSED_OVER:
                raise self.fail(f"{quote(first)} is no statement of BLIF", "a word such as .names", line, first)
        if self.model is not None:
            raise self.fail(f"the file ends within model {quote(self.model.name)}", ".end after the last model", line)
        if not self.modules:
            raise self.fail("the file holds no model", ".model and a name", line)
        return Netlist(self.modules, next(iter(self.modules)))

    def _handlers(self) -> dict[bytes, Callable[[list[bytes], int], None]]:
        def of_model(method: Callable[[BlifModel, list[bytes], int], None]) -> Callable[[list[bytes], int], None]:
            return lambda words, line: method(self._current(line), words, line)

        return {
            b".model": self._start,
            b".end": self._end,
            b".inputs": of_model(BlifModel.inputs),
            b".clock": of_model(BlifModel.inputs),
            b".outputs": of_model(BlifModel.outputs),
            b".latch": of_model(BlifModel.latch),
            b".mlatch": of_model(BlifModel.library_latch),
            b".gate": of_model(BlifModel.instance),
            b".subckt": of_model(BlifModel.instance),
            b".conn": of_model(BlifModel.connection),
            b".short": of_model(BlifModel.connection),
            b".blackbox": of_model(BlifModel.blackbox),
            b".cname": of_model(BlifModel.cell_name),
            b".param": of_model(BlifModel.parameter),
            b".attr": of_model(BlifModel.attribute),
            b".gateinit": of_model(BlifModel.gate_init),
        }

    def _current(self, line: int) -> BlifModel:
        if self.model is None:
            if self.ended:
                raise self.fail("there is a statement after .end", ".model", line)
            # The first model may go without its name.
            self.model = BlifModel(self.stem, line, self)
        return self.model

    def _start(self, words: list[bytes], line: int) -> None:
        if len(words) != 2:
            raise self.fail(f".model is followed by {len(words) - 1} words", "the name of the model", line)
        self._end(words, line)
        name = words[1].decode("utf-8", "backslashreplace")
        if len(words[1]) > self.limits.name_bytes or len(self.modules) >= self.limits.modules:
            field = "name_bytes" if len(words[1]) > self.limits.name_bytes else "modules"
            raise LimitExceeded(
                f"model {quote(words[1])} is one too many or its name is too long",
                file=self.file,
                line=line,
                expected=f"at most {getattr(self.limits, field):,} (ReadLimits.{field})",
                remedy="raise the limit",
            )
        if name in self.modules:
            raise self.fail(f"model {quote(name)} is defined twice", "one definition", line, words[1])
        self.model = BlifModel(name, line, self)

    def _end(self, words: Sequence[bytes], line: int) -> None:
        if self.model is not None:
            self.modules[self.model.name] = self.model.finish()
            self.model = None
        elif words[0] == b".end" and not self.modules:
            raise self.fail(".end ends no model", ".model before it", line)
        self.ended = True
