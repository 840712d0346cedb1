"""Where the market stands: forwards, at-the-money vols, their term structure, skew, and what the straddle costs."""

from __future__ import annotations

import math

import numpy as np

from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.features.feature import Family, Feature, Inputs, Value
from quantsentinel.frozen import dataclass
from quantsentinel.volatility.clock import SESSIONS_PER_YEAR

MONTH_SESSIONS = 21
WING_DELTA = 0.25

FEATURES = (
    Feature("forward_near", "points"),
    Feature("expiry_near", "date"),
    Feature("variance_years_near", "years (variance clock)"),
    Feature("fitted_slices", "count"),
    Feature("flagged_slices", "count of fitted expiries with an arbitrage or outliers"),
    Feature("outlier_quotes", "count of vols that stand alone off their slice"),
    Feature("usable_quotes", "count"),
    Feature("masked_quotes", "count of quoted rows that a guard took out of use"),
    Feature("atm_vol_near", "annual vol"),
    Feature("atm_vol_next", "annual vol"),
    Feature("atm_vol_21s", "annual vol, 21 sessions"),
    Feature("term_slope", "annual vol, 21 sessions minus near"),
    Feature("skew_25d_near", "annual vol, 25-delta put minus call"),
    Feature("butterfly_25d_near", "annual vol, mean 25-delta wings minus at the money"),
    Feature("fit_rmse_near", "annual vol"),
    Feature("straddle_near", "points, mid"),
    Feature("straddle_share_near", "share of the forward"),
    Feature("straddle_cost_near", "share of the straddle lost by crossing its spread once"),
)


@dataclass(frozen=True, slots=True)
class Straddle:
    """Call and put of the quoted strike nearest the forward, points."""

    strike: float
    bid: float
    ask: float

    @property
    def mid(self) -> float:
        return 0.5 * (self.bid + self.ask)


def straddle(part: SliceAnalytics) -> Straddle | None:
    """None where no strike has both sides usable, or there is no forward."""
    both = np.nonzero(part.usable_call & part.usable_put)[0]
    if part.forward is None or not both.size:
        return None
    at = both[np.argmin(np.abs(part.strike[both] - part.forward))]
    call, put = part.chain.call, part.chain.put
    return Straddle(
        float(part.strike[at]), float(call["bid"][at] + put["bid"][at]), float(call["ask"][at] + put["ask"][at])
    )


def level_values(inputs: Inputs) -> dict[str, Value]:
    analytics = inputs.analytics
    part = analytics.nearest
    following = next((s for s in analytics.slices if part and s.atm_vol is not None and s.expiry > part.expiry), None)
    month = constant_maturity(analytics, MONTH_SESSIONS / SESSIONS_PER_YEAR)
    near_vol = part.atm_vol if part else None
    skew, butterfly = wings(part) if part else (None, None)
    return {
        "forward_near": part.forward if part else None,
        "expiry_near": part.expiry.isoformat() if part else None,
        "variance_years_near": part.times.variance_years if part else None,
        "fitted_slices": float(sum(s.svi is not None for s in analytics.slices)),
        "flagged_slices": float(sum(s.svi is not None and bool(s.flags) for s in analytics.slices)),
        "outlier_quotes": float(sum(len(s.curves.outliers) for s in analytics.slices)),
        "usable_quotes": float(sum(int(s.usable_call.sum() + s.usable_put.sum()) for s in analytics.slices)),
        "masked_quotes": float(sum(analytics.masked.values())),
        "atm_vol_near": near_vol,
        "atm_vol_next": following.atm_vol if following else None,
        "atm_vol_21s": month,
        "term_slope": month - near_vol if month is not None and near_vol is not None else None,
        "skew_25d_near": skew,
        "butterfly_25d_near": butterfly,
        "fit_rmse_near": _fit_error(part) if part else None,
        **_straddle_values(part),
    }


def _straddle_values(part: SliceAnalytics | None) -> dict[str, Value]:
    found = straddle(part) if part else None
    forward = part.forward if part else None
    return {
        "straddle_near": found.mid if found else None,
        "straddle_share_near": found.mid / forward if found and forward else None,
        "straddle_cost_near": 0.5 * (found.ask - found.bid) / found.mid if found else None,
    }


def constant_maturity(analytics: MarketAnalytics, years: float) -> float | None:
    """At-the-money vol at a maturity, linear in total variance between slices; None outside of them."""
    points = [(s.times.variance_years, s.atm_vol**2 * s.times.variance_years) for s in analytics.slices if s.atm_vol]
    if len(points) < 2 or not points[0][0] <= years <= points[-1][0]:
        return None
    times, variances = zip(*points, strict=True)
    return math.sqrt(float(np.interp(years, times, variances)) / years)


def wings(part: SliceAnalytics) -> tuple[float | None, float | None]:
    """(put minus call vol, mean of both minus the at-the-money vol) at 25 delta of the forward, linear in delta between
    the slice's vols; None where 25 delta is not quoted."""
    known = np.isfinite(part.vol) & np.isfinite(part.call_delta)
    if np.count_nonzero(known) < 2 or part.atm_vol is None:
        return None, None
    order = np.argsort(part.call_delta[known], kind="stable")
    delta, vol = part.call_delta[known][order] / part.times.discount, part.vol[known][order]
    if not delta[0] <= WING_DELTA <= 1.0 - WING_DELTA <= delta[-1]:
        return None, None
    call, put = np.interp([WING_DELTA, 1.0 - WING_DELTA], delta, vol).tolist()
    return put - call, (put + call) / 2 - part.atm_vol


def _fit_error(part: SliceAnalytics) -> float | None:
    """Root mean square error of the fitted slice, as vol at the money: d(vol) = d(variance) / (2 vol years)."""
    if part.svi is None or not part.atm_vol:
        return None
    return part.svi.rmse / (2.0 * part.atm_vol * part.times.variance_years)


FAMILY = Family("levels", FEATURES, level_values)
