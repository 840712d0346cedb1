"""The forecast: averages of daily range variance, the session so far and a 30-day implied variance, in one clock.

All variances are per clock unit (an average gap with a full session): daily ones are divided by the units between their
closes, today's realised variance by the units of its minutes. Weights are stored data (`parameters.toml`), a row a
horizon, and sum to one: the forecast of a constant variance is that variance, at any minute of any week.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar
from quantsentinel.volatility.clock import SESSION_MINUTES, SESSIONS_PER_YEAR, VarianceClock
from quantsentinel.volatility.convex import latest
from quantsentinel.volatility.parameters import ForecastWeights, GapWeights, Parameters, served
from quantsentinel.volatility.ranges import log_bars, range_variance
from quantsentinel.volatility.realised import RealisedVariance

Floats = NDArray[np.float64]
LAMBDA = 0.94
"""RiskMetrics (1996) daily decay."""
MIN_SESSIONS = 22
"""Fewer prior sessions: no forecast (`definitions.md` §4)."""
SHORT_MINUTES = 300.0
"""A shorter (special) session has no usual shape: its minutes count evenly."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the forecast was made of; they sum to one."""

    history: float
    today: float
    implied: float = 0.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """`annual_vol` (fraction, variance clock), `total_variance` from now to the end, `sigma_daily` per clock unit.

    `curve` holds (horizon in sessions, variance per unit), `interval` the annual vols between which the realised one
    fell on 90 % of the training days. NaN with a `reason` when there is no forecast.
    """

    annual_vol: float
    total_variance: float
    sigma_daily: float
    weights: Weights
    reason: str | None = None
    curve: tuple[tuple[float, float], ...] = ()
    interval: tuple[float, float] = (float("nan"), float("nan"))

    @property
    def is_known(self) -> bool:
        return self.reason is None

    def variance_over(self, units: float) -> float:
        """Total variance of the next `units` of the clock (not negative): linear in log horizon between the rows."""
        horizons, variances = zip(*self.curve, strict=True)
        return units * float(np.interp(math.log(max(units, 1e-9)), np.log(horizons), variances))


@dataclass(frozen=True, slots=True)
class Today:
    """The session so far: its variance per clock unit, and the share of a full session's variance that usually comes in
    the part of it that was seen, at most one. The first hour holds a third, a quiet hour at noon a tenth."""

    unit_variance: float = 0.0
    elapsed: float = 0.0


def ewma_variance(closes: ArrayLike, lam: float = LAMBDA) -> float:
    """Variance per session from daily closes in time order, all strictly before the day, (n,) points.

    Weights lam^i on squared log-returns, newest first, normalised to one; zero mean. Raises `BadInput` with fewer than
    two closes, a close that is not positive, or lam outside (0, 1).
    """
    prices = np.asarray(closes, dtype=np.float64)
    if prices.ndim != 1 or prices.size < 2 or not np.all(np.isfinite(prices) & (prices > 0)) or not 0 < lam < 1:
        raise BadInput("needs two or more positive closes and a decay in (0, 1)", where="ewma_variance")
    squares = np.diff(np.log(prices))[::-1] ** 2
    weights = lam ** np.arange(squares.size)
    return float(weights @ squares / np.sum(weights))


def forecast(
    bars: Sequence[DailyBar],
    today: RealisedVariance | None,
    clock: VarianceClock,
    span: tuple[datetime, datetime],
    implied: float | None = None,
    parameters: Parameters | None = None,
) -> Forecast:
    """Variance over `span`, from now to its end: unit variance at that horizon x clock units between them.

    `bars` are those of the sessions before today, oldest first. `today` is the session so far; None or unknown gives it
    no weight. `implied` is the chain's 30-day variance per clock unit; without it the history alone forecasts.
    `parameters` None: the packaged ones. Raises `BadInput` when the end lies before now or outside the clock, or for
    days that do not ascend.
    """
    now, end = span
    units = clock.units(now, end)
    if units < 0:
        raise BadInput("the forecast's end lies before its start", where="forecast")
    if any(later.day <= bar.day for bar, later in pairwise(bars)):
        raise BadInput("daily bars do not ascend", where="forecast")
    if len(bars) < MIN_SESSIONS:
        return _none("no_forecast_history")
    parameters = parameters or served()
    averages = unit_averages(bars, clock, parameters)
    if averages[-1] <= 0:
        return _none("prices_never_moved")
    so_far = session_so_far(today, clock, now, parameters)
    rows = [blend(row, averages, so_far, implied) for row in parameters.forecast]
    curve = tuple(
        (row.horizon_sessions, variance) for row, (variance, _) in zip(parameters.forecast, rows, strict=True)
    )
    return _at(units, curve, [weights for _, weights in rows], parameters)


def unit_averages(bars: Sequence[DailyBar], clock: VarianceClock, parameters: Parameters) -> Floats:
    """Daily range variance per clock unit over each trailing span, (len(spans),)."""
    return _unit_averages(Evening(tuple(bars), clock.overnight_share, clock.gap_weights, parameters.spans, clock))


@dataclass(frozen=True, slots=True)
class Evening:
    """All that the daily averages depend on; of the clock only its share and its weights."""

    bars: tuple[DailyBar, ...]
    overnight_share: float
    gap_weights: GapWeights
    spans: tuple[int, ...]
    clock: VarianceClock = field(compare=False)


@lru_cache(maxsize=16)
def _unit_averages(asked: Evening) -> Floats:
    """The same for every snapshot of a session, hence not to be written to."""
    units = asked.clock.close_to_close_units([bar.day for bar in asked.bars])
    averages = latest(range_variance(log_bars(asked.bars)), units, asked.spans)
    averages.setflags(write=False)
    return averages


def blend(row: ForecastWeights, averages: Floats, today: Today, implied: float | None) -> tuple[float, Weights]:
    """(variance per unit, what it was made of) of one horizon. Today's path takes its share of the history's weight,
    the implied month a share of its distance to the history: equal variances forecast themselves."""
    known = implied is not None and math.isfinite(implied) and implied > 0
    past = float(averages @ np.array(row.beside if known else row.alone))
    so_far = (row.today_beside if known else row.today_alone) * today.elapsed
    history = with_today(past, so_far, today)
    if not known or implied is None:
        return history, Weights(1 - so_far, so_far)
    share = row.implied_above if implied > history else row.implied_below
    variance = (1 - share) * history + share * implied
    return variance, Weights((1 - share) * (1 - so_far), (1 - share) * so_far, share)


def with_today(past: float, share: float, today: Today) -> float:
    """Variance per unit of which today's path makes `share`."""
    return (1 - share) * past + share * today.unit_variance


def _none(reason: str) -> Forecast:
    nan = float("nan")
    return Forecast(nan, nan, nan, Weights(0.0, 0.0), reason)


def session_so_far(
    today: RealisedVariance | None, clock: VarianceClock, now: datetime, parameters: Parameters
) -> Today:
    """Today's path ends at `now`. Nothing where it is unknown, or outside a session."""
    window = clock.session_at(now)
    if today is None or not today.is_known or window is None:
        return Today()
    since_open = (now - window[0]).total_seconds() / 60.0
    length = (window[1] - window[0]).total_seconds() / 60.0
    start = max(since_open - today.minutes, 0.0)
    if length < SHORT_MINUTES:
        share = today.minutes / SESSION_MINUTES
    else:
        share = diurnal_share(since_open, parameters) - diurnal_share(start, parameters)
    return Today(today.value / ((1 - clock.overnight_share) * share), min(share, 1.0)) if share > 0 else Today()


def diurnal_share(minutes: float, parameters: Parameters) -> float:
    """Of a full session's variance, by the minutes since its open; later ones (longer sessions) count evenly."""
    if minutes >= SESSION_MINUTES:
        return parameters.diurnal[-1] + (minutes - SESSION_MINUTES) / SESSION_MINUTES
    seen, step = max(minutes, 0.0), SESSION_MINUTES / len(parameters.diurnal)
    place = int(seen / step)
    before, after = parameters.diurnal[place - 1] if place else 0.0, parameters.diurnal[place]
    return before + (after - before) / step * (seen - place * step)


def _at(
    units: float, curve: tuple[tuple[float, float], ...], weights: Sequence[Weights], parameters: Parameters
) -> Forecast:
    """The forecast at a horizon between the rows; weights and interval go over as the variance does."""
    horizons, variances = zip(*curve, strict=True)
    at, knots = math.log(max(units, 1e-9)), np.log(horizons)

    def between(values: Sequence[float]) -> float:
        return float(np.interp(at, knots, values))

    variance = between(variances)
    annual = math.sqrt(variance * SESSIONS_PER_YEAR)
    low, high = (between([getattr(row, name) for row in parameters.forecast]) for name in ("low", "high"))
    return Forecast(
        annual_vol=annual,
        total_variance=variance * units,
        sigma_daily=math.sqrt(variance),
        weights=Weights(
            *(between([getattr(each, name) for each in weights]) for name in ("history", "today", "implied"))
        ),
        curve=curve,
        interval=(annual * math.exp(low / 2), annual * math.exp(high / 2)),
    )
