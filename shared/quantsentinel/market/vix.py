"""India VIX by session as NSE's historical file prints it: per cent a year, the previous close beside each row."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST

_COLUMNS = ("date", "open", "high", "low", "close", "prev. close")


@dataclass(frozen=True, slots=True)
class VixBar:
    """One session, per cent a year. `previous` is the close of the session before, as this row prints it."""

    day: date
    open: float
    high: float
    low: float
    close: float
    previous: float


@dataclass(frozen=True, slots=True)
class VixFile:
    """`left_out` names rows that are no bars (zeros in 2021), each with its day: unknown, not zero."""

    bars: tuple[VixBar, ...]
    left_out: tuple[str, ...]


def read_vix(path: Path) -> VixFile:
    """NSE's historical India VIX file (also gzipped), by day. Raises `BadInput` naming the file."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", where=str(path)) from None
    lines = list(csv.reader(text.splitlines()))
    header = [name.strip().lower() for name in lines[0]] if lines else []
    missing = [name for name in _COLUMNS if name not in header]
    if missing:
        raise BadInput(f"missing columns {', '.join(missing)}", where=str(path), fix="Give NSE's India VIX history")
    places = [header.index(name) for name in _COLUMNS]
    rows = [_bar(row, places, f"{path} row {number}") for number, row in enumerate(lines[1:], start=2) if row]
    rows.sort(key=lambda bar: bar.day)
    _check_days(rows, path)
    return VixFile(
        bars=tuple(bar for bar in rows if _is_bar(bar)),
        left_out=tuple(f"{bar.day}: not a bar" for bar in rows if not _is_bar(bar)),
    )


def _bar(row: Sequence[str], places: Sequence[int], where: str) -> VixBar:
    try:
        day, *numbers = (row[place].strip() for place in places)
        return VixBar(_day(day), *(float(number) for number in numbers))
    except (ValueError, IndexError) as error:
        raise BadInput(f"not a row of India VIX: {error}", where=where) from None


def _day(text: str) -> date:
    return datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=IST).date()


def _is_bar(bar: VixBar) -> bool:
    numbers = (bar.open, bar.high, bar.low, bar.close, bar.previous)
    return all(0 < number < float("inf") for number in numbers) and bar.low <= bar.high


def _check_days(rows: Sequence[VixBar], path: Path) -> None:
    if not rows:
        raise BadInput("no row", where=str(path))
    twice = [str(later.day) for bar, later in pairwise(rows) if bar.day == later.day]
    if twice:
        raise BadInput(f"days stand twice: {', '.join(twice[:5])}", where=str(path))
