"""The feature values of one snapshot, quantised: the only thing that views and models read."""

from __future__ import annotations

import math

import numpy as np

from quantsentinel.errors import Broken
from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.features.dealer import dealer_gamma
from quantsentinel.features.flow import BookShape, book_shape, totals
from quantsentinel.features.registry import FEATURE_NAMES
from quantsentinel.market.history import History
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.units import quantise
from quantsentinel.volatility.clock import SESSION_MINUTES, SESSIONS_PER_YEAR
from quantsentinel.volatility.realised import RealisedVariance

Value = float | str | None
MONTH_SESSIONS = 21
WING_DELTA = 0.25


def feature_values(analytics: MarketAnalytics, snapshot: Snapshot, history: History) -> dict[str, Value]:
    """Every feature of the registry by name; None where its inputs are missing. Raises `Broken` on a name mismatch."""
    values = {
        **_surface(analytics),
        **_distributions(analytics),
        **_path(analytics),
        **_flow(analytics, snapshot, history),
        **_dealers(analytics, history),
    }
    if set(values) != set(FEATURE_NAMES):
        odd = sorted(set(values) ^ set(FEATURE_NAMES))
        raise Broken(f"features and registry differ: {odd}", where="feature_values")
    return {name: _quantised(values[name]) for name in FEATURE_NAMES}


def _quantised(value: Value) -> Value:
    if isinstance(value, float):
        return quantise(value) if math.isfinite(value) else None
    return value


def _surface(analytics: MarketAnalytics) -> dict[str, Value]:
    part = analytics.nearest
    following = next((s for s in analytics.slices if part and s.atm_vol is not None and s.expiry > part.expiry), None)
    month = _constant_maturity(analytics, MONTH_SESSIONS / SESSIONS_PER_YEAR)
    near_vol = part.atm_vol if part else None
    skew, butterfly = _wings(part) if part else (None, None)
    return {
        "forward_near": part.forward if part else None,
        "expiry_near": part.expiry.isoformat() if part else None,
        "variance_years_near": part.times.variance_years if part else None,
        "fitted_slices": float(sum(s.svi is not None for s in analytics.slices)),
        "usable_quotes": float(sum(int(s.usable_call.sum() + s.usable_put.sum()) for s in analytics.slices)),
        "atm_vol_near": near_vol,
        "atm_vol_next": following.atm_vol if following else None,
        "atm_vol_21s": month,
        "term_slope": month - near_vol if month is not None and near_vol is not None else None,
        "skew_25d_near": skew,
        "butterfly_25d_near": butterfly,
        "fit_rmse_near": _fit_error(part) if part else None,
    }


def _constant_maturity(analytics: MarketAnalytics, years: float) -> float | None:
    """At-the-money vol at a maturity, linear in total variance between slices; None outside of them."""
    points = [(s.times.variance_years, s.atm_vol**2 * s.times.variance_years) for s in analytics.slices if s.atm_vol]
    if len(points) < 2 or not points[0][0] <= years <= points[-1][0]:
        return None
    times, variances = zip(*points, strict=True)
    return math.sqrt(float(np.interp(years, times, variances)) / years)


def _wings(part: SliceAnalytics) -> tuple[float | None, float | None]:
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


def _distributions(analytics: MarketAnalytics) -> dict[str, Value]:
    found = [part.moments for part in analytics.fitted]
    near = found[0] if found else None
    following = found[1] if len(found) > 1 else None
    return {
        "implied_vol_near": math.sqrt(near.variance / analytics.fitted[0].times.variance_years) if near else None,
        "skewness_near": near.skewness if near else None,
        "kurtosis_near": near.kurtosis if near else None,
        "left_tail_near": near.left if near else None,
        "right_tail_near": near.right if near else None,
        "tail_mass_near": near.left + near.right if near else None,
        "skewness_next": following.skewness if following else None,
        "kurtosis_next": following.kurtosis if following else None,
        "tail_mass_next": following.left + following.right if following else None,
    }


def _path(analytics: MarketAnalytics) -> dict[str, Value]:
    forecast, realised = analytics.forecast, analytics.realised
    covered = realised is not None and realised.is_known
    return {
        "realised_vol_today": _trading_vol(realised) if realised and covered else None,
        "forecast_vol_near": forecast.annual_vol if forecast else None,
        "forecast_today_weight": forecast.weights.today if forecast else None,
        "forecast_sessions": float(analytics.sessions),
        "forecast_reason": analytics.forecast_reason,
    }


def _trading_vol(realised: RealisedVariance) -> float:
    """Realised variance as an annual vol of trading minutes alone: 252 sessions of 375 minutes, no night."""
    return math.sqrt(realised.value / realised.minutes * SESSION_MINUTES * SESSIONS_PER_YEAR)


def _flow(analytics: MarketAnalytics, snapshot: Snapshot, history: History) -> dict[str, Value]:
    now, first = totals(snapshot), history.rows[0] if history.rows else None
    shape = _shape(analytics)
    path = first.forwards.get(analytics.nearest.expiry.isoformat()) if first and analytics.nearest else None
    forward = analytics.nearest.forward if analytics.nearest else None
    return {
        "call_oi": now.call_oi,
        "put_oi": now.put_oi,
        "put_call_oi_ratio": now.put_oi / now.call_oi if now.call_oi > 0 else None,
        "call_oi_change": now.call_oi - first.call_oi if first else None,
        "put_oi_change": now.put_oi - first.put_oi if first else None,
        "call_volume_change": now.call_volume - first.call_volume if first else None,
        "put_volume_change": now.put_volume - first.put_volume if first else None,
        "flow_minutes": (analytics.observed_at - first.observed_at).total_seconds() / 60 if first else None,
        "forward_return_today": math.log(forward / path) if forward and path else None,
        "imbalance": shape.imbalance if shape else None,
        "call_imbalance": shape.call_imbalance if shape else None,
        "put_imbalance": shape.put_imbalance if shape else None,
        "spread": shape.spread if shape else None,
        "near_quotes": float(shape.quotes) if shape else 0.0,
    }


def _shape(analytics: MarketAnalytics) -> BookShape | None:
    part = next((s for s in analytics.slices if s.forward is not None and not s.times.reason), None)
    if part is None or part.forward is None:
        return None
    return book_shape(part.chain, part.forward, part.usable_call, part.usable_put)


def _dealers(analytics: MarketAnalytics, history: History) -> dict[str, Value]:
    gamma = dealer_gamma(analytics.slices, history.participants, analytics.received_at)
    return {
        "gross_gamma": gamma.gross,
        "dealer_gamma_us": gamma.us,
        "dealer_gamma_participants": gamma.participants,
        "participants_reason": gamma.reason,
    }
