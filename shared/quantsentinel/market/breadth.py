"""Breadth of the stock market by day: NSE's cash bhavcopy, or a folder with one file of daily bars a stock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path

from quantsentinel.errors import BadInput
from quantsentinel.market.bars import read_daily_bars
from quantsentinel.market.calendar import IST
from quantsentinel.market.earlier import Breadth
from quantsentinel.market.parsers.stamps import listed_date

AVAILABLE_AT = time(20, 0)
"""NSE publishes the cash bhavcopy between 16:00 and 19:00 in India: counted as known from here on."""
MIN_STOCKS = 20
"""Fewer say nothing of a market; the NIFTY alone has fifty."""
SERIES = ("EQ", "BE")
_INDICES = ("nifty_daily", "banknifty_daily", "finnifty_daily", "sensex_daily")
_COLUMNS = ("symbol", "series", "close", "prevclose", "timestamp")


def read_breadth(path: Path) -> tuple[Breadth, ...]:
    """Days in order, each from at least `MIN_STOCKS` stocks. Closes are as printed: a split counts as a fall.

    A folder's stock is compared with its own last close before. Raises `BadInput` naming what cannot be read.
    """
    if path.is_dir():
        moves = _moves_of_bars(_stock_files(path))
    elif path.is_file():
        moves = _moves_of_bhavcopy(path)
    else:
        raise BadInput("no such file or folder", where=str(path))
    signs: dict[date, list[int]] = {}
    for day, sign in moves:
        signs.setdefault(day, []).append(sign)
    return tuple(_of_day(day, found) for day, found in sorted(signs.items()) if len(found) >= MIN_STOCKS)


def _of_day(day: date, signs: list[int]) -> Breadth:
    known = datetime.combine(day, AVAILABLE_AT, IST)
    return Breadth(day, known, advances=signs.count(1), declines=signs.count(-1), unchanged=signs.count(0))


def _stock_files(folder: Path) -> list[Path]:
    files = sorted(item for item in folder.iterdir() if item.name.endswith((".csv", ".csv.gz")))
    stocks = [file for file in files if file.name.split(".")[0].lower() not in _INDICES]
    if len(stocks) < MIN_STOCKS:
        fix = "Give NSE's cash bhavcopy, or a folder with one file of daily bars a stock"
        raise BadInput(f"{len(stocks)} stocks, at least {MIN_STOCKS}", where=str(folder), fix=fix)
    return stocks


def _moves_of_bars(files: Iterable[Path]) -> Iterator[tuple[date, int]]:
    for file in files:
        for before, bar in pairwise(read_daily_bars(file, file.name.split(".")[0])):
            yield bar.day, _sign(bar.close, before.close)


def _moves_of_bhavcopy(file: Path) -> Iterator[tuple[date, int]]:
    """From Parquet or CSV with NSE's column names; series EQ and BE, rows with both closes."""
    import polars as pl

    try:
        raw = pl.read_parquet(file, glob=False) if file.suffix == ".parquet" else pl.read_csv(file, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"cannot be read: {str(error).splitlines()[0]}", where=str(file)) from None
    frame = raw.rename({name: name.strip().lower() for name in raw.columns})
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise BadInput(f"missing columns {', '.join(missing)}", where=str(file), fix="Give NSE's cash bhavcopy")
    rows = frame.select(_COLUMNS).filter(pl.col("series").is_in(SERIES)).drop_nulls()
    days = {text: listed_date(text.strip()) for text in rows["timestamp"].unique().to_list()}
    for close, before, text in rows.select("close", "prevclose", "timestamp").iter_rows():
        if close > 0 and before > 0:
            yield days[text], _sign(close, before)


def _sign(close: float, before: float) -> int:
    return (close > before) - (close < before)
