"""A run, or two, as a picture: inline SVG, two parts (names, waves) so that the names can stay while the waves scroll.

The drawing carries its meaning in shapes and words; colour only repeats it. Classes are styled by ``report.css``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from sandgrain.report._leak_scene import leak_scene
from sandgrain.report._scene import Scene, say
from sandgrain.report._trace import read_trace
from sandgrain.report._visible import visible
from sandgrain.report._wave_layout import WaveColumn, WaveRow
from sandgrain.report._window import Stretch
from sandgrain.report._witness_scene import witness_scene
from sandgrain.report.language import Translator
from sandgrain.report.limits import LIMITS, ReportLimits
from sandgrain.verdict import Leak, Witness

_ROW = 36
_WAVE = 18
_HEAD = 24
_FLAG = 17
_FOOT = 8
_NARROW = 26
_GAP = 40
_GLYPH = 6.7
_NAMES = 186
_NAME_GLYPHS = 22


@dataclass(frozen=True)
class Drawing:
    """An inline picture: the column of names, the waves, and in words what they show."""

    names: Markup
    waves: Markup
    description: str
    widths: dict[str, int]


def draw(
    vcd: bytes, shown: Witness | Leak, translator: Translator, *, name: str = "w", limits: ReportLimits = LIMITS
) -> Drawing:
    """Draw the witness or the leak whose VCD has the bytes ``vcd``.

    Args:
        name: prefix of the ids inside the picture; letters, digits and hyphens.

    Raises:
        CaseError: not a VCD of the layout witnesses or pairs have.
        LimitExceeded: a limit of ``limits`` was reached.
    """
    trace = read_trace(vcd, limits=limits)
    scene = (
        witness_scene(trace, shown, translator, limits)
        if isinstance(shown, Witness)
        else leak_scene(trace, shown, translator, limits)
    )
    return _Picture(scene, translator, name).drawing()


class _Picture:
    def __init__(self, scene: Scene, translator: Translator, name: str) -> None:
        self.scene = scene
        self.translator = translator
        self.name = name
        self.rows = list(scene.rows)
        self.columns = self.place_columns()
        self.head = _HEAD + _FLAG * len(scene.marks)
        self.height = self.head + _ROW * len(self.rows) + _FOOT
        self.width = self.columns[-1].right + 12

    def place_columns(self) -> list[WaveColumn]:
        out: list[WaveColumn] = []
        x = 8.0
        for stretch in self.scene.stretches:
            if stretch.hidden:
                out.append(WaveColumn(stretch, x, _GAP))
                x += _GAP
                continue
            for cycle in range(stretch.first, stretch.last + 1):
                wide = [row for row in self.rows if not row.is_bit and self.read_closely(row, cycle)]
                room = max((len(row.text(cycle)) for row in wide), default=0)
                width = max(_NARROW, min(110.0, room * _GLYPH + 14 if room else 0))
                out.append(WaveColumn(Stretch(cycle, cycle, hidden=False), x, width))
                x += width
        return out

    def read_closely(self, row: WaveRow, cycle: int) -> bool:
        """Whether the value of a bus in a cycle has to have room."""
        return (row.port or "", cycle) in self.scene.needed or (
            row.port is None and any(mark.kind == "leak" and mark.cycle == cycle for mark in self.scene.marks)
        )

    # -- drawing -----------------------------------------------------------------------------------------------

    def drawing(self) -> Drawing:
        description = self.scene.description
        shown = [column.cycle for column in self.columns if not column.stretch.hidden]
        title = say("Waveform, cycles {first} to {last}", self.translator, first=shown[0], last=shown[-1])
        names = Markup(
            '<svg class="wave wave-names" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
            'preserveAspectRatio="xMinYMin slice" aria-hidden="true">{body}</svg>'
        ).format(w=_NAMES, h=self.height, body=Markup("").join(self.draw_names()))
        body = Markup("").join(
            [
                *self.draw_background(),
                *(part for index, row in enumerate(self.rows) for part in self.draw_row(row, self.head + index * _ROW)),
                *self.draw_markers(),
            ]
        )
        waves = Markup(
            '<svg class="wave wave-plot" width="{w:.0f}" height="{h}" viewBox="0 0 {w:.0f} {h}" role="img" '
            'aria-label="{label}"><title>{title}</title>{defs}{body}</svg>'
        ).format(w=self.width, h=self.height, label=description, title=title, defs=self.definitions(), body=body)
        return Drawing(names, waves, description, dict(self.scene.widths))

    def definitions(self) -> Markup:
        return Markup(
            '<defs><pattern id="{n}-dead" width="7" height="7" patternUnits="userSpaceOnUse" '
            'patternTransform="rotate(45)"><path class="w-hatch" d="M0 0V7"/></pattern></defs>'
        ).format(n=self.name)

    def draw_names(self) -> Iterator[Markup]:
        for index, row in enumerate(self.rows):
            y = self.head + index * _ROW
            label = visible(row.label, lines=False, limit=200)
            short = label if len(label) <= _NAME_GLYPHS else label[: _NAME_GLYPHS - 1] + "…"
            yield Markup('<text class="w-name w-{k}" x="12" y="{y}">{t}<title>{full}</title></text>').format(
                k=row.kind, y=y + (16 if row.note else 22), t=short, full=label
            )
            if row.note:
                yield Markup('<text class="w-note" x="12" y="{y}">{t}</text>').format(y=y + 29, t=row.note)

    def draw_background(self) -> Iterator[Markup]:
        bottom = self.height - _FOOT
        hatched = self.scene.hatched_from
        dead = [c for c in self.columns if hatched is not None and c.stretch.last >= hatched]
        if dead:
            yield Markup(
                '<rect class="w-deadzone" x="{x:.1f}" y="{y}" width="{w:.1f}" height="{h}" fill="url(#{n}-dead)"/>'
            ).format(x=dead[0].x, y=self.head - 4, w=dead[-1].right - dead[0].x, h=bottom - self.head + 4, n=self.name)
        reset = [c for c in self.columns if c.stretch.last < self.scene.reset_cycles]
        if reset:
            yield Markup('<rect class="w-resetzone" x="{x:.1f}" y="{y}" width="{w:.1f}" height="{h}"/>').format(
                x=reset[0].x, y=self.head - 4, w=reset[-1].right - reset[0].x, h=bottom - self.head + 4
            )
        for column in self.columns:
            middle = column.x + column.width / 2
            if column.stretch.hidden:
                count = column.stretch.last - column.stretch.first + 1
                yield Markup('<text class="w-cycle" x="{x:.1f}" y="{y}"><title>{t}</title>⋯{n}</text>').format(
                    x=middle, y=self.head - 10, n=count, t=say("{count} cycles not drawn", self.translator, count=count)
                )
                continue
            yield Markup('<path class="w-grid" d="M{x:.1f} {a}V{b}"/>').format(x=column.x, a=self.head - 4, b=bottom)
            klass = "w-cycle w-strong" if column.cycle in self.scene.important else "w-cycle"
            yield Markup('<text class="{k}" x="{x:.1f}" y="{y}">{t}</text>').format(
                k=klass, x=middle, y=self.head - 10, t=column.cycle
            )

    def draw_row(self, row: WaveRow, top: float) -> Iterator[Markup]:
        y = top + (_ROW - _WAVE) / 2
        yield Markup('<g class="w-row w-{k}">').format(k=row.kind)
        for column in self.columns:
            if row.port is not None and not column.stretch.hidden:
                yield from self.draw_need(row, column, y)
        yield from self.draw_bit(row, y) if row.is_bit else self.draw_bus(row, y)
        yield Markup("</g>")

    def draw_need(self, row: WaveRow, column: WaveColumn, y: float) -> Iterator[Markup]:
        bits = self.scene.needed.get((row.port or "", column.cycle))
        if bits is None:
            return
        what = ", ".join(bits) if not row.is_bit else row.text(column.cycle)
        title = say(
            "The trigger needs this input in cycle {cycle}: {port} {bits}",
            self.translator,
            cycle=column.cycle,
            port=row.port or "",
            bits=what,
        )
        middle = column.x + column.width / 2
        yield Markup(
            '<g class="w-need"><title>{t}</title><rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h}" rx="3"/>'
            '<path d="M{m:.1f} {b:.1f}l-4 -5h8z"/></g>'
        ).format(t=title, x=column.x + 0.5, y=y - 4, w=column.width - 1, h=_WAVE + 8, m=middle, b=y - 0.5)

    def draw_bit(self, row: WaveRow, y: float) -> Iterator[Markup]:
        levels = {"1": y + 1, "0": y + _WAVE - 1}
        path: list[str] = []
        previous: float | None = None
        for column in self.columns:
            value = row.at(column.cycle)
            level = levels.get(value)
            if column.stretch.hidden:
                if level is not None and row.steady(column.stretch.first, column.stretch.last):
                    yield Markup('<path class="w-line w-elided" d="M{a:.1f} {l:.1f}H{b:.1f}"/>').format(
                        a=column.x, b=column.right, l=level
                    )
                else:
                    yield self.draw_unknown(column, y, "⋯")
                previous = None
                continue
            if level is None:
                yield self.draw_unknown(column, y, value)
                previous = None
                continue
            if value == "1":
                yield Markup('<rect class="w-fill" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h}"/>').format(
                    x=column.x, y=y + 1, w=column.width, h=_WAVE - 2
                )
            path.append(f"V{level:.1f}" if previous is not None else f"M{column.x:.1f} {level:.1f}")
            path.append(f"H{column.right:.1f}")
            previous = level
        yield Markup('<path class="w-line" d="{d}"/>').format(d="".join(path))

    def draw_unknown(self, column: WaveColumn, y: float, value: str) -> Markup:
        return Markup(
            '<rect class="w-unknown" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h}"/>'
            '<text class="w-value" x="{m:.1f}" y="{b:.1f}">{t}</text>'
        ).format(x=column.x, y=y + 1, w=column.width, h=_WAVE - 2, m=column.x + column.width / 2, b=y + 13, t=value)

    def draw_bus(self, row: WaveRow, y: float) -> Iterator[Markup]:
        run: list[WaveColumn] = []
        for column in [*self.columns, None]:
            if column is not None and not column.stretch.hidden:
                if run and row.at(run[-1].cycle) == row.at(column.cycle) and not self.apart(row, run[-1], column):
                    run.append(column)
                    continue
                if run:
                    yield self.draw_value(row, run, y)
                run = [column]
                continue
            if run:
                yield self.draw_value(row, run, y)
            run = []
            if column is not None:
                yield self.draw_unknown(column, y, "⋯")

    def apart(self, row: WaveRow, left: WaveColumn, right: WaveColumn) -> bool:
        """Whether two cycles of the same value are drawn apart, because the trigger needs only one of them."""
        return ((row.port or "", left.cycle) in self.scene.needed) != (
            (row.port or "", right.cycle) in self.scene.needed
        )

    def draw_value(self, row: WaveRow, run: list[WaveColumn], y: float) -> Markup:
        left, right = run[0].x, run[-1].right
        value = row.text(run[0].cycle)
        room = int((right - left - 8) / _GLYPH)
        label = value if len(value) <= room else (value[: room - 1] + "…" if room >= 3 else "")
        outline = (
            f"M{left:.1f} {y + _WAVE / 2:.1f}l3 {-_WAVE / 2 + 1:.1f}H{right - 3:.1f}l3 {_WAVE / 2 - 1:.1f}"
            f"l-3 {_WAVE / 2 - 1:.1f}H{left + 3:.1f}z"
        )
        return Markup(
            '<g><title>{full}</title><path class="w-bus" d="{d}"/>'
            '<text class="w-value" x="{m:.1f}" y="{b:.1f}">{t}</text></g>'
        ).format(
            full=f"{visible(row.label, lines=False)} = {value[:300]}",
            d=outline,
            m=(left + right) / 2,
            b=y + 13,
            t=label,
        )

    def draw_markers(self) -> Iterator[Markup]:
        shown = {column.cycle: column for column in self.columns if not column.stretch.hidden}
        bottom = self.height - _FOOT
        drawn = [mark for mark in self.scene.marks if mark.cycle in shown]
        for number, mark in enumerate(drawn):
            column = shown[mark.cycle]
            x = column.right if mark.after else column.x
            yield self.draw_marker(mark.kind, x, 14 + _FLAG * number, bottom, mark.text)

    def draw_marker(self, kind: str, x: float, y: float, bottom: float, text: str) -> Markup:
        room = 7.2 * sum(1.7 if ord(character) > 0x2E80 else 1.0 for character in text) + 10
        left = x + room > self.width and x > room
        return Markup(
            '<g class="w-mark w-mark-{k}"><path d="M{x:.1f} {y}V{b}"/><path class="w-flag" d="M{x:.1f} {y}h{s}v8z"/>'
            '<text x="{tx:.1f}" y="{ty}" text-anchor="{a}">{t}</text></g>'
        ).format(
            k=kind,
            x=x,
            y=y - 10,
            b=bottom,
            s=-8 if left else 8,
            tx=x + (-11 if left else 11),
            ty=y,
            a="end" if left else "start",
            t=text,
        )
