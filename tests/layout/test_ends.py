"""Ends of wires: spurs are told, what routers draw is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from klayout import db

from sandgrain.layout.ends import tips
from sandgrain.layout.result import Kind, LayoutComparison
from sandgrain.verdict import Verdict
from tests.layout.small import Small, compared, small, verilog


def spur(chip: Small, tmp_path: Path) -> LayoutComparison:
    return compared(chip, verilog(), tmp_path)


def told(result: LayoutComparison) -> list[tuple[float, float, float, float]]:
    return [one.box for one in result.findings if one.kind is Kind.DANGLING_WIRE and one.box is not None]


def end(chip: Small) -> tuple[int, int]:
    """The right end of a met3 wire, and its height."""
    y = chip.tracks["n1"]
    shapes = chip.top.shapes(chip.layer("met3")).each()
    return max(shape.bbox().right for shape in shapes if shape.bbox().center().y == y), y


@pytest.mark.parametrize("length", [100, 200, 400, 1_000])
def test_a_wire_that_goes_on(length: int, tmp_path: Path) -> None:
    chip = small()
    x, y = end(chip)
    chip.draw("met3", x - 50, y - 150, x + length, y + 150)
    result = spur(chip, tmp_path)
    assert result.verdict is Verdict.REFUTED
    assert any(abs(box[2] - (x + length) / 1_000) < 1e-6 for box in told(result)), told(result)


@pytest.mark.parametrize("length", [200, 400])
def test_a_spur_in_the_middle(length: int, tmp_path: Path) -> None:
    chip = small()
    x, y = end(chip)
    top = y + 150 + length
    shape = db.Box(x - 2_000, y - 150, x - 1_700, top)
    chip.draw("met3", shape.left, shape.bottom, shape.right, shape.top)
    result = spur(chip, tmp_path)
    assert any(abs(box[3] - top / 1_000) < 1e-6 for box in told(result)), result.findings


def test_a_hook_and_a_point_have_tips_too(tmp_path: Path) -> None:
    chip = small()
    x, y = end(chip)
    hook = [(x - 50, y - 150), (x - 50, y + 150), (x + 900, y + 150), (x + 900, y - 400), (x + 600, y - 400)]
    hook += [(x + 600, y - 150)]
    chip.top.shapes(chip.layer("met3")).insert(db.Polygon([db.Point(*point) for point in hook]))
    assert told(spur(chip, tmp_path))
    chip = small()
    point = [(x - 50, y - 150), (x - 50, y + 150), (x + 900, y)]
    chip.top.shapes(chip.layer("met3")).insert(db.Polygon([db.Point(*corner) for corner in point]))
    assert told(spur(chip, tmp_path))


def test_metal_within_the_enclosure_is_in_order(tmp_path: Path) -> None:
    chip = small()
    x, y = end(chip)
    chip.draw("met3", x - 50, y - 150, x + 5, y + 150)
    result = spur(chip, tmp_path)
    assert (result.verdict, result.findings) == (Verdict.PROVED, ())


def test_a_bend_is_no_end(tmp_path: Path) -> None:
    """A way around: the wire leaves its line and comes back to it."""
    chip = small()
    x, y = end(chip)
    for box in ((x - 1_900, 0, x - 1_600, 500), (x - 1_000, 0, x - 700, 500), (x - 1_900, 300, x - 700, 500)):
        chip.draw("met3", box[0], y + box[1], box[2], y + box[3])
    chip.erase("met3", db.Box(x - 1_600, y - 150, x - 1_000, y + 150))
    assert not told(spur(chip, tmp_path))


@pytest.mark.parametrize(
    ("points", "count"),
    [
        ([(0, 0), (0, 10), (100, 10), (100, 0)], 4),
        ([(0, 0), (0, 100), (10, 100), (10, 10), (100, 10), (100, 0)], 4),  # both ends, and both outer sides
        ([(0, 0), (0, 10), (40, 10), (40, 50), (50, 50), (50, 10), (100, 10), (100, 0)], 4),
    ],
)
def test_tips(points: list[tuple[int, int]], count: int) -> None:
    polygon = db.Polygon([db.Point(*point) for point in points])
    found = list(tips(polygon))
    assert len(found) == count
    inside = db.Region(polygon)
    assert all((db.Region(tip.swept(1)) - inside).is_empty() for tip in found)
