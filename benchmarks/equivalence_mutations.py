"""Power of RTL = netlist: netlists with one changed gate or wire, each refuted by a replayed run or proved neutral.

python benchmarks/equivalence_mutations.py [--core serv]... [--flavour plain] [--count 200] [--seed 0] [--results FILE]

A change that makes a loop without a register is refused as no clocked network, and told apart. With ``--results`` every
answer is a line of JSON in that file, and what is in it is not asked again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sandgrain.equivalence import CompareOptions, compare_linked
from sandgrain.errors import NetworkError
from sandgrain.netlist.elaborate import elaborate
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.link import Linked, link
from sandgrain.netlist.read import read_netlist
from sandgrain.progress import SilentProgress
from sandgrain.redteam import write_example
from sandgrain.verdict import Verdict
from tests.equivalence.cores import MappedCore, mapped
from tests.equivalence.mapping import cells
from tests.equivalence.mutations import mutate

REFUSED = "refused"


def netlist_of(core: MappedCore, text: str, work: Path) -> Linked:
    """A text of the netlist, linked."""
    file = work / "changed.v"
    file.write_text(text)
    return link(read_netlist([file], top=core.design.top).netlist, cells(), generic_cell)


def answers(core: MappedCore, work: Path, seeds: list[int], budget: float, *, use_names: bool = True):  # type: ignore[no-untyped-def]
    """What is said of each mutation, as a dictionary."""
    elaborated = elaborate(core.design, workdir=work)
    first = link(elaborated.gates, {}, generic_cell)
    options = CompareOptions(core.options.clocks, {}, core.options.resets, budget, use_names)
    text = core.netlist.read_text()
    for seed in seeds:
        changed, what = mutate(text, seed)
        started = time.monotonic()
        told = {"seed": seed, "what": what}
        try:
            second = netlist_of(core, changed, work)
            result = compare_linked(first, second, options, SilentProgress(), work=work)
        except NetworkError as error:
            yield {**told, "verdict": REFUSED, "seconds": time.monotonic() - started, "why": str(error)}
            continue
        told |= {"verdict": result.verdict.value, "seconds": time.monotonic() - started}
        if result.verdict is Verdict.REFUTED:
            assert result.counterexample is not None
            assert result.counterexample.replayed_by
            told["cycle"] = result.counterexample.cycle
        elif result.verdict is Verdict.PROVED:
            assert result.checked is not None
            assert result.checked.accepted
            assert result.certificate
        else:
            told["why"] = " ".join(str(text) for text in result.not_covered)
        yield told


def table(rows: list[dict[str, object]]) -> str:
    """Answers by core and verdict."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["core"], row["flavour"], row["verdict"]].append(float(str(row["seconds"])))
    lines = [f"{'core':<10} {'script':<7} {'answer':<8} {'count':>5} {'median s':>9} {'most s':>8}"]
    lines += [
        f"{core:<10} {flavour:<7} {verdict:<8} {len(times):>5} {statistics.median(times):>9.1f} {max(times):>8.1f}"
        for (core, flavour, verdict), times in sorted(groups.items(), key=lambda item: [str(key) for key in item[0]])
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", action="append")
    parser.add_argument("--flavour", default="plain")
    parser.add_argument("--count", type=int, default=5, help="mutations per core")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--budget", type=float, default=120.0)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    if options.results is not None and options.results.is_file():
        rows = [json.loads(line) for line in options.results.read_text().splitlines()]
    for name in options.core or ["serv"]:
        known = {row["seed"] for row in rows if (row["core"], row["flavour"]) == (name, options.flavour)}
        seeds = [seed for seed in range(options.seed, options.seed + options.count) if seed not in known]
        if not seeds:
            continue
        with tempfile.TemporaryDirectory() as directory:
            work = Path(directory)
            core = mapped(write_example(name, work / "submission", None), work, options.flavour)
            for told in answers(core, work, seeds, options.budget):
                rows.append({"core": name, "flavour": options.flavour, **told})
                if options.results is not None:
                    with options.results.open("a") as stream:
                        stream.write(json.dumps(rows[-1]) + "\n")
                if told["verdict"] in {Verdict.OPEN.value, REFUSED}:
                    print(f"{name} {told['seed']}: {told['verdict']}: {told['what']}", flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
