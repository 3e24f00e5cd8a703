"""Red team: writes example submissions, and plants known modifications so that detection can be measured."""

from __future__ import annotations

from sandgrain.redteam._kinds import PlantKind
from sandgrain.redteam.errors import RedTeamError
from sandgrain.redteam.example import write_example
from sandgrain.redteam.plants import (
    HEARTBEAT_CYCLES,
    PlantRecord,
    plant_record,
    plant_sources,
    supported_plants,
)

__all__ = [
    "HEARTBEAT_CYCLES",
    "PlantKind",
    "PlantRecord",
    "RedTeamError",
    "plant_record",
    "plant_sources",
    "supported_plants",
    "write_example",
]
