"""The real series that the volatility report stands on, read from a market data folder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar, read_daily_bars

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
FIRST_BAR = date(2010, 12, 31)
"""NIFTY opens published for earlier days equal the close before them."""
DAILY = ("daily/nifty_2007_2025/nsei_1d.csv", "daily/nifty_2016_2026/data__nifty_daily.csv")
VIX = "daily/india_vix_span_oi_2012_2026/data__india_vix.csv.gz"
EVENTS = "events/macro_2012_2026/india_macro_events.csv"
QUARTERS = "bars/index_15min/data__nifty_15min.csv.gz"
MINUTES = "bars/index_1min_2024/NIFTY_data__NIFTY_2024.csv.gz"


@dataclass(frozen=True, eq=False)
class Sessions:
    """Full sessions of equal length: `prices` (sessions, bars + 1), the open and every bar's close."""

    days: tuple[date, ...]
    prices: Floats

    @property
    def returns(self) -> Floats:
        return np.diff(np.log(self.prices), axis=1)


@dataclass(frozen=True, eq=False)
class Series:
    daily: tuple[DailyBar, ...]
    vix: Mapping[date, float]
    """Annual, as a fraction, at the close."""
    events: Mapping[str, tuple[date, ...]]
    quarters: Sessions
    """15-minute bars, 2021-04 to 2025-05."""
    minutes: Sessions
    """1-minute bars of 2024."""


def read_series(folder: Path) -> Series:
    """Raises `BadInput` for a missing file."""
    missing = [name for name in (*DAILY, VIX, EVENTS, QUARTERS, MINUTES) if not (folder / name).is_file()]
    if missing:
        raise BadInput(f"no {', '.join(missing)}", where=str(folder), fix="Name a market data folder with --data")
    bars = {bar.day: bar for name in DAILY for bar in read_daily_bars(folder / name, "NIFTY")}
    daily = tuple(bars[day] for day in sorted(bars) if day >= FIRST_BAR)
    return Series(daily, _vix(folder / VIX), _events(folder / EVENTS), *_intraday(folder))


def _vix(file: Path) -> dict[date, float]:
    import polars as pl

    frame = pl.read_csv(file)
    frame = frame.rename({name: name.strip().lower() for name in frame.columns})
    days = frame["date"].str.strip_chars().str.to_titlecase().str.to_date("%d-%b-%Y")
    return dict(zip(days.to_list(), (frame["close"].cast(pl.Float64) / 100).to_list(), strict=True))


def _events(file: Path) -> dict[str, tuple[date, ...]]:
    import polars as pl

    frame = pl.read_csv(file, try_parse_dates=True)
    return {name: tuple(rows["date"].to_list()) for (name,), rows in sorted(frame.group_by("event"))}


def _intraday(folder: Path) -> tuple[Sessions, Sessions]:
    import polars as pl

    quarters = pl.read_csv(folder / QUARTERS).with_columns(at=pl.col("datetime").str.to_datetime("%d-%m-%Y %H:%M"))
    minutes = pl.read_csv(folder / MINUTES).rename(str.lower)
    stamp = pl.concat_str(pl.col("date").cast(pl.String), pl.col("time"), separator=" ")
    minutes = minutes.with_columns(at=stamp.str.to_datetime("%Y%m%d %H:%M"))
    return _sessions(quarters, 25), _sessions(minutes, 375)


def _sessions(frame: pl.DataFrame, bars: int) -> Sessions:
    """Sessions of exactly that many bars: special ones and a doubled day are left out."""
    frame = frame.sort("at")
    days, rows = [], []
    for (day,), part in frame.group_by(frame["at"].dt.date(), maintain_order=True):
        if len(part) == bars:
            days.append(day)
            rows.append(np.concatenate(([part["open"][0]], part["close"].to_numpy())))
    return Sessions(tuple(days), np.array(rows, dtype=np.float64))
