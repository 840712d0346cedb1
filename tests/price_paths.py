"""Price paths and bars whose variance is known, for tests of the volatility layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np

from quantsentinel.market.bars import DailyBar
from quantsentinel.volatility.clock import SESSIONS_PER_YEAR, VarianceClock

PARKINSON = 4.0 * math.log(2.0)


def constant_bars(days: Sequence[date], vol: float, clock: VarianceClock) -> list[DailyBar]:
    """Bars of constant annual `vol` in the clock: each gap and each range is exactly as large as its units say."""
    unit = vol**2 / SESSIONS_PER_YEAR
    inside = (1 - clock.overnight_share) * np.array([clock.gap_weights.session(day) for day in days])
    gaps = np.concatenate(([0.0], clock.close_to_close_units(days) - inside[1:]))
    opens = math.log(24_000.0) + np.cumsum(np.sqrt(unit * gaps) * np.resize([1.0, -1.0], len(days)))
    half = np.sqrt(unit * inside * PARKINSON) / 2
    return [
        DailyBar(day, math.exp(o), math.exp(o + h), math.exp(o - h), math.exp(o))
        for day, o, h in zip(days, opens, half, strict=True)
    ]


def diffusion(random: np.random.Generator, n: int, variance: float, start: float = 24_000.0) -> np.ndarray:
    """(n + 1,) prices of a driftless walk whose log has `variance` in all."""
    steps = random.standard_normal(n) * math.sqrt(variance / n)
    return start * np.exp(np.concatenate(([0.0], np.cumsum(steps))))
