"""The named limits on hostile drawings."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class LayoutLimits:
    """Limits on reading one drawing; every one of them raises ``LimitExceeded`` naming the field.

    Attributes:
        file_bytes: one GDSII, OASIS, LEF or DEF file, or certificate.
        cells: structures in the file.
        depth: nesting of structures.
        name_bytes: one name or text.
        shapes: polygons, boxes, paths and texts, every repetition counted.
        instances: placements, every repetition counted.
        points: vertices of one polygon.
        convert_seconds: time of the process that reads an OASIS or DEF file.
        convert_memory_bytes: address space of the process that does so.
        convert_bytes: what it may write.
    """

    file_bytes: int = 4 * 1024 * MEBIBYTE
    cells: int = 200_000
    depth: int = 64
    name_bytes: int = 4_096
    shapes: int = 200_000_000
    instances: int = 50_000_000
    points: int = 1 << 20
    convert_seconds: float = 600.0
    convert_memory_bytes: int = 8 * 1024 * MEBIBYTE
    convert_bytes: int = 4 * 1024 * MEBIBYTE
