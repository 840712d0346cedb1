"""Our own 30-day model-free vol of a chain, to hold the published index against: a monitored series, never a decision.

The near and the next month (more than three days away) by `volatility.model_free`, over the usable quotes; forward by
parity where NSE takes the future.
"""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.quotes import QuoteMask
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.volatility.model_free import YEAR_MINUTES, Strip, model_free_variance, thirty_day_vol

ROLL_DAYS = 3.0
_DAY_MINUTES = 1440.0


def own_vix(snapshot: Snapshot, quotes: QuoteMask) -> float | None:
    """Per cent a year; None without two monthly expiries whose strips can be summed."""
    months = [(day.year, day.month) for day in snapshot.expiries]
    found: list[tuple[float, float]] = []
    for index, month in enumerate(months):
        is_monthly = index + 1 == len(months) or months[index + 1] != month
        minutes = float(quotes.years[index]) * YEAR_MINUTES
        if is_monthly and minutes > ROLL_DAYS * _DAY_MINUTES:
            total = _total_variance(snapshot, quotes, index)
            found += [] if total is None else [(minutes, total)]
    if len(found) < 2:
        return None
    vol = thirty_day_vol(*found[:2])
    return 100.0 * vol if vol > 0 else None


def _total_variance(snapshot: Snapshot, quotes: QuoteMask, index: int) -> float | None:
    forward, discount = float(quotes.forward[index]), float(quotes.discounts[index])
    if not (np.isfinite(forward) and discount > 0):
        return None
    low, high = int(snapshot.offsets[index]), int(snapshot.offsets[index + 1])
    bid, ask = (np.where(quotes.usable, side, 0.0)[low:high] for side in (snapshot.bid, snapshot.ask))
    strip = Strip(snapshot.strike[low:high:2], bid[0::2], ask[0::2], bid[1::2], ask[1::2])
    found = model_free_variance(strip, forward, discount)
    return found.total_variance if found.is_known else None
