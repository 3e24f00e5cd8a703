"""Known modifications, planted in a core by a patch of its text.

A patch declares a few registers, adds the logic that drives them, and edits a few lines of the core. Most of them hold
back the core's memory interface while a condition over those registers is true: no new transfer begins, those under way
end as usual. The beacons put bits of the chip's identity on an output. While the trigger stays away, the core behaves
cycle for cycle as it does unmodified; the one beacon without a trigger differs on its own output only.

With a ``disguise_seed`` the same modification looks different: other names, other places in the file, another order of
its statements, other secret words. An audit's answer must not depend on any of that.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandgrain.redteam import _beacons, _kills, _waits
from sandgrain.redteam._core import Core, Sites
from sandgrain.redteam._cores import CORES
from sandgrain.redteam._identity import SOURCE
from sandgrain.redteam._kinds import Patch, PlantKind
from sandgrain.redteam._names import innocent_names
from sandgrain.redteam._patch import Edit, find_once, insert_after, insert_before, substitute
from sandgrain.redteam.errors import RedTeamError
from sandgrain.verdict import ClaimId, Grade, Verdict

_BUILDERS = {**_kills.BUILDERS, **_waits.BUILDERS, **_beacons.BUILDERS}

HEARTBEAT_CYCLES = 2048
"""Clock cycles a core with a heartbeat goes on without its secret word, unless told otherwise."""


@dataclass(frozen=True)
class PlantRecord:
    """What was planted. It belongs to the red team and is never part of a submission.

    Attributes:
        core: name of the core.
        kind: what was planted.
        disguise_seed: the seed it was disguised with, or None.
        file: the patched file, relative to the submission.
        registers: planted registers, by hierarchical name below the top module.
        inputs: input ports added to the top module.
        stop: the condition that stops the memory interface, in names of the patched module; None where it goes on.
        magic_words: the secret values, in the order the trigger wants them (for a geofence: the regions that serve).
        constants: other secret values in the patched text.
        names: role and name of everything planted that has a name, in names of the patched module.
        cycles: heartbeat: cycles without the word until the core stops; time bomb: cycles from reset until it stops;
            slow kill: the pause after a fetch; beacon without a trigger: cycles per bit; else None.
        trigger: how to set it off.
        claim: the claim it breaks.
        grade: what brings the service back; None for a beacon, and where the input that stops the core does.
        source: name of the source a beacon tells; else None.
        sinks: the outputs it may tell it on first.
        expected_verdict: what an audit with enough time ends in.
        acceptable_verdicts: what an audit may end in.
    """

    core: str
    kind: PlantKind
    disguise_seed: int | None
    file: str
    registers: tuple[str, ...]
    inputs: tuple[str, ...]
    stop: str | None
    magic_words: tuple[int, ...]
    constants: tuple[int, ...]
    names: tuple[tuple[str, str], ...]
    cycles: int | None
    trigger: str
    claim: ClaimId
    grade: Grade | None
    source: str | None
    sinks: tuple[str, ...]
    expected_verdict: Verdict = Verdict.REFUTED
    acceptable_verdicts: frozenset[Verdict] = frozenset({Verdict.REFUTED})


def plant_record(
    core: str,
    plant: str,
    disguise_seed: int | None = None,
    *,
    heartbeat_cycles: int = HEARTBEAT_CYCLES,
) -> PlantRecord:
    """What :func:`~sandgrain.redteam.write_example` plants for the same arguments.

    Reads the core's package, because a disguise avoids the names the core already uses.

    Raises:
        RedTeamError: an unknown core or kind, a kind this core cannot take, or a missing package.
    """
    from sandgrain.redteam.example import core_sources

    found = core_named(core)
    return _apply(found, core_sources(found), plant, disguise_seed, heartbeat_cycles)[1]


def plant_sources(
    core: str,
    sources: Mapping[str, str],
    plant: str,
    disguise_seed: int | None = None,
    *,
    heartbeat_cycles: int = HEARTBEAT_CYCLES,
) -> dict[str, str]:
    """``sources`` (file relative to the submission, to text) of a core with a modification planted.

    Raises:
        RedTeamError: an unknown core or kind, a kind this core cannot take, or an anchor not found exactly once.
    """
    return _apply(core_named(core), sources, plant, disguise_seed, heartbeat_cycles)[0]


def core_named(name: str) -> Core:
    """The core ``name``; raises RedTeamError when there is none."""
    if name not in CORES:
        raise RedTeamError(
            f"unknown core {name!r}",
            expected=f"one of {', '.join(CORES)}",
            remedy="choose a core from the list",
        )
    return CORES[name]


def supported_plants(core: str) -> tuple[PlantKind, ...]:
    """The kinds that ``core`` can take; raises RedTeamError for an unknown core."""
    return tuple(PlantKind(kind) for kind in core_named(core).plants)


def _apply(
    core: Core,
    sources: Mapping[str, str],
    plant: str,
    disguise_seed: int | None,
    heartbeat_cycles: int,
) -> tuple[dict[str, str], PlantRecord]:
    if heartbeat_cycles < 2:
        raise RedTeamError(
            f"a heartbeat of {heartbeat_cycles} cycles",
            expected="at least 2 cycles",
            remedy="give more cycles than the software needs between two of its words",
        )
    kind = _supported(core, plant)
    sites = core.beacon_sites if kind in _beacons.BUILDERS else core.sites
    if sites.file not in sources:
        raise RedTeamError(
            f"the core's sources lack {sites.file}",
            expected="the version of the core this patch was written for",
            remedy="pip install sandgrain[examples], which pins that version",
        )
    text = sources[sites.file]
    rng = None if disguise_seed is None else random.Random(f"{core.name} {kind} {disguise_seed}")
    patch = _BUILDERS[kind](sites, rng, heartbeat_cycles)
    names = {role: role for role in patch.roles}
    if rng is not None:
        names = innocent_names(patch.roles, frozenset(patch.inputs), text, rng)
    _refuse_clashes(names, text, sites.file)
    patched = _place(text, patch, sites, names, rng)
    record = PlantRecord(
        core=core.name,
        kind=kind,
        disguise_seed=disguise_seed,
        file=sites.file,
        registers=tuple(sites.scope + names[role] for role in patch.registers),
        inputs=tuple(names[role] for role in patch.inputs),
        stop=None if patch.stop is None else _named(patch.stop, names),
        magic_words=patch.magic_words,
        constants=patch.constants,
        names=tuple(names.items()),
        cycles=patch.cycles,
        trigger=_named(patch.trigger, names),
        claim=patch.claim,
        grade=patch.grade,
        source=SOURCE if patch.claim is ClaimId.NO_COVERT_CHANNEL else None,
        sinks=patch.sinks,
        acceptable_verdicts=patch.acceptable_verdicts,
    )
    return {**sources, sites.file: patched}, record


def _supported(core: Core, plant: str) -> PlantKind:
    supported = supported_plants(core.name)
    if plant not in supported:
        known = plant in tuple(PlantKind)
        raise RedTeamError(
            f"the core {core.name} cannot take the plant {plant!r}" if known else f"unknown plant {plant!r}",
            expected=f"one of {', '.join(supported)} for {core.name}",
            remedy="choose a plant from the list, or another core",
        )
    return PlantKind(plant)


def _refuse_clashes(names: Mapping[str, str], text: str, file: str) -> None:
    for name in names.values():
        if re.search(rf"\b{re.escape(name)}\b", text):
            raise RedTeamError(
                f"the core already has something named {name}",
                file=file,
                expected="a core without that name",
                remedy="give a disguise seed, which chooses other names",
            )


def _place(
    text: str,
    patch: Patch,
    sites: Sites,
    names: Mapping[str, str],
    rng: random.Random | None,
) -> str:
    declarations, statements = list(patch.declarations), list(patch.statements)
    declared_at = [sites.declarations[0]] * len(declarations)
    stated_at = [sites.statements[0]] * len(statements)
    if rng is not None:
        rng.shuffle(declarations)
        rng.shuffle(statements)
        declared_at = rng.choices(sites.declarations, k=len(declarations))
        stated_at = rng.choices(sites.statements, k=len(statements))
    # All anchors are checked, also those not used: a core of another version is refused whatever the seed.
    for anchor in (*sites.declarations, *sites.statements):
        find_once(text, anchor, file=sites.file)
    for edit in (*_gates(sites, patch), *patch.edits):
        text = substitute(text, replace(edit, replacement=_named(edit.replacement, names)), file=sites.file)
    # In reverse, because each goes directly beside its anchor.
    for anchor, declaration in reversed(list(zip(declared_at, declarations, strict=True))):
        text = insert_after(
            text,
            anchor,
            _indented(_named(declaration, names), sites.indent),
            file=sites.file,
        )
    for anchor, statement in zip(stated_at, statements, strict=True):
        text = insert_before(
            text,
            anchor,
            _indented(_named(statement, names), sites.indent),
            file=sites.file,
        )
    if patch.port_declarations and sites.port is not None:
        for port in reversed(patch.port_declarations):
            text = insert_after(
                text,
                sites.port,
                _indented(_named(port, names), sites.indent),
                file=sites.file,
            )
    return text


def _gates(sites: Sites, patch: Patch) -> list[Edit]:
    if patch.stop is None:
        return []
    return [replace(gate, replacement=gate.replacement.replace("{stop}", patch.stop)) for gate in sites.gates]


def _named(template: str, names: Mapping[str, str]) -> str:
    """``template`` with every role in braces replaced; other braces are Verilog's own."""
    return re.sub(r"\{(\w+)\}", lambda match: names.get(match[1], match[0]), template)


def _indented(lines: str, indent: str) -> str:
    return "\n".join(indent + line.replace("\t", indent) for line in lines.splitlines())
