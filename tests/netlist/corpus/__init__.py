"""Bytes that once broke a reader, one folder a reader, and the readers as functions of bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from sandgrain.netlist.aiger import read_aiger
from sandgrain.netlist.bench import read_bench
from sandgrain.netlist.blif import read_blif
from sandgrain.netlist.edif import read_edif
from sandgrain.netlist.liberty import read_liberty_text
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.udp import udp_cell
from sandgrain.netlist.verilog import read_verilog_text
from sandgrain.netlist.yosys_json import read_yosys_json
from tests.netlist.corpus.samples import AAG, BENCH, BLIF, EDIF, LIBERTY, UDP, UDP_LATCH

LIMITS = ReadLimits(file_bytes=1 << 24, width=1 << 12, cells=1 << 16, bits=1 << 20, table_rows=1 << 12)


def _of_file(read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def of_bytes(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "netlist")
            path.write_bytes(data)
            return read(path)

    return of_bytes


READERS: dict[str, Callable[[bytes], object]] = {
    "verilog": lambda data: (
        read_verilog_text(data, "n.v", LIMITS),
        read_verilog_text(data, "n.v", LIMITS, compiled=False),
    ),
    "json": _of_file(read_yosys_json),
    "aiger": _of_file(lambda path: read_aiger(path, LIMITS)),
    "bench": _of_file(lambda path: read_bench(path, LIMITS)),
    "blif": _of_file(lambda path: read_blif(path, LIMITS)),
    "edif": _of_file(lambda path: read_edif(path, LIMITS)),
    "liberty": lambda data: read_liberty_text(data, "l.lib", LIMITS),
    "udp": lambda data: udp_cell(data.decode("latin-1"), file="u.v", limits=LIMITS),
}

SAMPLES: dict[str, list[bytes]] = {
    "verilog": [
        b"""`timescale 1ns/1ps
`define W 3
module leaf (p, q); input [1:0] p; output q; endmodule
(* top *) module top #(parameter N = 2) (input wire [`W:0] a, output \\y[0] ); // comment
  supply0 g; wire w, v; wire [0:3] u = {2{a[1:0]}}; localparam M = N * (2 + 1) - 1;
  leaf #(.N(2'b1x), .S("x")) u0 (.p({a[0], 1'b1}), .q(w)); /* another */ leaf u1 (a[3:2], );
  nand #1 (v, w, a[1]), g2 (w, a[0+:1], g); assign \\y[0] = v & ~w | (^a ? 1'h1 : u[2]);
  defparam u1.X = 4'd9; specify (a => y) = 1; endspecify
`ifdef A
  garbage
`else
  bufif1 (strong0, strong1) b0 (v, a[0], w);
`endif
endmodule
primitive p (y, a); output y; input a; table 0 : 1; 1 : 0; endtable endprimitive
""",
        b"module m (.x(w[1]), .y({w[0], v})); output [1:0] w; output v; cell u0 (w, v, 12'o7_x, 'd3); endmodule",
    ],
    "json": [
        (
            b'{"modules": {"t": {"attributes": {"top": "1"}, "ports": {"a": {"direction": "input", "bits": [2, "0"]}},'
            b' "cells": {"c": {"type": "$_NOT_", "port_directions": {"A": "input"}, "connections": {"A": [2]},'
            b' "attributes": {"src": "a.v:1.1-2.3"}, "parameters": {"P": "1"}}},'
            b' "netnames": {"a": {"bits": [2, "x"], "hide_name": 0, "attributes": {"init": "1x"}}}}}}'
        ),
    ],
    "aiger": [AAG, b"aig 3 2 0 1 1\n6\n\x02\x02i0 a\nc\nsaid\n"],
    "bench": [BENCH],
    "blif": [BLIF],
    "edif": [EDIF],
    "liberty": [LIBERTY],
    "udp": [UDP, UDP_LATCH],
}
