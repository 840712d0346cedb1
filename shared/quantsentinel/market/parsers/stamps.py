"""Dates and times as Indian market sources print them; all of them mean Indian Standard Time."""

from __future__ import annotations

import re
from datetime import date, datetime

from quantsentinel.errors import BadInput
from quantsentinel.market.calendar import IST

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_FIRST = re.compile(r"(\d{1,2})-(\w{3}|\d{1,2})-(\d{4})")


def listed_date(text: str) -> date:
    """`02-Sep-2025`, `02-09-2025` or `2025-09-02`. Raises `BadInput` for anything else.

    Not `strptime`: its month names follow the machine's locale.
    """
    try:
        found = _DAY_FIRST.fullmatch(text.strip())
        if found is None:
            return date.fromisoformat(text.strip())
        day, month, year = found.groups()
        number = int(month) if month.isdigit() else _MONTHS.index(month.lower()) + 1
        return date(int(year), number, int(day))
    except (ValueError, AttributeError):
        raise BadInput(f"{text!r} is not a date", fix="Expected 02-Sep-2025 or 2025-09-02") from None


def exchange_stamp(text: str) -> datetime:
    """`29-Aug-2025 09:22:45` as a time in India. Raises `BadInput` for anything else."""
    day, _, clock = text.strip().partition(" ")
    try:
        moment = datetime.fromisoformat(f"{listed_date(day).isoformat()}T{clock}")
    except ValueError:
        raise BadInput(f"{text!r} is not a time", fix="Expected 29-Aug-2025 09:22:45") from None
    return moment.replace(tzinfo=IST)
