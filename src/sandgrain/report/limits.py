"""Every limit on what a report reads and shows, by name, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportLimits:
    """How much of a case and a submission a report reads and shows. What is left out is said to be left out.

    Attributes:
        evidence_bytes: size of one evidence file that is still hashed.
        vcd_bytes: size of a VCD that is still drawn.
        vcd_signals: variables a VCD may declare.
        vcd_changes: value changes a VCD may hold.
        vcd_width: bits of one variable.
        source_bytes: size of one source file that is still hashed and shown.
        source_context: lines shown before and after the line a finding names.
        source_columns: characters of one source line.
        places: places of one finding shown with their source.
        findings: findings of one claim told in full.
        state_bits: bits of one dead state shown.
        input_rows: rows of the table of inputs a trigger needs.
        items: entries of one list of figures, assumptions or gaps.
        files: submitted files listed.
        text: characters of one name or sentence.
        columns: cycles drawn in one waveform.
        state_rows: rows of dead-state bits in one waveform.
        port_rows: rows of input ports in one waveform.
        pictures: pictures of one difference.
        picture_bytes: size of a picture that is still shown.
    """

    evidence_bytes: int = 512 * 1024**2
    vcd_bytes: int = 8 * 1024**2
    vcd_signals: int = 20_000
    vcd_changes: int = 500_000
    vcd_width: int = 4096
    source_bytes: int = 64 * 1024**2
    source_context: int = 4
    source_columns: int = 200
    places: int = 6
    findings: int = 40
    state_bits: int = 256
    input_rows: int = 24
    items: int = 100
    files: int = 200
    text: int = 2000
    columns: int = 36
    state_rows: int = 8
    port_rows: int = 8
    pictures: int = 4
    picture_bytes: int = 2 * 1024**2


LIMITS = ReportLimits()
"""The limits used where a caller names none."""
