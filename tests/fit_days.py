"""A made-up index of ten years whose variance comes in clusters: what the fits of the clock and the forecast learn from
where no market data is at hand."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from quantsentinel.market.bars import DailyBar
from quantsentinel.volatility.fit_history import FitHistory

FIRST, SESSIONS, QUARTERS, STEPS = date(2015, 6, 1), 2400, 25, 8
SHARE = 0.33
CLOSED = 4.0


def trading_days(count: int) -> list[date]:
    """Weekdays without every 23rd one, so that each kind of gap occurs."""
    weekdays = (day for day in (FIRST + timedelta(days=n) for n in range(2 * count)) if day.weekday() < 5)
    return [day for n, day in enumerate(weekdays) if n % 23][:count]


def made_up(closed: float = CLOSED, seed: int = 7, persistence: float = 0.97) -> FitHistory:
    """A gap over closed days holds `closed` times the variance of another; a Budget session four ordinary ones."""
    random, days = np.random.default_rng(seed), trading_days(SESSIONS)
    level = np.zeros(SESSIONS)
    shocks = random.normal(0.0, 0.18, SESSIONS)
    for n in range(1, SESSIONS):
        level[n] = persistence * level[n - 1] + shocks[n]
    budgets = tuple(next(day for day in days if day >= date(year, 2, 1)) for year in range(2016, 2025))
    unit = 1e-4 * np.exp(level) * np.where([day in set(budgets) for day in days], 4.0, 1.0)
    steps = (
        random.normal(0.0, 1.0, (SESSIONS, QUARTERS * STEPS))
        * np.sqrt(unit * (1 - SHARE) / (QUARTERS * STEPS))[:, None]
    )
    apart = np.array([1.0, *[closed if (b - a).days > 1 else 1.0 for a, b in pairwise(days)]])
    gaps = random.normal(0.0, 1.0, SESSIONS) * np.sqrt(unit * SHARE * apart / np.mean(apart))
    inside = np.cumsum(steps, axis=1)
    opens = np.log(10_000.0) + np.cumsum(gaps) + np.concatenate(([0.0], np.cumsum(inside[:-1, -1])))
    paths = np.exp(np.column_stack([opens, opens[:, None] + inside]))
    bars = tuple(DailyBar(d, *map(float, (p[0], p.max(), p.min(), p[-1]))) for d, p in zip(days, paths, strict=True))
    vix = np.sqrt(252 * 1e-4 * np.exp(0.7 * level)) * 1.1
    return FitHistory(
        daily=bars,
        vix=dict(zip(days, vix.tolist(), strict=True)),
        quarters={d: tuple(p[::STEPS].tolist()) for d, p in zip(days[-1000:], paths[-1000:], strict=True)},
        events={"UNION_BUDGET": budgets},
    )
