"""Realised measures of bars: unbiased on a diffusion, blind to a jump where they should be, a test of its size."""

from __future__ import annotations

import numpy as np
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.volatility.jumps import LEVEL, jump_p_value, measures, subsampled

VARIANCE = 0.7e-4
BARS, SESSIONS = 75, 20_000
RETURNS = np.random.default_rng(5).standard_normal((SESSIONS, BARS)) * np.sqrt(VARIANCE / BARS)


def test_without_jumps_every_estimator_finds_the_variance() -> None:
    found = measures(RETURNS)
    for values in (found.rv, found.bipower, found.medrv, found.continuous):
        assert values.mean() == pytest.approx(VARIANCE, rel=0.005)
    assert found.rv == pytest.approx((RETURNS**2).sum(axis=1))


def test_the_spread_of_bipower_is_that_of_the_theory() -> None:
    """Barndorff-Nielsen and Shephard (2006): variances 2 and (π/2)² + π - 3 = 2.609 times V²/n."""
    found = measures(RETURNS)
    assert found.rv.var() * BARS / VARIANCE**2 == pytest.approx(2.0, rel=0.05)
    assert found.bipower.var() * BARS / VARIANCE**2 == pytest.approx((np.pi / 2) ** 2 + np.pi - 3, rel=0.05)


def test_the_jump_test_has_its_size_on_a_diffusion() -> None:
    """One-sided; 75 bars a session are few for a limit theorem, so the far tail is a little fat."""
    p = jump_p_value(RETURNS)
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(p < LEVEL) < 5 * LEVEL


def test_a_jump_of_half_the_days_variance_is_found_and_taken_out() -> None:
    jumped = RETURNS[:2000].copy()
    jumped[:, 30] += np.sqrt(VARIANCE)
    found = measures(jumped, level=0.01)
    assert np.mean(found.p_value < 0.01) > 0.8
    # The jump meets its two neighbours in bipower: at 75 bars 2 sqrt(π/2 · 1/75) = 0.29 of it stays hidden there.
    hidden = 2 * np.sqrt(np.pi / 2 / BARS)
    assert found.rv.mean() - found.bipower.mean() == pytest.approx((1 - hidden) * VARIANCE, rel=0.05)
    assert 0.6 * VARIANCE < found.jump.mean() < VARIANCE
    assert found.medrv.mean() == pytest.approx(VARIANCE, rel=0.06)
    assert found.continuous + found.jump == pytest.approx(found.rv)


def test_a_session_that_never_moved_has_no_jump() -> None:
    found = measures(np.zeros(30))
    assert (found.rv[0], found.jump[0], found.p_value[0]) == (0.0, 0.0, 1.0)


def test_subsampling_is_unbiased_and_steadier_than_one_grid() -> None:
    prices = np.concatenate([np.zeros((4000, 1)), np.cumsum(RETURNS[:4000], axis=1)], axis=1)
    found = subsampled(prices, 5)
    one = (np.diff(prices[:, ::5], axis=1) ** 2).sum(axis=1)
    assert found.mean() == pytest.approx(VARIANCE, rel=0.02)
    assert found.var() < 0.8 * one.var()


@pytest.mark.parametrize("returns", [[0.1] * 4, [0.1, 0.2, float("nan"), 0.1, 0.1], np.zeros((2, 2, 6))])
def test_too_few_or_broken_returns_are_refused(returns: object) -> None:
    with pytest.raises(BadInput):
        measures(returns)  # type: ignore[arg-type]  # what a caller might pass
    with pytest.raises(BadInput):
        subsampled(np.zeros(6), 5)
