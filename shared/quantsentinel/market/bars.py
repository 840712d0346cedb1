"""Daily bars of an index, and where they come from: the three layouts of daily files that the market publishes.

A bar's `day` is the trading day in India. Files stamped in UTC at 18:30 mean midnight of the *next* Indian day.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.parsers.numbers import required
from quantsentinel.market.parsers.payload import MAX_BYTES, check_size, gunzip

_DAY_COLUMNS = ("date", "timestamp", "datetime", "time", "day")
_PRICES = ("open", "high", "low", "close")
_NAMES: Mapping[str, tuple[str, ...]] = {
    "NIFTY": ("nsei", "nifty", "nifty50"),
    "BANKNIFTY": ("nsebank", "banknifty"),
    "SENSEX": ("bsesn", "sensex"),
    "FINNIFTY": ("finnifty",),
    "MIDCPNIFTY": ("midcpnifty",),
}
"""How file names spell an index: `nifty_daily`, `nsei_1d`. Other underlyings go by their own name."""
_DECORATION = frozenset({"data", "daily", "1d", "day", "d"})


@dataclass(frozen=True, slots=True)
class DailyBar:
    """One session of an index, in index points."""

    day: date
    open: float
    high: float
    low: float
    close: float

    def __hash__(self) -> int:
        """By its day, which hashes once: what is remembered by all bars of a session is asked for at every snapshot."""
        return hash(self.day)


def read_daily_bars(path: Path, underlying: str) -> tuple[DailyBar, ...]:
    """Daily bars of `underlying` by day, from a CSV (also gzipped) or from the one file in a folder that names it.

    Raises `BadInput` when there is no such file, it is too large, a column is missing or stands twice, a bar is not a
    bar (prices are plain decimal numbers: no exponent, no grouping) or a day stands twice.
    """
    if not path.exists():
        raise BadInput("no such file or folder", where=str(path), fix="Give a CSV of daily bars or a folder with one")
    source = _pick(path, underlying) if path.is_dir() else path
    try:
        data = source.read_bytes()
        check_size(data, "csv", str(source))
        text = (gunzip(data, MAX_BYTES["csv"], str(source)) if source.suffix == ".gz" else data).decode("utf-8-sig")
        bars = sorted(_rows(text, source), key=lambda bar: bar.day)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"cannot be read: {error}", where=str(source)) from None
    _check_days(bars, source)
    return tuple(bars)


def _pick(folder: Path, underlying: str) -> Path:
    files = sorted(item for item in folder.iterdir() if item.name.endswith((".csv", ".csv.gz")))
    wanted = {*_NAMES.get(underlying, ()), underlying.lower()}
    found = [item for item in files if set(_words(item)) - _DECORATION <= wanted and wanted & set(_words(item))]
    if len(found) != 1:
        names = ", ".join(item.name for item in found) or "none of " + ", ".join(item.name for item in files[:5])
        raise BadInput(
            f"{len(found)} daily files of {underlying} in the folder ({names})",
            where=str(folder),
            fix=f"Name one file such as {underlying.lower()}_daily.csv, or give the file itself",
        )
    return found[0]


def _words(file: Path) -> list[str]:
    stem = file.name.removesuffix(".gz").removesuffix(".csv").lower()
    return [word for word in stem.replace("-", "_").split("_") if word]


def _rows(text: str, source: Path) -> Iterator[DailyBar]:
    reader = csv.reader(io.StringIO(text))
    header = [name.strip().lower() for name in next(reader, [])]
    body: Iterable[list[str]] = reader
    if header[:1] == ["price"]:
        # Yahoo's export has three header rows: field names, tickers, and one that only says "Date".
        header[0] = "date"
        body = [row for row in reader if row and row[0] not in ("Ticker", "Date")]
    day = next((name for name in _DAY_COLUMNS if name in header), None)
    missing = [name for name in _PRICES if name not in header] + ([] if day else ["date"])
    if missing or day is None:
        raise BadInput(f"missing columns {missing}", where=str(source), fix=f"Expected date, {', '.join(_PRICES)}")
    twice = sorted({name for name in (day, *_PRICES) if header.count(name) > 1})
    if twice:
        raise BadInput(f"columns stand twice: {', '.join(twice)}", where=str(source))
    for number, row in enumerate(body, start=2):
        if row:
            yield _bar(row, header, day, f"{source} row {number}")


def _bar(row: list[str], header: list[str], day: str, where: str) -> DailyBar:
    try:
        cells = dict(zip(header, row, strict=True))
        bar = DailyBar(_session_day(cells[day]), *(required(cells[name]) for name in _PRICES))
    except (ValueError, OverflowError) as error:
        raise BadInput(f"not a daily bar: {error}", where=where) from None
    if min(bar.open, bar.high, bar.low, bar.close) <= 0 or bar.high < bar.low:
        raise BadInput(f"impossible bar {bar}", where=where)
    return bar


def _session_day(text: str) -> date:
    """The Indian day of a plain date, or of a time: one without an offset is UTC (18:30 is midnight in India)."""
    stamp = datetime.fromisoformat(text.strip())
    if stamp.tzinfo is None and stamp.time() == time():
        return stamp.date()
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).astimezone(IST).date()


def _check_days(bars: list[DailyBar], source: Path) -> None:
    if not bars:
        raise BadInput("no daily bar in the file", where=str(source))
    twice = [str(later.day) for bar, later in itertools.pairwise(bars) if bar.day == later.day]
    if twice:
        raise BadInput(f"days stand twice: {', '.join(twice[:5])}", where=str(source))
