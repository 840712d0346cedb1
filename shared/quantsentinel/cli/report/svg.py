"""Small pure functions that draw: scales, axes, lines, areas, bars, and the figure around them. Everything is text.

A figure holds one SVG in a fixed view box (it scales with the page) and the values under the pointer as JSON, which
`report.js` shows on hover, touch or arrow keys.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from html import escape

from quantsentinel.frozen import dataclass

WIDTH, HEIGHT = 560.0, 300.0
Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps [low, high] to pixels [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        return self.start + (value - self.low) / span * (self.end - self.start) if span else (self.start + self.end) / 2

    def clipped(self, value: float) -> float:
        return self(min(max(value, self.low), self.high))


@dataclass(frozen=True, slots=True)
class Panel:
    """A plotting area: pixels to the scales' ends. y grows upwards."""

    x: Scale
    y: Scale

    @property
    def base(self) -> float:
        """The pixel of y = 0, or of the panel's nearer edge."""
        return self.y.clipped(0.0)


@dataclass(frozen=True, slots=True)
class Series:
    """One named line for the legend and the tooltip; `texts` are what is said at each hover position."""

    name: str
    style: str
    texts: Sequence[str]
    heights: Sequence[float | None] = ()
    """Pixel heights of the dots; empty draws none."""


@dataclass(frozen=True, slots=True)
class Hover:
    """Pixel positions, what each one is called, and the series' values there."""

    positions: Sequence[float]
    labels: Sequence[str]
    series: Sequence[Series]


@dataclass(frozen=True, slots=True)
class Figure:
    """`summary` is the chart in words, for those who do not see it."""

    id: str
    title: str
    summary: str
    body: Sequence[str]
    legend: Sequence[tuple[str, str]] = ()
    hover: Hover | None = None
    height: float = HEIGHT
    note: str = ""
    width: float = field(default=WIDTH)


def padded(values: Iterable[float | None], share: float = 0.08) -> tuple[float, float]:
    """The range of the known values with a margin; (0, 1) without any."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    margin = (high - low) * share or abs(high) * 0.01 or 1.0
    return low - margin, high + margin


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values inside [low, high], about `count` of them: steps of 1, 2, 2.5 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.7)
    first = math.ceil(low / step - 1e-9)
    return [round((first + number) * step, 10) for number in range(int((high - first * step) / step + 1e-9) + 1)]


def n(value: float) -> str:
    """A pixel coordinate, short."""
    return f"{value:.1f}".removesuffix(".0")


def line(panel: Panel, points: Sequence[Point], style: str) -> str:
    """A polyline that breaks where a value is unknown."""
    parts, pen_down = [], False
    for x, y in points:
        if y is None or not math.isfinite(y):
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{n(panel.x(x))} {n(panel.y.clipped(y))}")
        pen_down = True
    return f'<path class="line {style}" d="{"".join(parts)}"/>' if parts else ""


def area(panel: Panel, points: Sequence[tuple[float, float]], style: str, base: float | None = None) -> str:
    """The area between a line and `base` (a value; the panel's zero by default)."""
    if len(points) < 2:
        return ""
    floor = panel.base if base is None else panel.y.clipped(base)
    top = "".join(f"L{n(panel.x(x))} {n(panel.y.clipped(y))}" for x, y in points)
    return (
        f'<path class="area {style}" d="M{n(panel.x(points[0][0]))} {n(floor)}{top}'
        f'L{n(panel.x(points[-1][0]))} {n(floor)}Z"/>'
    )


def bar(left: float, width: float, panel: Panel, value: float, style: str) -> str:
    """A vertical bar from zero to `value`; `left` and `width` in pixels."""
    top = panel.y.clipped(value)
    low, high = sorted((top, panel.base))
    height = max(high - low, 0.0)
    return f'<rect class="bar {style}" x="{n(left)}" y="{n(low)}" width="{n(max(width, 0.6))}" height="{n(height)}"/>'


def dot(panel: Panel, x: float, y: float, style: str, radius: float = 2.2) -> str:
    return f'<circle class="dot {style}" cx="{n(panel.x(x))}" cy="{n(panel.y.clipped(y))}" r="{radius}"/>'


def vertical(panel: Panel, x: float, style: str, label: str = "", anchor: str = "middle") -> str:
    """A marker line at `x` over the panel's height, with a label above it."""
    if not panel.x.low <= x <= panel.x.high:
        return ""
    at = n(panel.x(x))
    text = f'<text class="mark {style}" x="{at}" y="{n(panel.y.end - 5)}" text-anchor="{anchor}">{escape(label)}</text>'
    return f'<line class="rule {style}" x1="{at}" x2="{at}" y1="{n(panel.y.start)}" y2="{n(panel.y.end)}"/>{text}'


def band(panel: Panel, low: float, high: float, style: str) -> str:
    """A shaded range of x over the panel's height."""
    left, right = panel.x.clipped(low), panel.x.clipped(high)
    return (
        f'<rect class="band {style}" x="{n(left)}" y="{n(panel.y.end)}" width="{n(right - left)}" '
        f'height="{n(panel.y.start - panel.y.end)}"/>'
    )


def x_axis(panel: Panel, marks: Sequence[tuple[float, str]]) -> str:
    """Tick labels below the panel and its base line."""
    y = panel.y.start
    labels = "".join(
        f'<text class="tick" x="{n(panel.x(value))}" y="{n(y + 16)}" text-anchor="middle">{escape(text)}</text>'
        for value, text in marks
    )
    return f'<line class="axis" x1="{n(panel.x.start)}" x2="{n(panel.x.end)}" y1="{n(y)}" y2="{n(y)}"/>{labels}'


def y_axis(panel: Panel, told: Callable[[float], str], count: int = 4) -> str:
    """Grid lines with their labels to the left."""
    return "".join(
        f'<line class="grid" x1="{n(panel.x.start)}" x2="{n(panel.x.end)}" y1="{n(panel.y(value))}" '
        f'y2="{n(panel.y(value))}"/><text class="tick" x="{n(panel.x.start - 6)}" y="{n(panel.y(value) + 4)}" '
        f'text-anchor="end">{escape(told(value))}</text>'
        for value in ticks(panel.y.low, panel.y.high, count)
    )


def zero_line(panel: Panel) -> str:
    if not panel.y.low < 0 < panel.y.high:
        return ""
    return (
        f'<line class="zero" x1="{n(panel.x.start)}" x2="{n(panel.x.end)}" y1="{n(panel.base)}" y2="{n(panel.base)}"/>'
    )


def caption(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text class="caption" x="{n(x)}" y="{n(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def figure(made: Figure) -> str:
    """The figure as HTML: title, legend, the drawing, a note."""
    legend = "".join(f'<span class="key"><i class="{style}"></i>{escape(name)}</span>' for name, style in made.legend)
    data = f" data-hover='{_hover_json(made.hover)}' tabindex=\"0\"" if made.hover else ""
    note = f'<p class="note">{escape(made.note)}</p>' if made.note else ""
    return (
        f'<figure class="chart" id="{escape(made.id)}"><figcaption><span class="title">{escape(made.title)}</span>'
        f'<span class="legend">{legend}</span></figcaption>'
        f'<svg viewBox="0 0 {n(made.width)} {n(made.height)}" role="img" aria-label="{escape(made.summary)}"{data}>'
        f"<title>{escape(made.title)}</title>{''.join(made.body)}"
        f'<g class="cursor" hidden></g></svg>{note}</figure>'
    )


def _hover_json(hover: Hover) -> str:
    document = {
        "x": [round(value, 1) for value in hover.positions],
        "l": list(hover.labels),
        "s": [
            {
                "n": series.name,
                "c": series.style,
                "t": list(series.texts),
                "y": [None if value is None else round(value, 1) for value in series.heights],
            }
            for series in hover.series
        ],
    }
    return escape(json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False), quote=True)
