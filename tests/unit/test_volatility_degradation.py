"""Is the served forecast still better than a plain average? Judged out of sample, on daily bars alone."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest

from quantsentinel.market.bars import DailyBar
from quantsentinel.volatility.degradation import BASELINE_SESSIONS, JUDGED_SESSIONS, qlike_ratio
from quantsentinel.volatility.parameters import served

LEAST = JUDGED_SESSIONS + BASELINE_SESSIONS + 1


def bars(vols: np.ndarray) -> list[DailyBar]:
    """A bar a weekday whose range shows its daily vol exactly (Parkinson), without a gap or a drift."""
    days, day = [], date(2024, 1, 1)
    while len(days) < len(vols):
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    reach = vols * math.sqrt(math.log(2.0))
    return [
        DailyBar(day, 100.0, 100.0 * math.exp(r), 100.0 * math.exp(-r), 100.0)
        for day, r in zip(days, reach.tolist(), strict=True)
    ]


def test_below_the_least_history_it_is_not_known() -> None:
    vols = np.resize([0.01, 0.012, 0.008], LEAST)
    assert qlike_ratio(bars(vols[:-1]), served()) is None
    assert qlike_ratio(bars(vols), served()) is not None


def test_where_vol_comes_in_clusters_the_forecast_beats_the_average() -> None:
    steps = np.random.default_rng(3).normal(0.0, 0.12, 400)
    level = np.zeros(400)
    for n in range(1, 400):
        level[n] = 0.97 * level[n - 1] + steps[n]
    found = qlike_ratio(bars(0.01 * np.exp(level)), served())
    assert found is not None
    assert found < 0.9


def test_where_every_day_undoes_the_last_the_forecast_is_worse_than_the_average() -> None:
    found = qlike_ratio(bars(np.resize([0.005, 0.02], 400)), served())
    assert found is not None
    assert found > 1.0


def test_it_looks_at_the_last_sessions_only() -> None:
    vols = 0.01 * np.exp(np.random.default_rng(5).normal(0.0, 0.3, 700))
    whole = qlike_ratio(bars(vols), served())
    days = bars(vols)
    assert qlike_ratio(days[-(JUDGED_SESSIONS + max(served().spans) + 1) :], served()) == pytest.approx(whole, rel=1e-9)
