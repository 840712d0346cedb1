"""The index before and on the day: Heston variance with compensated jumps, in the variance clock.

The core of the index is a martingale M; the index is M times the carry over calendar time, so that each expiry's
forward, M times a constant, is a martingale too.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import Session
from quantsentinel.simulator.config import Dynamics
from quantsentinel.volatility.clock import VarianceClock

Floats = NDArray[np.float64]

STEP_S: Final = 5.0
BAR_STEPS: Final = 25
"""Steps of a session of the history, enough for its high and low."""
SECONDS_PER_YEAR: Final = 365.0 * 86_400.0
INDEX_TICK: Final = 0.05


@dataclass(frozen=True, slots=True)
class Streams:
    """Random streams of one simulated day: `market` is shared by every underlying of a seed, the others are not."""

    market: np.random.Generator
    own: np.random.Generator
    surface: np.random.Generator
    quotes: np.random.Generator
    flow: np.random.Generator


def streams(seed: int, underlying: str, ordinal: int) -> Streams:
    """Independent PCG64 streams for (seed, underlying, day)."""
    name = zlib.crc32(underlying.encode())

    def stream(*key: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, ordinal, *key])))

    return Streams(stream(0), *(stream(part, name) for part in range(1, 5)))


@dataclass(frozen=True, slots=True)
class Walk:
    """`log_return` of the martingale core in each step and the diffusive `variance` before it, both (n_steps,)."""

    log_return: Floats
    variance: Floats
    last_variance: float


def initial_variance(moves: Dynamics, random: Streams) -> float:
    """A draw from the stationary (gamma) law of the variance."""
    shape = 1.0 / max(moves.variance_dispersion, 1e-6) ** 2
    return float(moves.diffusive_variance * random.market.gamma(shape) / shape)


def walk(moves: Dynamics, start_variance: float, dt: Floats, activity: Floats, random: Streams) -> Walk:
    """Heston with full truncation and compound Poisson jumps; `dt` in clock years, `activity` scales return variance.

    Each return is conditionally centred (E[exp(return)] = 1), so the core is a martingale at any step size.
    """
    steps = len(dt)
    z_price = _mixed(moves.market_correlation, steps, random)
    z_own = random.own.standard_normal(steps)
    z_variance = moves.leverage * z_price + np.sqrt(1 - moves.leverage**2) * z_own
    variance, last = _variance(moves, start_variance, dt, z_variance)
    count = random.market.poisson(moves.jumps_per_year * dt * activity)
    jump = count * moves.jump_mean + np.sqrt(count) * moves.jump_sd * random.market.standard_normal(steps)
    mean_jump = np.expm1(moves.jump_mean + 0.5 * moves.jump_sd**2)
    step_variance = variance * dt * activity
    centred = -0.5 * step_variance - moves.jumps_per_year * dt * activity * mean_jump
    return Walk(np.sqrt(step_variance) * z_price + jump + centred, variance, last)


def _mixed(correlation: float, steps: int, random: Streams) -> Floats:
    common, own = random.market.standard_normal(steps), random.own.standard_normal(steps)
    return np.asarray(correlation * common + np.sqrt(1 - correlation**2) * own, dtype=np.float64)


def _variance(moves: Dynamics, start: float, dt: Floats, shocks: Floats) -> tuple[Floats, float]:
    mean, speed = moves.diffusive_variance, moves.reversion
    noise = moves.variance_dispersion * np.sqrt(2 * speed * mean) * np.sqrt(dt) * shocks
    out, now = [], start
    for pull, shock in zip((speed * dt).tolist(), noise.tolist(), strict=True):
        positive = max(now, 0.0)
        out.append(positive)
        now += pull * (mean - positive) + positive**0.5 * shock
    return np.array(out), max(now, 0.0)


def intraday_activity(elapsed: Floats) -> Floats:
    """Relative return variance by elapsed share of the session, mean 1: high at the open, a rise into the close."""
    shape = 0.75 + 1.8 * np.exp(-elapsed / 0.05) + 0.7 * elapsed**8
    return np.asarray(shape / shape.mean(), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class DayPath:
    """The day at `STEP_S` resolution: `core` and `variance` are (n_steps + 1,), `core[0]` is the open."""

    open: datetime
    core: Floats
    variance: Floats
    daily: tuple[DailyBar, ...]

    def step(self, at: datetime) -> int:
        """The last step at or before `at`."""
        return min(max(int((at - self.open).total_seconds() // STEP_S), 0), len(self.core) - 1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The sessions that matter: `past` ends the day before `today`; `carry` is the index's drift a calendar year."""

    past: Sequence[Session]
    today: Session
    clock: VarianceClock
    carry: float

    def growth(self, start: datetime, end: datetime) -> float:
        return float(np.exp(self.carry * (end - start).total_seconds() / SECONDS_PER_YEAR))


def simulate_path(moves: Dynamics, level: float, calendar: Calendar, random: Streams) -> DayPath:
    """History and day in one walk of the same variance; scaled so that the index closed at `level` the day before."""
    clock, past, today = calendar.clock, calendar.past, calendar.today
    dt = _history_steps(calendar)
    before = walk(moves, initial_variance(moves, random), dt, np.ones_like(dt), random)
    core = np.exp(np.cumsum(before.log_return)).reshape(len(past) - 1, BAR_STEPS + 1)
    core /= core[-1, -1]
    daily = tuple(_bar(session, row * level, calendar) for session, row in zip(past[1:], core, strict=True))
    gap = np.array([clock.variance_years(past[-1].close, today.open)])
    night = walk(moves, before.last_variance, gap, np.ones(1), random)
    seconds = np.arange(int((today.close - today.open).total_seconds() // STEP_S), dtype=np.float64) * STEP_S
    shares = _shares(today, seconds)
    day_dt = clock.variance_years(today.open, today.close) * shares
    activity = intraday_activity(seconds / (seconds[-1] + STEP_S))
    inside = walk(moves, night.last_variance, day_dt, activity, random)
    path = np.exp(night.log_return[0] + np.concatenate(([0.0], np.cumsum(inside.log_return))))
    return DayPath(today.open, level * path, np.append(inside.variance, inside.last_variance), daily)


def _history_steps(calendar: Calendar) -> Floats:
    """Clock years of each step: night and `BAR_STEPS` equal parts of the session, for all past sessions but one."""
    clock, steps = calendar.clock, []
    for previous, session in zip(calendar.past, calendar.past[1:], strict=False):
        inside = clock.variance_years(session.open, session.close) / BAR_STEPS
        steps.append([clock.variance_years(previous.close, session.open), *[inside] * BAR_STEPS])
    return np.array(steps).ravel()


def _shares(session: Session, seconds: Floats) -> Floats:
    """Each step's share of the session's variance: zero in a break between two windows of one session."""
    traded = np.zeros_like(seconds)
    for start, end in session.windows:
        low, high = ((edge - session.open).total_seconds() for edge in (start, end))
        traded += np.clip(np.minimum(seconds + STEP_S, high) - np.maximum(seconds, low), 0.0, None)
    return np.asarray(traded / traded.sum(), dtype=np.float64)


def _bar(session: Session, core: Floats, calendar: Calendar) -> DailyBar:
    """The core at the open and at each step's end, as the index of that session."""
    span = session.close - session.open
    reference = calendar.past[-1].close
    times = [session.open + span * part / BAR_STEPS for part in range(BAR_STEPS + 1)]
    index = core * np.array([calendar.growth(reference, at) for at in times])
    points = np.round(index / INDEX_TICK) * INDEX_TICK
    first, top, bottom, last = (round(float(value), 2) for value in (points[0], points.max(), points.min(), points[-1]))
    return DailyBar(day=session.day, open=first, high=top, low=bottom, close=last)


def snapshot_times(session: Session, interval_s: float) -> tuple[datetime, ...]:
    """Collection times: from half a minute after each window's open, to a minute before its close."""
    times: list[datetime] = []
    for start, end in session.windows:
        first, last = start + timedelta(seconds=30), end - timedelta(seconds=60)
        count = int((last - first).total_seconds() // interval_s) + 1
        times.extend(first + timedelta(seconds=interval_s * step) for step in range(max(count, 0)))
    return tuple(times)
