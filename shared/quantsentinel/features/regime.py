"""The market's regime: how much it moves, whether it goes somewhere, and whether its options agree with its history.

Hysteresis needs a past, and the past is the history that came with the snapshot: every daily bar, then the day's rows,
the first of every five minutes. Two snapshots in a row therefore stand on the same past but for what came between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantsentinel.circumstances import VOL_LEVELS, RegimePolicy, VolBands
from quantsentinel.desk import Desk
from quantsentinel.features.analytics import MarketAnalytics
from quantsentinel.features.path import quoted_at_money
from quantsentinel.features.summary import FORWARD_DIGITS
from quantsentinel.features.timeline import SessionFrame
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.history import History
from quantsentinel.units import quantise
from quantsentinel.volatility.clock import SESSIONS_PER_YEAR, VarianceClock
from quantsentinel.volatility.forecast import MIN_SESSIONS, Today, blend, session_so_far, with_today
from quantsentinel.volatility.parameters import ForecastWeights, Parameters
from quantsentinel.volatility.ranges import log_bars, range_variance
from quantsentinel.volatility.realised import MIN_MINUTES, RealisedVariance

Floats = NDArray[np.float64]
GRID_S = 300.0
"""The day's rows are looked at once in five minutes: the first of each, so that later ones change nothing."""


@dataclass(frozen=True, slots=True)
class Regime:
    """`level` is that of the vol, one higher while `strained`: the near implied vol is far from the forecast.

    `forecast_vol` is annual, from history and today's path alone; `trend_sds` the move of the last sessions in its own
    standard deviations. Level and trend are None with a `reason` when it is not known.
    """

    level: str | None = None
    trend: str | None = None
    strained: bool = False
    forecast_vol: float | None = None
    implied_over_forecast: float | None = None
    trend_sds: float | None = None
    reason: str = ""

    @property
    def name(self) -> str | None:
        return None if self.level is None or self.trend is None else f"{self.level}_{self.trend}"


class State(NamedTuple):
    """What hysteresis remembers: place in `VOL_LEVELS`, and two that are on or off."""

    level: int
    trending: bool
    strained: bool = False


class Look(NamedTuple):
    """One look at the market: annual vol, move in standard deviations, near implied vol over the forecast."""

    vol: float
    sds: float
    ratio: float | None = None


class Point(NamedTuple):
    """The day's path: time, a forward in points, the near implied vol."""

    at: datetime
    forward: float
    implied: float | None


def regime_of(analytics: MarketAnalytics, history: History, frame: SessionFrame, desk: Desk) -> Regime:
    """Of one snapshot; what cannot be known about it is named instead."""
    policy, bands = desk.policy.regime, desk.policy.regime.vol_annual.get(analytics.underlying)
    bars = [bar for bar in history.daily if bar.day < history.session]
    grid, now = _path(analytics, history)
    missing = {
        "no_vol_bands": bands is None,
        "no_forecast_history": len(bars) < max(MIN_SESSIONS, policy.trend_sessions + 2),
        "no_forward": now is None,
        "no_near_vol": now is not None and now.implied is None,
    }
    reason = next((name for name, is_missing in missing.items() if is_missing), "")
    if reason or bands is None or now is None:
        return Regime(reason=reason)
    days, start = _evening(Evening(tuple(bars), analytics.underlying, desk.digest, frame.clock, desk))
    looks = _today(days, [*grid, now], frame.clock, desk)
    if start is None or not all(_is_sound(look) for look in looks):
        return Regime(reason="prices_never_moved")
    remembered = looks if _is_new(grid, now) else looks[:-1]
    return _named(states(remembered, bands, policy, start)[-1], looks[-1])


def _is_sound(look: Look) -> bool:
    return math.isfinite(look.vol) and look.vol > 0


def _named(state: State, look: Look) -> Regime:
    level = min(state.level + state.strained, len(VOL_LEVELS) - 1)
    return Regime(
        level=VOL_LEVELS[level],
        trend="trending" if state.trending else "ranging",
        strained=state.strained,
        forecast_vol=look.vol,
        implied_over_forecast=look.ratio,
        trend_sds=look.sds,
    )


# --- Hysteresis -------------------------------------------------------------------------------------------------------
def states(looks: Sequence[Look], bands: VolBands, policy: RegimePolicy, start: State | None = None) -> list[State]:
    """The state after each look, oldest first; without a `start` the first look stands where most of its band lies."""
    state = start or State(int(looks[0].vol >= bands.calm_leave) + int(looks[0].vol >= bands.stressed_enter), False)
    found: list[State] = []
    for look in looks:
        state = stepped(state, look, bands, policy)
        found.append(state)
    return found


def stepped(state: State, look: Look, bands: VolBands, policy: RegimePolicy) -> State:
    """One look further: a state is entered beyond its outer limit and left inside its inner one."""
    lowest = int(look.vol >= bands.calm_leave) + int(look.vol >= bands.stressed_enter)
    highest = int(look.vol >= bands.calm_enter) + int(look.vol >= bands.stressed_leave)
    level = min(max(state.level, lowest), highest)
    trending = look.sds >= (policy.trend_leave if state.trending else policy.trend_enter)
    return State(level, trending, _strained(state, look.ratio, policy))


def _strained(state: State, ratio: float | None, policy: RegimePolicy) -> bool:
    if ratio is None:
        return state.strained
    high = policy.fear_leave if state.strained else policy.fear_enter
    low = policy.cheap_leave if state.strained else policy.cheap_enter
    return ratio >= high or ratio <= low


# --- The past: daily bars ---------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Days:
    """Daily bars as variances and clock units per session after the first, (n,), and log closes, (n + 1,)."""

    variance: Floats
    units: Floats
    close: Floats
    parameters: Parameters
    weights: ForecastWeights
    policy: RegimePolicy

    @staticmethod
    def of(bars: Sequence[DailyBar], clock: VarianceClock, desk: Desk) -> Days:
        weights = desk.volatility.nearest(desk.policy.regime.horizon_sessions)
        prices = log_bars(bars)
        units = clock.close_to_close_units([bar.day for bar in bars])
        return Days(range_variance(prices), units, prices.close, desk.volatility, weights, desk.policy.regime)

    def averages(self, extra: Floats | None = None) -> Floats:
        """Variance per unit over the forecast's spans, a span longer than the history taking what there is: after
        every session (n, spans); with `extra` (m,) after one more session of each of these variances (m, spans)."""
        total, units = (np.concatenate(([0.0], np.cumsum(values))) for values in (self.variance, self.units))
        if extra is None:
            ends = np.arange(1, len(total))[:, None]
            starts = np.maximum(ends - np.array(self.parameters.spans), 0)
            return np.asarray((total[ends] - total[starts]) / (units[ends] - units[starts]))
        starts = np.maximum(len(total) - np.array(self.parameters.spans), 0)
        return np.asarray((total[-1] - total[starts] + extra[:, None]) / (units[-1] - units[starts] + 1.0))

    @worked_out
    def past(self) -> float:
        """Variance per unit that these sessions alone forecast."""
        return blend(self.weights, self.averages()[-1], Today(), None)[0]

    def looks(self) -> list[Look]:
        """One after every session that has a whole trend behind it."""
        back = self.policy.trend_sessions
        unit_variance = self.averages() @ np.array(self.weights.alone)
        moves = np.abs(self.close[back:] - self.close[:-back])
        return _looks(unit_variance[back - 1 :], moves, back)


@dataclass(frozen=True, slots=True)
class Evening:
    """What the state before the session depends on; the desk by its digest, which holds the clock's weights too."""

    bars: tuple[DailyBar, ...]
    underlying: str
    desk_digest: str
    clock: VarianceClock = field(compare=False)
    desk: Desk = field(compare=False)


@lru_cache(maxsize=8)
def _evening(asked: Evening) -> tuple[Days, State | None]:
    """The daily bars and the state they leave, the same for every snapshot of a session; None where they never move."""
    policy = asked.desk.policy.regime
    days = Days.of(asked.bars, asked.clock, asked.desk)
    looks = days.looks()
    if not all(_is_sound(look) for look in looks):
        return days, None
    return days, states(looks, policy.vol_annual[asked.underlying], policy)[-1]


def _looks(unit_variance: Floats, moves: Floats, sessions: int, implied: Sequence[float | None] = ()) -> list[Look]:
    """From variance per unit and absolute log moves over `sessions`, (n,), quantised: they meet limits."""
    vols = np.sqrt(unit_variance * SESSIONS_PER_YEAR)
    sds = np.divide(moves, np.sqrt(unit_variance * sessions), out=np.zeros_like(moves), where=unit_variance > 0)
    near = implied or [None] * len(vols)
    return [
        Look(quantise(vol), quantise(move), None if vol <= 0 or iv is None else quantise(iv / vol))
        for vol, move, iv in zip(vols.tolist(), sds.tolist(), near, strict=True)
    ]


# --- The day so far ---------------------------------------------------------------------------------------------------
def _today(days: Days, path: Sequence[Point], clock: VarianceClock, desk: Desk) -> list[Look]:
    """One look at each point: the higher of the forecast with today's path in it, and of the one that tonight would
    give if nothing more happened today. The second knows the gap since the close, and goes over into tomorrow's."""
    prices = np.log([point.forward for point in path])
    inside = np.concatenate(([0.0], np.cumsum(np.diff(prices) ** 2)))
    tonight = days.averages((prices[0] - days.close[-1]) ** 2 + inside) @ np.array(days.weights.alone)
    so_far = (session_so_far(_realised(path, n, inside), clock, path[n].at, desk.volatility) for n in range(len(path)))
    blended = [with_today(days.past, days.weights.today_alone * today.elapsed, today) for today in so_far]
    unit_variance = np.maximum(tonight, blended)
    back = days.policy.trend_sessions
    return _looks(unit_variance, np.abs(prices - days.close[-back]), back, [point.implied for point in path])


def _realised(path: Sequence[Point], n: int, inside: Floats) -> RealisedVariance | None:
    """Of the path up to point `n`; None while it is too short to say anything."""
    minutes = (path[n].at - path[0].at).total_seconds() / 60.0
    return RealisedVariance(float(inside[n]), minutes, n) if minutes >= MIN_MINUTES else None


def _path(analytics: MarketAnalytics, history: History) -> tuple[list[Point], Point | None]:
    """(the first of every five minutes of the day's rows, this snapshot) along one expiry's forward: the nearest that
    does not end today, so that it is the same all day."""
    live = [part for part in analytics.slices if part.forward is not None and not part.times.reason]
    part = next((each for each in live if each.expiry > analytics.session), live[0] if live else None)
    if part is None or part.forward is None:
        return [], None
    key = part.expiry.isoformat()
    now = Point(analytics.observed_at, round(part.forward, FORWARD_DIGITS), _near_vol(analytics))
    grid: list[Point] = []
    last = -math.inf
    for row in history.rows:
        forward, stretch = row.forwards.get(key, 0.0), _stretch(row.observed_at)
        if forward > 0 and stretch > last and row.observed_at <= now.at:
            grid.append(Point(row.observed_at, forward, row.atm_vol))
            last = stretch
    return grid, now


def _near_vol(analytics: MarketAnalytics) -> float | None:
    vol = quoted_at_money(analytics)
    return None if vol is None else quantise(vol)


def _is_new(grid: Sequence[Point], point: Point) -> bool:
    """Whether it begins the next stretch of the grid."""
    return not grid or _stretch(point.at) > _stretch(grid[-1].at)


def _stretch(at: datetime) -> float:
    return at.timestamp() // GRID_S
