"""Hardware description in memory: elaboration, the netlist, and the Yosys process behind both."""

from sandgrain.netlist._abstraction import AbstractedMemory, BlackBox
from sandgrain.netlist.design import Design
from sandgrain.netlist.elaborate import FREE_TYPES, GATE_TYPES, Elaborated, elaborate
from sandgrain.netlist.limits import ElaborationLimits
from sandgrain.netlist.model import CellTable, Module, Net, Netlist, NetTable, Places, Port
from sandgrain.netlist.names import Names, NameTable
from sandgrain.netlist.yosys_json import read_yosys_json
from sandgrain.netlist.yosys_process import YosysRun, run_yosys

__all__ = [
    "FREE_TYPES",
    "GATE_TYPES",
    "AbstractedMemory",
    "BlackBox",
    "CellTable",
    "Design",
    "Elaborated",
    "ElaborationLimits",
    "Module",
    "NameTable",
    "Names",
    "Net",
    "NetTable",
    "Netlist",
    "Places",
    "Port",
    "YosysRun",
    "elaborate",
    "read_yosys_json",
    "run_yosys",
]
