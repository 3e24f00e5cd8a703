"""Coverage-guided fuzzing of the readers of hostile files; a tool for people, not collected by pytest.

    pip install atheris
    python -m tests.fuzz.readers verilog --minutes 30

A reader must answer any bytes with a netlist or with a `SandgrainError`, in seconds and in bounded memory. Whatever
else happens ends the run, and the bytes that did it are kept in ``tests/netlist/corpus/<reader>/``, where
``tests/netlist/test_corpus.py`` and ``tests/layout/test_corpus.py`` read them ever after.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "netlist" / "corpus"

INSTRUMENTED = {
    # Compiled kernels must stay as they are: numba reads their byte code.
    "verilog": ["_statements", "_instances", "_expressions", "_tokens", "_preprocess"],
    "blif": ["blif", "_blif_model", "_covers"],
    "bench": ["bench"],
    "aiger": ["aiger", "_aiger_graph"],
    "edif": ["edif"],
    "json": ["yosys_json"],
    "liberty": [
        "liberty",
        "_liberty_cell",
        "_liberty_expression",
        "_liberty_gating",
        "_liberty_states",
        "_liberty_table",
    ],
    "udp": ["udp", "_udp_table", "_truth_table"],
}
DRAWINGS = {
    # What a child process reads is not seen from here; its answers are.
    "gds": ["scan", "read"],
    "oasis": ["oasis", "scan", "read"],
    "lef": ["lef"],
    "def": ["routed"],
}


def reader(name: str) -> Callable[[bytes], object]:
    """The reader called ``name``, as a function of bytes."""
    if name in DRAWINGS:
        from tests.layout import corpus as drawings

        return drawings.READERS[name]
    from tests.netlist.corpus import READERS

    return READERS[name]


def seeds(name: str, directory: Path) -> None:
    """Write the samples the search starts from."""
    if name in DRAWINGS:
        from tests.layout.corpus import SAMPLES
    else:
        from tests.netlist.corpus import SAMPLES

    for text in [*SAMPLES.get(name, []), *(path.read_bytes() for path in sorted((CORPUS / name).glob("*")))]:
        (directory / hashlib.sha256(text).hexdigest()[:16]).write_bytes(text)


def _instrument(atheris: Any, module: ModuleType) -> None:
    """Make the functions and methods of ``module`` report which branches they take."""
    for thing in vars(module).values():
        if getattr(thing, "__module__", None) != module.__name__:
            continue
        members = list(vars(thing).values()) if isinstance(thing, type) else [thing]
        for member in members:
            if isinstance(member, FunctionType):
                atheris.instrument_func(member)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", choices=sorted({*INSTRUMENTED, *DRAWINGS}))
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--timeout", type=int, default=20, help="seconds one input may take; more on a busy machine")
    chosen = parser.parse_args()
    import atheris

    prefix = "sandgrain.netlist.verilog." if chosen.reader == "verilog" else "sandgrain.netlist."
    names = [prefix + module for module in INSTRUMENTED.get(chosen.reader, ())]
    names += [f"sandgrain.layout.{module}" for module in DRAWINGS.get(chosen.reader, ())]
    for name in names:
        _instrument(atheris, importlib.import_module(name))
    from sandgrain.errors import SandgrainError

    read = reader(chosen.reader)

    def one(data: bytes) -> None:
        try:
            read(data)
        except SandgrainError:
            return
        except BaseException:
            (CORPUS / chosen.reader).mkdir(parents=True, exist_ok=True)
            path = CORPUS / chosen.reader / hashlib.sha256(data).hexdigest()[:16]
            path.write_bytes(data)
            traceback.print_exc()
            sys.stderr.write(f"kept as {path}\n")
            raise

    with tempfile.TemporaryDirectory() as directory:
        found, start = Path(directory, "found"), Path(directory, "start")
        found.mkdir()
        start.mkdir()
        seeds(chosen.reader, start)
        arguments = [
            f"-max_total_time={int(chosen.minutes * 60)}",
            f"-timeout={chosen.timeout}",
            "-rss_limit_mb=3072",
            "-max_len=4096",
        ]
        atheris.Setup([sys.argv[0], *arguments, f"-artifact_prefix={directory}/", str(found), str(start)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
