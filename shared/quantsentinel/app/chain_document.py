"""A `ChainView` as one document: what `qs chain show --json` prints.

Prices, forwards, strikes and straddles are index points; vols annual fractions in the variance clock; open interest
units; gamma crore rupees of delta per 1 % move of the index; probabilities shares. `null` means not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from quantsentinel.app import chain_check
from quantsentinel.app.chain_view import ChainView
from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.features.dealer import CRORE, DealerGamma, dealer_gamma, dealer_signs, strike_gamma
from quantsentinel.features.distributions import tail_range
from quantsentinel.features.interest import max_pain, oi_ratio
from quantsentinel.features.levels import straddle
from quantsentinel.market.history import History, ParticipantOi
from quantsentinel.units import quantise


def document(found: ChainView) -> dict[str, Any]:
    """Keys are never renamed or removed, only added."""
    view, snapshot, history = found.view, found.firewall.snapshot, found.history
    stop = found.firewall.first_stop
    analytics = view.analytics
    gamma = dealer_gamma(analytics.slices, history.participants, analytics.received_at)
    return {
        "underlying": view.underlying,
        "session": view.session,
        "observed_at": view.observed_at,
        "received_at": view.received_at,
        "source": snapshot.source,
        "capability": snapshot.capability,
        "snapshot": snapshot.digest,
        "outcome": "refused" if stop else "accepted",
        "refused_by": None if stop is None else {"guard": stop.guard, "detail": stop.detail},
        "history": _history(history),
        "expiries": [_expiry(found, index, part, history.participants) for index, part in enumerate(analytics.slices)],
        "dealer_gamma": _gamma(gamma),
        "forecast": _forecast(found),
        "masked": chain_check.masked(found.firewall),
        "vendor_gap": dict(analytics.vendor.log_ratio) if analytics.vendor else {},
        "features": dict(view.features),
        "feature_times": dict(view.feature_times),
        "views": [
            {
                "name": item.name,
                "axis": item.axis,
                "score": item.score,
                "confidence": item.confidence,
                "why": item.reason,
            }
            for item in view.views
        ],
    }


def _history(history: History) -> dict[str, Any]:
    return {
        "rows": len(history.rows),
        "daily_bars": len(history.daily),
        "opening_at": history.opening.received_at if history.opening else None,
        "participants_of": history.participants.day if history.participants else None,
        "breadth_of": history.breadth.day if history.breadth else None,
    }


def _forecast(found: ChainView) -> dict[str, Any]:
    """`interval`: annual vols between which the realised one falls nine times in ten."""
    analytics = found.view.analytics
    ahead = analytics.forecast
    return {
        "vol": None if ahead is None else quantise(ahead.annual_vol),
        "interval": None if ahead is None else [_rounded(end, 6) for end in ahead.interval],
        "reason": analytics.forecast_reason or None,
    }


def _gamma(gamma: DealerGamma) -> dict[str, Any]:
    return {
        "gross": gamma.gross,
        "us": gamma.us,
        "participants": gamma.participants,
        "participants_reason": gamma.reason or None,
        "flip_us": _rounded(gamma.flip_us, 2),
        "flip_participants": _rounded(gamma.flip_participants, 2),
    }


def _expiry(found: ChainView, index: int, part: SliceAnalytics, evening: ParticipantOi | None) -> dict[str, Any]:
    pair = straddle(part)
    return {
        "expiry": part.expiry,
        "reason": part.reason or None,
        "forward": _rounded(part.forward, 3),
        "forward_stderr": _rounded(part.forward_stderr, 4),
        "discount": quantise(part.times.discount),
        "variance_years": quantise(part.times.variance_years),
        "atm_vol": _rounded(part.atm_vol, 6),
        "straddle": None
        if pair is None
        else {"strike": pair.strike, "bid": _rounded(pair.bid, 2), "ask": _rounded(pair.ask, 2)},
        "max_pain": max_pain(part.strike, part.call_oi, part.put_oi),
        "put_call_oi_ratio": _rounded(oi_ratio(part), 4),
        "call_oi": float(part.call_oi.sum()),
        "put_oi": float(part.put_oi.sum()),
        "usable_quotes": int(part.usable_call.sum() + part.usable_put.sum()),
        "masked": _masked(found, index),
        "svi": _svi(part),
        "flags": list(part.flags),
        "no_fit_because": part.curves.reason or None,
        "density": _density(part),
        "tails": _tails(part),
        "dealer_gamma": _expiry_gamma(part, evening),
    }


def _masked(found: ChainView, index: int) -> dict[str, int]:
    offsets, flags = found.firewall.snapshot.offsets, found.firewall.quotes.flags
    rows = slice(int(offsets[index]), int(offsets[index + 1]))
    quoted = ~flags[chain_check.NOBODY][rows]
    counts = {name: int(np.count_nonzero(flag[rows] & quoted)) for name, flag in flags.items()}
    return {name: count for name, count in counts.items() if count}


def _svi(part: SliceAnalytics) -> Mapping[str, Any] | None:
    """The fitted slice in raw parameters: total variance of log-moneyness in the variance clock."""
    fit = part.svi
    if fit is None or fit.params is None:
        return None
    raw = {name: round(getattr(fit.params, name), 9) for name in ("a", "b", "rho", "m", "sigma")}
    low, high = _rounded(fit.k_low, 6), _rounded(fit.k_high, 6)
    vol_error = fit.rmse / (2.0 * part.atm_vol * part.times.variance_years) if part.atm_vol else None
    excess = quantise(part.curves.calendar_excess)
    return {
        **raw,
        "quotes": fit.n,
        "k_low": low,
        "k_high": high,
        "rmse_vol": _rounded(vol_error, 6),
        "g_min": _rounded(fit.g_min, 6),
        "calendar_excess": excess,
        "outlier_strikes": [float(strike) for strike in part.curves.outliers],
    }


def _density(part: SliceAnalytics) -> Mapping[str, Any] | None:
    found = part.moments
    if found is None:
        return None
    vol = (found.variance / part.times.variance_years) ** 0.5
    return {
        "vol": quantise(vol),
        "variance": round(found.variance, 9),
        "skewness": quantise(found.skewness),
        "kurtosis": quantise(found.kurtosis),
        "left_tail": quantise(found.left),
        "right_tail": quantise(found.right),
    }


def _tails(part: SliceAnalytics) -> Mapping[str, Any] | None:
    """[lo, hi] of P(S <= low_strike) and P(S > high_strike), from quotes alone."""
    found = tail_range(part)
    if found is None:
        return None
    return {
        "low_strike": round(found.low_strike, 2),
        "high_strike": round(found.high_strike, 2),
        "left": [quantise(end) for end in found.left],
        "right": [quantise(end) for end in found.right],
        "crossed": quantise(found.crossed),
    }


def _expiry_gamma(part: SliceAnalytics, evening: ParticipantOi | None) -> dict[str, Any]:
    call, put = (float(side.sum()) / CRORE for side in strike_gamma(part))
    signs = dealer_signs(evening) if evening else None
    return {
        "gross": round(call + put, 2),
        "us": round(call - put, 2),
        "participants": round(signs[0] * call + signs[1] * put, 2) if signs else None,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), digits) + 0.0
