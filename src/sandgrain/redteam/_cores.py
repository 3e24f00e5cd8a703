"""The cores examples are written from."""

from __future__ import annotations

from sandgrain.redteam._ibex import IBEX
from sandgrain.redteam._picorv32 import PICORV32
from sandgrain.redteam._serv import SERV
from sandgrain.redteam._vexriscv import VEXRISCV

CORES = {core.name: core for core in (PICORV32, SERV, VEXRISCV, IBEX)}
"""Every core, by name."""
