"""Calendar arbitrage: found between common quotes, repaired on a floor, and never invented where nobody quotes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from quantsentinel.pricing.smile import corrected_smile
from quantsentinel.pricing.svi import SviFit, SviParams, fit_arbitrage_free, fit_of, total_variance
from quantsentinel.pricing.svi_calendar import TOLERANCE, Floor, floor_under, on_floor

EARLY = SviParams(a=0.0003, b=0.030, rho=-0.35, m=0.005, sigma=0.05)
LATER = replace(EARLY, a=0.0008, sigma=0.06)
K = np.linspace(-0.15, 0.12, 71)
ONES = np.ones_like(K)


def _fit(params: SviParams, k: np.ndarray = K) -> SviFit:
    return fit_arbitrage_free(k, total_variance(k, params), np.ones_like(k))


def _floor(early: SviParams) -> Floor:
    floor = floor_under(_fit(LATER), _fit(early), partial(total_variance, params=early))
    assert floor is not None
    return floor


def test_a_later_expiry_with_more_variance_everywhere_is_left_alone() -> None:
    later, floor = _fit(LATER), _floor(EARLY)
    assert floor.excess(partial(total_variance, params=LATER)) == 0.0
    assert on_floor(later, (K, total_variance(K, LATER), ONES), floor) is later


@pytest.mark.parametrize("lift", [0.00065, 0.0008, 0.0012])
def test_a_later_expiry_below_the_one_before_it_is_fitted_again_above_it(lift: float) -> None:
    floor = _floor(replace(EARLY, a=EARLY.a + lift, rho=-0.5))
    w = total_variance(K, LATER)
    before = _fit(LATER)
    assert before.params is not None
    assert floor.excess(partial(total_variance, params=before.params)) > 0.01
    after = on_floor(before, (K, w, ONES), floor)
    assert after.params is not None
    assert floor.excess(partial(total_variance, params=after.params)) <= TOLERANCE
    assert after.arbitrage_free
    assert (after.n, after.k_low, after.k_high) == (before.n, before.k_low, before.k_high)
    lifted = np.maximum(w, np.interp(K, floor.k, floor.w))
    assert np.max(np.abs(total_variance(K, after.params) / lifted - 1)) < 0.15


def test_only_log_moneyness_that_both_quote_is_compared() -> None:
    near, far = _fit(EARLY, K[:30]), _fit(LATER, K[40:])
    assert floor_under(far, near, partial(total_variance, params=EARLY)) is None
    overlapping = floor_under(_fit(LATER, K[20:]), near, partial(total_variance, params=EARLY))
    assert overlapping is not None
    assert (overlapping.k[0], overlapping.k[-1]) == (K[20], K[29])


def test_the_correction_of_a_smile_stays_on_the_floor() -> None:
    """Quotes that dip under the floor pull the smile down; with the floor it stays above, with its quotes elsewhere."""
    floor = Floor(K[20:50], total_variance(K[20:50], LATER) * 0.99)
    dipped = total_variance(K, LATER) * np.where((K > -0.02) & (K < 0.02), 0.96, 1.0)
    free = corrected_smile(LATER, K, dipped, ONES)
    held = corrected_smile(LATER, K, dipped, ONES, floor)
    assert floor.excess(free) > TOLERANCE
    assert floor.excess(held) <= TOLERANCE
    assert held.penalty is None or (free.penalty is not None and held.penalty > free.penalty)


def test_a_slice_from_elsewhere_is_described_like_a_fit() -> None:
    described, fitted = fit_of((K, total_variance(K, LATER), ONES), LATER), _fit(LATER)
    assert described.params == LATER
    assert (described.n, described.k_low, described.k_high) == (fitted.n, fitted.k_low, fitted.k_high)
    assert described.g_min == pytest.approx(fitted.g_min, rel=1e-3)
    assert described.arbitrage_free
