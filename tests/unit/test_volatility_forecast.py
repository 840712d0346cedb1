"""Forecast v1: EWMA by hand, the blend, the overnight share, abstention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.volatility.clock import OVERNIGHT_SHARE, VarianceClock
from quantsentinel.volatility.forecast import MAX_TODAY_WEIGHT, MIN_SESSIONS, ewma_variance, forecast
from quantsentinel.volatility.realised import RealisedVariance

DAY = datetime(2025, 8, 25, tzinfo=UTC)
SESSIONS = [
    (DAY + timedelta(days=d, hours=3, minutes=45), DAY + timedelta(days=d, hours=10)) for d in (0, 1, 2, 3, 4, 7, 8)
]
CLOCK = VarianceClock(SESSIONS)
NOON = SESSIONS[1][0] + timedelta(minutes=187.5)
END = SESSIONS[5][1]
CLOSES = 24_000 * np.exp(np.cumsum(np.resize([0.01, -0.01], 60)))  # one per cent a session


def test_the_ewma_weighs_squared_returns_by_powers_of_lambda_newest_first() -> None:
    closes = [100.0, 101.0, 99.0, 102.0]
    squares = [np.log(102 / 99) ** 2, np.log(99 / 101) ** 2, np.log(101 / 100) ** 2]
    by_hand = (squares[0] + 0.94 * squares[1] + 0.94**2 * squares[2]) / (1 + 0.94 + 0.94**2)
    assert ewma_variance(closes) == pytest.approx(by_hand, rel=1e-12)


def test_without_todays_path_the_forecast_is_the_ewma_times_the_clock() -> None:
    found = forecast(CLOSES, None, CLOCK, NOON, END)
    assert found.is_known
    assert found.sigma_daily == pytest.approx(0.01, rel=1e-9)
    assert found.annual_vol == pytest.approx(0.01 * np.sqrt(252), rel=1e-9)
    sessions = 4 + (1 - OVERNIGHT_SHARE) / 2
    assert found.total_variance == pytest.approx(1e-4 * sessions, rel=1e-9)
    assert (found.weights.daily_ewma, found.weights.today) == (1.0, 0.0)


def test_todays_variance_counts_by_the_elapsed_share_of_the_session() -> None:
    minutes = 187.5
    today = RealisedVariance(value=4e-4 * (1 - OVERNIGHT_SHARE) * 0.5, minutes=minutes, n=100)
    found = forecast(CLOSES, today, CLOCK, NOON, END)
    assert found.weights.today == pytest.approx(MAX_TODAY_WEIGHT * 0.5)
    assert found.sigma_daily**2 == pytest.approx(0.75 * 1e-4 + 0.25 * 4e-4, rel=1e-9)


def test_a_day_as_volatile_as_the_past_does_not_move_the_forecast() -> None:
    for minutes in (40.0, 200.0, 375.0):
        today = RealisedVariance(1e-4 * (1 - OVERNIGHT_SHARE) * minutes / 375, minutes, 50)
        assert forecast(CLOSES, today, CLOCK, NOON, END).annual_vol == pytest.approx(0.01 * np.sqrt(252), rel=1e-9)


def test_an_unknown_path_has_no_weight() -> None:
    unknown = RealisedVariance(float("nan"), 12.0, 0, reason="too_few_observations")
    assert forecast(CLOSES, unknown, CLOCK, NOON, END) == forecast(CLOSES, None, CLOCK, NOON, END)


@pytest.mark.parametrize(
    ("n", "reason"), [(0, "no_forecast_history"), (MIN_SESSIONS - 1, "no_forecast_history"), (MIN_SESSIONS, None)]
)
def test_it_abstains_below_twenty_two_sessions(n: int, reason: str | None) -> None:
    found = forecast(CLOSES[:n], None, CLOCK, NOON, END)
    assert found.reason == reason
    assert np.isnan(found.annual_vol) == (reason is not None)
    assert found.is_known == (reason is None)


def test_prices_that_never_moved_give_no_forecast() -> None:
    assert forecast(np.full(60, 100.0), None, CLOCK, NOON, END).reason == "prices_never_moved"


def test_an_end_before_now_and_closes_that_are_not_prices_are_refused() -> None:
    with pytest.raises(BadInput, match="before its start"):
        forecast(CLOSES, None, CLOCK, END, NOON)
    for closes in ([100.0], [100.0, 0.0], [100.0, float("nan")]):
        with pytest.raises(BadInput):
            ewma_variance(closes)
    with pytest.raises(BadInput):
        ewma_variance(CLOSES, lam=1.0)


@pytest.mark.marketdata
def test_on_ten_years_of_nifty_the_ewma_is_neither_far_too_high_nor_too_low(marketdata: Path) -> None:
    """Next-day squared return over forecast on 2,000 days; by QLIKE better than the mean of all the past."""
    closes = pl.read_csv(marketdata / "daily/nifty_2016_2026/data__nifty_daily.csv")["close"].to_numpy()
    squares = np.diff(np.log(closes)) ** 2
    days = range(250, len(closes) - 1)
    ewma = np.array([ewma_variance(closes[max(0, day - 250) : day + 1]) for day in days])
    past = np.array([squares[:day].mean() for day in days])
    after = squares[250:]
    assert len(days) > 2000
    assert np.mean(after / ewma) == pytest.approx(1.0, abs=0.25)
    floor = 1e-8
    qlike = [np.mean(np.maximum(after, floor) / v - np.log(np.maximum(after, floor) / v)) for v in (ewma, past)]
    assert qlike[0] < qlike[1]
