"""The layouts of bar files, one importer each, told apart by their headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from quantsentinel.errors import BadInput
from quantsentinel.market.importers.bars import VERSION, Bar, Series, bar_of, finish, flags_of, mislabelled
from quantsentinel.market.importers.cells import by_name, named_underlying, printed_day
from quantsentinel.market.importers.document import Document
from quantsentinel.market.importers.imported import Blemish, Imported, Importer, Request, Tally
from quantsentinel.market.parsers.numbers import required

_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")
_STAMP = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-9:]{5,8})([+-][0-9]{2}:?[0-9]{2})?)?")
_EPOCH_SECONDS = range(631_152_000, 4_102_444_800)
ANY = (
    Blemish("no_bar", "refused", "a line that is no bar: a missing or impossible price, a wrong number of cells"),
    Blemish("stands_twice", "refused", "a second bar at the same time"),
    Blemish("unsorted", "converted", "lines out of order are sorted"),
    Blemish("outside_session_hours", "flagged", "before 09:15 or from 15:30 on in India; Muhurat bars are among them"),
    Blemish("open_or_close_outside", "flagged", "an open or close outside the bar's own range"),
    Blemish("no_volume", "kept", "the volume is absent or always 0"),
)
UTC_STAMPS = Blemish("utc", "converted", "stamped in UTC: 03:45 is 09:15 in India")
EVENING = Blemish("evening_before_utc", "converted", "daily bars stamped 18:30 UTC of the day before")
HEADERS = Blemish("three_header_rows", "converted", "field names, tickers and a row that only names the index")
ORDER = Blemish("columns_not_in_ohlc_order", "converted", "columns are taken by name")
LABEL = Blemish("mislabelled_instrument", "converted", "rows labelled with another index than the file's name: it wins")
DAY_FIRST = Blemish("day_first_dates", "converted", "01-04-2021 is the first of April")
EPOCH = Blemish("epoch_seconds", "converted", "seconds since 1970, UTC")
SPLIT = Blemish("not_the_printed_price", "kept", "stock prices as the source adjusted them, for splits or not at all")

Line = Callable[[int, Mapping[str, str]], Bar]


def at_clock(day: str, clock: str) -> datetime:
    """Raises `ValueError` for anything but a day and HH:MM[:SS]."""
    found = _CLOCK.fullmatch(clock.strip())
    if found is None:
        raise ValueError(f"{clock[:20]!r} is no time of day")
    on = printed_day(day)
    hour, minute, second = (int(part or 0) for part in found.groups())
    return datetime(on.year, on.month, on.day, hour, minute, second)  # noqa: DTZ001  # the zone is told from the whole file


def iso_stamp(text: str) -> datetime:
    """`2026-07-13`, with a time and an offset where they are printed. Raises `ValueError` for anything else."""
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:30]!r} is no stamp")
    stamp = at_clock(found[1], found[2] or "00:00")
    return datetime.fromisoformat(f"{stamp.isoformat()}{found[3]}") if found[3] else stamp


def _epoch(row: int, cells: Mapping[str, str]) -> Bar:
    seconds = required(cells["time"])
    if int(seconds) != seconds or int(seconds) not in _EPOCH_SECONDS:
        raise ValueError(f"{cells['time'][:20]!r} is no epoch second")
    return bar_of(row, datetime.fromtimestamp(int(seconds), UTC), cells)


def _from_text(request: Request, importer: Importer, line: Line) -> Imported:
    """Bars of a text with one header line; `Ticker` and `Date` lines below it are more header."""
    series = Series(request, importer, Tally(importer.blemishes))
    names: list[str] = []
    for number, cells in request.document.lines():
        if not names:
            names = [cell.strip().lower() for cell in cells]
            if len(set(names)) != len(names):
                raise BadInput("a column name stands twice", where=request.document.name)
            continue
        if names[0] == "price" and cells[0] in ("Ticker", "Datetime", "Date"):
            series.tally.met("three_header_rows")
            continue
        series.take(number, cells, partial(_named, line, number, names))
    _count(series, names)
    return finish(series)


def _named(line: Line, number: int, names: Sequence[str], cells: Sequence[str]) -> Bar:
    return line(number, by_name(names, cells))


def _count(series: Series, names: Sequence[str]) -> None:
    declared = {item.name for item in series.importer.blemishes}
    rows = len(series.bars)
    prices = [name for name in names if name in ("open", "high", "low", "close")]
    if "columns_not_in_ohlc_order" in declared and prices != ["open", "high", "low", "close"]:
        series.tally.met("columns_not_in_ohlc_order", rows)
    for name in ("day_first_dates", "epoch_seconds"):
        if name in declared:
            series.tally.met(name, rows)


def _labelled(request: Request, importer: Importer) -> Imported:
    """Rows that name their instrument; the file's name corrects them, and says so."""
    if named_underlying(request) is None:
        _, first = next((item for item in request.document.lines() if item[0] > 1), (0, [""]))
        request = replace(request, underlying=first[0].strip().upper())
    wrong = [0]
    labels: set[str] = set()

    def line(row: int, cells: Mapping[str, str]) -> Bar:
        bar = bar_of(row, at_clock(cells["date"], cells["time"]), cells)
        label = cells["instrument"].strip().upper()
        labels.add(label)
        if not mislabelled(request, label):
            return bar
        wrong[0] += 1
        return Bar(bar.row, bar.stamp, bar.prices, bar.volume, (*bar.flags, "mislabelled_instrument"))

    found = _from_text(request, importer, line)
    if len(labels) > 1:
        raise BadInput(f"bars of {', '.join(sorted(labels))} in one file", where=request.document.name, fix="Split it")
    touched = {**found.touched, "mislabelled_instrument": wrong[0]} if wrong[0] else found.touched
    return Imported(found.parts, found.rejected, touched)


def _candles(request: Request, importer: Importer) -> Imported:
    """Upstox's candles: `[stamp, open, high, low, close, volume, open interest]`, newest first."""
    document: Any = request.document.json
    series = Series(request, importer, Tally(importer.blemishes))
    for number, candle in enumerate(document["data"]["candles"], start=1):
        series.take(number, [str(candle)], partial(_candle, number, candle))
    return finish(series)


def _candle(row: int, candle: Any, _: Sequence[str]) -> Bar:
    if not isinstance(candle, list) or len(candle) < 6 or not isinstance(candle[0], str):
        raise ValueError("no candle of a stamp, four prices and a volume")
    numbers = candle[1:6]
    if not all(isinstance(item, int | float) and not isinstance(item, bool) and abs(item) <= 1e12 for item in numbers):
        raise ValueError("a price or volume that is no number")
    prices = tuple(float(item) for item in numbers[:4])
    return Bar(row, iso_stamp(candle[0]), prices, float(numbers[4]), flags_of(prices))  # type: ignore[arg-type]  # four of them


def _is_candles(document: Document) -> bool:
    found = document.json if document.kind == "json" else None
    data = found.get("data") if isinstance(found, dict) else None
    return isinstance(data, dict) and isinstance(data.get("candles"), list)


def _text(
    name: str, holds: str, header: Callable[[tuple[str, ...]], bool], blemishes: tuple[Blemish, ...], line: Line
) -> Importer:
    found = Importer(
        name,
        VERSION,
        holds,
        (*blemishes, *ANY),
        lambda document: document.kind == "csv" and header(document.names),
        lambda request: _from_text(request, found, line),
    )
    return found


_OHLC = {"open", "high", "low", "close"}
LABELLED: Importer = Importer(
    "bars_labelled",
    VERSION,
    "bars with instrument, date and time",
    (LABEL, *ANY),
    lambda document: document.names[:3] == ("instrument", "date", "time"),
    lambda request: _labelled(request, LABELLED),
)
CANDLES: Importer = Importer(
    "bars_candles",
    VERSION,
    "Upstox's candles",
    (UTC_STAMPS, *ANY),
    _is_candles,
    lambda request: _candles(request, CANDLES),
)
BAR_IMPORTERS = (
    LABELLED,
    _text(
        "bars_epoch",
        "bars stamped in epoch seconds",
        lambda names: names[:1] == ("time",) and set(names) >= _OHLC,
        (EPOCH, UTC_STAMPS),
        _epoch,
    ),
    _text(
        "bars_day_first",
        "bars with day-first dates",
        lambda names: names[:1] == ("datetime",) and set(names) >= _OHLC,
        (DAY_FIRST, UTC_STAMPS),
        lambda row, cells: bar_of(row, at_clock(*_split(cells["datetime"])), cells),
    ),
    _text(
        "bars_stamped",
        "bars with ISO stamps, in UTC or with an offset",
        lambda names: names[:1] == ("timestamp",) and set(names) >= _OHLC,
        (UTC_STAMPS, EVENING, SPLIT),
        lambda row, cells: bar_of(row, iso_stamp(cells["timestamp"]), cells),
    ),
    _text(
        "bars_yahoo",
        "Yahoo's export with three header rows",
        lambda names: names[:1] == ("price",) and set(names) >= _OHLC,
        (HEADERS, ORDER, UTC_STAMPS),
        lambda row, cells: bar_of(row, iso_stamp(cells["price"]), cells),
    ),
    _text(
        "bars_adjusted",
        "Yahoo's table with an adjusted close",
        lambda names: len(names) > 1 and names[0] in ("", "date") and names[1] == "adj close",
        (ORDER, UTC_STAMPS),
        lambda row, cells: bar_of(row, iso_stamp(cells.get("") or cells["date"]), cells),
    ),
    CANDLES,
)


def _split(text: str) -> tuple[str, str]:
    day, _, clock = text.strip().partition(" ")
    return day, clock
