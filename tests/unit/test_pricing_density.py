"""The implied density reprices its slice; the physical one keeps mean and tails."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from quantsentinel.errors import BadInput
from quantsentinel.pricing import black76
from quantsentinel.pricing.density import (
    Density,
    crash_probability,
    digital,
    distribution,
    expected_payoff,
    implied_density,
    probability_between,
    quantile,
)
from quantsentinel.pricing.physical import MAX_TILT, physical_density
from quantsentinel.pricing.svi import SviParams, total_variance

FORWARD = 24_588.0
SKEWED = SviParams(a=-0.0001, b=0.016, rho=-0.35, m=0.004, sigma=0.03)
STRIKES = np.arange(23_000.0, 26_001.0, 50.0)


def skewed() -> Density:
    return implied_density(FORWARD, lambda k: total_variance(k, SKEWED))


def flat(total: float) -> Density:
    return implied_density(FORWARD, lambda k: np.full_like(k, total))


def test_it_reprices_every_option_of_its_slice() -> None:
    density = skewed()
    sigma = np.sqrt(total_variance(np.log(STRIKES / FORWARD), SKEWED))
    for is_call in (True, False):
        quoted = black76.price(FORWARD, STRIKES, 1.0, sigma, 1.0, is_call)
        assert np.max(np.abs(expected_payoff(density, STRIKES, is_call) - quoted)) < 1e-3


def test_mass_is_one_mean_is_the_forward_and_nothing_is_negative() -> None:
    density = skewed()
    assert density.mass.sum() == pytest.approx(1.0, abs=1e-12)
    assert density.mean == pytest.approx(FORWARD, rel=1e-12)
    assert density.mass.min() >= 0
    assert density.negative_mass < 1e-12
    assert density.skewness < -0.3
    assert density.kurtosis > 3.5


def test_parity_holds_to_rounding_between_and_beyond_the_nodes() -> None:
    strikes = np.concatenate([[1.0, 100.0], np.linspace(20_000, 30_000, 777), [90_000.0, 1e6]])
    for density in (skewed(), physical_density(skewed(), 0.8), physical_density(skewed(), 1.7, 1.0, 1.0)):
        call, put = expected_payoff(density, strikes, True), expected_payoff(density, strikes, False)
        assert np.max(np.abs(call - put - (density.mean - strikes))) < 1e-9 * 1e6
        assert call.min() >= -1e-6
        assert put.min() >= -1e-6


def test_a_flagged_slice_reports_its_negative_mass_and_still_has_the_forward_as_mean() -> None:
    vogt = SviParams(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)
    density = implied_density(FORWARD, lambda k: total_variance(k, vogt))
    assert 1e-5 < density.negative_mass < 0.1
    assert density.mass.min() >= 0
    assert density.mean == pytest.approx(FORWARD, rel=1e-9)


def test_ratio_one_without_direction_is_the_implied_density() -> None:
    implied = skewed()
    physical = physical_density(implied, 1.0)
    assert np.max(np.abs(physical.mass - implied.mass)) < 1e-14
    assert np.max(np.abs(expected_payoff(physical, STRIKES, True) - expected_payoff(implied, STRIKES, True))) < 1e-6


@pytest.mark.parametrize("ratio", [1.1, 1.5, 2.5])
def test_a_flat_slice_stretched_is_the_lognormal_of_the_forecast(ratio: float) -> None:
    physical = physical_density(flat(4e-4), ratio)
    wanted = black76.price(FORWARD, STRIKES, 1.0, np.sqrt(ratio * 4e-4), 1.0, True)
    assert np.max(np.abs(expected_payoff(physical, STRIKES, True) - wanted)) < 0.01
    assert physical.variance == pytest.approx(ratio * 4e-4, rel=1e-3)


@pytest.mark.parametrize("ratio", [0.3, 0.7, 0.95, 1.0, 1.05, 1.6, 3.0])
def test_the_mean_stays_and_tail_mass_is_never_scaled_down(ratio: float) -> None:
    implied = skewed()
    physical = physical_density(implied, ratio)
    assert physical.mean == pytest.approx(FORWARD, rel=1e-9)
    assert physical.mass.sum() == pytest.approx(1.0, abs=1e-12)
    low, high = quantile(implied, [0.05, 0.95])
    outside = (implied.strike <= low) | (implied.strike >= high)
    assert np.all(physical.mass[outside] >= implied.mass[outside] - 1e-15)
    deep = quantile(implied, [0.001, 0.01, 0.04])
    assert np.all(distribution(physical, deep) >= distribution(implied, deep) - 1e-6)


@pytest.mark.parametrize("ratio", [0.5, 0.8])
def test_a_lower_forecast_narrows_the_body(ratio: float) -> None:
    implied = skewed()
    physical = physical_density(implied, ratio)
    straddle = [
        float(expected_payoff(d, FORWARD, True) + expected_payoff(d, FORWARD, False)) for d in (implied, physical)
    ]
    assert straddle[1] < straddle[0]
    assert physical.variance < implied.variance


@pytest.mark.parametrize(("direction", "confidence"), [(1.0, 1.0), (-1.0, 0.5), (0.4, 0.2)])
def test_the_tilt_moves_the_mean_by_at_most_a_twentieth_of_a_deviation(direction: float, confidence: float) -> None:
    implied = skewed()
    physical = physical_density(implied, 0.9, direction, confidence)
    deviations = np.log(physical.mean / FORWARD) / np.sqrt(0.9 * implied.variance)
    assert deviations == pytest.approx(MAX_TILT * direction * confidence, rel=1e-6)
    assert abs(deviations) <= MAX_TILT + 1e-9


@pytest.mark.parametrize(
    ("ratio", "direction", "confidence"),
    [(0.0, 0, 0), (-1.0, 0, 0), (float("nan"), 0, 0), (1.0, 1.5, 1.0), (1.0, 1.0, 1.1), (1.0, 0.5, -0.1)],
)
def test_a_forecast_out_of_range_is_refused(ratio: float, direction: float, confidence: float) -> None:
    with pytest.raises(BadInput, match="out of range"):
        physical_density(flat(4e-4), ratio, direction, confidence)


def test_an_impossible_slice_is_refused() -> None:
    with pytest.raises(BadInput):
        implied_density(FORWARD, lambda k: np.full_like(k, -1e-4))
    with pytest.raises(BadInput):
        implied_density(0.0, lambda k: np.full_like(k, 1e-4))
    with pytest.raises(BadInput):
        implied_density(FORWARD, lambda k: 1e-4 + k)


def test_a_crash_is_a_settlement_at_least_that_far_below_the_forward() -> None:
    density = flat(4e-4)
    drops = np.array([0.01, 0.03, 0.05])
    d2 = -np.log(1 - drops) / 0.02 - 0.01
    assert crash_probability(density, drops) == pytest.approx(ndtr(-d2), abs=1e-6)
    assert np.all(np.diff(crash_probability(skewed(), drops)) < 0)


def test_quantiles_invert_the_distribution_and_probabilities_add_up() -> None:
    density = skewed()
    levels = np.array([0.001, 0.05, 0.3, 0.5, 0.9, 0.999])
    assert distribution(density, quantile(density, levels)) == pytest.approx(levels, abs=1e-4)
    parts = probability_between(density, [0.0, 24_000.0, 25_000.0], [24_000.0, 25_000.0, np.inf])
    assert parts.sum() == pytest.approx(1.0, abs=1e-12)
    assert float(probability_between(density, 25_000.0, 24_000.0)) == 0.0


def test_the_distribution_rises_from_zero_to_one_and_the_pdf_integrates_to_it() -> None:
    density = skewed()
    cdf = distribution(density, np.linspace(1.0, 60_000.0, 20_001))
    assert np.min(np.diff(cdf)) >= -1e-15
    assert (cdf[0], cdf[-1]) == (0.0, 1.0)
    fine = np.arange(24_000.0, 25_000.0, 0.5)
    area = np.sum(np.interp(fine, density.strike, density.pdf)) * 0.5
    assert area == pytest.approx(float(probability_between(density, 24_000.0, 25_000.0)), rel=1e-3)
    assert density.cdf == pytest.approx(1 - digital(density, density.strike))
