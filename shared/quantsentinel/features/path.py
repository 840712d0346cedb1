"""How the day has moved so far: realised vol, the forecast, the forward's return, and how restless the vol is."""

from __future__ import annotations

import math

import numpy as np

from quantsentinel.features.analytics import MarketAnalytics
from quantsentinel.features.feature import Family, Feature, Inputs, Source, Value
from quantsentinel.volatility.clock import SESSION_MINUTES, SESSIONS_PER_YEAR
from quantsentinel.volatility.degradation import qlike_ratio
from quantsentinel.volatility.realised import RealisedVariance, realised_variance

_PATH: tuple[Source, ...] = ("snapshot", "rows")
_DAYS: tuple[Source, ...] = ("snapshot", "rows", "daily")
MAX_VOL_JUMP = 0.25
"""A log step of the near vol beyond this is another expiry that took over, or a fault: no day so restless was seen."""

FEATURES = (
    Feature("realised_vol_today", "annual vol of trading minutes, without nights", _PATH),
    Feature("vol_of_vol_today", "annual vol of the near at-the-money vol, trading minutes", _PATH),
    Feature("atm_vol_change_today", "log change of the near at-the-money vol since the first row of the day", _PATH),
    Feature("forward_return_today", "log return since the first row of the day", _PATH),
    Feature("forecast_vol_near", "annual vol", _DAYS),
    Feature("forecast_today_weight", "share of the forecast", _DAYS),
    Feature("forecast_sessions", "count", ("daily",)),
    Feature("forecast_reason", "text", _DAYS),
    Feature("forecast_qlike_ratio", "of a plain average's loss, last 60 sessions", ("daily",)),
)


def path_values(inputs: Inputs) -> dict[str, Value]:
    analytics = inputs.analytics
    forecast, realised = analytics.forecast, analytics.realised
    near = analytics.nearest
    first = inputs.history.rows[0] if inputs.history.rows else None
    path = first.forwards.get(near.expiry.isoformat()) if first and near else None
    vols = _vol_path(inputs)
    return {
        "realised_vol_today": _trading_vol(realised),
        "vol_of_vol_today": _vol_of_vol(vols),
        "atm_vol_change_today": math.log(vols[-1][1] / vols[0][1]) if len(vols) > 1 else None,
        "forward_return_today": math.log(near.forward / path) if near and near.forward and path else None,
        "forecast_vol_near": forecast.annual_vol if forecast else None,
        "forecast_today_weight": forecast.weights.today if forecast else None,
        "forecast_sessions": float(analytics.sessions),
        "forecast_reason": analytics.forecast_reason,
        "forecast_qlike_ratio": qlike_ratio(inputs.history.daily, analytics.volatility),
    }


def _vol_path(inputs: Inputs) -> list[tuple[float, float]]:
    """(epoch seconds, near at-the-money vol as a row holds it) of the day's rows and this snapshot, since the expiry
    last changed."""
    points = [(row.observed_at.timestamp(), row.atm_vol) for row in inputs.history.rows if row.atm_vol]
    now = quoted_at_money(inputs.analytics)
    if now is not None:
        points.append((inputs.snapshot.observed_at.timestamp(), now))
    start = 0
    for at in range(1, len(points)):
        if abs(math.log(points[at][1] / points[at - 1][1])) > MAX_VOL_JUMP:
            start = at
    return points[start:]


def quoted_at_money(analytics: MarketAnalytics) -> float | None:
    """Linear between the vols on both sides of the forward, as `summary_row`: a fitted one would make a step."""
    part = analytics.trading
    if part is None or part.forward is None:
        return None
    above = int(np.searchsorted(part.strike, part.forward))
    rows = slice(max(above - 1, 0), above + 1)
    vol = part.vol[rows]
    known = len(vol) == 2 and bool(np.isfinite(vol).all())
    return float(np.interp(part.forward, part.strike[rows], vol)) if known else None


def _vol_of_vol(points: list[tuple[float, float]]) -> float | None:
    """Of the log vol on the grid of `realised_variance`, so that a quote's bounce is not counted as a move."""
    if not points:
        return None
    seconds = np.maximum.accumulate(np.array([at for at, _ in points]))
    return _trading_vol(realised_variance(seconds, [vol for _, vol in points]))


def _trading_vol(realised: RealisedVariance | None) -> float | None:
    """Realised variance as an annual vol of trading minutes alone: 252 sessions of 375 minutes, no night."""
    if realised is None or not realised.is_known:
        return None
    return math.sqrt(realised.value / realised.minutes * SESSION_MINUTES * SESSIONS_PER_YEAR)


FAMILY = Family("path", FEATURES, path_values)
