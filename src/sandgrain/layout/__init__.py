"""Netlist = layout: cells recognised by geometry, wires extracted and compared, differences told and drawn."""
