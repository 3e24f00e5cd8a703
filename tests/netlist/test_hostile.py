"""Files cut short, with bytes changed, or made to hurt: only an error a user can act on may come out."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandgrain.errors import ElaborationError, LimitExceeded, NetlistError, SandgrainError
from sandgrain.netlist import read_yosys_json
from sandgrain.netlist.aiger import read_aiger, write_aiger
from sandgrain.netlist.bench import read_bench
from sandgrain.netlist.blif import read_blif
from sandgrain.netlist.edif import read_edif
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import Netlist
from sandgrain.netlist.write_json import write_yosys_json
from sandgrain.netlist.write_verilog import write_verilog
from tests.netlist.corpus.samples import AAG, BENCH, BLIF, EDIF

Reader = Callable[[Path], Netlist]

SAMPLES: dict[str, tuple[Reader, bytes]] = {
    "blif": (read_blif, BLIF),
    "bench": (read_bench, BENCH),
    "aag": (read_aiger, AAG),
    "edif": (read_edif, EDIF),
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Reader, bytes]]:
    """A reader and a small file for it, by format; all of the files are read without an error."""
    directory = tmp_path_factory.mktemp("samples")
    found = dict(SAMPLES)
    netlists = {}
    for name, (reader, data) in SAMPLES.items():
        path = directory / name
        path.write_bytes(data)
        netlists[name] = reader(path)
    packed = io.BytesIO()
    write_aiger(netlists["aag"].top_module, packed)
    found["aig"] = (read_aiger, packed.getvalue())
    text = io.StringIO()
    write_yosys_json(netlists["blif"], text)
    found["json"] = (read_yosys_json, text.getvalue().encode())
    return found


def attempt(reader: Reader, path: Path, data: bytes) -> Netlist | None:
    """The netlist in ``data``, or nothing if it is refused as it should be; what was read can be written."""
    path.write_bytes(data)
    try:
        netlist = reader(path)
    except SandgrainError as error:
        assert error.file and error.expected
        return None
    write_yosys_json(netlist, io.StringIO())
    try:
        write_verilog(netlist, io.StringIO())
    except NetlistError as error:
        assert error.expected
    return netlist


@pytest.mark.parametrize("name", [*SAMPLES, "aig", "json"])
def test_every_prefix(tmp_path: Path, samples: dict[str, tuple[Reader, bytes]], name: str) -> None:
    reader, data = samples[name]
    step = 11 if name == "json" else 1
    read = [
        length for length in range(0, len(data), step) if attempt(reader, tmp_path / "f", data[:length]) is not None
    ]
    # What says where it ends is not taken for whole when it is cut short; BENCH says so nowhere.
    whole = len(data.rstrip())
    if name in {"blif", "edif", "json"}:
        assert all(length >= whole for length in read if name != "blif" or length > data.index(b".model sub"))
    if name == "aag":
        assert all(data[:length].endswith(b"\n") or b"\nc\n" in data[:length] for length in read)
    assert attempt(reader, tmp_path / "f", data) is not None


@pytest.mark.parametrize("name", [*SAMPLES, "aig", "json"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.data())
def test_changed_bytes(
    tmp_path: Path, samples: dict[str, tuple[Reader, bytes]], name: str, drawn: st.DataObject
) -> None:
    reader, sample = samples[name]
    data = bytearray(sample)
    for _ in range(drawn.draw(st.integers(1, 4))):
        place = drawn.draw(st.integers(0, len(data) - 1))
        action = drawn.draw(st.sampled_from(["flip", "delete", "repeat", "digit"]))
        if action == "flip":
            data[place] ^= drawn.draw(st.integers(1, 255))
        elif action == "delete":
            del data[place : place + drawn.draw(st.integers(1, 20))]
        elif action == "repeat":
            data[place:place] = data[place : place + drawn.draw(st.integers(1, 40))]
        else:
            data[place : place + 1] = str(drawn.draw(st.integers(0, 10**12))).encode()
        if not data:
            return
    attempt(reader, tmp_path / "f", bytes(data))


@pytest.mark.parametrize("name", [*SAMPLES, "aig", "json"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, samples: dict[str, tuple[Reader, bytes]], name: str, data: bytes) -> None:
    reader, sample = samples[name]
    attempt(reader, tmp_path / "f", data)
    attempt(reader, tmp_path / "f", sample[:20] + data)


def test_compressed_files_are_read_and_bombs_refused(tmp_path: Path, samples: dict[str, tuple[Reader, bytes]]) -> None:
    for name in (*SAMPLES, "aig"):
        reader, data = samples[name]
        assert attempt(reader, tmp_path / "f.gz", gzip.compress(data)) is not None
        path = tmp_path / "bomb"
        path.write_bytes(gzip.compress(b"#" * (2 << 20)))
        with pytest.raises(LimitExceeded, match="file_bytes"):
            {"blif": read_blif, "bench": read_bench, "edif": read_edif}.get(name, read_aiger)(
                path, ReadLimits(file_bytes=1 << 20)
            )
        with pytest.raises((NetlistError, ElaborationError), match="cannot be read"):
            reader(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("edif", b"(edif t " + b"(x " * 1_000_000),
        ("edif", b"(" * 1_000_000),
        ("edif", b")" * 1_000_000),
        ("edif", b'(edif t (comment "' + b"(" * 1_000_000),
        ("edif", b"(edif t (library L " + b"(cell c) " * 50_000),
        ("blif", b".model m\n.inputs " + b"\\\n" * 300_000),
        ("blif", b".model m\n.names a b y\n" + b"11 1\n" * 200_000 + b"x"),
        ("blif", b".model m\n" + b".names a y\n1 1\n" * 2),
        ("blif", b".model m\n" + b".attr x y\n" * 100_000),
        ("bench", b"y = AND(" + b"a," * 300_000),
        ("bench", b"y = AND(" * 100_000),
        ("bench", b" " * 1_000_000 + b"x"),
        ("bench", b"a" * 1_000_000),
        ("bench", b"a" + b" " * 1_000_000 + b"x"),
        ("bench", b"y = a" + b" " * 1_000_000 + b"(x"),
        ("bench", b"INPUT(a)" + b" " * 1_000_000 + b"x"),
        ("bench", b"INPUT(a)\n" + b"y" * 1_000_000 + b" = NOT(a)\n"),
        ("bench", (b"a" * 1_000 + b" ") * 1_000),
        ("aag", b"aag 1 1 0 0 0\n2\n" + b"i0 x\n" * 2 + b"i0 y\n" * 100_000),
        ("aag", b"aig 4000000000 4000000000 0 0 0\n"),
        ("aag", b"aag 2000000000 0 0 0 0 0 0 2000000000\n" + b"9999999999\n" * 1000),
    ],
)
def test_files_made_to_hurt(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(data)
    with pytest.raises(SandgrainError):
        SAMPLES[name][0](path)
