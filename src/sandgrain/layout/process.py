"""The layer stack of a process, read from a data file: a new process needs no code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any, Final

from sandgrain.layout.errors import ProcessError

_USES: Final = ("device", "wire", "cut", "pin", "label", "annotation")
SUBSTRATE: Final = "substrate"
"""Name of the conductor that is everywhere outside the wells."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the process.

    Attributes:
        name: as the process calls it.
        gds: layer and datatype.
        use: ``device``, ``wire``, ``cut``, ``pin``, ``label`` or ``annotation``.
        of: the conductor a pin or label belongs to.
        colour: of pictures, ``#rrggbb``.
    """

    name: str
    gds: tuple[int, int]
    use: str
    of: str | None = None
    colour: str = "#888888"

    @property
    def functional(self) -> bool:
        """Whether what is drawn on it ends up on the die."""
        return self.use in ("device", "wire", "cut")


@dataclass(frozen=True, slots=True)
class EndRule:
    """How a wire may end, in micrometres.

    Attributes:
        width_um: the least width of a wire.
        patch_um: where a cut below and one above meet at its end, a straight piece as long as this is in order.
        reach_um: there it may also end this far from the middles of both, however long the wire.
    """

    width_um: float
    patch_um: float = 0.0
    reach_um: float = 0.0


@dataclass(frozen=True, slots=True)
class Conductor:
    """What carries a signal: a layer less the layers that part it; ``ends`` if it is known how wires on it end."""

    name: str
    layer: str
    minus: tuple[str, ...] = ()
    ends: EndRule | None = None


@dataclass(frozen=True, slots=True)
class Via:
    """A cut layer and the conductors it joins where it overlaps them.

    ``past_um`` is how far the conductor below and the one above may go on beyond a cut, in micrometres.
    """

    cut: str
    lower: tuple[str, ...]
    upper: str
    past_um: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class TransistorKind:
    """A kind of transistor: the layers that cover its channel, and those that must not touch it."""

    name: str
    polarity: str
    with_: tuple[str, ...]
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LibraryRules:
    """Where the trusted cells are, and what their pins mean.

    Attributes:
        package: the Python package that carries the files.
        geometry: glob of the GDS files in it.
        technology: LEF of the technology in it, for reading DEF; empty where there is none.
        boundary: the layer whose box is the cell's footprint.
        power: names of pins that supply.
        ground: names of pins that sink.
        supplies: supply a pin means where a netlist leaves it out.
        supply_labels: labels that name a supply on the drawing.
        antenna: cells without function that protect a net while the chip is made.
        variants: cells of other libraries, and the known cell whose transistors they must have.
    """

    package: str
    geometry: str
    technology: str
    boundary: str
    power: frozenset[str]
    ground: frozenset[str]
    supplies: Mapping[str, str]
    supply_labels: Mapping[str, tuple[str, ...]]
    antenna: frozenset[str]
    variants: Mapping[str, str]


@dataclass(frozen=True)
class Process:
    """A process: layers, conductors from below, vias, transistors, the trusted library.

    ``database_unit`` is in micrometres.
    """

    name: str
    database_unit: float
    layers: Mapping[str, Layer]
    conductors: tuple[Conductor, ...]
    vias: tuple[Via, ...]
    tap: str
    well: str
    well_pin: str
    substrate_pin: str
    gate: str
    diffusion: str
    transistors: tuple[TransistorKind, ...]
    library: LibraryRules

    @cached_property
    def by_gds(self) -> Mapping[tuple[int, int], Layer]:
        """Layers by layer and datatype."""
        return {layer.gds: layer for layer in self.layers.values()}

    @cached_property
    def functional(self) -> tuple[Layer, ...]:
        """Layers that end up on the die, in the order of the file."""
        return tuple(layer for layer in self.layers.values() if layer.functional)

    def using(self, *uses: str) -> tuple[Layer, ...]:
        """Layers of these uses."""
        return tuple(layer for layer in self.layers.values() if layer.use in uses)


def known_processes() -> list[str]:
    """Names of the processes that come with the package."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in resources.files("sandgrain.layout").joinpath("processes").iterdir()
        if entry.name.endswith(".toml")
    )


def load_process(name: str) -> Process:
    """The process called ``name``.

    Raises:
        ProcessError: there is none, or its data file is wrong.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or name not in known_processes():
        raise ProcessError(
            f"no layer map for the process {name!r}",
            expected=f"one of: {', '.join(known_processes())}",
            remedy="name a known process, or add a data file for it",
        )
    text = resources.files("sandgrain.layout").joinpath("processes", f"{name}.toml").read_text(encoding="utf-8")
    return parse_process(text, f"{name}.toml")


def parse_process(text: str, file: str) -> Process:
    """A process from the text of its data file.

    Raises:
        ProcessError: with what is missing or contradictory.
    """
    try:
        data = tomllib.loads(text)
        process = _process(data)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        what = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
        raise ProcessError(what, file=file, expected="a layer stack as in processes/sky130.toml") from error
    _check(process, file)
    return process


def _process(data: Mapping[str, Any]) -> Process:
    layers = {
        name: Layer(
            name=name,
            gds=(int(row["gds"][0]), int(row["gds"][1])),
            use=row["use"],
            of=row.get("of"),
            colour=row.get("colour", "#888888"),
        )
        for name, row in data["layers"].items()
    }
    rules, transistors = data["library"], data["transistors"]
    return Process(
        name=data["name"],
        database_unit=float(data["database_unit_um"]),
        layers=layers,
        conductors=tuple(
            Conductor(row["name"], row["layer"], tuple(row.get("minus", ())), _ends(row.get("ends")))
            for row in data["conductors"]
        ),
        vias=tuple(
            Via(row["cut"], tuple(row["lower"]), row["upper"], _pair(row.get("past_um", (0, 0))))
            for row in data["vias"]
        ),
        tap=data["wells"]["tap"],
        well=data["wells"]["well"],
        well_pin=data["wells"]["well_pin"],
        substrate_pin=data["wells"]["substrate_pin"],
        gate=transistors["gate"],
        diffusion=transistors["diffusion"],
        transistors=tuple(
            TransistorKind(row["name"], row["polarity"], tuple(row["with"]), tuple(row["without"]))
            for row in transistors["kinds"]
        ),
        library=LibraryRules(
            package=rules["package"],
            geometry=rules["geometry"],
            technology=rules.get("technology", ""),
            boundary=rules["boundary"],
            power=frozenset(rules["power"]),
            ground=frozenset(rules["ground"]),
            supplies=dict(rules["supplies"]),
            supply_labels={key: tuple(value) for key, value in rules["supply_labels"].items()},
            antenna=frozenset(rules.get("antenna", ())),
            variants=dict(rules.get("variants", {})),
        ),
    )


def _ends(row: Mapping[str, float] | None) -> EndRule | None:
    return None if row is None else EndRule(**{name: float(value) for name, value in row.items()})


def _pair(values: Sequence[float]) -> tuple[float, float]:
    below, above = (float(value) for value in values)
    return below, above


def _check(process: Process, file: str) -> None:
    def wrong(what: str) -> ProcessError:
        return ProcessError(what, file=file, expected="names of layers and conductors that the file defines")

    seen: dict[tuple[int, int], str] = {}
    for layer in process.layers.values():
        if layer.use not in _USES:
            raise wrong(f"layer {layer.name}: the use {layer.use!r} is none of {', '.join(_USES)}")
        if not re.fullmatch(r"#[0-9a-f]{6}", layer.colour):
            raise wrong(f"layer {layer.name}: {layer.colour!r} is no colour")
        if layer.gds in seen:
            raise wrong(f"layers {seen[layer.gds]} and {layer.name} have one number")
        seen[layer.gds] = layer.name
    conductors = {conductor.name for conductor in process.conductors}
    known = set(process.layers)
    used = [process.gate, process.diffusion, process.library.boundary]
    for conductor in process.conductors:
        used += [conductor.layer, *conductor.minus]
    for kind in process.transistors:
        used += [*kind.with_, *kind.without]
    used += [via.cut for via in process.vias]
    for name in used:
        if name not in known:
            raise wrong(f"no layer is called {name!r}")
    joined = [process.tap, process.well]
    for via in process.vias:
        joined += [*via.lower, via.upper]
    for name in joined:
        if name not in conductors:
            raise wrong(f"no conductor is called {name!r}")
    for layer in process.layers.values():
        if layer.of is not None and layer.of not in conductors | {SUBSTRATE}:
            raise wrong(f"layer {layer.name}: no conductor is called {layer.of!r}")
