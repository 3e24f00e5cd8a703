"""Reader of structural Verilog (IEEE 1364-2005): netlists of any size, cell models, user-defined primitives."""

from sandgrain.netlist.verilog.reader import Primitive, VerilogSource, kernels_compiled, read_verilog, read_verilog_text

__all__ = ["Primitive", "VerilogSource", "kernels_compiled", "read_verilog", "read_verilog_text"]
