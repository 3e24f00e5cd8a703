"""What the manifest lets the outside do to the inputs in reset, in operation and in recovery."""

from __future__ import annotations

from sandgrain.check._circuit import TRUE
from sandgrain.check.errors import CertificateError
from sandgrain.netlist import Module, Port
from sandgrain.submission import MANIFEST_NAME, Constant, Manifest


class Phases:
    """Clock, resets and stimulus of a manifest on the ports of a module.

    Attributes:
        clock, edge: net bit of the clock; ``rising`` or ``falling``.
        asserted, released: the literal of each reset's net bit while resets are asserted, and ever after.
        cycles: clock cycles the resets are asserted; 0 when there is none.
        recovery: literals of a net bit in the cycles of recovery, repeated for ever; none where it is arbitrary.
    """

    def __init__(self, manifest: Manifest, module: Module) -> None:
        self._ports = {port.name: port for port in module.ports if port.direction != "output"}
        if len(manifest.clocks) != 1:
            raise _refused(f"{len(manifest.clocks)} clocks are declared: only one can be modelled")
        self.clock, self.edge = self._line(manifest.clocks[0].port), manifest.clocks[0].edge.value
        self.asserted: dict[int, int] = {}
        for reset in manifest.resets:
            bit, level = self._line(reset.port), TRUE if reset.active.value == "high" else -TRUE
            if bit == self.clock or self.asserted.setdefault(bit, level) != level:
                raise _refused(f"the reset {reset.port!r} is the clock, or active at both levels")
        self.released = {bit: -level for bit, level in self.asserted.items()}
        self.cycles = max((reset.cycles for reset in manifest.resets), default=0)
        self.recovery: dict[int, tuple[int, ...]] = {}
        for name, value in manifest.recovery.driven.items():
            values = () if isinstance(value, str) else (value,) if isinstance(value, Constant) else value
            self._drive(self._port(name), values)

    def _port(self, name: str) -> Port:
        if name not in self._ports:
            raise _refused(f"{name!r} is no input port")
        return self._ports[name]

    def _line(self, name: str) -> int:
        port = self._port(name)
        if port.width != 1 or port.direction != "input":
            raise _refused(f"the clock or reset {name!r} is no input port of one bit")
        return int(port.bits[0])

    def _drive(self, port: Port, values: tuple[Constant, ...]) -> None:
        if any(value.width not in (None, port.width) or value.value >> port.width for value in values):
            raise _refused(f"a value of {port.name!r} does not fit its {port.width} bits")
        for at, bit in enumerate(port.bits.tolist()):
            column = tuple(TRUE if value.value >> at & 1 else -TRUE for value in values)
            if bit == self.clock or (bit in self.released and set(column) != {self.released[bit]}):
                raise _refused(f"recovery drives the clock, or asserts a reset: {port.name!r}")
            self.recovery[bit] = column

    def stimulus(self, cycle: int) -> dict[int, int]:
        """The literals of the net bits that have a value in this cycle of recovery."""
        return {bit: column[cycle % len(column)] for bit, column in self.recovery.items() if column} | self.released


def _refused(what: str) -> CertificateError:
    return CertificateError(what, file=MANIFEST_NAME, remedy="until submission.toml says otherwise the claim is open")
