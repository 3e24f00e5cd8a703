"""How both sides of a comparison are run, as the examiner knows it, whatever the evidence says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandgrain.check.errors import CertificateError


@dataclass(frozen=True)
class Agreed:
    """The clocks, held inputs and resets of both sides: evidence that says otherwise is about something else.

    Attributes:
        clocks: port -> the edge that steps, ``rising`` or ``falling``.
        held: input bit -> the constant it is held at.
        resets: port of one bit, or its bit -> level at which it resets, and for how many cycles after power-up it does.
    """

    clocks: Mapping[str, str]
    held: Mapping[str, int] = field(default_factory=dict)
    resets: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def refuse_others(
        self, clocks: Mapping[str, str], held: Mapping[str, int], resets: Mapping[str, tuple[int, int]] | None = None
    ) -> None:
        """Raise CertificateError for other clocks, held inputs or (where they are told) resets."""
        for what, told, known in (
            ("clocks", clocks, self.clocks),
            ("held inputs", held, self.held),
            ("resets", None if resets is None else _by_bit(resets), _by_bit(self.resets)),
        ):
            if told is not None and dict(told) != dict(known):
                raise CertificateError(f"it is about other {what}", expected=f"those agreed on: {dict(known)}")


def _by_bit(resets: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    return {name if name.endswith("]") else f"{name}[0]": value for name, value in resets.items()}
