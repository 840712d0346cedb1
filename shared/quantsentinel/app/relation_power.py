"""How small a change of definition is seen, how soon, and how often the market alone raises the alarm.

Changes are spliced into real sessions of India VIX in three ways:

- `rows`: from the session on every row is of the other definition, its printed previous close included;
- `close`: only the closes are; the printed previous close of the next row gives them away;
- `silent`: the first row still prints the old previous close, later rows are consistent: only the index can tell.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal

import numpy as np
from scipy.special import betaincinv, gammaincinv

from quantsentinel.frozen import dataclass
from quantsentinel.integrity.relation_alarm import Alarm, Reading, watch
from quantsentinel.integrity.relations import RELATIONS
from quantsentinel.integrity.vix_relation import VixChange, close_readings, link_readings
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.vix import VixBar

SOURCE = "india_vix"
WARM_UP, AHEAD = 320, 10
"""Sessions before a splice that are read again, and after it that are watched."""
IN_TIME = 2
SESSIONS_A_YEAR = 248
Way = Literal["rows", "close", "silent"]
WAYS: tuple[Way, ...] = ("rows", "close", "silent")
Change = Callable[[float, float], float]
"""(value, its usual level) to the value under the other definition; per cent a year."""
_NINETY_OVER_THIRTY = 0.66
"""How much of a variance's distance from its usual level 90 days keep of what 30 days show, at a reversion of 6."""


def _ninety_days(value: float, usual: float) -> float:
    return math.sqrt(usual**2 + _NINETY_OVER_THIRTY * (value**2 - usual**2))


def _times(factor: float) -> Change:
    return lambda value, usual: value * factor


CHANGES: Mapping[str, Change] = {
    "×√(252/365)": _times(math.sqrt(252 / 365)),
    "×√(365/252)": _times(math.sqrt(365 / 252)),
    "×1.15": _times(1.15),
    "×0.90": _times(0.90),
    "−1 point (at-the-money for model-free)": lambda value, usual: max(value - 1.0, 1.0),
    "90 days for 30": _ninety_days,
    "×0.01 (fraction for per cent)": _times(0.01),
}
SIZES = (0.02, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40)
"""Logarithms of the power curve, both signs."""


@dataclass(frozen=True, slots=True)
class Data:
    """`sessions`: every day on which the market was open, as far as known."""

    vix: tuple[VixBar, ...]
    index: tuple[DailyBar, ...]
    sessions: tuple[date, ...]
    model: VixChange


@dataclass(frozen=True, slots=True)
class Power:
    """Splices of one change in one way: how many, how many in time, and the sessions until flagged (None: not yet)."""

    change: str
    way: Way
    delays: tuple[int | None, ...]

    @property
    def in_time(self) -> int:
        return sum(delay is not None and delay <= IN_TIME for delay in self.delays)

    @property
    def rate(self) -> float:
        return self.in_time / len(self.delays)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Clopper-Pearson. Splices of one year share its sessions, so it is a little too narrow."""
        hits, tries = self.in_time, len(self.delays)
        low = 0.0 if hits == 0 else float(betaincinv(hits, tries - hits + 1, 0.025))
        high = 1.0 if hits == tries else float(betaincinv(hits + 1, tries - hits, 0.975))
        return low, high


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Alarms on sessions as they were, per year of 248 sessions, with the 95 % Poisson interval."""

    alarms: tuple[Alarm, ...]
    years: float

    @property
    def a_year(self) -> float:
        return len(self.alarms) / self.years

    @property
    def interval(self) -> tuple[float, float]:
        count = len(self.alarms)
        low = float(gammaincinv(count, 0.025)) if count else 0.0
        return low / self.years, float(gammaincinv(count + 1, 0.975)) / self.years


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The sessions as they were: their readings and alarms, against which splices are compared."""

    data: Data
    known: Mapping[str, Sequence[Reading]]
    alarms: tuple[Alarm, ...]


def readings(data: Data) -> dict[str, list[Reading]]:
    """Both relations of the VIX."""
    return {
        "vix_link": link_readings(data.vix, data.sessions),
        "vix_close": close_readings(data.vix, data.index, data.model),
    }


def study(data: Data) -> Study:
    """What the detector says about the sessions as they are, in order."""
    known = readings(data)
    found = [alarm for name, items in known.items() for alarm in watch(RELATIONS[name], SOURCE, items).alarms]
    return Study(data, known, tuple(sorted(found, key=lambda alarm: (alarm.session, alarm.relation))))


def false_alarms(of: Study, first: date, last: date) -> FalseAlarms:
    """Those raised from `first` to `last`."""
    sessions = sum(first <= bar.day <= last for bar in of.data.vix)
    chosen = tuple(alarm for alarm in of.alarms if first <= alarm.session <= last)
    return FalseAlarms(chosen, sessions / SESSIONS_A_YEAR)


def splice_days(data: Data, years: Iterable[int], a_year: int) -> list[date]:
    """Sessions spread evenly over each year, at least the warm-up after the first and `AHEAD` before the last."""
    both = {bar.day for bar in data.index}
    days = [bar.day for bar in data.vix if bar.day in both]
    usable = days[WARM_UP : len(days) - AHEAD]
    chosen: list[date] = []
    for year in years:
        mine = [day for day in usable if day.year == year]
        chosen += [mine[(2 * k + 1) * len(mine) // (2 * a_year)] for k in range(a_year)] if len(mine) >= a_year else []
    return chosen


def power(of: Study, days: Sequence[date], name: str, change: Change, way: Way) -> Power:
    """Splices `change` at each of `days` and watches what follows."""
    return Power(name, way, tuple(_delay(of, day, change, way) for day in days))


def curve(of: Study, days: Sequence[date], sizes: Sequence[float] = SIZES) -> list[Power]:
    """Detection in time by size of a factor, both signs, each way."""
    return [
        power(of, days, f"{sign * size:+.2f}", _times(math.exp(sign * size)), way)
        for way in WAYS
        for size in sizes
        for sign in (-1, 1)
    ]


def _delay(of: Study, day: date, change: Change, way: Way) -> int | None:
    """Sessions until an alarm that the unspliced series does not raise; 1 is the session of the splice."""
    part = _around(of.data, day)
    at = next(index for index, bar in enumerate(part.vix) if bar.day == day)
    usual = float(np.median([bar.close for bar in part.vix[:at]]))
    after = [
        _row(bar, usual, change, "rows" if index and way == "silent" else way)
        for index, bar in enumerate(part.vix[at:])
    ]
    fresh = readings(replace(part, vix=(*part.vix[:at], *after)))
    as_it_was = {(alarm.relation, alarm.since) for alarm in of.alarms}
    raised = [
        alarm.session
        for name, items in fresh.items()
        for alarm in watch(
            RELATIONS[name],
            SOURCE,
            [item for item in items if item.session >= day],
            before=[item for item in of.known[name] if item.session < day],
        ).alarms
        if (name, alarm.since) not in as_it_was
    ]
    return 1 + [bar.day for bar in after].index(min(raised)) if raised else None


def _around(data: Data, day: date) -> Data:
    """The sessions from the warm-up before a day to those watched after it."""
    place = bisect_left(data.vix, day, key=lambda bar: bar.day)
    bars = data.vix[max(place - WARM_UP, 0) : place + AHEAD]
    first, last = bars[0].day, bars[-1].day
    index = data.index[bisect_left(data.index, first, key=_day) : bisect_right(data.index, last, key=_day)]
    sessions = data.sessions[bisect_left(data.sessions, first) : bisect_right(data.sessions, last)]
    return Data(bars, index, sessions, data.model)


def _day(bar: DailyBar) -> date:
    return bar.day


def _row(bar: VixBar, usual: float, change: Change, way: Way) -> VixBar:
    """A row under the other definition; a silent first row keeps what it printed of the session before."""
    close = change(bar.close, usual)
    if way == "close":
        return replace(bar, close=close)
    keeps = way == "silent"
    opens = bar.open if keeps else change(bar.open, usual)
    previous = bar.previous if keeps else change(bar.previous, usual)
    high, low = max(opens, change(bar.high, usual)), min(opens, change(bar.low, usual))
    return VixBar(bar.day, opens, high, low, close, previous)
