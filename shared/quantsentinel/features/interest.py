"""Open interest: sums, ratios of puts to calls, where it is thickest, and the strike at which it pays out least."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.features.feature import Family, Feature, Inputs, Source, Value
from quantsentinel.features.flow import FLOW_HORIZON, totals

Floats = NDArray[np.float64]
_PATH: tuple[Source, ...] = ("snapshot", "rows")

FEATURES = (
    Feature("call_oi", "units"),
    Feature("put_oi", "units"),
    Feature("put_call_oi_ratio", "ratio"),
    Feature("put_call_oi_ratio_near", "ratio, nearest expiry"),
    Feature("put_call_volume_ratio", "ratio of units traded today"),
    Feature("put_call_premium_ratio", "ratio of the value of open out-of-the-money options, at mid"),
    Feature("call_oi_change", "units since the first row of the day", _PATH),
    Feature("put_oi_change", "units since the first row of the day", _PATH),
    Feature("call_volume_change", "units since the first row of the day", _PATH),
    Feature("put_volume_change", "units since the first row of the day", _PATH),
    Feature("flow_minutes", "minutes since the first row of the day", _PATH),
    Feature("max_pain_near", "points"),
    Feature("max_pain_gap_near", "share of the forward, max pain minus forward"),
    Feature("call_wall_near", "points, strike with the most call open interest"),
    Feature("put_wall_near", "points, strike with the most put open interest"),
)


def interest_values(inputs: Inputs) -> dict[str, Value]:
    now = totals(inputs.snapshot)
    first = inputs.history.rows[0] if inputs.history.rows else None
    part = inputs.analytics.trading
    pain = max_pain(part.strike, part.call_oi, part.put_oi) if part else None
    forward = part.forward if part else None
    minutes = (inputs.analytics.observed_at - first.observed_at).total_seconds() / 60 if first else None
    return {
        "call_oi": now.call_oi,
        "put_oi": now.put_oi,
        "put_call_oi_ratio": _ratio(now.put_oi, now.call_oi),
        "put_call_oi_ratio_near": oi_ratio(part) if part else None,
        "put_call_volume_ratio": _ratio(now.put_volume, now.call_volume),
        "put_call_premium_ratio": _premium_ratio(inputs.analytics),
        "call_oi_change": now.call_oi - first.call_oi if first else None,
        "put_oi_change": now.put_oi - first.put_oi if first else None,
        "call_volume_change": now.call_volume - first.call_volume if first else None,
        "put_volume_change": now.put_volume - first.put_volume if first else None,
        "flow_minutes": minutes,
        "max_pain_near": pain,
        "max_pain_gap_near": pain / forward - 1.0 if pain is not None and forward else None,
        "call_wall_near": _wall(part.strike, part.call_oi) if part else None,
        "put_wall_near": _wall(part.strike, part.put_oi) if part else None,
    }


def max_pain(strike: Floats, call_oi: Floats, put_oi: Floats) -> float | None:
    """The listed strike at which all open options together pay least at settlement; the lowest of several. None
    without open interest.

    Strikes ascend; all (n,). Calls pay sum OI (S - K)+, puts sum OI (K - S)+: both piecewise linear, so the least lies
    on a strike.
    """
    if not len(strike) or not float(call_oi.sum() + put_oi.sum()) > 0:
        return None
    calls = strike * np.cumsum(call_oi) - np.cumsum(call_oi * strike)
    above = np.cumsum(put_oi[::-1])[::-1]
    puts = np.cumsum((put_oi * strike)[::-1])[::-1] - strike * above
    return float(strike[np.argmin(calls + puts)])


def oi_ratio(part: SliceAnalytics) -> float | None:
    """Open puts per open call of one expiry."""
    return _ratio(float(part.put_oi.sum()), float(part.call_oi.sum()))


def _premium_ratio(analytics: MarketAnalytics) -> float | None:
    """Only what lies out of the money: an option deep in it is a future with a strike."""
    worth = [0.0, 0.0]
    for part in analytics.slices:
        if part.forward is None or part.expiry - analytics.session > FLOW_HORIZON:
            continue
        call = part.usable_call & (part.strike >= part.forward)
        put = part.usable_put & (part.strike < part.forward)
        for side, (rows, quotes) in enumerate(((call, part.chain.call), (put, part.chain.put))):
            worth[side] += float(0.5 * (quotes["bid"] + quotes["ask"])[rows] @ quotes["oi"][rows])
    return _ratio(worth[1], worth[0])


def _wall(strike: Floats, oi: Floats) -> float | None:
    return float(strike[np.argmax(oi)]) if oi.size and float(oi.max()) > 0 else None


def _ratio(puts: float, calls: float) -> float | None:
    return puts / calls if calls > 0 else None


FAMILY = Family("interest", FEATURES, interest_values)
