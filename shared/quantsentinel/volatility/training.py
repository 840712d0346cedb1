"""Fits the forecast's weights and intervals on daily bars: what `parameters.toml` stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar
from quantsentinel.volatility.clock import OVERNIGHT_SHARE, VarianceClock
from quantsentinel.volatility.convex import FLOOR, ahead, fit_simplex, trailing
from quantsentinel.volatility.parameters import GapWeights
from quantsentinel.volatility.ranges import log_bars, range_variance
from quantsentinel.volatility.scores import qlike

Floats = NDArray[np.float64]
TAILS = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class DailySample:
    """One row a session after the first, (n,): close-to-close log-return, squared gap, variance with the gap by the
    range, clock units, and the volatility index's variance per unit (NaN where there is none)."""

    days: tuple[date, ...]
    returns: Floats
    gaps: Floats
    ranged: Floats
    units: Floats
    implied: Floats

    @property
    def squared(self) -> Floats:
        return np.asarray(self.returns**2)

    def before(self, end: date) -> DailySample:
        """The sessions up to `end`, that day included."""
        n = sum(day <= end for day in self.days)
        columns = (self.returns, self.gaps, self.ranged, self.units, self.implied)
        return DailySample(self.days[:n], *(column[:n] for column in columns))


def daily_sample(bars: Sequence[DailyBar], clock: VarianceClock, implied_vol: dict[date, float]) -> DailySample:
    """`implied_vol` is annual (0.12), by day. Raises `BadInput` with fewer than two bars."""
    if len(bars) < 2:
        raise BadInput(f"{len(bars)} bars, needs two", where="daily_sample")
    days = [bar.day for bar in bars]
    prices = log_bars(bars)
    implied = np.array([implied_vol.get(day, np.nan) for day in days[1:]]) ** 2 / 252.0
    units = clock.close_to_close_units(days)
    gaps = (prices.open[1:] - prices.close[:-1]) ** 2
    return DailySample(tuple(days[1:]), np.diff(prices.close), gaps, range_variance(prices), units, implied)


def range_scale(sample: DailySample, random: np.random.Generator, draws: int = 1000) -> tuple[float, float, float]:
    """Close-to-close variance over range variance with its 95 % bootstrap interval: one where ranges need no scale."""
    every = np.arange(sample.squared.size)
    drawn = [random.choice(every, every.size) for _ in range(draws)]
    ratios = [np.sum(sample.squared[rows]) / np.sum(sample.ranged[rows]) for rows in drawn]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(np.sum(sample.squared) / np.sum(sample.ranged)), float(low), float(high)


@dataclass(frozen=True, slots=True)
class HorizonFit:
    """Weights of the history alone and beside the implied variance, the `leans` towards it from below and from above,
    quantiles of log(realised / forecast)."""

    alone: Floats
    beside: Floats
    leans: tuple[float, float]
    low: float
    high: float
    n: int


def fit_horizon(sample: DailySample, spans: Sequence[int], horizon: int) -> HorizonFit:
    """Over the sessions whose whole horizon lies inside the sample. Raises `BadInput` with too few of them.

    `beside` are the history's weights in a simplex with the implied variance, scaled to one; the two leans are then
    those of least QLIKE.
    """
    x = trailing(sample.ranged, sample.units, spans)
    y = ahead(sample.ranged, sample.units, horizon)
    known = np.isfinite(x).all(axis=1) & np.isfinite(y)
    both = known & np.isfinite(sample.implied)
    alone = fit_simplex(x[known], y[known])
    together = fit_simplex(np.column_stack([x, sample.implied])[both], y[both])
    beside = together[:-1] / np.sum(together[:-1])
    past, implied, outcome = x[both] @ beside, sample.implied[both], y[both]
    leans = fit_leans(past, implied, outcome)
    errors = np.log(np.maximum(outcome, FLOOR) / leaning(past, implied, leans))
    low, high = (float(value) for value in np.quantile(errors, TAILS))
    return HorizonFit(alone, beside, leans, low, high, int(np.sum(both)))


def leaning(past: Floats, implied: Floats, leans: tuple[float, float]) -> Floats:
    """past + lean · (implied - past), the first lean where the implied variance lies above, the second where below."""
    return np.asarray(past + np.where(implied > past, *leans) * (implied - past))


def fit_leans(past: Floats, implied: Floats, outcome: Floats) -> tuple[float, float]:
    """The pair in [0, 1], to 0.05, with the least QLIKE; a side with no row leans not at all.

    Each lean has its own rows, so the two searches do not touch one another.
    """
    grid = np.linspace(0.0, 1.0, 21)
    found = []
    for rows in (implied > past, implied <= past):
        losses = [np.sum(qlike(outcome[rows], past[rows] + lean * (implied - past)[rows])) for lean in grid]
        found.append(float(grid[int(np.argmin(losses))]))
    return found[0], found[1]


def served_clock(weights: GapWeights | None = None) -> VarianceClock:
    """A clock for daily units alone: it covers one moment, and weighs days by what is served, or by `weights`."""
    start = datetime(2000, 1, 3, 3, 45, tzinfo=UTC)
    return VarianceClock([(start, start + timedelta(hours=6.25))], OVERNIGHT_SHARE, weights)


@dataclass(frozen=True, eq=False)
class IntradaySample:
    """Squared log-returns inside full sessions, (n, bars): the first from the open, and the day of each row."""

    days: tuple[date, ...]
    squares: Floats


def fit_diurnal(intraday: IntradaySample) -> Floats:
    """Mean over days of the share of the session's variance gained by the end of each bar, (bars,); one at the end."""
    shares = intraday.squares / intraday.squares.sum(axis=1, keepdims=True)
    return np.asarray(np.cumsum(np.mean(shares, axis=0)))


@dataclass(frozen=True, eq=False)
class Moments:
    """Forecasts and outcomes at several times of many days, (n,): unit variances of the history, of the session so far
    and implied; `elapsed` share of the session's usual variance; `realised` per unit over what was left of the session
    and the sessions after."""

    past: Floats
    so_far: Floats
    implied: Floats
    elapsed: Floats
    realised: Floats


def moments(
    daily: DailySample, intraday: IntradaySample, past: Floats, sessions_after: int, usual: Mapping[int, float]
) -> Moments:
    """After each count of bars of each day, with the share of variance that usually comes by then (`usual`).

    `past` (n,) is the history's unit variance known after each daily row; the implied one is that of the evening
    before. Outcomes of the sessions after are the bars' own, with their gaps; days without a row before them or bars
    after them are left out.
    """
    at = {day: n for n, day in enumerate(daily.days)}
    outcome = {day: float(np.sum(row)) + daily.gaps[at[day]] for day, row in _known(intraday, at)}
    rows = []
    whole = (1 - OVERNIGHT_SHARE) / intraday.squares.shape[1]
    for day, squares in zip(intraday.days, intraday.squares, strict=True):
        n = at.get(day, 0)
        later = daily.days[n + 1 : n + 1 + sessions_after]
        if not n or len(later) < sessions_after or any(each not in outcome for each in later):
            continue
        after = sum(outcome[each] for each in later), float(np.sum(daily.units[n + 1 : n + 1 + sessions_after]))
        for count, share in usual.items():
            units = whole * (squares.size - count) + after[1]
            rest = float(np.sum(squares[count:])) + after[0]
            so_far = float(np.sum(squares[:count])) / ((1 - OVERNIGHT_SHARE) * share)
            rows.append((past[n - 1], so_far, daily.implied[n - 1], share, rest / units))
    table = np.array(rows)
    return Moments(*table[np.isfinite(table).all(axis=1)].T)


def _known(intraday: IntradaySample, at: dict[date, int]) -> Iterator[tuple[date, Floats]]:
    """Rows of days that the daily bars have too."""
    pairs = zip(intraday.days, intraday.squares, strict=True)
    return ((day, squares) for day, squares in pairs if day in at)


def fit_today(sample: Moments, leans: tuple[float, float]) -> float:
    """The weight in [0, 1], to 0.01, of today's path at the close with the least QLIKE; it grows with the session."""
    grid = np.linspace(0.0, 1.0, 101)
    losses = [today_loss(sample, float(weight), leans) for weight in grid]
    return float(grid[int(np.argmin(losses))])


def today_loss(sample: Moments, weight: float, leans: tuple[float, float]) -> float:
    """Mean QLIKE with that weight of today's path at the close."""
    so_far = weight * sample.elapsed
    history = (1 - so_far) * sample.past + so_far * sample.so_far
    return float(np.mean(qlike(sample.realised, leaning(history, sample.implied, leans))))
