"""A witness as a picture: inline SVG, two parts (names, waves) so that the names can stay while the waves scroll.

The drawing carries its meaning in shapes and words; colour only repeats it. Classes are styled by ``report.css``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from sandgrain.report._bits import split_index
from sandgrain.report._trace import Signal, Trace, read_trace
from sandgrain.report._visible import visible
from sandgrain.report._wave_layout import WaveColumn, WaveRow
from sandgrain.report._window import Stretch, choose
from sandgrain.report.language import Language, Translator
from sandgrain.report.limits import LIMITS, ReportLimits
from sandgrain.verdict import Witness

_ROW = 36
_WAVE = 18
_HEAD = 58
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
    vcd: bytes, witness: Witness, translator: Translator, *, name: str = "w", limits: ReportLimits = LIMITS
) -> Drawing:
    """Draw the witness whose VCD has the bytes ``vcd``.

    Args:
        name: prefix of the ids inside the picture; letters, digits and hyphens.

    Raises:
        CaseError: not a VCD of the layout witnesses have.
        LimitExceeded: a limit of ``limits`` was reached.
    """
    return _Picture(read_trace(vcd, limits=limits), witness, translator, name, limits).drawing()


class _Picture:
    def __init__(self, trace: Trace, witness: Witness, translator: Translator, name: str, limits: ReportLimits) -> None:
        self.witness = witness
        self.translator = translator
        self.name = name
        self.trace = trace
        self.needed: dict[tuple[str, int], list[str]] = {}
        for item in witness.relevant_inputs:
            bits = self.needed.setdefault((item.port, item.cycle), [])
            if len(bits) < 64:
                bits.append(f"[{item.bit}]={item.value}")
        self.rows = list(self.choose_rows(limits))
        self.columns = self.choose_columns(choose(witness, limits.columns))
        self.height = _HEAD + _ROW * len(self.rows) + _FOOT
        self.width = self.columns[-1].right + 12

    def say(self, template: str, **args: str | int) -> str:
        """A sentence in the report's language, with what is hidden in its arguments made visible."""
        return visible("".join(piece for piece, _ in self.translator.pieces(template, args)), lines=False)

    # -- what to draw ------------------------------------------------------------------------------------------

    def choose_rows(self, limits: ReportLimits) -> Iterator[WaveRow]:
        _ = self.translator.gettext
        reset = self.find_reset()
        if reset is not None:
            yield WaveRow(reset.name, "reset", (reset,), port=reset.name, note=_("reset"))
        service = self.trace.own.get(f"service_{self.witness.service}")
        if service is not None:
            yield WaveRow(self.witness.service, "service", (service,), note=_("service"))
        ports = dict.fromkeys(item.port for item in sorted(self.witness.relevant_inputs, key=lambda i: i.cycle))
        shown = [port for port in ports if port in self.trace.ports and (reset is None or port != reset.name)]
        for port in shown[: limits.port_rows]:
            yield WaveRow(port, "input", (self.trace.ports[port],), port=port, note=_("input"))
        yield from list(self.state_rows())[: limits.state_rows]
        dead = self.trace.own.get("dead")
        if dead is not None:
            yield WaveRow(_("dead state"), "dead", (dead,))

    def find_reset(self) -> Signal | None:
        """The port that changes when reset ends and is steady before and after; a case does not name it."""
        end = self.witness.reset_cycles
        if end == 0 or end >= self.witness.cycles:
            return None
        found = [
            signal
            for signal in self.trace.ports.values()
            if signal.width == 1
            and signal.at(end - 1) != signal.at(end)
            and {signal.at(end - 1), signal.at(end)} == {"0", "1"}
            and signal.steady(0, end - 1)
            and signal.steady(end, self.witness.cycles - 1)
        ]
        named = [signal for signal in found if "rst" in signal.name.lower() or "reset" in signal.name.lower()]
        return named[0] if named else None

    def state_rows(self) -> Iterator[WaveRow]:
        groups: dict[str, list[tuple[int, Signal]]] = {}
        for name, signal in self.trace.own.items():
            if name != "dead" and not name.startswith("service_"):
                base, index = split_index(name)
                groups.setdefault(base, []).append((index or 0, signal))
        for base, bits in groups.items():
            indices = sorted((index for index, _ in bits), reverse=True)
            if len(bits) >= 3 and len(set(indices)) == len(bits):
                row = tuple(signal for _, signal in sorted(bits, key=lambda bit: -bit[0]))
                contiguous = indices[0] - indices[-1] + 1 == len(indices)
                label = (
                    f"{base}[{indices[0]}:{indices[-1]}]" if contiguous else f"{base}[{','.join(map(str, indices))}]"
                )
                yield WaveRow(label, "state", row, note=self.translator.gettext("state"))
            else:
                for _, signal in bits:
                    yield WaveRow(signal.name, "state", (signal,), note=self.translator.gettext("state"))

    def choose_columns(self, stretches: list[Stretch]) -> list[WaveColumn]:
        out: list[WaveColumn] = []
        x = 8.0
        for stretch in stretches:
            if stretch.hidden:
                out.append(WaveColumn(stretch, x, _GAP))
                x += _GAP
                continue
            for cycle in range(stretch.first, stretch.last + 1):
                needed = [row for row in self.rows if row.port is not None and (row.port, cycle) in self.needed]
                room = max((len(row.text(cycle)) for row in needed if not row.is_bit), default=0)
                width = max(_NARROW, min(110.0, room * _GLYPH + 14 if room else 0))
                out.append(WaveColumn(Stretch(cycle, cycle, hidden=False), x, width))
                x += width
        return out

    # -- drawing -----------------------------------------------------------------------------------------------

    def drawing(self) -> Drawing:
        description = self.describe()
        shown = [column.cycle for column in self.columns if not column.stretch.hidden]
        title = self.say("Waveform, cycles {first} to {last}", first=shown[0], last=shown[-1])
        names = Markup(
            '<svg class="wave wave-names" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
            'preserveAspectRatio="xMinYMin slice" aria-hidden="true">{body}</svg>'
        ).format(w=_NAMES, h=self.height, body=Markup("").join(self.draw_names()))
        body = Markup("").join(
            [
                *self.draw_background(),
                *(part for index, row in enumerate(self.rows) for part in self.draw_row(row, _HEAD + index * _ROW)),
                *self.draw_markers(),
            ]
        )
        waves = Markup(
            '<svg class="wave wave-plot" width="{w:.0f}" height="{h}" viewBox="0 0 {w:.0f} {h}" role="img" '
            'aria-label="{label}"><title>{title}</title>{defs}{body}</svg>'
        ).format(w=self.width, h=self.height, label=description, title=title, defs=self.definitions(), body=body)
        widths = {signal.name: signal.width for signal in self.trace.ports.values()}
        return Drawing(names, waves, description, widths)

    def definitions(self) -> Markup:
        return Markup(
            '<defs><pattern id="{n}-dead" width="7" height="7" patternUnits="userSpaceOnUse" '
            'patternTransform="rotate(45)"><path class="w-hatch" d="M0 0V7"/></pattern></defs>'
        ).format(n=self.name)

    def describe(self) -> str:
        witness = self.witness
        parts = [
            self.say(
                "Run of {cycles} cycles, {reset} of them in reset.", cycles=witness.cycles, reset=witness.reset_cycles
            )
        ]
        if witness.last_service_cycle is None:
            parts.append(self.say("Service {service} is never seen.", service=witness.service))
        else:
            parts.append(
                self.say(
                    "Service {service} is last seen in cycle {cycle}.",
                    service=witness.service,
                    cycle=witness.last_service_cycle,
                )
            )
        parts.append(self.say("Dead from cycle {cycle}.", cycle=witness.dead_from))
        return ("" if self.translator.language is Language.ZH_CN else " ").join(parts)

    def draw_names(self) -> Iterator[Markup]:
        for index, row in enumerate(self.rows):
            y = _HEAD + index * _ROW
            label = visible(row.label, lines=False, limit=200)
            short = label if len(label) <= _NAME_GLYPHS else label[: _NAME_GLYPHS - 1] + "…"
            yield Markup('<text class="w-name w-{k}" x="12" y="{y}">{t}<title>{full}</title></text>').format(
                k=row.kind, y=y + (16 if row.note else 22), t=short, full=label
            )
            if row.note:
                yield Markup('<text class="w-note" x="12" y="{y}">{t}</text>').format(y=y + 29, t=row.note)

    def draw_background(self) -> Iterator[Markup]:
        bottom = self.height - _FOOT
        dead = [c for c in self.columns if c.stretch.last >= self.witness.dead_from]
        if dead:
            yield Markup(
                '<rect class="w-deadzone" x="{x:.1f}" y="{y}" width="{w:.1f}" height="{h}" fill="url(#{n}-dead)"/>'
            ).format(x=dead[0].x, y=_HEAD - 4, w=dead[-1].right - dead[0].x, h=bottom - _HEAD + 4, n=self.name)
        reset = [c for c in self.columns if c.stretch.last < self.witness.reset_cycles]
        if reset:
            yield Markup('<rect class="w-resetzone" x="{x:.1f}" y="{y}" width="{w:.1f}" height="{h}"/>').format(
                x=reset[0].x, y=_HEAD - 4, w=reset[-1].right - reset[0].x, h=bottom - _HEAD + 4
            )
        important = {item.cycle for item in self.witness.relevant_inputs}
        important |= {self.witness.dead_from}
        for column in self.columns:
            middle = column.x + column.width / 2
            if column.stretch.hidden:
                count = column.stretch.last - column.stretch.first + 1
                yield Markup('<text class="w-cycle" x="{x:.1f}" y="{y}"><title>{t}</title>⋯{n}</text>').format(
                    x=middle, y=_HEAD - 10, n=count, t=self.say("{count} cycles not drawn", count=count)
                )
                continue
            yield Markup('<path class="w-grid" d="M{x:.1f} {a}V{b}"/>').format(x=column.x, a=_HEAD - 4, b=bottom)
            klass = "w-cycle w-strong" if column.cycle in important else "w-cycle"
            yield Markup('<text class="{k}" x="{x:.1f}" y="{y}">{t}</text>').format(
                k=klass, x=middle, y=_HEAD - 10, t=column.cycle
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
        bits = self.needed.get((row.port or "", column.cycle))
        if bits is None:
            return
        what = ", ".join(bits) if not row.is_bit else row.text(column.cycle)
        title = self.say(
            "The trigger needs this input in cycle {cycle}: {port} {bits}",
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
        return ((row.port or "", left.cycle) in self.needed) != ((row.port or "", right.cycle) in self.needed)

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
        witness = self.witness
        shown = {column.cycle: column for column in self.columns if not column.stretch.hidden}
        bottom = self.height - _FOOT
        last = witness.last_service_cycle
        if last is not None and last in shown:
            text = self.say("service last seen in cycle {cycle}", cycle=last)
            yield self.draw_marker("last", shown[last].right, 14, bottom, text)
        if witness.dead_from in shown:
            text = self.say("dead from cycle {cycle}", cycle=witness.dead_from)
            yield self.draw_marker("dead", shown[witness.dead_from].x, 31, bottom, text)

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
