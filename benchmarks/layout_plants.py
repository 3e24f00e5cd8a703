"""Detection power of netlist = layout: modifications of every kind at random places, and what the comparison says.

Each plant is written as a layout of its own and compared with the netlist as any drawing is. The table tells, by kind,
how many were refuted; of how many a finding that refutes lies within 1 um of what was changed; of how many the box of
such a finding is the box of the change to within 1 um on every side; of how many such a finding names the right kind.
Master names exchanged change no polygon, so there the right answer is *proved*.

Without arguments a small design is drawn and a few plants of each kind are planted in it. On chips of one's own:

    python benchmarks/layout_plants.py --chip NETLIST.v LAYOUT.gds --count 50 --out results.jsonl

Results go to the file as they come; a second run takes up where the first was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandgrain.drawing import draw
from sandgrain.layout.files import Inputs, compare_files
from sandgrain.layout.library import Library
from sandgrain.layout.process import load_process
from sandgrain.layout.result import Difference
from sandgrain.netlist import Design
from sandgrain.redteam import RedTeamError
from sandgrain.redteam.layout_plants import LayoutPlant, LayoutPlantKind, LayoutTarget, plant_layout

PROCESS = load_process("sky130")
LIBRARY = Library(PROCESS)
NEAR_UM = 1.0
RIGHT: dict[str, frozenset[str]] = {
    "cell-swapped": frozenset({"cell-swapped"}),
    "filler-to-gate": frozenset({"filler-turned-into-gate"}),
    "wire-cut": frozenset({"open"}),
    "wires-bridged": frozenset({"short"}),
    "via-removed": frozenset({"via-removed"}),
    "via-added": frozenset({"via-added"}),
    "transistor-widened": frozenset({"transistor-altered"}),
    "implant-changed": frozenset({"implant-altered"}),
    "extra-wire": frozenset({"extra-wire", "dangling-wire"}),
    "text-hiding": frozenset({"hidden-shape"}),
    "master-trick": frozenset({"transistor-altered"}),
}
"""What a person would call each plant, in the words of `layout.result.Kind`."""
NEUTRAL = "names exchanged"
SMALL = """
module counter(input clk, input rst_n, input [7:0] step, output reg [7:0] count, output wrap);
  assign wrap = count == 8'hff;
  always @(posedge clk or negedge rst_n) if (!rst_n) count <= 0; else count <= count + (step ^ {count[6:0], wrap});
endmodule
"""

Box = tuple[float, float, float, float]


def within(one: Box, two: Box) -> bool:
    """Whether ``one`` lies in ``two`` grown by what counts as near."""
    low = all(mine >= its - NEAR_UM - 1e-9 for mine, its in zip(one[:2], two[:2], strict=True))
    return low and all(mine <= its + NEAR_UM + 1e-9 for mine, its in zip(one[2:], two[2:], strict=True))


def same(one: Box, two: Box) -> bool:
    """Whether every side of ``one`` is near that of ``two``."""
    return all(abs(mine - its) <= NEAR_UM + 1e-9 for mine, its in zip(one, two, strict=True))


def judged(plant: LayoutPlant, verdict: str, findings: list[Difference]) -> dict[str, Any]:
    """What became of one plant."""
    refuting = [finding for finding in findings if finding.status == "refutes"]
    placed = [
        finding
        for finding in refuting
        if finding.box is not None and any(within(finding.box, box) for box in (plant.box, *plant.boxes))
    ]
    exact = [one for one in placed if one.box is not None and any(same(one.box, b) for b in (plant.box, *plant.boxes))]
    return {
        "verdict": verdict,
        "refuted": verdict == "refuted",
        "place": bool(placed),
        "box": bool(exact),
        "kind_named": any(finding.kind.value in RIGHT[plant.kind] for finding in placed),
        "found": [[finding.kind.value, finding.layer, finding.box] for finding in refuting[:12]],
        "planted": {"variant": plant.variant, "layers": plant.layers, "box": plant.box, "what": plant.what},
    }


def one(chip: Path, netlist: Path, target: LayoutTarget, kind: str, seed: int, scratch: Path) -> dict[str, Any]:
    """Plant, compare, judge."""
    out = scratch / "planted.gds"
    started = time.monotonic()
    try:
        plant = plant_layout(target, kind, seed, out)
    except RedTeamError as error:
        return {"chip": chip.stem, "kind": kind, "seed": seed, "no_place": str(error)}
    planted = time.monotonic()
    result = compare_files(Inputs(netlist, out, PROCESS), library=LIBRARY)
    return {
        "chip": chip.stem,
        "kind": kind,
        "seed": seed,
        "seconds": round(time.monotonic() - planted, 2),
        "planting": round(planted - started, 2),
        **judged(plant, result.verdict.value, list(result.findings)),
    }


def done(file: Path) -> Iterator[dict[str, Any]]:
    """Results so far; a line that was not finished is left out."""
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def table(rows: list[dict[str, Any]]) -> None:
    """Print results by chip and kind."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if "no_place" not in row:
            groups[row["chip"], row["kind"]].append(row)
    columns = ("planted", "refuted", "place", "box", "kind", "neutral", "s each")
    print(f"{'chip':28}{'kind':20}" + "".join(f"{name:>8}" for name in columns))
    for (chip, kind), found in sorted(groups.items()):
        neutral = [row for row in found if row["planted"]["variant"] == NEUTRAL]
        rest = [row for row in found if row not in neutral]
        right = sum(row["verdict"] == "proved" for row in neutral)
        counts = [sum(row[what] for row in rest) for what in ("refuted", "place", "box", "kind_named")]
        each = sum(row["seconds"] for row in found) / len(found)
        shown = "".join(f"{count:8}" for count in counts)
        print(f"{chip:28}{kind:20}{len(rest):8}{shown}{f'{right}/{len(neutral)}' if neutral else '':>8}{each:8.1f}")


def small(directory: Path) -> tuple[Path, Path]:
    """A small design, drawn: its netlist and its layout."""
    source = directory / "counter.v"
    source.write_text(SMALL, encoding="utf-8")
    drawn = draw(Design(directory, (source.name,), "counter"), directory / "drawn")
    return drawn.powered_verilog, drawn.gds


def main() -> None:
    """Plant, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chip", nargs=2, type=Path, action="append", metavar=("NETLIST", "LAYOUT"), default=[])
    parser.add_argument("--count", type=int, default=2, help="plants of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the first plant")
    parser.add_argument("--kinds", nargs="+", default=list(LayoutPlantKind), choices=list(LayoutPlantKind))
    parser.add_argument("--out", type=Path, help="file of results, one JSON value a line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        chips = options.chip or [small(scratch)]
        out = options.out or scratch / "results.jsonl"
        seen = {(row["chip"], row["kind"], row["seed"]) for row in done(out)}
        wanted = {
            (layout.stem, str(kind), seed)
            for _, layout in chips
            for kind in options.kinds
            for seed in range(options.seed, options.seed + options.count)
        }
        for netlist, layout in chips:
            clean = compare_files(Inputs(netlist, layout, PROCESS), library=LIBRARY)
            print(f"{layout.stem}, untouched: {clean.verdict.value}, {len(clean.findings)} findings", flush=True)
            target: LayoutTarget | None = None
            for seed in range(options.seed, options.seed + options.count):
                for kind in options.kinds:
                    if (layout.stem, str(kind), seed) in seen:
                        continue
                    target = target or LayoutTarget(layout)
                    row = one(layout, netlist, target, str(kind), seed, scratch)
                    with out.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(row) + "\n")
                        stream.flush()
                        os.fsync(stream.fileno())
        table([row for row in done(out) if (row["chip"], row["kind"], row["seed"]) in wanted])


if __name__ == "__main__":
    main()
