"""The statistics of the simulated index against the parameters it was given; all tolerances are standard errors."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from quantsentinel.market.rulebook import RuleBook, load_rules
from quantsentinel.simulator.config import Dynamics, SurfaceShape, default_config
from quantsentinel.simulator.day import simulate_day
from quantsentinel.simulator.path import initial_variance, intraday_activity, streams, walk
from quantsentinel.simulator.surface import Expectation, expected_variance, reverting, surface_path

DAY = date(2025, 8, 29)
MOVES = Dynamics(annual_vol=0.12)
STEPS_PER_SESSION = 20
SEEDS = 400


@pytest.fixture(scope="module")
def rules() -> RuleBook:
    return load_rules()


def walks(moves: Dynamics, sessions: int) -> np.ndarray:
    """Log returns by session, (SEEDS, sessions)."""
    dt = np.full(sessions * STEPS_PER_SESSION, 1 / 252 / STEPS_PER_SESSION)
    out = []
    for seed in range(SEEDS):
        random = streams(seed, "NIFTY", 0)
        path = walk(moves, initial_variance(moves, random), dt, np.ones_like(dt), random)
        out.append(path.log_return.reshape(sessions, STEPS_PER_SESSION).sum(axis=1))
    return np.array(out)


def assert_mean(sample: np.ndarray, expected: float) -> None:
    """Within four standard errors, which themselves have to be small against a move worth noticing."""
    assert abs(sample.mean() - expected) < 4 * sample.std(ddof=1) / np.sqrt(len(sample))


@pytest.mark.parametrize("moves", [MOVES, Dynamics(annual_vol=0.25, jumps_per_year=60.0, jump_sd=0.02)])
def test_the_core_of_the_index_is_a_martingale_with_and_without_heavy_jumps(moves: Dynamics) -> None:
    assert_mean(np.exp(walks(moves, 40).sum(axis=1)), 1.0)


def test_realised_variance_is_the_long_run_parameter_on_average() -> None:
    annual = 252 * (walks(MOVES, 60) ** 2).mean(axis=1)
    assert_mean(annual, 0.12**2)
    assert annual.std() / np.sqrt(SEEDS) < 0.05 * 0.12**2


def test_volatility_clusters_and_returns_have_fat_tails() -> None:
    returns = walks(MOVES, 120)
    squared = returns**2
    pairs = np.corrcoef(squared[:, :-1].ravel(), squared[:, 1:].ravel())[0, 1]
    kurtosis = (returns**4).mean() / (returns**2).mean() ** 2
    assert pairs > 0.03
    assert kurtosis > 3.3


def test_variance_rises_when_the_index_falls() -> None:
    random = streams(5, "NIFTY", 0)
    dt = np.full(20_000, 1 / 252 / 100)
    path = walk(replace(MOVES, jumps_per_year=0.0), 0.0144, dt, np.ones_like(dt), random)
    correlation = np.corrcoef(path.log_return[:-1], np.diff(path.variance))[0, 1]
    assert correlation == pytest.approx(MOVES.leverage, abs=0.03)


def test_intraday_activity_averages_one_and_is_highest_at_the_open() -> None:
    shape = intraday_activity(np.linspace(0, 1, 4500, endpoint=False))
    assert shape.mean() == pytest.approx(1.0, abs=1e-12)
    assert shape[0] > shape[-1] > shape[len(shape) // 2]


def test_a_third_of_the_historys_variance_falls_overnight(rules: RuleBook) -> None:
    shares = []
    for seed in range(25):
        bars = simulate_day("NIFTY", DAY, seed, rules, replace(default_config("NIFTY"), interval_s=7200.0)).daily
        close, opened = np.array([bar.close for bar in bars]), np.array([bar.open for bar in bars])
        night, inside = np.log(opened[1:] / close[:-1]), np.log(close[1:] / opened[1:])
        shares.append((night**2).sum() / ((night**2).sum() + (inside**2).sum()))
    assert_mean(np.array(shares), 0.332)


def test_the_stationary_process_keeps_its_mean_and_deviation() -> None:
    path = reverting(0.3, 0.05, 60.0, np.full(200_000, 0.05), np.random.default_rng(1))
    assert path.mean() == pytest.approx(0.3, abs=0.001)
    assert path.std() == pytest.approx(0.05, rel=0.02)


def test_expected_variance_is_the_integral_of_the_expected_rate() -> None:
    years = np.linspace(0, 0.5, 20_001)
    rate = MOVES.annual_vol**2 + (0.03 - MOVES.annual_vol**2) * np.exp(-MOVES.reversion * years)
    trapezoids = np.concatenate(([0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(years))))
    np.testing.assert_allclose(expected_variance(np.array(0.03), MOVES, years), trapezoids, rtol=1e-6, atol=1e-12)


def test_implied_volatility_stands_above_the_expected_one_by_the_premium() -> None:
    ratios = []
    remaining = np.linspace(0.03, 0.027, 40)[:, None] + np.array([0.0, 0.05])
    expectation = Expectation(np.full(40, 0.02), 0.01)
    expected = expected_variance(np.full((40, 1), 0.015), MOVES, remaining)
    for seed in range(200):
        path = surface_path(SurfaceShape(), MOVES, expectation, remaining, np.random.default_rng(seed))
        ratios.append(np.log(path.atm_variance / expected).mean() / 2)
    assert_mean(np.array(ratios), np.log(1.12))
