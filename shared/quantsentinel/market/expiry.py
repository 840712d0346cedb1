"""Which expiries an underlying lists on a date, and on which day a listed contract really ends.

An expiry is as listed on the day asked about: the holiday shift (to the previous trading day) uses the holidays known
that day, and a contract that was listed on a Thursday before the move to Tuesday has its Thursday date until the move.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Literal

from quantsentinel.errors import RuleGap
from quantsentinel.market.calendar import holidays_known, session_on
from quantsentinel.market.rule_rows import OVERLAY_FIX, Row, RuleRows

Cycle = Literal["weekly", "monthly", "quarterly", "half_yearly"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = timedelta(days=1)


def listed_expiries(rows: RuleRows, underlying: str, on: date) -> Mapping[date, Cycle]:
    """Ascending: weeklies that are no monthly, then monthlies, then quarterlies and half-yearlies beyond them.

    Contracts in years without a holiday list are left out. Raises `RuleGap` when the underlying's cycle is not covered.
    """
    counts = rows.pick("listing", on, underlying=underlying).values
    last_year = max((row.values["year"] for row in rows.of("holidays")), default=on.year)
    monthly = list(_monthlies(rows, underlying, on, last_year))
    found: dict[date, Cycle] = dict.fromkeys(_weeklies(rows, underlying, on, counts["weeklies"]), "weekly")
    end = on
    cycles: tuple[tuple[Cycle, int, int], ...] = (
        ("monthly", counts["monthlies"], 1),
        ("quarterly", counts["quarterlies"], 3),
        ("half_yearly", counts["half_yearlies"], 6),
    )
    for cycle, count, months in cycles:
        taken = [day for day in monthly if (cycle == "monthly" or day > end) and day.month % months == 0][:count]
        found |= dict.fromkeys(taken, cycle)
        end = max([end, *taken])
    return dict(sorted(found.items()))


def _monthlies(rows: RuleRows, underlying: str, on: date, last_year: int) -> Iterator[date]:
    for month in range(on.year * 12 + on.month - 1, (last_year + 1) * 12):
        plain = _last_weekday(rows, underlying, on, (month // 12, month % 12 + 1))
        shifted = None if plain is None else _shifted_as_known(rows, plain, on)
        if shifted is not None and shifted >= on:
            yield shifted


def _weeklies(rows: RuleRows, underlying: str, on: date, count: int) -> list[date]:
    """The next `count` weekly expiries; a week whose expiry is the monthly's does not count."""
    found: list[date] = []
    day = on
    while len(found) < count and day <= on + (7 * count + 21) * DAY:
        row = _weekday_row(rows, underlying, "weekly", day, on)
        if row is not None and WEEKDAYS[day.weekday()] == row.values["weekday"]:
            monthly = _last_weekday(rows, underlying, on, (day.year, day.month))
            shifted = _shifted_as_known(rows, day, on)
            if day != monthly and shifted is not None and shifted >= on:
                found.append(shifted)
        day += DAY
    return found


def _weekday_row(rows: RuleRows, underlying: str, cycle: str, expiry: date, on: date) -> Row | None:
    """The weekday rule of contracts that expire around a date, as it stood when asked; None when there is none."""
    found = [
        row
        for row in rows.of("expiry_weekday")
        if row.values["underlying"] == underlying and row.values["cycle"] == cycle
        if row.holds(on) and row.is_usable(on) and row.values["expiry_from"] <= expiry
        if row.values["expiry_until"] is None or expiry <= row.values["expiry_until"]
    ]
    return max(found, key=lambda row: (row.effective, row.values["expiry_from"])) if found else None


def _last_weekday(rows: RuleRows, underlying: str, on: date, month: tuple[int, int]) -> date | None:
    """The unshifted monthly expiry of a (year, month)."""
    last = date(*month, calendar.monthrange(*month)[1])
    row = _weekday_row(rows, underlying, "monthly", last, on)
    if row is None:
        return None
    return last - ((last.weekday() - WEEKDAYS.index(row.values["weekday"])) % 7) * DAY


def _shifted_as_known(rows: RuleRows, day: date, on: date) -> date | None:
    """The previous trading day by the holidays known on `on`; None in a year without a holiday list."""
    if not any(row.values["year"] == day.year for row in rows.of("holidays")):
        return None
    while day.weekday() >= 5 or day in holidays_known(rows, day.year, on):
        day -= DAY
    return day


def final_expiry(rows: RuleRows, underlying: str, listed: date) -> date:
    """The day on which a contract listed under `listed` ends: moved by its alias, then off holidays and weekends.

    Raises `RuleGap` in a year without a holiday list.
    """
    aliases = [
        row
        for row in rows.of("expiry_alias")
        if row.values["underlying"] == underlying and row.values["listed"] == listed and row.status != "unverified"
    ]
    day: date = aliases[-1].values["becomes"] if aliases else listed
    for _ in range(10):
        session = session_on(rows, day) if day.weekday() < 5 else None
        if session is not None and session.kind != "muhurat":
            return day
        day -= DAY
    raise RuleGap(f"no session in the ten days to {listed}", where=f"{underlying} expiry {listed}", fix=OVERLAY_FIX)
