"""Importers of bars: intraday and daily series of one instrument, in the layouts that the public sources use.

The interval is read off the stamps, and so is the clock: a session begins at 09:15 in India, which is 03:45 UTC. A
file whose stamps say neither is refused.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.importers.cells import missing_column, named_underlying, underlying_or_refuse
from quantsentinel.market.importers.datasets import parts_of, provenance_of
from quantsentinel.market.importers.imported import Imported, Importer, Rejection, Request, Tally
from quantsentinel.market.parsers.numbers import number, required

VERSION = 1
PRICES = ("open", "high", "low", "close")
SESSION = (time(9, 15), time(15, 30))
_OPEN_IST, _OPEN_UTC, _NEXT_DAY_UTC = range(9 * 60, 10 * 60), range(3 * 60 + 30, 4 * 60 + 30), 18 * 60 + 30
_MINUTES = (1, 5, 15, 60)


@dataclass(frozen=True, slots=True)
class Bar:
    """`stamp` as printed: naive unless the text has an offset. `row` is the line of the file."""

    row: int
    stamp: datetime
    prices: tuple[float, float, float, float]
    volume: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(slots=True)
class Series:
    """Bars on their way into the lake: `shift` takes a printed stamp to UTC or, for daily bars, to the day."""

    request: Request
    importer: Importer
    tally: Tally
    bars: list[Bar] = field(default_factory=list)

    def take(self, row: int, cells: Sequence[str], make: Callable[[Sequence[str]], Bar]) -> None:
        """Adds a line's bar, or rejects the line with the reason."""
        try:
            bar = make(cells)
            _check(bar)
        except KeyError as error:
            raise missing_column(error, self.request) from None
        except (ValueError, OverflowError) as error:
            self.tally.refuse("no_bar", Rejection(row, 1, str(error), ",".join(cells)[:400]))
            return
        self.bars.append(bar)


def flags_of(prices: Sequence[float]) -> tuple[str, ...]:
    opened, high, low, closed = prices
    return () if low <= min(opened, closed) and max(opened, closed) <= high else ("open_or_close_outside",)


def _check(bar: Bar) -> None:
    if not all(price > 0 for price in bar.prices):
        raise ValueError("a price that is not positive")
    if bar.prices[1] < bar.prices[2]:
        raise ValueError("high below low")
    if bar.volume is not None and bar.volume < 0:
        raise ValueError("a negative volume")


def bar_of(row: int, stamp: datetime, cells: Mapping[str, str]) -> Bar:
    """A bar of named cells; `volume` where there is one."""
    prices = tuple(required(cells[name]) for name in PRICES)
    volume = number(cells["volume"]) if "volume" in cells else None
    return Bar(row, stamp, prices, volume, flags_of(prices))  # type: ignore[arg-type]  # four names give four prices


def finish(series: Series) -> Imported:
    """Sorts, tells interval and clock, refuses repeats and hands over the parts."""
    if not series.bars:
        first = series.tally.rejected[0].reason if series.tally.rejected else "it has no rows"
        raise BadInput(f"no bar in the file: {first}", where=series.request.document.name)
    if len({bar.stamp.tzinfo is None for bar in series.bars}) > 1:
        raise BadInput("stamps with and without an offset in one file", where=series.request.document.name)
    _sort(series)
    daily = len({(bar.stamp.time(), bar.stamp.utcoffset()) for bar in series.bars}) == 1
    rows = _daily(series) if daily else _intraday(series)
    return Imported(tuple(rows), tuple(series.tally.rejected), dict(series.tally.touched))


def _sort(series: Series) -> None:
    late = sum(after.stamp < before.stamp for before, after in itertools.pairwise(series.bars))
    if late:
        series.tally.met("unsorted", late)
    kept: dict[datetime, Bar] = {}
    for bar in series.bars:
        if bar.stamp in kept:
            again = "the same bar" if bar.prices == kept[bar.stamp].prices else "another bar"
            rejection = Rejection(bar.row, 1, f"{again} at the time of line {kept[bar.stamp].row}", str(bar.stamp))
            series.tally.refuse("stands_twice", rejection)
        else:
            kept[bar.stamp] = bar
    series.bars = [kept[stamp] for stamp in sorted(kept)]


def _daily(series: Series) -> list[Any]:
    first = series.bars[0].stamp
    minute = first.hour * 60 + first.minute
    if minute == 0:
        days = [bar.stamp.date() for bar in series.bars]
    elif minute == _NEXT_DAY_UTC and not first.utcoffset():
        # Midnight in India, written in UTC, belongs to the day that begins.
        days = [bar.stamp.replace(tzinfo=UTC).astimezone(IST).date() for bar in series.bars]
        series.tally.met("evening_before_utc", len(days))
    else:
        raise BadInput(f"daily bars stamped {first.time()}", where=series.request.document.name, fix="Expected dates")
    frame = _prices(series.bars).with_columns(day=pl.Series(days, dtype=pl.Date))
    return list(_parts(series, "bars_daily", frame))


def _intraday(series: Series) -> list[Any]:
    bars = series.bars
    gaps = Counter(after.stamp - before.stamp for before, after in itertools.pairwise(bars))
    step, _ = max(gaps.items(), key=lambda item: (item[1], -item[0]))
    minutes = next((count for count in _MINUTES if step == timedelta(minutes=count)), None)
    if minutes is None:
        raise BadInput(f"bars {step} apart", where=series.request.document.name, fix=f"Known: {_MINUTES} minutes")
    zone = _zone(series)
    times = [bar.stamp.astimezone(UTC) if bar.stamp.tzinfo else bar.stamp.replace(tzinfo=zone) for bar in bars]
    local = [moment.astimezone(IST) for moment in times]
    outside = [not SESSION[0] <= moment.time() < SESSION[1] for moment in local]
    series.tally.met("outside_session_hours", sum(outside))
    flags = [bar.flags + (("outside_session_hours",) if out else ()) for bar, out in zip(bars, outside, strict=True)]
    series.bars = [Bar(b.row, b.stamp, b.prices, b.volume, f) for b, f in zip(bars, flags, strict=True)]
    frame = _prices(series.bars).with_columns(
        at=pl.Series([moment.astimezone(UTC) for moment in times], dtype=pl.Datetime("us", "UTC")),
        date=pl.Series([moment.date() for moment in local], dtype=pl.Date),
        instrument=pl.lit(instrument_of(series.request.document.name)),
    )
    return list(_parts(series, f"bars_{minutes}min", frame))


def _zone(series: Series) -> Any:
    """The clock of naive stamps, from when the days begin."""
    begins: dict[date, int] = {}
    for bar in series.bars:
        minute = bar.stamp.hour * 60 + bar.stamp.minute
        begins[bar.stamp.date()] = min(minute, begins.get(bar.stamp.date(), minute))
    usual, _ = max(Counter(begins.values()).items(), key=lambda item: (item[1], -item[0]))
    if series.bars[0].stamp.tzinfo is not None or usual in _OPEN_UTC:
        series.tally.met("utc", len(series.bars))
        return UTC
    if usual in _OPEN_IST:
        return IST
    said = f"{usual // 60:02}:{usual % 60:02}"
    raise BadInput(f"days begin at {said}: neither India's clock nor UTC", where=series.request.document.name)


def _prices(bars: Sequence[Bar]) -> pl.DataFrame:
    columns: dict[str, Any] = {name: [bar.prices[place] for bar in bars] for place, name in enumerate(PRICES)}
    return pl.DataFrame(columns).with_columns(
        volume=pl.Series([bar.volume for bar in bars], dtype=pl.Float64),
        input_row=pl.Series([bar.row for bar in bars], dtype=pl.Int64),
        blemishes=pl.Series([",".join(bar.flags) for bar in bars], dtype=pl.String),
    )


def _parts(series: Series, dataset: str, frame: pl.DataFrame) -> Any:
    for bar in series.bars:
        if "open_or_close_outside" in bar.flags:
            series.tally.met("open_or_close_outside")
    if all(bar.volume in (None, 0) for bar in series.bars):
        series.tally.met("no_volume", len(series.bars))
    importer = series.importer
    option = instrument_of(series.request.document.name) != "index"
    provenance = provenance_of(f"option_{dataset}" if option else dataset, importer, series.request.document)
    return parts_of(dataset, frame.with_columns(underlying=pl.lit(underlying_or_refuse(series.request))), provenance)


def instrument_of(name: str) -> str:
    """`atm_call`, `atm_put` or `index`, by the file's name."""
    lower = name.lower()
    right = next((word for word in ("call", "put") if f"atm_{word}" in lower), None)
    return f"atm_{right}" if right else "index"


def mislabelled(request: Request, label: str) -> bool:
    """Whether the file's name says another underlying than its rows do."""
    named = named_underlying(request)
    return named is not None and named != label
