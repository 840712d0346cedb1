"""The local correction brings a slice to its quotes, fades beyond them, and never costs the density its sign."""

from __future__ import annotations

import numpy as np
import pytest

from quantsentinel.pricing.density import implied_density
from quantsentinel.pricing.smile import corrected_smile
from quantsentinel.pricing.svi import SviParams, fit_arbitrage_free, total_variance

PARAMS = SviParams(a=-0.0001, b=0.016, rho=-0.2, m=0.002, sigma=0.03)
K = np.linspace(-0.08, 0.07, 76)
ONES = np.ones_like(K)


def _wave(size: float) -> np.ndarray:
    """A smile that no SVI slice has: a wave of `size` of the variance, two waves across the quotes."""
    return total_variance(K, PARAMS) * (1 + size * np.sin(4 * np.pi * (K - K[0]) / np.ptp(K)))


def test_quotes_on_the_slice_leave_it_as_it_is() -> None:
    smile = corrected_smile(PARAMS, K, total_variance(K, PARAMS), ONES)
    assert np.max(np.abs(smile.height)) < 1e-15
    assert np.allclose(smile(K), total_variance(K, PARAMS), rtol=1e-12)


def test_a_wave_that_svi_misses_is_followed_within_a_quarter() -> None:
    w = _wave(0.03)
    fit = fit_arbitrage_free(K, w, ONES)
    assert fit.params is not None
    bare = np.sqrt(np.mean((total_variance(K, fit.params) - w) ** 2))
    smile = corrected_smile(fit.params, K, w, ONES)
    assert smile.penalty is not None
    assert np.sqrt(np.mean((smile(K) - w) ** 2)) < 0.25 * bare


def test_the_correction_fades_beyond_the_quotes() -> None:
    smile = corrected_smile(PARAMS, K, _wave(0.03), ONES)
    for far in (K[0] - 6 * smile.width, K[-1] + 6 * smile.width, -1.0, 1.0):
        k = np.array([far])
        assert smile(k) == pytest.approx(total_variance(k, PARAMS), rel=1e-6)


def test_one_log_moneyness_is_answered_as_among_many_and_beyond_the_correction_as_the_bare_slice() -> None:
    smile = corrected_smile(PARAMS, K, _wave(0.03), ONES)
    far = 9.001 * smile.width
    k = np.concatenate([K, np.linspace(-1.0, 1.0, 201), [K[0] - far, K[-1] + far]])
    among = smile(k)
    assert np.array([float(smile(at)) for at in k.tolist()]) == pytest.approx(among, rel=1e-14)
    beyond = (k <= K[0] - far) | (k >= K[-1] + far)
    assert np.array_equal(among[beyond], total_variance(k[beyond], PARAMS))


@pytest.mark.parametrize("size", [0.01, 0.05, 0.2, 0.5])
def test_the_rougher_the_quotes_the_stiffer_the_correction_and_the_density_stays_sound(size: float) -> None:
    random = np.random.default_rng(6)
    w = total_variance(K, PARAMS) * np.exp(random.normal(0, size, K.size))
    smile = corrected_smile(PARAMS, K, w, ONES)
    assert implied_density(25_000.0, smile).negative_mass < 1e-9
    gentle = corrected_smile(PARAMS, K, _wave(0.005), ONES)
    assert gentle.penalty is not None
    assert smile.penalty is None or smile.penalty >= gentle.penalty


def test_quotes_that_no_sound_smile_follows_leave_the_bare_slice() -> None:
    w = total_variance(K, PARAMS) * np.where(np.arange(K.size) % 38 < 19, 0.2, 3.0)
    smile = corrected_smile(PARAMS, K, w, ONES)
    assert smile.penalty is None
    assert np.array_equal(smile(K), total_variance(K, PARAMS))


def test_heavier_quotes_pull_harder() -> None:
    w = _wave(0.03)
    w[40:] *= 1.05
    weight = np.where(np.arange(K.size) < 40, 1.0, 1e-4)
    smile = corrected_smile(PARAMS, K, w, weight)
    error = np.abs(smile(K) - w) / w
    assert error[5:35].mean() < 0.3 * error[45:].mean()
