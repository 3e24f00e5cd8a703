"""The named limits on turning a hostile hardware description into a netlist."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class ElaborationLimits:
    """Limits on one elaboration; every one of them raises ``LimitExceeded`` naming the field.

    Attributes:
        seconds: wall-clock and processor seconds of one Yosys process.
        memory_bytes: address space of one Yosys process.
        log_bytes: what one Yosys process may write to its log.
        json_bytes: the largest netlist read back.
        source_bytes: all source and include files together.
        source_files: number of source and include files.
        mapped_memory_bits: memories up to this many bits in total become registers; of the larger ones only the read
            data remain, as free inputs (this one raises nothing: the memories are listed).
    """

    seconds: float = 600.0
    memory_bytes: int = 12 * 1024 * MEBIBYTE
    log_bytes: int = 64 * MEBIBYTE
    json_bytes: int = 2 * 1024 * MEBIBYTE
    source_bytes: int = 256 * MEBIBYTE
    source_files: int = 20_000
    mapped_memory_bits: int = 65_536


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits on reading netlists and cell libraries; every one of them raises ``LimitExceeded`` naming the field.

    Attributes:
        file_bytes: one file, after decompression.
        expansion: how many times larger than its compressed form a file may be.
        name_bytes: one identifier.
        depth: nesting of whatever a format nests: expressions, groups, S-expressions, instances.
        width: bits of one vector, of one pin's connection, of one constant, of one replication.
        modules: modules, or cells of a library.
        cells: instances in one file, and in a flattened netlist.
        bits: net bits of one module, and of a flattened netlist.
        table_rows: rows of one truth table (BLIF cover, UDP, state table).
    """

    file_bytes: int = 4 * 1024 * MEBIBYTE
    expansion: int = 1_000
    name_bytes: int = 4_096
    depth: int = 200
    width: int = 1 << 20
    modules: int = 1_000_000
    cells: int = 200_000_000
    bits: int = 1 << 30
    table_rows: int = 1 << 20
