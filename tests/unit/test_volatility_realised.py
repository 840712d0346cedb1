"""Realised variance: unbiased under irregular times, gaps and quote noise; silent when there is too little."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.rulebook import load_rules
from quantsentinel.volatility.realised import MIN_OBSERVATIONS, realised_variance, spot_stop

PER_MINUTE = 0.12**2 / 252 * 0.668 / 375


def _path(random: np.random.Generator, seconds: np.ndarray, noise_points: float = 0.0) -> np.ndarray:
    steps = random.normal(0, 1, len(seconds) - 1) * np.sqrt(PER_MINUTE * np.diff(seconds) / 60)
    forward = 24_600 * np.exp(np.append(0.0, np.cumsum(steps)))
    return forward + random.normal(0, noise_points, len(seconds)) if noise_points else forward


def _mean_ratio(seconds: np.ndarray, noise_points: float = 0.0, n_paths: int = 300) -> float:
    random = np.random.default_rng(8)
    found = [realised_variance(seconds, _path(random, seconds, noise_points)) for _ in range(n_paths)]
    return float(np.mean([each.value / (PER_MINUTE * each.minutes) for each in found]))


def test_it_is_unbiased_on_snapshots_every_sixty_five_seconds() -> None:
    assert _mean_ratio(np.arange(0.0, 360 * 60, 65.0)) == pytest.approx(1.0, abs=0.03)


def test_it_is_unbiased_with_irregular_times_and_a_nineteen_minute_gap() -> None:
    seconds = np.cumsum(np.random.default_rng(1).uniform(20, 130, 280))
    seconds[140:] += 19 * 60
    assert _mean_ratio(seconds) == pytest.approx(1.0, abs=0.04)
    assert realised_variance(seconds, np.full(280, 100.0)).longest_gap_minutes > 19


def test_noise_of_five_points_adds_a_fifth_where_neighbouring_returns_would_add_two_thirds() -> None:
    seconds = np.arange(0.0, 360 * 60, 65.0)
    assert _mean_ratio(seconds, noise_points=5.0) < 1.22
    random = np.random.default_rng(8)
    paths = [_path(random, seconds, 5.0) for _ in range(100)]
    naive = np.mean([np.sum(np.diff(np.log(path)) ** 2) for path in paths]) / (PER_MINUTE * 360)
    assert naive > 1.6


def test_it_is_the_mean_over_the_five_grids_one_by_one() -> None:
    seconds = np.cumsum(np.random.default_rng(5).uniform(20, 130, 120))
    path = _path(np.random.default_rng(6), seconds)
    grids = [np.arange(seconds[0] + 60 * start, seconds[-1], 300.0) for start in range(5)]
    logs = [np.log(path[np.searchsorted(seconds, grid, side="right") - 1]) for grid in grids]
    returns = np.concatenate([np.diff(log) for log in logs])
    found = realised_variance(seconds, path)
    assert found.n == returns.size
    assert found.value == pytest.approx(np.sum(returns**2) / (5 * returns.size) * found.minutes, rel=1e-12)


def test_a_still_forward_has_zero_variance_and_counts_its_minutes() -> None:
    found = realised_variance(np.arange(0.0, 3601.0, 60.0), np.full(61, 24_600.0))
    assert (found.value, found.minutes, found.reason) == (0.0, 60.0, None)
    assert found.n == 4 * 11 + 12
    assert found.is_known


def test_of_repeated_times_the_last_counts() -> None:
    seconds = np.arange(0.0, 7200.0, 60.0)
    path = _path(np.random.default_rng(2), seconds)
    doubled = realised_variance(np.repeat(seconds, 2), np.column_stack([path * 1.01, path]).ravel())
    assert doubled == realised_variance(seconds, path)


@pytest.mark.parametrize(("n", "step"), [(0, 60.0), (1, 60.0), (MIN_OBSERVATIONS - 1, 600.0), (20, 60.0)])
def test_too_few_observations_or_minutes_give_no_variance_and_a_reason(n: int, step: float) -> None:
    found = realised_variance(np.arange(n) * step, np.full(n, 100.0))
    assert found.reason == "too_few_observations"
    assert np.isnan(found.value)
    assert not found.is_known


@pytest.mark.parametrize(
    ("seconds", "forwards"),
    [([0.0, 1.0], [1.0]), ([1.0, 0.0], [1.0, 1.0]), ([0.0, 1.0], [1.0, 0.0]), ([0.0, float("nan")], [1.0, 1.0])],
)
def test_malformed_paths_are_refused(seconds: list[float], forwards: list[float]) -> None:
    with pytest.raises(BadInput):
        realised_variance(seconds, forwards)


def test_from_a_stop_on_nothing_counts() -> None:
    seconds = np.arange(0.0, 360 * 60, 65.0)
    path = _path(np.random.default_rng(3), seconds)
    jumped = np.where(seconds >= 18_000.0, path * 1.02, path)
    assert realised_variance(seconds, jumped, stop_s=18_000.0) == realised_variance(
        *(v[seconds < 18_000] for v in (seconds, path))
    )


@pytest.mark.parametrize(
    ("day", "stop"),
    [
        (date(2025, 8, 29), "15:30"),
        (date(2026, 8, 3), "15:15"),
        (date(2026, 12, 4), "15:15"),
        (date(2026, 12, 8), "15:15"),
    ],
)
def test_the_spot_is_continuous_to_the_closing_auction(day: date, stop: str) -> None:
    """The revision of December 2026 rests on one source: its adverse candidate stays at 15:15."""
    assert spot_stop(load_rules(), day).strftime("%H:%M") == stop
