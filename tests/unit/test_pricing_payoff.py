"""Payoff bounds, breakevens and values now of the structures that the program trades, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.pricing import black76
from quantsentinel.pricing.payoff import (
    LegMarket,
    Legs,
    PayoffProfile,
    breakevens,
    max_profit_loss,
    payoff_at,
    profile,
    value_at,
)

CONDOR = Legs.of([24_000, 24_200, 25_000, 25_200], [False, False, True, True], [1, -1, -1, 1])
BULL_CALL = Legs.of([24_500, 24_700], [True, True], [1, -1])
STRADDLE = Legs.of([24_500, 24_500], [True, False], [1, 1])


def test_an_iron_condor_keeps_its_credit_between_the_short_strikes_and_loses_width_less_credit_beyond() -> None:
    assert max_profit_loss(CONDOR, -60.0) == (60.0, -140.0)
    assert breakevens(CONDOR, -60.0) == pytest.approx((24_140.0, 25_060.0))
    assert payoff_at([0, 24_000, 24_600, 26_000], CONDOR, -60.0).tolist() == [-140.0, -140.0, 60.0, -140.0]


def test_a_condor_with_unequal_wings_loses_the_wider_one() -> None:
    legs = Legs.of([24_000, 24_200, 25_000, 25_500], [False, False, True, True], [1, -1, -1, 1])
    assert max_profit_loss(legs, -60.0) == (60.0, -440.0)


def test_a_debit_vertical() -> None:
    assert max_profit_loss(BULL_CALL, 80.0) == (120.0, -80.0)
    assert breakevens(BULL_CALL, 80.0) == pytest.approx((24_580.0,))


def test_a_long_straddle_gains_without_bound_above_and_down_to_zero_below() -> None:
    assert max_profit_loss(STRADDLE, 300.0) == (math.inf, -300.0)
    assert breakevens(STRADDLE, 300.0) == pytest.approx((24_200.0, 24_800.0))


def test_a_naked_call_loses_without_bound_and_a_naked_put_down_to_zero() -> None:
    call, put = Legs.of([25_000], [True], [-1]), Legs.of([24_000], [False], [-1])
    assert max_profit_loss(call, -50.0) == (50.0, -math.inf)
    assert breakevens(call, -50.0) == pytest.approx((25_050.0,))
    assert max_profit_loss(put, -50.0) == (50.0, -23_950.0)
    assert breakevens(put, -50.0) == pytest.approx((23_950.0,))


def test_a_ratio_spread_is_unbounded_where_it_is_net_short_calls() -> None:
    ratio = Legs.of([24_500, 24_700], [True, True], [1, -2])
    assert max_profit_loss(ratio, 10.0) == (190.0, -math.inf)
    assert breakevens(ratio, 10.0) == pytest.approx((24_510.0, 24_890.0))


def test_a_profit_that_rests_on_zero_has_the_ends_of_the_rest_as_breakevens() -> None:
    assert breakevens(BULL_CALL, 0.0) == pytest.approx((0.0, 24_500.0))
    assert breakevens(CONDOR, 0.0) == pytest.approx((24_200.0, 25_000.0))


def test_a_package_that_always_wins_has_no_breakeven() -> None:
    assert breakevens(BULL_CALL, -1.0) == ()


def test_the_bounds_are_those_of_a_dense_scan() -> None:
    random = np.random.default_rng(2)
    spots = np.arange(0.0, 60_000.0, 25.0)
    for _ in range(200):
        n = random.integers(1, 5)
        legs = Legs.of(random.integers(400, 600, n) * 50.0, random.random(n) < 0.5, random.choice([-2, -1, 1, 2], n))
        premium = float(random.normal(0, 100))
        best, worst = max_profit_loss(legs, premium)
        scan = payoff_at(spots, legs, premium)
        assert best == (math.inf if scan[-1] > scan[-2] else pytest.approx(scan.max()))
        assert worst == (-math.inf if scan[-1] < scan[-2] else pytest.approx(scan.min()))
        crossings = int(np.count_nonzero(np.diff(np.sign(scan)) != 0))
        inside = [point for point in breakevens(legs, premium) if point < spots[-1]]
        assert len(inside) == crossings
        assert payoff_at(inside, legs, premium) == pytest.approx(np.zeros(len(inside)), abs=1e-6)


@pytest.mark.parametrize("legs", [([], [], []), ([100.0], [True, False], [1]), ([0.0], [True], [1])])
def test_malformed_legs_are_refused(legs: tuple[list[float], list[bool], list[int]]) -> None:
    with pytest.raises(BadInput):
        Legs.of(*legs)


def test_a_future_against_an_option_is_the_other_option() -> None:
    """Long future, long put: a call struck there that costs the put; short future and long call: a put."""
    spots = np.linspace(0, 60_000, 241)
    protected = Legs.of([24_500], [False], [1], [1], [24_600])
    assert payoff_at(spots, protected, 90.0) == pytest.approx(
        payoff_at(spots, Legs.of([24_500], [True], [1]), 190.0), abs=1e-9
    )
    assert profile(protected, 90.0) == PayoffProfile(math.inf, -190.0, (pytest.approx(24_690.0),), True, False)
    covered = profile(Legs.of([24_500], [True], [1], [-1], [24_600]), 50.0)
    assert (covered.best, covered.worst) == (24_550.0, 50.0)
    assert (covered.profit_unbounded, covered.loss_unbounded, covered.breakevens) == (False, False, ())


def test_futures_alone_are_a_straight_line() -> None:
    spread = Legs.of([], [], [], [2, -1], [24_500, 24_800])
    assert profile(spread) == PayoffProfile(math.inf, -24_200.0, (pytest.approx(24_200.0),), True, False)
    short = Legs.of([], [], [], [-1], [24_500])
    assert profile(short) == PayoffProfile(24_500.0, -math.inf, (pytest.approx(24_500.0),), False, True)
    assert value_at([24_400.0, 24_600.0], short, LegMarket(0.1, 0.2, 1.0)).tolist() == [100.0, -100.0]


def test_a_package_now_is_worth_its_legs_and_at_expiry_its_payoff() -> None:
    levels = np.linspace(23_000, 26_000, 61)
    market = LegMarket(years=0.02, sigma=[0.14, 0.13, 0.11, 0.11], discount=0.999)
    today = value_at(levels, CONDOR, market, -60.0)
    legs = zip(CONDOR.strike, CONDOR.is_call, CONDOR.quantity, [0.14, 0.13, 0.11, 0.11], strict=True)
    by_hand = sum(q * black76.price(levels, k, 0.02, sigma, 0.999, c) for k, c, q, sigma in legs)
    assert today == pytest.approx(by_hand + 60.0, abs=1e-9)
    settled = value_at(levels, CONDOR, LegMarket(0.0, [0.14, 0.13, 0.11, 0.11], 1.0), -60.0)
    assert settled == pytest.approx(payoff_at(levels, CONDOR, -60.0), abs=1e-9)


def test_a_calendar_is_valued_when_its_near_leg_expires() -> None:
    calendar = Legs.of([24_500, 24_500], [True, True], [-1, 1])
    market = LegMarket(years=[0.0, 0.08], sigma=0.12, discount=[1.0, 0.995], carry=[1.0, 1.005])
    value = value_at([24_500.0], calendar, market, 100.0)
    assert value == pytest.approx(black76.price(24_622.5, 24_500.0, 0.08, 0.12, 0.995, True) - 100.0)
    assert np.isnan(value_at(24_500.0, calendar, LegMarket(0.1, [0.1, np.nan], 1.0)))


@pytest.mark.parametrize(
    "futures", [([1.0], [0.0]), ([1.0], []), ([np.nan], [24_500.0]), ([1.0], [np.inf]), ([[1.0]], [[24_500.0]])]
)
def test_malformed_futures_are_refused(futures: tuple[list[float], list[float]]) -> None:
    with pytest.raises(BadInput):
        Legs.of([24_500.0], [True], [1.0], *futures)
