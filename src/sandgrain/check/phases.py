"""What the manifest lets the outside do to the inputs in reset, in operation and in recovery."""

from __future__ import annotations

from sandgrain.check.circuit import TRUE
from sandgrain.check.errors import CertificateError
from sandgrain.netlist import Module, Port
from sandgrain.submission import MANIFEST_NAME, Constant, Manifest


class Phases:
    """Clock, resets and stimulus of a manifest on the ports of a module.

    Attributes:
        clock: net bit of the clock.
        edge: ``rising`` or ``falling``.
        asserted, released: the literal of each reset's net bit while resets are asserted, and ever after.
        cycles: clock cycles the resets are asserted; 0 when there is none.
        recovery: the values of a net bit over the cycles of recovery, repeated for ever; none where it is arbitrary.
    """

    def __init__(self, manifest: Manifest, module: Module) -> None:
        """Bind the manifest to the ports.

        Raises:
            CertificateError: they do not fit, or there is more than one clock.
        """
        self._ports = {port.name: port for port in module.ports if port.direction != "output"}
        if len(manifest.clocks) != 1:
            raise _refused(f"{len(manifest.clocks)} clocks are declared: only one can be modelled", "one clock")
        self.clock, self.edge = self._line("clock", manifest.clocks[0].port), manifest.clocks[0].edge.value
        self.asserted: dict[int, int] = {}
        for reset in manifest.resets:
            bit, level = self._line("reset", reset.port), TRUE if reset.active.value == "high" else -TRUE
            if bit == self.clock or self.asserted.setdefault(bit, level) != level:
                raise _refused(f"the reset {reset.port!r} is the clock, or active at both levels", "one level")
        self.released = {bit: -level for bit, level in self.asserted.items()}
        self.cycles = max((reset.cycles for reset in manifest.resets), default=0)
        self.recovery: dict[int, tuple[int, ...]] = {}
        for name, value in manifest.recovery.inputs.items():
            self._drive(self._port(name), () if isinstance(value, str) else value)

    def _port(self, name: str) -> Port:
        if name not in self._ports:
            raise _refused(f"{name!r} is no input port", f"one of: {', '.join(self._ports)}")
        return self._ports[name]

    def _line(self, what: str, name: str) -> int:
        port = self._port(name)
        if port.width != 1 or port.direction != "input":
            raise _refused(f"the {what} {name!r} is no input port of one bit", "an input port of one bit")
        return int(port.bits[0])

    def _drive(self, port: Port, value: Constant | tuple[Constant, ...]) -> None:
        values = (value,) if isinstance(value, Constant) else value
        for item in values:
            if item.width not in (None, port.width) or item.value >> port.width:
                raise _refused(f"a value of {port.name!r} does not fit its {port.width} bits", f"{port.width} bits")
        for at, bit in enumerate(port.bits.tolist()):
            column = tuple(TRUE if item.value >> at & 1 else -TRUE for item in values)
            if bit == self.clock or (bit in self.released and set(column) != {self.released[bit]}):
                raise _refused(f"recovery drives {port.name!r} against its purpose", "no clock, resets as released")
            self.recovery[bit] = column

    def stimulus(self, cycle: int) -> dict[int, int]:
        """The literals of the net bits that have a value in this cycle of recovery."""
        return {bit: column[cycle % len(column)] for bit, column in self.recovery.items() if column} | self.released


def _refused(what: str, expected: str) -> CertificateError:
    return CertificateError(what, file=MANIFEST_NAME, expected=expected)
