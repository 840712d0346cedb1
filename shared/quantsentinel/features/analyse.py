"""From a snapshot and its history to `MarketAnalytics`: pure, the same for every tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.features.implied_month import implied_month
from quantsentinel.features.surface import (
    Curves,
    Quotes,
    Vols,
    density_of,
    fit_surface,
    pair_quotes,
    vols,
)
from quantsentinel.features.timeline import SessionFrame, SliceTimes, session_frame, slice_times
from quantsentinel.integrity.quotes import QuoteMask
from quantsentinel.integrity.vendor_gap import vendor_gap
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.history import History
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.pricing.forward import ForwardFit
from quantsentinel.pricing.physical import physical_density
from quantsentinel.units import quantise
from quantsentinel.volatility.forecast import Forecast, forecast
from quantsentinel.volatility.realised import RealisedVariance, realised_variance

STALE_SLICE = "stale_slice"
NO_VOL = "no_vol"


def frame_of(snapshot: Snapshot, history: History, desk: Desk) -> SessionFrame:
    """The session's frame; raises `RuleGap` when the day is not covered."""
    share, weights = desk.policy.forecast.overnight_share, desk.volatility.gaps
    return session_frame(desk.rules, snapshot.underlying, history.session, snapshot.expiries, share, weights)


def analyse(snapshot: Snapshot, history: History, desk: Desk, mask: QuoteMask) -> MarketAnalytics:
    """Vols, Greeks, fitted slices, implied densities, realised variance and the forecast.

    `mask` holds the quotes that no guard masked and each slice's forward. The physical densities come later
    (`with_physical`): they need what the views say.
    """
    frame = frame_of(snapshot, history, desk)
    times = _times(snapshot, frame, desk)
    usable = mask.usable & (snapshot.columns["bid"] > 0) & (snapshot.columns["ask"] > 0)
    quotes = pair_quotes(snapshot, times, mask.forward, usable)
    found = vols(snapshot, quotes)
    surface = fit_surface(quotes, found, times, mask)
    slices = tuple(
        _slice(snapshot, index, times[index], mask.forwards[index], (quotes, found), surface[index])
        for index in range(len(snapshot.slices))
    )
    realised = _realised(slices, snapshot, history)
    ahead, reason = _forecast(slices, realised, _bars(history, desk), frame, desk)
    return MarketAnalytics(
        underlying=snapshot.underlying,
        session=history.session,
        observed_at=snapshot.observed_at,
        received_at=snapshot.received_at,
        tick=frame.tick,
        slices=slices,
        forecast=ahead,
        forecast_reason=reason,
        realised=realised,
        sessions=len(history.daily),
        rule_rows=frame.rule_rows,
        masked=_masked(mask),
        vendor=vendor_gap(snapshot, mask),
        volatility=desk.volatility,
    )


def with_physical(
    analytics: MarketAnalytics, frame: SessionFrame, direction: float = 0.0, confidence: float = 0.0
) -> MarketAnalytics:
    """Every implied density re-scaled to the forecast over its own time to settlement; the implied one itself where
    there is no forecast (entries are refused then)."""
    return replace(
        analytics,
        slices=tuple(
            _with_physical(part, analytics.forecast, frame, direction, confidence) for part in analytics.slices
        ),
    )


def _with_physical(
    part: SliceAnalytics, ahead: Forecast | None, frame: SessionFrame, direction: float, confidence: float
) -> SliceAnalytics:
    implied = part.implied_variance
    if part.density is None or implied is None:
        return part
    if ahead is None:
        return replace(part, physical=part.density)
    units = frame.clock.units(part.chain.slice.observed_at, frame.endings[part.expiry].settlement_at)
    # A ratio to 1e-6, as every ratio: what it scales is money.
    ratio = quantise(ahead.variance_over(units) / implied)
    try:
        return replace(part, physical=physical_density(part.density, ratio, direction, confidence))
    except BadInput:
        # The forecast is so far from the market that no density keeps its mean: nothing of this expiry can be priced.
        return replace(part, density=None, reason="forecast_out_of_reach")


def _times(snapshot: Snapshot, frame: SessionFrame, desk: Desk) -> list[SliceTimes]:
    oldest = snapshot.received_at - timedelta(seconds=desk.policy.age.max_age_s)
    return [
        SliceTimes(0.0, 0.0, 1.0, STALE_SLICE) if part.received_at < oldest else slice_times(frame, part)
        for part in snapshot.slices
    ]


def _masked(mask: QuoteMask) -> dict[str, int]:
    """Rows by the guard that took them, `unquoted` left out: nobody quoting is no fault."""
    quoted = ~mask.flags["unquoted"]
    counts = {name: int(np.count_nonzero(rows & quoted)) for name, rows in mask.flags.items() if name != "unquoted"}
    return {name: count for name, count in counts.items() if count}


def _slice(
    snapshot: Snapshot,
    index: int,
    times: SliceTimes,
    forward: ForwardFit,
    numerics: tuple[Quotes, Vols],
    surface: Curves,
) -> SliceAnalytics:
    quotes, found = numerics
    low, high = int(snapshot.offsets[index]) // 2, int(snapshot.offsets[index + 1]) // 2
    rows = slice(low, high)
    fit, smile = surface.fit, surface.smile
    level = forward.forward if forward.is_fitted else None
    part = SliceAnalytics(
        chain=snapshot.chain(index),
        times=times,
        usable_call=quotes.call_usable[rows],
        usable_put=quotes.put_usable[rows],
        forward=level,
        forward_stderr=forward.stderr if forward.is_fitted else None,
        vol=found.vol[rows],
        call_delta=found.call_delta[rows],
        put_delta=found.put_delta[rows],
        gamma=found.gamma[rows],
        vega=found.vega[rows],
        theta_call=found.theta_call[rows],
        theta_put=found.theta_put[rows],
        svi=fit,
        atm_vol=None,
        density=density_of(smile, level),
        physical=None,
        reason=times.reason or forward.reason or "",
        smile=smile,
        curves=surface,
    )
    vol = part.vol_at(part.forward) if part.forward is not None else None
    return replace(part, atm_vol=vol, reason=part.reason or ("" if vol is not None else NO_VOL))


def _realised(slices: Sequence[SliceAnalytics], snapshot: Snapshot, history: History) -> RealisedVariance | None:
    """Of the path of one expiry's forward over the day's accepted rows and this snapshot: the nearest expiry with a
    forward now, so its fits are the tightest and it does not change within the day."""
    part = next((s for s in slices if s.forward is not None and not s.times.reason), None)
    if part is None or part.forward is None:
        return None
    key = part.expiry.isoformat()
    path = [(row.observed_at.timestamp(), row.forwards[key]) for row in history.rows if key in row.forwards]
    path.append((snapshot.observed_at.timestamp(), part.forward))
    seconds = np.maximum.accumulate(np.array([at for at, _ in path]))
    return realised_variance(seconds, [forward for _, forward in path])


def _bars(history: History, desk: Desk) -> list[DailyBar]:
    """Daily bars strictly before the session; none at all when they are fewer than the policy asks for."""
    bars = [bar for bar in history.daily if bar.day < history.session]
    return bars if len(bars) >= desk.policy.forecast.min_sessions else []


def _forecast(
    slices: Sequence[SliceAnalytics],
    realised: RealisedVariance | None,
    bars: Sequence[DailyBar],
    frame: SessionFrame,
    desk: Desk,
) -> tuple[Forecast | None, str]:
    """(forecast to the nearest settlement with a density, else with a vol; why there is none)."""
    live = [part for part in slices if part.density is not None] or [
        part for part in slices if part.atm_vol is not None
    ]
    if not live:
        return None, "no_surface"
    span = live[0].chain.slice.observed_at, frame.endings[live[0].expiry].settlement_at
    ahead = forecast(bars, realised, frame.clock, span, implied_month(slices), desk.volatility)
    return (None, ahead.reason) if ahead.reason is not None else (ahead, "")
