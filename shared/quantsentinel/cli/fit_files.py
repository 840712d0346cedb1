"""The real series in a folder of market data as the history that fits learn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantsentinel.volatility.fit_history import FitHistory


def read_fit_history(folder: Path) -> FitHistory:
    """Up to the newest daily bar. Raises `BadInput` for a missing file or prices that are none."""
    from quantsentinel.cli.report_volatility_data import read_series
    from quantsentinel.volatility.fit_history import FitHistory, require_sound

    series = read_series(folder)
    rows = zip(series.quarters.days, series.quarters.prices.tolist(), strict=True)
    found = FitHistory(series.daily, series.vix, {day: tuple(row) for day, row in rows}, series.events)
    found = found.until(found.last)
    require_sound(found)
    return found
