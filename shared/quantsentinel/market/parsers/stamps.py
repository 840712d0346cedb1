r"""Dates and times as Indian market sources print them; all of them mean Indian Standard Time.

Only ASCII digits count: `\d`, `int` and `strptime` would also take the digits of other scripts.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from quantsentinel.errors import BadInput
from quantsentinel.market.calendar import IST

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_FIRST = re.compile(r"([0-9]{1,2})-([A-Za-z]{3}|[0-9]{1,2})-([0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})_?([0-9]{2})([0-9]{2})([0-9]{2})?")


def listed_date(text: str) -> date:
    """`02-Sep-2025`, `02-09-2025` or `2025-09-02`. Raises `BadInput` for anything else.

    Not `strptime`: its month names follow the machine's locale.
    """
    text = text.strip()
    try:
        if found := _YEAR_FIRST.fullmatch(text):
            return date(*(int(part) for part in found.groups()))
        if found := _DAY_FIRST.fullmatch(text):
            day, month, year = found.groups()
            number = int(month) if month.isdigit() else _MONTHS.index(month.lower()) + 1
            return date(int(year), number, int(day))
    except ValueError:
        pass
    raise BadInput(f"{text[:40]!r} is not a date", fix="Expected 02-Sep-2025 or 2025-09-02")


def exchange_stamp(text: str) -> datetime:
    """`29-Aug-2025 09:22:45` as a time in India. Raises `BadInput` for anything else."""
    day, _, clock = text.strip().partition(" ")
    return _at(listed_date(day), clock, text, "29-Aug-2025 09:22:45")


def minute_stamp(text: str) -> datetime:
    """`2025-12-31 09:18`, with or without seconds, in India. Raises `BadInput` for anything else."""
    day, _, clock = text.strip().partition(" ")
    if _YEAR_FIRST.fullmatch(day) is None:
        raise BadInput(f"{text[:40]!r} is not a collection time", fix="Expected 2025-12-31 09:18")
    return _at(listed_date(day), clock, text, "2025-12-31 09:18")


def compact_stamp(text: str) -> datetime:
    """`20250829_092416` or `202608201202`, in India. Raises `BadInput` for anything else."""
    found = _COMPACT.fullmatch(text)
    try:
        if found is not None:
            return datetime(*(int(part or 0) for part in found.groups()), tzinfo=IST)  # type: ignore[misc,arg-type]  # six numbers
    except ValueError:
        pass
    raise BadInput(f"{text[:40]!r} is not a collection time", fix="Expected 20250829_092416")


def _at(day: date, clock: str, text: str, expected: str) -> datetime:
    found = _CLOCK.fullmatch(clock)
    try:
        if found is not None:
            hour, minute, second = (int(part or 0) for part in found.groups())
            return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=IST)
    except ValueError:
        pass
    raise BadInput(f"{text[:40]!r} is not a time", fix=f"Expected {expected}")
