"""What the fitted parts learn from: daily bars, the volatility index and quarters of an hour of NIFTY, event days.

One object by its content (`encoded`), so that a fit can name what it saw and be made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantsentinel.canonical import canonical_bytes, sha256
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.windows import changes, training_window
from quantsentinel.volatility.training import IntradaySample

Floats = NDArray[np.float64]
PRICES = ("open", "high", "low", "close")
FORM = 1


@dataclass(frozen=True)
class FitHistory:
    """`daily` ascend; `vix` is annual (0.12) at the close; `quarters` maps full sessions to their open and the closes
    of their 25 quarters of an hour, points; `events` names the days of each kind."""

    daily: tuple[DailyBar, ...]
    vix: Mapping[date, float]
    quarters: Mapping[date, tuple[float, ...]]
    events: Mapping[str, tuple[date, ...]]

    @cached_property
    def encoded(self) -> bytes:
        return canonical_bytes(
            {
                "form": FORM,
                "daily": [[bar.day, *(getattr(bar, name) for name in PRICES)] for bar in self.daily],
                "vix": self.vix,
                "quarters": self.quarters,
                "events": self.events,
            }
        )

    @cached_property
    def digest(self) -> str:
        return sha256(self.encoded)

    @property
    def last(self) -> date:
        return self.daily[-1].day

    def until(self, end: date) -> FitHistory:
        """What was known after the close of `end`."""
        return FitHistory(
            tuple(bar for bar in self.daily if bar.day <= end),
            {day: value for day, value in self.vix.items() if day <= end},
            {day: row for day, row in self.quarters.items() if day <= end},
            {name: tuple(day for day in days if day <= end) for name, days in self.events.items()},
        )

    def intraday(self, after: date = date.min) -> IntradaySample:
        """Squared log-returns of the full sessions after a day."""
        days = tuple(day for day in sorted(self.quarters) if day > after)
        prices = np.array([self.quarters[day] for day in days], dtype=np.float64).reshape(len(days), -1)
        return IntradaySample(days, np.diff(np.log(prices), axis=1) ** 2)

    def sources(self, part: str) -> Mapping[str, tuple[tuple[str, ...], date]]:
        """The data contracts that a part's fit reads: their fields, and from which day on."""
        bars = {"bars_daily": (PRICES, self.daily[0].day)}
        if part == "clock":
            return bars
        return {**bars, "india_vix": (("close",), min(self.vix)), "bars_15min": (PRICES, min(self.quarters))}


def decode_fit_history(data: bytes) -> FitHistory:
    """Raises `BadInput` for anything but `encoded`, prices that are not positive or days that do not ascend."""
    try:
        raw = json.loads(data)
        if raw["form"] != FORM:
            raise ValueError(f"form {raw['form']}, not {FORM}")
        found = FitHistory(
            tuple(DailyBar(date.fromisoformat(day), *map(float, prices)) for day, *prices in raw["daily"]),
            _by_day(raw["vix"], float),
            _by_day(raw["quarters"], lambda row: tuple(map(float, row))),
            {name: tuple(map(date.fromisoformat, days)) for name, days in raw["events"].items()},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"not a history to fit on: {error!r}", where="fit history") from None
    require_sound(found)
    return found


def _by_day(raw: Mapping[str, Any], read: Any) -> dict[date, Any]:
    return {date.fromisoformat(day): read(value) for day, value in raw.items()}


def require_sound(history: FitHistory) -> None:
    """Raises `BadInput` for days that do not ascend, prices that are not positive or sessions of another length."""
    days = [bar.day for bar in history.daily]
    numbers = [getattr(bar, name) for bar in history.daily for name in PRICES]
    numbers += [*history.vix.values(), *(price for row in history.quarters.values() for price in row)]
    problems = {
        "daily bars do not ascend": days != sorted(set(days)),
        "there are no daily bars, index values or quarters": not (days and history.vix and history.quarters),
        "a price is not positive": not all(0 < number < float("inf") for number in numbers),
        "sessions are not of one length": len({len(row) for row in history.quarters.values()}) > 1,
    }
    wrong = [what for what, is_so in problems.items() if is_so]
    if wrong:
        raise BadInput("; ".join(wrong), where="fit history", fix="Hand over sound files: `qs models history`")


def clean_until(history: FitHistory, part: str) -> tuple[date, tuple[str, ...]]:
    """The last day before a definition that the part's fit hangs on changed, and what changed; the newest day where
    nothing did."""
    ends: list[tuple[date, str]] = []
    for source, (fields, first) in history.sources(part).items():
        ends += [
            (change.day, f"{source}: {change.name} on {change.day}")
            for change in changes(contract_for(source), fields)
            if first < change.day <= history.last
        ]
    if not ends:
        return history.last, ()
    first_change = min(day for day, _ in ends)
    end = max(bar.day for bar in history.daily if bar.day < first_change)
    return end, tuple(sorted(what for day, what in ends if day == first_change))


def require_one_definition(history: FitHistory, part: str) -> None:
    """Raises `BadInput` naming every definition change inside the history (`market.windows`)."""
    for source, (fields, first) in history.sources(part).items():
        training_window(source, fields, first, history.last)
