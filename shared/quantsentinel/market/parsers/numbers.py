"""Numbers of a text, taken only when they are written as one."""

from __future__ import annotations

import re

LARGEST = 1e15
"""A day's turnover of all index options is some 1e14 rupees."""
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,18}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})")


def number(text: str) -> float | None:
    """A plain decimal number, padded or not; None for an empty cell or a dash. Raises `ValueError` for anything else:
    no exponent, no grouping, no NaN, no digits of other scripts."""
    text = text.strip(" ")
    if text in ("", "-"):
        return None
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text[:30]!r} is no plain number")
    value = float(text)
    if abs(value) > LARGEST:
        raise ValueError(f"{text[:30]!r} is beyond {LARGEST:g}")
    return value


def required(text: str) -> float:
    """`number`, of a cell that must hold one."""
    value = number(text)
    if value is None:
        raise ValueError("an empty cell where a number is due")
    return value


def whole(text: str) -> int | None:
    """A count; None for an empty cell. Raises `ValueError` for a fraction."""
    value = number(text)
    if value is None:
        return None
    if value != int(value):
        raise ValueError(f"{text.strip()!r} is no whole number")
    return int(value)
