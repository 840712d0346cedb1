"""Shrunk covariance against scikit-learn's, and what it does to a correlation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from quantsentinel.errors import BadInput
from quantsentinel.volatility.covariance import shrunk_correlation, shrunk_covariance


@pytest.mark.parametrize(("days", "series"), [(60, 2), (60, 3), (23, 5), (5, 4), (250, 2)])
def test_the_estimate_is_that_of_scikit_learn(days: int, series: int) -> None:
    rng = np.random.default_rng(days + series)
    x = rng.normal(size=(days, series)) @ rng.normal(size=(series, series)) * 0.01
    found, shrinkage = shrunk_covariance(x)
    expected, intensity = ledoit_wolf(x)
    assert found == pytest.approx(expected, rel=1e-10)
    assert shrinkage == pytest.approx(intensity, rel=1e-9)


def test_a_correlation_keeps_its_unit_diagonal_and_is_pulled_to_zero() -> None:
    rng = np.random.default_rng(7)
    market = rng.normal(size=60)
    x = np.column_stack([market, 0.8 * market + 0.6 * rng.normal(size=60)]) * np.array([0.01, 5.0])
    found, shrinkage = shrunk_correlation(x)
    plain = np.corrcoef(x.T)[0, 1]
    assert np.diag(found) == pytest.approx(1.0)
    assert 0 < shrinkage < 0.2
    assert found[0, 1] == pytest.approx((1 - shrinkage) * plain)


def test_two_series_that_are_one_are_not_shrunk_to_two() -> None:
    x = np.random.default_rng(3).normal(size=400)
    found, _ = shrunk_correlation(np.column_stack([x, x]))
    assert found[0, 1] > 0.97


def test_what_is_no_series_is_refused() -> None:
    still = np.column_stack([np.ones(60), np.arange(60.0)])
    with pytest.raises(BadInput, match="does not move"):
        shrunk_correlation(still)
    for wrong in (np.ones((1, 2)), np.ones(3), np.full((60, 2), np.nan)):
        with pytest.raises(BadInput, match="observations"):
            shrunk_covariance(wrong)
