"""Trading sessions: when the index-options market is open, in Indian Standard Time.

The dates and hours are rows of the rule book; here is what a session is and how it is read from those rows.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import Literal

from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.rule_rows import Row, RuleRows

IST = timezone(timedelta(hours=5, minutes=30), "IST")
"""India has no daylight saving, so a fixed offset is exact."""

SessionKind = Literal["normal", "special", "muhurat"]
FIXED_HOLIDAYS = frozenset({(1, 26), (5, 1), (8, 15), (10, 2), (12, 25)})
"""Known before the year's circular: on 2025-07-21 NSE listed 24-Dec-2029, as 25-Dec-2029 is a Tuesday."""


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day. `windows` are half-open [start, end) and tz-aware; `adverse` says that the hours are the
    earlier of two candidates because their row is not confirmed."""

    day: date
    kind: SessionKind
    windows: tuple[tuple[datetime, datetime], ...]
    row_id: str
    adverse: bool = False

    @property
    def open(self) -> datetime:
        return self.windows[0][0]

    @property
    def close(self) -> datetime:
        return self.windows[-1][1]

    @property
    def minutes(self) -> float:
        """Trading minutes of the whole session."""
        return self.minutes_between(self.open, self.close)

    def is_open(self, at: datetime) -> bool:
        return any(start <= at < end for start, end in self.windows)

    def minutes_between(self, start: datetime, end: datetime) -> float:
        """Trading minutes of this session inside [start, end]; 0.0 when they do not overlap."""
        overlaps = (min(end, close) - max(start, opened) for opened, close in self.windows)
        return sum(max(overlap.total_seconds(), 0.0) for overlap in overlaps) / 60.0


def at_ist(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=IST)


def session_on(rows: RuleRows, day: date) -> Session | None:
    """The session of a day, None when the market is closed. Raises `RuleGap` for an uncovered year or unknown hours."""
    _require_year(rows, day)
    special = [row for row in rows.of("special_session") if row.effective == day]
    if special:
        return _special(rows.usable(special[-1], day), day)
    if day.weekday() >= 5 or day in holidays(rows, day.year):
        return None
    row = rows.pick("hours", day)
    window = (at_ist(day, row.get("open", day)), at_ist(day, row.get("close", day)))
    return Session(day, "normal", (window,), row.id, row.is_adverse(day))


def _special(row: Row, day: date) -> Session:
    windows = tuple((at_ist(day, start), at_ist(day, end)) for start, end in row.get("windows", day))
    return Session(day, row.get("session", day), windows, row.id, row.is_adverse(day))


def _require_year(rows: RuleRows, day: date) -> None:
    if not any(row.values["year"] == day.year and row.is_usable(day) for row in rows.of("holidays")):
        raise RuleGap(
            f"no holiday list for {day.year}",
            where=f"rule book, session on {day}",
            fix="Add a dated [[holidays]] row to a rules overlay once the exchange has published the list",
        )


def holidays(rows: RuleRows, year: int) -> frozenset[date]:
    """Every holiday of a year as known now, weekday or not."""
    return frozenset(day for row in rows.of("holidays") if row.values["year"] == year for day in row.values["dates"])


def holidays_known(rows: RuleRows, year: int, on: date) -> frozenset[date]:
    """The holidays of a year that were known on a date: those published by then and the fixed national ones."""
    return frozenset(
        day
        for row in rows.of("holidays")
        if row.values["year"] == year
        for day in row.values["dates"]
        if row.values["published"] <= on or (day.month, day.day) in FIXED_HOLIDAYS
    )
