"""A comparison as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources

from jinja2 import Environment
from markupsafe import Markup

from sandgrain.layout.result import Difference, LayoutComparison
from sandgrain.verdict import Verdict

_MOST = 100


def page(
    result: LayoutComparison,
    pictures: Sequence[str | None],
    tell: Callable[[str], str] = str,
    lang: str = "en",
) -> str:
    """The page.

    Args:
        result: the comparison.
        pictures: an SVG or None for each finding, in order; made by `Pictures`, which escapes what it is told.
        tell: translates a sentence.
        lang: BCP 47 tag of the language.
    """
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
        verdict=_verdict(result.verdict, tell),
        summary=_summary(result.verdict, tell),
        t=tell,
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
