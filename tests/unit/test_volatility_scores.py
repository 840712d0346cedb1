"""Losses and their comparison: the Diebold–Mariano statistic has its size, an obvious twin, and finds the better."""

from __future__ import annotations

import numpy as np
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.volatility.ensemble import rolling_weights
from quantsentinel.volatility.scores import coverage, diebold_mariano, direction_hits, qlike, r_squared

RANDOM = np.random.default_rng(21)


def test_qlike_is_zero_at_the_truth_and_ranks_by_a_noisy_proxy_as_by_the_truth() -> None:
    truth = np.exp(RANDOM.standard_normal(40_000)) * 1e-4
    proxy = truth * RANDOM.chisquare(1, 40_000)
    assert qlike(truth, truth) == pytest.approx(0.0, abs=1e-12)
    losses = [qlike(proxy, truth * factor).mean() for factor in (0.7, 1.0, 1.4)]
    assert min(losses) == losses[1]


def test_the_statistic_is_the_mean_over_its_newey_west_error_spelt_out() -> None:
    first, second = RANDOM.random(600), RANDOM.random(600)
    d, horizon = first - second, 5
    lags, n = 8, 600
    e = d - d.mean()
    variance = sum(e[t] * e[t] for t in range(n)) / n
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * sum(e[t] * e[t - lag] for t in range(lag, n)) / n
    found = diebold_mariano(first, second, horizon)
    assert found.t == pytest.approx(d.mean() / np.sqrt(variance / n), rel=1e-12)
    assert diebold_mariano(second, first, horizon).t == pytest.approx(-found.t)


def test_equal_forecasts_are_told_apart_as_often_as_the_level_says() -> None:
    """Losses of overlapping 5-session forecasts: moving averages. Newey–West is a little small, never by a factor."""
    rejected = 0
    for seed in range(400):
        noise = np.random.default_rng(seed).standard_normal(804)
        d = np.convolve(noise, np.ones(5) / 5, mode="valid")
        rejected += diebold_mariano(d, np.zeros(800), 5).p_value < 0.05
    assert 0.02 < rejected / 400 < 0.10


def test_a_better_forecast_is_found() -> None:
    d = RANDOM.standard_normal(1000) - 0.2
    found = diebold_mariano(d, np.zeros(1000), 1)
    assert found.t < -4
    assert found.p_value < 1e-4
    with pytest.raises(BadInput, match="too few"):
        diebold_mariano(d[:100], np.zeros(100), 22)


def test_r_squared_direction_and_coverage_count_what_they_say() -> None:
    y = np.array([1.0, 4.0, 9.0])
    assert r_squared(y, y) == 1.0
    assert r_squared(y, np.full(3, 4.0)) == pytest.approx(0.0)
    assert direction_hits(y, [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]) == pytest.approx(1 / 3)
    assert coverage(y, [0.0, 5.0, 0.0], [2.0, 6.0, 9.0]) == pytest.approx(2 / 3)
    with pytest.raises(BadInput):
        qlike([1.0], [0.0])


def _members(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    truth = 1e-4 * np.exp(np.random.default_rng(2).standard_normal(n))
    return np.column_stack([truth * 1.05, np.full(n, 1e-4), truth * 2.0]), truth, np.full(n, 1e-4)


def test_the_ensemble_goes_to_the_member_with_the_best_record_and_starts_even() -> None:
    forecasts, truth, now = _members(600)
    weights = rolling_weights(forecasts, truth, now, 1)
    assert weights.sum(axis=1) == pytest.approx(1.0)
    assert weights[10] == pytest.approx(1 / 3)
    assert weights[-1, 0] > 0.95


@pytest.mark.parametrize("horizon", [1, 5, 22])
def test_no_weight_knows_an_outcome_before_it_happened(horizon: int) -> None:
    """Row t stands at the close of t: outcomes of forecasts made after t - horizon are changed, and nothing moves."""
    forecasts, truth, now = _members(400)
    before = rolling_weights(forecasts, truth, now, horizon)
    cut = 300
    later = truth.copy()
    later[cut - horizon + 1 :] *= 7.0
    after = rolling_weights(forecasts, later, now, horizon)
    assert after[: cut + 1] == pytest.approx(before[: cut + 1], rel=1e-9)
    assert np.abs(after[cut + 2 :] - before[cut + 2 :]).max() > 1e-6
