"""Forward, SVI and density on the recorded NIFTY chains of 2025-08-29."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from quantsentinel.pricing.density import Density, expected_payoff, implied_density
from quantsentinel.pricing.physical import physical_density
from quantsentinel.pricing.smile import corrected_smile
from quantsentinel.pricing.svi import SviParams, fit_arbitrage_free, fit_slice, fit_slices, total_variance
from tests.bench.pricing import RealSlice, real_slices
from tests.svi_oracle import oracle_loss

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


def test_forwards_rise_with_expiry_and_are_known_to_a_few_points_where_the_chain_is_liquid(
    slices: list[RealSlice],
) -> None:
    fitted = [part.forward for part in slices if part.forward.is_fitted]
    assert len(fitted) >= 9
    assert np.all(np.diff([fit.forward for fit in fitted]) > 0)
    assert all(abs(fit.forward / fitted[0].forward - 1) < 0.12 for fit in fitted)
    assert all(fit.stderr < 0.75 for fit in fitted[:3])
    assert {part.forward.reason for part in slices if not part.forward.is_fitted} <= {"too_few_pairs"}


@pytest.mark.parametrize(("underlying", "snapshot"), [("NIFTY", 60), ("NIFTY", 200), ("BANKNIFTY", 150)])
def test_every_slice_worth_fitting_is_the_global_optimum_of_least_squares(
    marketdata: Path, underlying: str, snapshot: int
) -> None:
    worth = [part for part in real_slices(marketdata, snapshot, underlying) if part.k.size >= 10]
    fits = fit_slices([(part.k, part.w, part.weight) for part in worth])
    assert len(worth) >= (8 if underlying == "NIFTY" else 3)
    for part, fit in zip(worth, fits, strict=True):
        assert _loss(part, fit.params) <= (1 + 1e-9) * oracle_loss(part.k, part.w, part.weight)


def test_a_slice_is_fitted_with_its_neighbours_as_if_it_were_alone(slices: list[RealSlice]) -> None:
    worth = _worth(slices)
    for part, fit in zip(worth, fit_slices([(part.k, part.w, part.weight) for part in worth]), strict=True):
        alone = fit_slice(part.k, part.w, part.weight)
        assert fit.params is not None
        assert alone.params is not None
        assert np.allclose(total_variance(part.k, fit.params), total_variance(part.k, alone.params), rtol=1e-9, atol=0)


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
