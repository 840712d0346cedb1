"""Axes and points that the report's charts share: hours, levels, heights, gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

from quantsentinel.cli.report import svg, words
from quantsentinel.cli.report.svg import Figure, Panel, Scale

LEFT, RIGHT = 62.0, svg.WIDTH - 14


def empty(identity: str, title: str, reason: str) -> str:
    """What stands where a chart cannot: its title and why."""
    body = [svg.caption(svg.WIDTH / 2, 60, reason, "middle")]
    return svg.figure(Figure(identity, title, reason, body, height=110))


def minutes(at: datetime) -> float:
    return at.timestamp() / 60


def hours(x: Scale) -> list[tuple[float, str]]:
    """Whole hours of the clock in IST."""
    half_hours = range(math.ceil(x.low / 30), math.floor(x.high / 30) + 1)
    told = [(30.0 * count, words.clock(datetime.fromtimestamp(1800 * count, UTC))) for count in half_hours]
    return [(value, text) for value, text in told if text.endswith(":00")]


def levels(x: Scale) -> list[tuple[float, str]]:
    return [(value, words.level(value)) for value in svg.ticks(x.low, x.high, 5)]


def heights(panel: Panel, values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else panel.y.clipped(value) for value in values]


def gaps(minutes: Sequence[float]) -> set[int]:
    """Indices before which data is missing: more than four times the usual distance."""
    distances = [b - a for a, b in pairwise(minutes)]
    usual = median(distances) if distances else 0.0
    return {index + 1 for index, distance in enumerate(distances) if distance > 4 * usual}


def broken(x: Sequence[float], y: Sequence[float | None], gaps: set[int]) -> list[tuple[float, float | None]]:
    """Points with an unknown one put in where data is missing, so that no line is drawn across."""
    found: list[tuple[float, float | None]] = []
    for index, (at, value) in enumerate(zip(x, y, strict=True)):
        if index in gaps:
            found.append((at, None))
        found.append((at, value))
    return found


def interpolated(fit: Sequence[tuple[float, float]], strike: float) -> float | None:
    """The fit at a strike, None outside its range."""
    for (low, at_low), (high, at_high) in pairwise(fit):
        if low <= strike <= high:
            return at_low + (at_high - at_low) * (strike - low) / (high - low)
    return None
