"""Forward, SVI and density on the recorded NIFTY chains of 2025-08-29."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

from quantsentinel.pricing.density import Density, expected_payoff, implied_density, physical_density
from quantsentinel.pricing.smile import corrected_smile
from quantsentinel.pricing.svi import SviParams, fit_arbitrage_free, fit_slice, total_variance
from tests.bench.pricing import RealSlice, real_slices

pytestmark = pytest.mark.marketdata
SNAPSHOTS = (5, 100, 290)


@pytest.fixture(scope="module", params=SNAPSHOTS)
def slices(request: pytest.FixtureRequest, marketdata: Path) -> list[RealSlice]:
    return real_slices(marketdata, request.param)


def _worth(slices: list[RealSlice]) -> list[RealSlice]:
    worth = [part for part in slices if part.k.size >= 10]
    assert len(worth) >= 8
    return worth


def _loss(part: RealSlice, params: SviParams | None) -> float:
    assert params is not None
    return float(np.average((total_variance(part.k, params) - part.w) ** 2, weights=part.weight))


def _oracle_loss(part: RealSlice) -> float:
    """The best of nine bounded least-squares fits inside the same bounds."""
    k, width, share = part.k, np.ptp(part.k), np.sqrt(part.weight / part.weight.sum())
    bounds = ([-5.0, 0.0, -0.999, k.min(), 0.01 * width], [5.0, 9.0, 0.999, k.max(), width])
    starts = [(m, s * width) for m in np.quantile(k, [0.2, 0.5, 0.8]) for s in (0.05, 0.2, 0.7)]
    fits = [
        least_squares(
            lambda theta: share * (total_variance(k, SviParams(*theta)) - part.w) / part.w.mean(),
            [0.5 * part.w.min(), 0.05, -0.2, *start],
            bounds=bounds,
            x_scale=[part.w.mean(), 0.05, 0.3, width, width],
        )
        for start in starts
    ]
    return float(min(2 * fit.cost for fit in fits) * part.w.mean() ** 2)


def test_forwards_rise_with_expiry_and_are_known_to_a_few_points_where_the_chain_is_liquid(
    slices: list[RealSlice],
) -> None:
    fitted = [part.forward for part in slices if part.forward.is_fitted]
    assert len(fitted) >= 9
    assert np.all(np.diff([fit.forward for fit in fitted]) > 0)
    assert all(abs(fit.forward / fitted[0].forward - 1) < 0.12 for fit in fitted)
    assert all(fit.stderr < 0.75 for fit in fitted[:3])
    assert {part.forward.reason for part in slices if not part.forward.is_fitted} <= {"too_few_pairs"}


def test_slices_fit_as_well_as_bounded_least_squares(slices: list[RealSlice]) -> None:
    ratios = [
        np.sqrt(_loss(part, fit_slice(part.k, part.w, part.weight).params) / _oracle_loss(part))
        for part in _worth(slices)
    ]
    assert max(ratios) < 1.05
    assert np.median(ratios) < 1.003


def test_every_slice_has_an_arbitrage_free_fit_close_to_its_best_one(slices: list[RealSlice]) -> None:
    for part in _worth(slices):
        free, best = fit_arbitrage_free(part.k, part.w, part.weight), fit_slice(part.k, part.w, part.weight)
        assert free.arbitrage_free
        assert np.sqrt(_loss(part, free.params) / _loss(part, best.params)) < 1.35
        vol_error = np.sqrt(_loss(part, free.params)) / (2 * np.sqrt(part.w.min() * part.years))
        assert vol_error < 0.006


def _miss(part: RealSlice, density: Density) -> tuple[float, float]:
    """Mean |E[payoff] - mid| of out-of-the-money options within 2.5 deviations, and their mean spread, points."""
    forward = part.forward.forward
    is_call = part.strike > forward
    bid, ask = (np.where(is_call, *pair) / part.discount for pair in zip(part.sides[:2], part.sides[2:], strict=True))
    near = np.abs(density.log_strike[np.searchsorted(density.strike, part.strike) - 1]) < 2.5 * np.sqrt(
        density.variance / 1.3
    )
    near &= (bid > 0) & (ask >= bid)
    value = expected_payoff(density, part.strike, is_call)
    return float(np.mean(np.abs(value - 0.5 * (bid + ask))[near])), float(np.mean((ask - bid)[near]))


def test_the_density_of_a_corrected_slice_is_sound_and_reprices_what_bare_svi_misses(slices: list[RealSlice]) -> None:
    gains = []
    for part in _worth(slices):
        params = fit_arbitrage_free(part.k, part.w, part.weight).params
        assert params is not None
        bare = implied_density(part.forward.forward, lambda k, params=params: total_variance(k, params))
        density = implied_density(part.forward.forward, corrected_smile(params, part.k, part.w, part.weight))
        assert density.negative_mass < 1e-9
        assert density.mean == pytest.approx(part.forward.forward, rel=1e-6)
        (miss, spread), (bare_miss, _) = _miss(part, density), _miss(part, bare)
        assert miss < max(1.0, spread)
        if spread < 1.0:
            gains.append(miss / bare_miss)
    assert len(gains) >= 2
    assert np.median(gains) < 0.3


def test_re_scaled_to_its_own_variance_a_real_slice_has_no_edge(slices: list[RealSlice]) -> None:
    part = _worth(slices)[0]
    params = fit_arbitrage_free(part.k, part.w, part.weight).params
    assert params is not None
    implied = implied_density(part.forward.forward, corrected_smile(params, part.k, part.w, part.weight))
    for is_call in (True, False):
        edge = expected_payoff(physical_density(implied, 1.0), part.strike, is_call)
        assert np.max(np.abs(edge - expected_payoff(implied, part.strike, is_call))) < 1e-6
