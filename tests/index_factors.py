"""How NIFTY and BANKNIFTY move together in tests: the median of 816 windows of 60 sessions, 2023-2026."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from quantsentinel.opportunity.factors import Factors

VOLS_DAILY = {"NIFTY": 0.0073, "BANKNIFTY": 0.0088}
CLOSES = {"NIFTY": 24_500.0, "BANKNIFTY": 55_500.0}
ALIKE = 0.862


def factors(underlying: str, **changes: Any) -> Factors:
    """The underlying's own first."""
    names = (underlying, *(name for name in CLOSES if name != underlying))
    base = Factors(
        names=names,
        vol_daily=tuple(VOLS_DAILY[name] for name in names),
        correlation=((1.0, ALIKE), (ALIKE, 1.0)),
        previous_close=tuple(CLOSES[name] for name in names),
        span_vol_annual=(0.14, 0.15),
        sessions=60,
        shrinkage=0.03,
    )
    return replace(base, **changes)
