"""The readers of drawings as functions of bytes, and small good files for each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from klayout import db

from sandgrain.layout.lef import read_lef
from sandgrain.layout.library import technology
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.process import load_process
from sandgrain.layout.read import read_layout
from sandgrain.layout.routed import read_def

PROCESS = load_process("sky130")
LIMITS = LayoutLimits(
    file_bytes=1 << 24,
    shapes=1_000_000,
    instances=100_000,
    convert_seconds=20.0,
    convert_memory_bytes=1 << 30,
    convert_bytes=1 << 26,
)


def _of_file(read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def of_bytes(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "drawing")
            path.write_bytes(data)
            return read(path)

    return of_bytes


READERS: dict[str, Callable[[bytes], object]] = {
    "gds": _of_file(lambda path: read_layout(path, PROCESS, LIMITS)),
    "oasis": _of_file(lambda path: read_layout(path, PROCESS, LIMITS)),
    "lef": _of_file(lambda path: read_lef(path, PROCESS, LIMITS)),
    "def": _of_file(lambda path: read_def(path, PROCESS, technology(PROCESS), LIMITS)),
}

LEF = b"""VERSION 5.8 ;
MACRO chip
  SIZE 10.0 BY 10.0 ;
  PIN a # the only one
    DIRECTION INPUT ;
    PORT
      LAYER met4 ; RECT 1.0 2.0 1.3 3.0 ;
    END
  END a
  OBS
    LAYER met1 ; RECT 0 0 10 10 ;
  END
END chip
END LIBRARY
"""
DEF = b"""VERSION 5.8 ;
DESIGN chip ;
UNITS DISTANCE MICRONS 1000 ;
DIEAREA ( 0 0 ) ( 10000 10000 ) ;
VIAS 1 ;
- v + RECT met1 ( -150 -150 ) ( 150 150 ) + RECT via ( -75 -75 ) ( 75 75 ) + RECT met2 ( -150 -150 ) ( 150 150 ) ;
END VIAS
COMPONENTS 1 ;
- u1 sky130_fd_sc_hd__inv_1 + PLACED ( 460 2720 ) FS ;
END COMPONENTS
PINS 1 ;
- a + NET a + DIRECTION INPUT + PORT + LAYER met2 ( -70 -70 ) ( 70 70 ) + PLACED ( 1000 1000 ) N ;
END PINS
SPECIALNETS 1 ;
- VPWR ( * VPWR ) + USE POWER + ROUTED met1 480 + SHAPE FOLLOWPIN ( 0 2720 ) ( 5000 * ) ;
END SPECIALNETS
NETS 1 ;
- a ( PIN a ) ( u1 A ) + USE SIGNAL + ROUTED met1 ( 1000 1000 ) ( 2000 * ) NEW met1 ( 1000 1000 ) v
  NEW met2 ( 1000 1000 ) RECT ( -70 -70 70 700 ) ;
END NETS
END DESIGN
"""


def _drawing(suffix: str) -> bytes:
    layout = db.Layout()
    layout.dbu = PROCESS.database_unit
    top, leaf = layout.create_cell("chip"), layout.create_cell("leaf")
    layer = layout.layer(*PROCESS.layers["met1"].gds)
    leaf.shapes(layer).insert(db.Box(0, 0, 140, 1_000))
    leaf.shapes(layer).insert(db.Path([db.Point(0, 0), db.Point(0, 900), db.Point(800, 900)], 140))
    leaf.shapes(layer).insert(db.Text("a", db.Trans(70, 70)))
    turned = db.Trans(db.Trans.R90, 0, 0)
    top.insert(db.CellInstArray(leaf.cell_index(), turned, db.Vector(500, 0), db.Vector(0, 2_000), 2, 3))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, f"chip{suffix}")
        layout.write(str(path))
        return path.read_bytes()


SAMPLES: dict[str, list[bytes]] = {
    "gds": [_drawing(".gds")],
    "oasis": [_drawing(".oas")],
    "lef": [LEF],
    "def": [DEF],
}
