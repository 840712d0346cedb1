"""What holds for every option, slice and package."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quantsentinel.pricing import black76
from quantsentinel.pricing.density import expected_payoff, implied_density, quantile
from quantsentinel.pricing.forward import forward_from_parity
from quantsentinel.pricing.implied_vol import implied_vol, why
from quantsentinel.pricing.payoff import LegMarket, Legs, payoff_at, profile, value_at
from quantsentinel.pricing.physical import physical_density
from quantsentinel.pricing.svi import SviParams, butterfly_free, total_variance

forwards = st.floats(1_000, 90_000)
log_moneyness = st.floats(-0.4, 0.4)
years = st.floats(1e-4, 3)
vols = st.floats(0.03, 1.5)
discounts = st.floats(0.8, 1.0)
slices = st.builds(
    SviParams,
    a=st.floats(1e-5, 1e-3),
    b=st.floats(1e-3, 0.1),
    rho=st.floats(-0.8, 0.8),
    m=st.floats(-0.02, 0.02),
    sigma=st.floats(0.02, 0.2),
)


@given(forwards, log_moneyness, years, vols, discounts)
def test_call_minus_put_is_the_discounted_forward_less_strike(
    forward: float, k: float, t: float, sigma: float, discount: float
) -> None:
    strike = forward * np.exp(k)
    call, put = (float(black76.price(forward, strike, t, sigma, discount, side)) for side in (True, False))
    assert call - put == pytest.approx(discount * (forward - strike), abs=1e-9 * forward)
    assert discount * max(forward - strike, 0) - 1e-9 * forward <= call <= discount * forward
    assert discount * max(strike - forward, 0) - 1e-9 * forward <= put <= discount * strike


@given(forwards, log_moneyness, years, vols, discounts)
def test_the_implied_vol_of_an_out_of_the_money_price_prices_it_again(
    forward: float, k: float, t: float, sigma: float, discount: float
) -> None:
    strike, is_call = forward * np.exp(k), k > 0
    price = float(black76.price(forward, strike, t, sigma, discount, is_call))
    assume(price > 1e-6 and price < 0.9 * discount * min(forward, strike))
    found = float(implied_vol(price, forward, strike, t, discount, is_call))
    assert float(black76.price(forward, strike, t, found, discount, is_call)) == pytest.approx(price, rel=1e-9)


@given(st.floats(-1e5, 1e5), forwards, forwards, st.floats(-1, 3), discounts, st.booleans())
def test_there_is_a_volatility_exactly_where_there_is_no_reason_against_it(
    price: float, forward: float, strike: float, t: float, discount: float, is_call: bool
) -> None:
    found = implied_vol(price, forward, strike, t, discount, is_call)
    reason = str(why(price, forward, strike, t, discount, is_call))
    assert bool(np.isnan(found)) == (reason != "")
    assert reason or float(found) > 0


@given(st.floats(5_000, 60_000), vols, st.floats(0.003, 0.3), st.floats(-0.01, 0.01))
def test_the_parity_forward_does_not_depend_on_the_volatility(
    forward: float, sigma: float, t: float, shift: float
) -> None:
    strikes = forward * np.exp(np.linspace(-0.05, 0.05, 31) + shift)
    call, put = (black76.price(forward, strikes, t, sigma, 0.995, side) + 1 for side in (True, False))
    fit = forward_from_parity(strikes, call - 0.5, call + 0.5, put - 0.5, put + 0.5, 0.995)
    assert fit.forward == pytest.approx(forward, rel=1e-9)


@settings(max_examples=40)
@given(slices, st.floats(0.4, 2.5))
def test_a_sound_slice_has_a_density_with_the_forward_as_mean_and_so_has_every_forecast(
    params: SviParams, ratio: float
) -> None:
    assume(butterfly_free(params))
    implied = implied_density(25_000.0, lambda k: total_variance(k, params))
    physical = physical_density(implied, ratio)
    for density in (implied, physical):
        assert density.mass.min() >= 0
        assert density.mass.sum() == pytest.approx(1.0, abs=1e-9)
        assert density.mean == pytest.approx(25_000.0, rel=1e-6)
    assert implied.negative_mass < 1e-6
    low, high = quantile(implied, [0.05, 0.95])
    outside = (implied.strike <= low) | (implied.strike >= high)
    assert np.all(physical.mass[outside] >= implied.mass[outside] - 1e-15)


@settings(max_examples=40)
@given(slices)
def test_a_forecast_equal_to_the_implied_variance_gives_no_edge_to_any_option(params: SviParams) -> None:
    assume(butterfly_free(params))
    # Real index slices stay below 0.05; steeper wings hold value beyond the grid's ten standard deviations.
    assume(params.b * (1 + abs(params.rho)) < 0.1)
    implied = implied_density(25_000.0, lambda k: total_variance(k, params))
    strikes = np.linspace(20_000, 30_000, 201)
    sigma = np.sqrt(total_variance(np.log(strikes / 25_000), params))
    for is_call in (True, False):
        edge = expected_payoff(physical_density(implied, 1.0), strikes, is_call) - black76.price(
            25_000.0, strikes, 1.0, sigma, 1.0, is_call
        )
        assert np.max(np.abs(edge)) < 0.02  # under half of the smallest spread, one tick of 0.05


packages = st.lists(
    st.tuples(st.integers(400, 600).map(lambda n: 50.0 * n), st.booleans(), st.sampled_from([-2, -1, 1, 2])),
    min_size=1,
    max_size=6,
)


futures = st.lists(st.tuples(st.sampled_from([-2, -1, 1, 2]), st.floats(20_000, 30_000)), max_size=2)


def _legs(package: list[tuple[float, bool, int]], bought: list[tuple[int, float]]) -> Legs:
    return Legs.of(*zip(*package, strict=True), [q for q, _ in bought], [price for _, price in bought])


@given(packages, futures, st.floats(-500, 500), st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_no_settlement_price_leaves_the_payoff_bounds_and_only_an_unbounded_side_runs_away(
    package: list[tuple[float, bool, int]], bought: list[tuple[int, float]], premium: float, spots: list[float]
) -> None:
    legs = _legs(package, bought)
    found = profile(legs, premium)
    profit = payoff_at(spots, legs, premium)
    assert profit.max() <= found.best + 1e-6
    assert profit.min() >= found.worst - 1e-6
    far = payoff_at([1e9, 2e9], legs, premium)
    assert (found.profit_unbounded, found.loss_unbounded) == (far[1] > far[0] + 1, far[1] < far[0] - 1)


@given(packages, futures, st.floats(-500, 500))
def test_the_profit_is_zero_at_each_breakeven_and_keeps_its_side_between_them(
    package: list[tuple[float, bool, int]], bought: list[tuple[int, float]], premium: float
) -> None:
    legs = _legs(package, bought)
    points = profile(legs, premium).breakevens
    assert np.all(np.abs(payoff_at(points, legs, premium)) < 1e-5)
    edges = [0.0, *points, max([50_000.0, *points]) * 2]
    for low, high in pairwise(edges):
        between = payoff_at(np.linspace(low, high, 41)[1:-1], legs, premium)
        assert between.min() > -1e-5 or between.max() < 1e-5


@given(packages, futures, st.lists(st.floats(15_000, 40_000), min_size=1, max_size=10), st.floats(0.05, 0.8))
def test_a_long_package_is_worth_more_now_than_at_expiry_by_its_time_value(
    package: list[tuple[float, bool, int]], bought: list[tuple[int, float]], levels: list[float], sigma: float
) -> None:
    legs = _legs([(strike, side, abs(q)) for strike, side, q in package], bought)
    now = value_at(levels, legs, LegMarket(0.1, sigma, 1.0))
    assert np.all(now >= payoff_at(levels, legs) - 1e-6)
    later = value_at(levels, legs, LegMarket(1e-12, sigma, 1.0))
    assert later == pytest.approx(payoff_at(levels, legs), abs=0.1)
