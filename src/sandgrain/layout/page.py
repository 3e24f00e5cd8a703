"""A comparison as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources

from jinja2 import Environment
from markupsafe import Markup

from sandgrain.layout.result import Difference, Kind, LayoutComparison, say
from sandgrain.verdict import Text, Verdict

_MOST = 100


def page(
    result: LayoutComparison,
    pictures: Sequence[str | None],
    tell: Callable[[Text], str] = str,
    lang: str = "en",
) -> str:
    """The page.

    Args:
        result: the comparison.
        pictures: an SVG or None for each finding, in order; made by `Pictures`, which escapes what it is told.
        tell: tells a sentence in a language.
        lang: BCP 47 tag of the language.
    """

    def t(sentence: str) -> str:
        return tell(Text(template=sentence))

    environment = Environment(autoescape=True, trim_blocks=True)
    text = resources.files("sandgrain.layout").joinpath("page.html.j2").read_text(encoding="utf-8")
    rows: list[tuple[Difference, Markup | None]] = [
        (finding, Markup(picture) if picture else None)  # noqa: S704 - the room's own drawing, escaped there
        for finding, picture in zip(result.findings[:_MOST], pictures, strict=False)
    ]
    return environment.from_string(text).render(
        result=result,
        findings=rows,
        left_out=max(0, len(result.findings) - len(rows)),
        verdict=_verdict(result.verdict, t),
        summary=_summary(result.verdict, t),
        t=t,
        told=tell,
        kind=lambda kind: tell(kind_text(kind)),
        lang=lang,
    )


def _verdict(verdict: Verdict, t: Callable[[str], str]) -> str:
    if verdict is Verdict.PROVED:
        return t("proved")
    return t("refuted") if verdict is Verdict.REFUTED else t("open")


def _summary(verdict: Verdict, t: Callable[[str], str]) -> str:
    if verdict is Verdict.PROVED:
        return t("Every cell is drawn as the library draws it, and the wires join the pins as the netlist says.")
    if verdict is Verdict.REFUTED:
        return t("The drawing is not what the netlist says; the places follow.")
    return t("Neither was shown; what remains open follows.")


def kind_text(kind: Kind) -> Text:
    """What a kind of finding is called in a report."""
    return _KINDS[kind]


_KINDS = {
    Kind.CELL_GEOMETRY: say("Cell drawn differently"),
    Kind.TRANSISTOR: say("Transistor altered"),
    Kind.IMPLANT: say("Implant or well altered"),
    Kind.EXTRA_DEVICE_SHAPE: say("Device shape outside of every cell"),
    Kind.CELLS_OVERLAP: say("Cells overlap"),
    Kind.CELL_SWAPPED: say("Cell swapped"),
    Kind.FILLER_TO_GATE: say("Filler turned into a gate"),
    Kind.EXTRA_CELL: say("Extra cell"),
    Kind.MISSING_CELL: say("Missing cell"),
    Kind.OPEN: say("Net in pieces"),
    Kind.VIA_REMOVED: say("Via removed"),
    Kind.SHORT: say("Nets joined"),
    Kind.VIA_ADDED: say("Via added"),
    Kind.WRONG_NET: say("Pin on another net"),
    Kind.EXTRA_WIRE: say("Extra wire"),
    Kind.DANGLING_WIRE: say("Wire that leads nowhere"),
    Kind.FLOATING_METAL: say("Floating metal"),
    Kind.HIDDEN_SHAPE: say("Hidden shape"),
    Kind.CORNER_TOUCH: say("Nets meet in a corner"),
    Kind.PORT: say("Port"),
    Kind.PIN_MARK: say("Pin mark without metal"),
    Kind.TEXT: say("Text"),
    Kind.UNKNOWN_LAYER: say("Unknown layer"),
    Kind.UNKNOWN_CELL: say("Unknown cell"),
}
