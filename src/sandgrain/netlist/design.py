"""What is elaborated: source files, how to read them, and which module is the chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Design:
    """A hardware description as submitted.

    Attributes:
        root: directory all other paths are relative to.
        sources: source files in reading order; macros carry over from one to the next, as in simulators.
        top: name of the module that is the chip.
        include_dirs: directories searched by `` `include``.
        defines: preprocessor macros, ``name -> text``; the empty text defines the name alone.
        parameters: parameters of the top module; a string that starts like a Verilog number (``8'hff``) is one.
    """

    root: Path
    sources: tuple[str, ...]
    top: str
    include_dirs: tuple[str, ...] = ()
    defines: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, int | str] = field(default_factory=dict)
