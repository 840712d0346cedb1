"""SVI slices: recovery, constraints, arbitrage flags, and scipy's bounded least squares as the oracle."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.pricing.svi import (
    SviParams,
    butterfly_free,
    calendar_ok,
    durrleman_g,
    fit_arbitrage_free,
    fit_slice,
    fit_slices,
    repaired,
    total_variance,
    variance_derivatives,
)
from tests.svi_oracle import oracle_loss

WEEKLY = SviParams(a=0.00008, b=0.012, rho=-0.25, m=0.004, sigma=0.02)
MONTHLY = SviParams(a=0.0004, b=0.035, rho=-0.4, m=0.01, sigma=0.06)
VOGT = SviParams(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)
K = np.linspace(-0.12, 0.10, 81)


@pytest.mark.parametrize("params", [WEEKLY, MONTHLY])
def test_a_slice_without_noise_is_recovered(params: SviParams) -> None:
    fit = fit_slice(K, total_variance(K, params), np.ones_like(K))
    assert fit.params is not None
    assert astuple(fit.params) == pytest.approx(astuple(params), rel=1e-3, abs=1e-6)
    assert fit.rmse < 1e-8
    assert fit.arbitrage_free
    assert (fit.n, fit.k_low, fit.k_high) == (81, K[0], K[-1])


@pytest.mark.parametrize("seed", range(12))
def test_a_noisy_slice_is_the_global_optimum_of_bounded_least_squares(seed: int) -> None:
    random = np.random.default_rng(seed)
    params = replace(MONTHLY, rho=random.uniform(-0.8, 0.5), sigma=random.uniform(0.01, 0.15), m=random.normal(0, 0.03))
    w = total_variance(K, params) * np.exp(random.normal(0, 0.02, K.size))
    weight = random.uniform(0.2, 5.0, K.size)
    fit = fit_slice(K, w, weight)
    assert fit.params is not None
    loss = np.average((total_variance(K, fit.params) - w) ** 2, weights=weight)
    assert loss <= (1 + 1e-9) * oracle_loss(K, w, weight)


@pytest.mark.parametrize("seed", range(130, 136))
def test_a_slice_whose_kink_lies_beyond_its_quotes_is_the_optimum_within_the_bounds(seed: int) -> None:
    """There m stands at the end of the quotes: steps that are only cut back at it stall (seeds 132 and 134)."""
    random = np.random.default_rng(seed)
    beyond = float(random.choice([-1, 1]) * random.uniform(0.11, 0.25))
    params = replace(MONTHLY, m=beyond, rho=random.uniform(-0.9, 0.9), sigma=random.uniform(0.03, 0.3))
    w = total_variance(K, params) * np.exp(random.normal(0, 0.03, K.size))
    weight = random.uniform(0.2, 5.0, K.size)
    fit = fit_slice(K, w, weight)
    assert fit.params is not None
    loss = np.average((total_variance(K, fit.params) - w) ** 2, weights=weight)
    assert loss <= (1 + 1e-9) * oracle_loss(K, w, weight)


def test_heavier_quotes_pull_harder() -> None:
    w = total_variance(K, MONTHLY)
    w[60:] *= 1.3
    light, heavy = (fit_slice(K, w, np.where(np.arange(81) < 60, 1.0, last)).params for last in (0.01, 100.0))
    assert light is not None
    assert heavy is not None
    miss = [np.abs(total_variance(K[60:], params) - w[60:]).mean() for params in (light, heavy)]
    assert miss[1] < 0.5 * miss[0]


def test_parameters_stay_admissible_on_quotes_that_no_slice_fits() -> None:
    random = np.random.default_rng(5)
    for _ in range(50):
        w = random.uniform(1e-4, 1e-2, K.size)
        fit = fit_slice(K, w, np.ones_like(w))
        assert fit.params is not None
        a, b, rho, m, sigma = astuple(fit.params)
        assert b >= 0
        assert abs(rho) < 1
        assert a + b * sigma * np.sqrt(1 - rho**2) > 0
        assert K[0] - 1e-12 <= m <= K[-1] + 1e-12
        assert 0 < sigma <= np.ptp(K) * 1.000001


@pytest.mark.parametrize("seed", range(8))
def test_neither_the_order_of_quotes_nor_the_scale_of_weights_shows_in_the_tenth_digit(seed: int) -> None:
    """Both change sums in the last bits, as another CPU does: outputs are quantised to 1e-6 and must not notice."""
    random = np.random.default_rng(seed)
    w = total_variance(K, WEEKLY) * np.exp(random.normal(0, 0.03, K.size))
    order = random.permutation(K.size)
    first = fit_slice(K, w, np.ones_like(w)).params
    second = fit_slice(K[order], w[order], np.full_like(w, 3e9)).params
    assert first is not None
    assert second is not None
    assert np.allclose(total_variance(K, first), total_variance(K, second), rtol=1e-10, atol=0)


def test_too_few_quotes_are_not_fitted_and_say_so() -> None:
    fit = fit_slice(K[:6], total_variance(K[:6], WEEKLY), np.ones(6))
    assert (fit.params, fit.reason, fit.n, fit.is_fitted) == (None, "too_few_quotes", 6, False)
    assert not fit.arbitrage_free


def test_each_slice_of_a_batch_keeps_its_own_reason_and_place() -> None:
    random = np.random.default_rng(3)
    short = (K[:6], total_variance(K[:6], WEEKLY), np.ones(6))
    weekly, monthly = (
        (K, total_variance(K, p) * np.exp(random.normal(0, 0.02, K.size)), np.ones(81)) for p in (WEEKLY, MONTHLY)
    )
    fits = fit_slices([weekly, short, monthly])
    assert [fit.reason for fit in fits] == [None, "too_few_quotes", None]
    for fit, quotes in ((fits[0], weekly), (fits[2], monthly)):
        assert fit.params is not None
        assert astuple(fit.params) == pytest.approx(astuple(fit_slice(*quotes).params), rel=1e-6, abs=1e-9)
    assert fit_slices([]) == []
    assert repaired([], []) == []


@pytest.mark.parametrize(("index", "value"), [(1, -1e-4), (1, float("nan")), (2, 0.0), (0, float("inf"))])
def test_impossible_quotes_are_refused(index: int, value: float) -> None:
    arrays = [K.copy(), total_variance(K, WEEKLY), np.ones_like(K)]
    arrays[index][3] = value
    with pytest.raises(BadInput):
        fit_slice(*arrays)


def test_a_slice_with_butterfly_arbitrage_is_flagged_by_the_fit_and_repaired_on_request() -> None:
    k = np.linspace(-0.3, 1.2, 61)
    w = total_variance(k, VOGT)
    flagged = fit_slice(k, w, np.ones_like(k))
    assert flagged.is_fitted
    assert not flagged.arbitrage_free
    assert flagged.g_min_quoted < 0
    repaired = fit_arbitrage_free(k, w, np.ones_like(k))
    assert repaired.arbitrage_free
    assert repaired.g_min >= 0
    assert flagged.rmse < repaired.rmse < 0.1 * w.mean()


def test_a_sound_slice_is_left_alone_by_the_repair() -> None:
    w = total_variance(K, MONTHLY)
    assert fit_arbitrage_free(K, w, np.ones_like(K)) == fit_slice(K, w, np.ones_like(K))


def test_wings_steeper_than_lees_bound_are_flagged() -> None:
    assert butterfly_free(MONTHLY)
    assert not butterfly_free(replace(MONTHLY, b=1.6, rho=0.5))
    assert not butterfly_free(replace(MONTHLY, a=-0.01))


def test_the_derivatives_are_those_of_the_total_variance() -> None:
    h = 1e-5
    w, slope, curvature = variance_derivatives(K, MONTHLY)
    up, down = total_variance(K + h, MONTHLY), total_variance(K - h, MONTHLY)
    assert np.allclose(w, total_variance(K, MONTHLY), rtol=0, atol=0)
    assert np.allclose(slope, (up - down) / (2 * h), atol=1e-9)
    assert np.allclose(curvature, (up - 2 * w + down) / h**2, atol=1e-5)


def test_a_flat_slice_has_g_one() -> None:
    assert durrleman_g(K, SviParams(0.01, 0.0, 0.0, 0.0, 0.1)) == pytest.approx(np.ones_like(K))


def test_total_variance_that_falls_with_time_is_a_calendar_breach() -> None:
    assert calendar_ok([WEEKLY, MONTHLY], K) == [True]
    assert calendar_ok([MONTHLY, WEEKLY, MONTHLY], K) == [False, True]
    assert calendar_ok([WEEKLY], K) == []
