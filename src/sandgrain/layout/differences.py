"""Two graphs that are not the same, told net by net and cell by cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from klayout import db

from sandgrain.layout.extraction import Extracted
from sandgrain.layout.geometry import micrometres
from sandgrain.layout.graph import Expected, Graph, Types
from sandgrain.layout.locating import Locator, Place
from sandgrain.layout.matching import Matching
from sandgrain.layout.result import Difference, Kind, say

_FEW = 6


@dataclass(frozen=True, slots=True)
class _Pin:
    """A pin on both sides: the instance, its net, the drawn node and cluster."""

    cell: int
    pin: str
    net: int
    node: int
    cluster: int


class Telling:
    """Tells what differs.

    Args:
        expected: the netlist.
        graph: its graph after nets without pins were dropped, with the numbers they had.
        old: number in ``expected`` of each net of ``graph``.
        drawn: the drawing's graph, likewise.
        clusters: cluster of each net of ``drawn``.
        extracted: the drawing.
        placements: placement of each cell of ``drawn``.
        instances: cell of ``expected`` of each cell of ``graph``.
        locator: of the same drawing.
        types: what the numbers of pins mean.
        ports: nodes of every port.
    """

    def __init__(
        self,
        expected: Expected,
        graph: Graph,
        old: list[int],
        drawn: Graph,
        clusters: list[int],
        extracted: Extracted,
        placements: list[int],
        instances: list[int],
        locator: Locator,
        types: Types,
        ports: Mapping[str, tuple[int, ...]],
    ) -> None:
        self.expected, self.graph, self.old = expected, graph, old
        self.drawn, self.clusters, self.extracted = drawn, clusters, extracted
        self.placements, self.instances = placements, instances
        self.locator, self.types, self.ports = locator, types, ports
        self.unit = extracted.process.database_unit

    # -- names ---------------------------------------------------------------------------------------------------

    def _net(self, net: int) -> str:
        return self.expected.net_names[self.old[net]]

    def _instance(self, cell: int) -> str:
        return self.expected.cell_names[self.instances[cell]]

    def _pin_name(self, cell: int, node: int) -> str:
        return self.types.name(self.graph.models[cell], node)

    def _box(self, cell: int) -> db.Box:
        return self.extracted.placed.placements[self.placements[cell]].box

    # -- cells ---------------------------------------------------------------------------------------------------

    def tell(self, matching: Matching) -> list[Difference]:
        """Every difference that a correspondence leaves."""
        out = self._cells(matching)
        return out + self._nets(matching)

    def _cells(self, matching: Matching) -> list[Difference]:
        out = []
        missing, taken = [], set()
        for cell in range(self.graph.cells):
            other = int(matching.cells[cell])
            if other < 0:
                missing.append(cell)
                continue
            taken.add(other)
            if self.graph.types[cell] != self.drawn.types[other]:
                out.append(self._swapped(cell, other))
        extra = [cell for cell in range(self.drawn.cells) if cell not in taken]
        for other in list(extra):
            model = self.drawn.models[other]
            width = model.footprint[2] - model.footprint[0]
            same = [
                cell
                for cell in missing
                if self.graph.models[cell].footprint[2] - self.graph.models[cell].footprint[0] == width
                and self.graph.models[cell].physical_only
            ]
            if same and not model.physical_only:
                missing.remove(same[0])
                extra.remove(other)
                out.append(
                    Difference(
                        kind=Kind.FILLER_TO_GATE,
                        box=micrometres(self._box(other), self.unit),
                        expected=say("a filler {name}", name=self.graph.models[same[0]].name),
                        found=say("a gate {name}", name=model.name),
                        instances=(self._instance(same[0]),),
                        cell=self.graph.models[same[0]].name,
                    )
                )
        # A missing and an extra cell of one footprint are one swap.
        for other in list(extra):
            model = self.drawn.models[other]
            same = [cell for cell in missing if self.graph.models[cell].footprint == model.footprint]
            if same:
                missing.remove(same[0])
                extra.remove(other)
                out.append(self._swapped(same[0], other))
        out.extend(
            Difference(
                kind=Kind.MISSING_CELL,
                box=None,
                expected=say("{cell} of type {wanted}", cell=self._instance(cell), wanted=self.graph.models[cell].name),
                found=say("no such cell is left over on the drawing"),
                instances=(self._instance(cell),),
            )
            for cell in missing
        )
        out.extend(
            Difference(
                kind=Kind.EXTRA_CELL,
                box=micrometres(self._box(other), self.unit),
                expected=say("no further cell of this type"),
                found=say("a cell {name}", name=self.drawn.models[other].name),
            )
            for other in extra
        )
        return out

    def _swapped(self, cell: int, other: int) -> Difference:
        wanted, model = self.graph.models[cell], self.drawn.models[other]
        gate = wanted.physical_only and not model.physical_only
        return Difference(
            kind=Kind.FILLER_TO_GATE if gate else Kind.CELL_SWAPPED,
            box=micrometres(self._box(other), self.unit),
            expected=say("{cell} of type {wanted}", cell=self._instance(cell), wanted=wanted.name),
            found=say("a cell {name}", name=model.name),
            instances=(self._instance(cell),),
            cell=wanted.name,
        )

    # -- nets ----------------------------------------------------------------------------------------------------

    def _pins(self, matching: Matching) -> list[_Pin]:
        out = []
        for cell in range(self.graph.cells):
            other = int(matching.cells[cell])
            if other < 0:
                continue
            drawn = self.drawn.models[other]
            place = self.placements[other]
            nets = dict(self.drawn.pins(other).tolist())
            same = self.graph.types[cell] == self.drawn.types[other]
            for node, net in self.graph.pins(cell).tolist():
                name = self._pin_name(cell, node)
                theirs = node
                if not same:
                    pin = name.split("/")[0]
                    theirs = self.types.ids(drawn, pin)[0] if pin in drawn.pins else -1
                if theirs in nets:
                    real = self.extracted.node(place, self.types.node(drawn, theirs))
                    out.append(_Pin(cell, name, net, real, nets[theirs]))
        return out

    def _nets(self, matching: Matching) -> list[Difference]:
        pins = self._pins(matching)
        # Ports count as pins: their label, or the LEF, says which net they are.
        ports = []
        for name, nets in self.graph.ports.items():
            for node in self.ports.get(name, ()):
                cluster = self._drawn_net(int(self.extracted.connected.clusters[node]))
                if cluster is not None and nets:
                    ports.append(_Pin(-1, name, nets[0], node, cluster))
        everything = pins + ports
        by_net: dict[int, dict[int, list[_Pin]]] = defaultdict(lambda: defaultdict(list))
        by_cluster: dict[int, dict[int, list[_Pin]]] = defaultdict(lambda: defaultdict(list))
        for pin in everything:
            by_net[pin.net][pin.cluster].append(pin)
            by_cluster[pin.cluster][pin.net].append(pin)
        out: list[Difference] = []
        moved: set[tuple[int, int]] = set()
        for net, clusters in sorted(by_net.items()):
            if len(clusters) > 1:
                out += self._parted(net, clusters, by_cluster, moved)
        for cluster, on in sorted(by_cluster.items()):
            rest = {net: found for net, found in on.items() if (net, cluster) not in moved}
            if len(rest) > 1:
                out += self._joined(cluster, rest)
        return out

    def _drawn_net(self, cluster: int) -> int | None:
        if not hasattr(self, "_number"):
            self._number = {cluster: net for net, cluster in enumerate(self.clusters)}
        return self._number.get(cluster)

    def _parted(
        self,
        net: int,
        places: dict[int, list[_Pin]],
        by_cluster: dict[int, dict[int, list[_Pin]]],
        moved: set[tuple[int, int]],
    ) -> list[Difference]:
        """A net in several clusters: cut, or some of its pins on other nets."""
        main = max(places, key=lambda cluster: (self._own(cluster, net, by_cluster), len(places[cluster]), -cluster))
        out = []
        for cluster, pins in sorted(places.items()):
            if cluster == main:
                continue
            others = {name: found for name, found in by_cluster[cluster].items() if name != net}
            named = tuple(self._told(pin) for pin in pins[:_FEW])
            if others:
                # These pins are on a net that has other pins of its own.
                moved.add((net, cluster))
                best = max(others, key=lambda name: (len(others[name]), -name))
                place = self.locator.joint(
                    self.clusters[cluster],
                    {0: [pin.node for pin in pins], 1: [pin.node for found in others.values() for pin in found]},
                )
                out.append(
                    Difference(
                        kind=Kind.WRONG_NET,
                        layer=place.layer if place and place.layer else None,
                        box=self._at(place, pins),
                        expected=say("{named} on net {net}", named=", ".join(named), net=self._net(net)),
                        found=say("on net {best}", best=self._net(best)),
                        nets=(self._net(net), self._net(best)),
                        instances=tuple(self._instance(pin.cell) for pin in pins[:_FEW] if pin.cell >= 0),
                    )
                )
                continue
            place = self.locator.gap(
                self.clusters[cluster], [self.clusters[other] for other in places if other != cluster]
            )
            out.append(
                Difference(
                    kind=Kind.VIA_REMOVED if place is not None and place.through else Kind.OPEN,
                    layer=place.layer if place else None,
                    box=self._at(place, pins),
                    expected=say("net {net} in one piece", net=self._net(net)),
                    found=say("a piece of its own with {count} pins: {named}", count=len(pins), named=", ".join(named)),
                    nets=(self._net(net),),
                    instances=tuple(self._instance(pin.cell) for pin in pins[:_FEW] if pin.cell >= 0),
                )
            )
        return out

    def _own(self, cluster: int, net: int, by_cluster: dict[int, dict[int, list[_Pin]]]) -> bool:
        """Whether a cluster holds at least as many pins of a net as of any other."""
        here = by_cluster[cluster]
        return len(here[net]) >= max(len(found) for found in here.values())

    def _joined(self, cluster: int, nets: dict[int, list[_Pin]]) -> list[Difference]:
        """Several nets in one cluster."""
        place = self.locator.joint(
            self.clusters[cluster], {name: [pin.node for pin in pins] for name, pins in nets.items()}
        )
        names = tuple(self._net(net) for net in sorted(nets, key=lambda net: -len(nets[net])))
        alone = [net for net, pins in nets.items() if len(pins) == 1 and self._single(net)]
        pins = [pin for found in nets.values() for pin in found]
        if alone and len(nets) - len(alone) <= 1:
            kind = Kind.EXTRA_WIRE
            expected = say("{pins} unconnected", pins=", ".join(self._told(nets[net][0]) for net in alone))
            found = say("wired to {nets}", nets=", ".join(self._net(net) for net in nets if net not in alone))
        else:
            kind = Kind.VIA_ADDED if place is not None and place.through else Kind.SHORT
            expected = say("{count} nets: {nets}", count=len(nets), nets=", ".join(names[:_FEW]))
            found = say("one net")
        return [
            Difference(
                kind=kind,
                layer=place.layer if place and place.layer else None,
                box=self._at(place, pins),
                expected=expected,
                found=found,
                nets=names[:_FEW],
                instances=tuple(self._instance(pin.cell) for pin in pins[:_FEW] if pin.cell >= 0),
            )
        ]

    def _single(self, net: int) -> bool:
        """Whether the netlist has a single pin or a single port on a net."""
        return len(self.graph.on(net)) + sum(net in nets for nets in self.graph.ports.values()) == 1

    def _at(self, place: Place | None, pins: list[_Pin]) -> tuple[float, float, float, float] | None:
        if place is not None:
            return micrometres(place.box, self.unit)
        return micrometres(self.locator.box(pins[0].node), self.unit) if pins else None

    def _told(self, pin: _Pin) -> str:
        return f"port {pin.pin}" if pin.cell < 0 else f"{self._instance(pin.cell)}.{pin.pin}"
