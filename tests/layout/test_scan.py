"""The first look at GDSII: damaged, circular, exploding and mis-scaled drawings are refused with a place."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from klayout import db

from sandgrain.errors import LimitExceeded, SandgrainError
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.read import read_layout
from sandgrain.layout.scan import scan_gds
from tests.layout.small import PROCESS, small

PATH = Path("chip.gds")


def record(kind: int, data_kind: int, data: bytes = b"") -> bytes:
    return struct.pack(">HBB", len(data) + 4, kind, data_kind) + data


def text(kind: int, value: str) -> bytes:
    data = value.encode()
    return record(kind, 6, data + b"\0" * (len(data) % 2))


def real(value: float) -> bytes:
    exponent = 0
    while value >= 1:
        value, exponent = value / 16, exponent + 1
    while value < 1 / 16:
        value, exponent = value * 16, exponent - 1
    return bytes([64 + exponent]) + int(value * (1 << 56)).to_bytes(7, "big")


HEAD = record(0, 2, struct.pack(">h", 600)) + record(1, 2, b"\0" * 24) + text(2, "LIB")
UNITS = record(3, 5, real(1e-3) + real(1e-9))
END = record(4, 0)
BOX = record(8, 0) + record(13, 2, b"\0\x44") + record(14, 2, b"\0\x14")
BOX += record(16, 3, struct.pack(">10i", 0, 0, 0, 100, 100, 100, 100, 0, 0, 0)) + record(17, 0)


TEXT = record(12, 0) + record(13, 2, b"\0\x44") + record(22, 2, b"\0\x05")
TEXT += record(16, 3, struct.pack(">2i", 0, 0)) + record(25, 6, b"hi") + record(17, 0)


def structure(name: str, *inside: bytes) -> bytes:
    return record(5, 2, b"\0" * 24) + text(6, name) + b"".join(inside) + record(7, 0)


def call(name: str) -> bytes:
    return record(10, 0) + text(18, name) + record(16, 3, struct.pack(">2i", 0, 0)) + record(17, 0)


def array(name: str, columns: int, rows: int) -> bytes:
    size = record(19, 2, struct.pack(">2h", columns, rows))
    places = record(16, 3, struct.pack(">6i", 0, 0, 1_000, 0, 0, 1_000))
    return record(11, 0) + text(18, name) + size + places + record(17, 0)


def library(*structures: bytes) -> bytes:
    return HEAD + UNITS + b"".join(structures) + END


def refused(data: bytes, limits: LayoutLimits | None = None) -> SandgrainError:
    with pytest.raises(SandgrainError) as caught:
        scan_gds(data, PATH, PROCESS, limits or LayoutLimits())
    return caught.value


def test_a_sound_file_is_counted() -> None:
    data = library(structure("A", BOX, BOX), structure("B", call("A"), array("A", 3, 4), BOX))
    seen = scan_gds(data, PATH, PROCESS, LayoutLimits())
    assert (seen.structures, seen.shapes, seen.instances, seen.depth) == (2, 27, 13, 2)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"\x1f\x8b" + b"\0" * 40, "compressed"),
        (b"%PDF-1.7", "does not begin as GDSII"),
        (library(structure("A", BOX))[:-4], "before its ENDLIB"),
        (library(structure("A", BOX))[:-9], r"byte \d+: a record reaches beyond|within a record"),
        (HEAD + UNITS + b"\0\x02\x05\x02" + END, r"byte 6\d: a record has a length"),
        (HEAD + UNITS + b"\0\x05\x05\x02\0" + END, "a length that no record"),
        (HEAD + UNITS + record(99, 0) + END, "a record of a type that GDSII does not have"),
        (HEAD + UNITS + BOX + END, "stands where it cannot"),
        (library(structure("A", BOX[:-4])), "stands where it cannot"),
        (library(), "holds no structure"),
        (HEAD + structure("A", BOX) + END, "does not say its units"),
        (HEAD + record(3, 5, real(1e-3) + real(1e-8)) + structure("A", BOX) + END, "one database unit is 1e-08 m"),
        (library(structure("A", call("A"))), "'A' contains itself"),
        (library(structure("A", call("B")), structure("B", call("A"))), "contains itself"),
        (library(structure("A", call("B"))), "places 'B', which the file lacks"),
        (library(structure("A", BOX), structure("A", BOX)), "'A' is there twice"),
        (library(structure("A", BOX), structure("B", array("A", 0, 4))), "an array of 0 by 4"),
        (library(structure("A", BOX, TEXT.replace(b"hi", b"\x9ci"))), "neither ASCII nor UTF-8"),
        (library(structure("A", BOX[:4] + record(33, 2, b"\0\x07") + BOX[4:])), "ends are of type 7"),
        (library(structure("A", BOX.replace(struct.pack(">i", 100), struct.pack(">i", 1 << 30)))), "a coordinate of"),
    ],
)
def test_a_damaged_file_is_refused(data: bytes, says: str) -> None:
    error = refused(data)
    assert isinstance(error, LayoutError)
    with pytest.raises(LayoutError, match=says):
        raise error
    assert error.file == "chip.gds"


def test_a_small_file_that_stands_for_billions_is_refused() -> None:
    levels = [structure("L0", BOX)]
    levels += [structure(f"L{number}", array(f"L{number - 1}", 30_000, 30_000)) for number in range(1, 5)]
    error = refused(library(*levels))
    assert isinstance(error, LimitExceeded) and "LayoutLimits.shapes" in str(error)


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        (LayoutLimits(cells=1), "cells"),
        (LayoutLimits(depth=1), "depth"),
        (LayoutLimits(shapes=2), "shapes"),
        (LayoutLimits(instances=1), "instances"),
        (LayoutLimits(name_bytes=1), "name_bytes"),
        (LayoutLimits(points=4), "points"),
    ],
)
def test_every_limit_names_itself(limits: LayoutLimits, field: str) -> None:
    data = library(structure("AA", BOX, BOX), structure("BB", call("AA"), call("AA")))
    assert f"LayoutLimits.{field})" in str(refused(data, limits))


def test_a_file_that_claims_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.gds"
    with path.open("wb") as stream:
        stream.write(library(structure("A", BOX)))
        stream.truncate(10 << 30)
    with pytest.raises(LimitExceeded, match=r"10,737,418,240 bytes(.|\n)*LayoutLimits.file_bytes"):
        read_layout(path, PROCESS)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="cannot be read"):
        read_layout(tmp_path / "none.gds", PROCESS)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gds") / "row.gds"
    small().layout.write(str(path))
    return path.read_bytes()


def test_oasis_is_read_as_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "row.oas"
    chip = small()
    chip.layout.write(str(path))
    found = read_layout(path, PROCESS).layout
    wires = chip.layer("met3")
    index = found.find_layer(*PROCESS.layers["met3"].gds)
    ours, theirs = db.Region(chip.top.shapes(wires)), db.Region(found.cell("row_of_cells").shapes(index))
    assert (ours ^ theirs).is_empty() and not ours.is_empty()
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(LayoutError, match="the reader refuses it"):
        read_layout(path, PROCESS)
    with pytest.raises(SandgrainError, match="convert_memory_bytes|refuses"):
        read_layout(path, PROCESS, LayoutLimits(convert_memory_bytes=1 << 20))


@given(st.binary(max_size=400))
def test_any_bytes_end_in_an_error_a_user_can_act_on(data: bytes) -> None:
    for body in (data, HEAD + data, HEAD + UNITS + data):
        with pytest.raises(SandgrainError):
            scan_gds(body, PATH, PROCESS, LayoutLimits())


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_a_mutated_drawing_is_read_or_refused(
    sound: bytes, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng = random.Random(seed)
    data = bytearray(sound)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data))
        kind = rng.randrange(3)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + rng.randrange(1, 40)]
        else:
            data[at:at] = data[at : at + rng.randrange(1, 40)]
    path = tmp_path_factory.mktemp("mutated", numbered=True) / "row.gds"
    path.write_bytes(data)
    try:
        read_layout(path, PROCESS, LayoutLimits(shapes=1_000_000, instances=100_000))
    except SandgrainError as error:
        assert error.file is not None
