"""The chain's own 30-day implied variance, model-free, per unit of the variance clock: what the forecast leans on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.volatility.clock import SESSIONS_PER_YEAR
from quantsentinel.volatility.model_free import ModelFree, Strip, model_free_variance

MONTH_UNITS = 30.0 / 365.0 * SESSIONS_PER_YEAR
REACH = 2.0
"""Without an expiry on both sides, one between half and twice the 30 days stands for them."""


def implied_month(slices: Sequence[SliceAnalytics]) -> float | None:
    """Variance per unit at 30 days, total variance linear in the clock between the neighbouring expiries; None where
    the quotes near 30 days do not give one."""
    near = _first([part for part in reversed(slices) if _units(part) <= MONTH_UNITS])
    following = _first([part for part in slices if _units(part) > MONTH_UNITS])
    known = [found for found in (near, following) if found is not None]
    if len(known) == 2:
        units, totals = zip(*known, strict=True)
        return float(np.interp(MONTH_UNITS, units, totals)) / MONTH_UNITS
    return next((total / units for units, total in known if 1 / REACH <= units / MONTH_UNITS <= REACH), None)


def slice_model_free(part: SliceAnalytics) -> ModelFree | None:
    """Of the usable quotes of one expiry; None without a forward or time."""
    if part.forward is None or part.times.reason:
        return None
    call, put = part.chain.call, part.chain.put
    sides = [(call, part.usable_call), (put, part.usable_put)]
    call_bid, call_ask, put_bid, put_ask = (
        np.where(usable, side[name], np.nan) for side, usable in sides for name in ("bid", "ask")
    )
    deviation = part.vol * math.sqrt(part.times.variance_years)
    strip = Strip(part.strike, call_bid, call_ask, put_bid, put_ask, deviation)
    return model_free_variance(strip, part.forward, part.times.discount)


def _units(part: SliceAnalytics) -> float:
    return part.times.variance_years * SESSIONS_PER_YEAR


def _first(parts: Sequence[SliceAnalytics]) -> tuple[float, float] | None:
    """(units, total variance) of the first expiry whose quotes give one."""
    for part in parts:
        found = slice_model_free(part)
        if found is not None and found.is_known and _units(part) > 0:
            return _units(part), found.total_variance
    return None
