"""Implied vol against mpmath, against Jaeckel's algorithm (vollib) and its own round trip."""

from __future__ import annotations

import lets_be_rational
import mpmath as mp
import numpy as np
import pytest
from vollib.black.implied_volatility import implied_volatility as jaeckel

from quantsentinel.pricing import black76
from quantsentinel.pricing.implied_vol import INFORMATION, MESSAGES, REASONS, implied_vol, inverted, why


def _otm_chain() -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(7)
    strike = random.uniform(18_000, 32_000, 600)
    years = random.choice([1 / 252, 4 / 252, 21 / 252, 0.5, 1.0], 600)
    sigma = random.uniform(0.08, 0.6, 600)
    is_call = strike > 25_000
    discount = np.exp(-0.055 * years)
    return black76.price(25_000.0, strike, years, sigma, discount, is_call), strike, years, sigma, discount, is_call


def test_a_chain_gives_back_the_volatilities_it_was_priced_with() -> None:
    price, strike, years, sigma, discount, is_call = _otm_chain()
    worth = price > 1e-8
    found = implied_vol(price, 25_000.0, strike, years, discount, is_call)
    assert np.count_nonzero(worth) > 450
    assert np.max(np.abs(found - sigma)[worth]) < 1e-10


def test_it_equals_jaeckels_algorithm_on_a_chain() -> None:
    price, strike, years, _, discount, is_call = _otm_chain()
    worth = np.nonzero(price > 1e-8)[0][:300]
    ours = implied_vol(price[worth], 25_000.0, strike[worth], years[worth], discount[worth], is_call[worth])
    rate = -np.log(discount) / years
    theirs = [jaeckel(price[i], 25_000.0, strike[i], rate[i], years[i], "c" if is_call[i] else "p") for i in worth]
    assert np.max(np.abs(ours - theirs)) < 1e-12


def test_it_equals_jaeckels_algorithm_from_one_ten_thousandth_to_ten_deviations() -> None:
    random = np.random.default_rng(11)
    x = -np.concatenate([10 ** random.uniform(-6, 0.9, 4000), np.zeros(500)])
    deviation = 10 ** random.uniform(-4, 1, 4500)
    x, deviation = x[np.abs(x) < 30 * deviation], deviation[np.abs(x) < 30 * deviation]
    beta = np.array([lets_be_rational.normalised_black_call(a, s) for a, s in zip(x, deviation, strict=True)])
    inside = (beta > 1e-200) & (beta < np.exp(x / 2) * (1 - 1e-6))
    x, beta = x[inside], beta[inside]
    solve = lets_be_rational.normalised_implied_volatility_from_a_transformed_rational_guess
    theirs = np.array([solve(b, a, 1.0) for b, a in zip(beta, x, strict=True)])
    ours = implied_vol(beta, np.exp(x / 2), np.exp(-x / 2), 1.0, 1.0, True)
    assert len(x) > 3000
    assert np.max(np.abs(ours / theirs - 1)) < 1e-10


@pytest.mark.parametrize(
    ("price", "strike", "years", "is_call", "reason"),
    [
        (0.0, 26_000, 0.02, True, "zero_price"),
        (-1.0, 26_000, 0.02, True, "zero_price"),
        (900.0, 24_000, 0.02, True, "below_intrinsic"),
        (24_999.0 * 1.1, 26_000, 0.02, True, "above_bound"),
        (24_000.0, 24_000, 0.02, False, "above_bound"),
        (10.0, 26_000, 0.0, True, "no_time"),
        (10.0, 26_000, -0.1, True, "no_time"),
        (float("nan"), 26_000, 0.02, True, "not_a_number"),
        (10.0, 0.0, 0.02, True, "not_a_number"),
    ],
)
def test_a_price_without_a_volatility_is_not_a_number_and_says_why(
    price: float, strike: float, years: float, is_call: bool, reason: str
) -> None:
    assert np.isnan(implied_vol(price, 25_000.0, strike, years, 1.0, is_call))
    assert why(price, 25_000.0, strike, years, 1.0, is_call) == reason
    assert reason in REASONS


def test_a_good_price_has_no_reason_and_shapes_broadcast() -> None:
    found = implied_vol(50.0, 25_000.0, np.array([[25_500.0], [26_000.0]]), np.array([0.02, 0.04, 0.08]), 0.99, True)
    assert found.shape == (2, 3)
    assert np.all(np.isfinite(found))
    assert np.all(why(50.0, 25_000.0, np.array([25_500.0, 26_000.0]), 0.02, 0.99, True) == "")


# --- sixty digits ---

FORWARD = 25_000.0
Case = tuple[float, float, float, float, bool]
"""Strike, years, sigma, discount, is_call."""


def _exact(case: Case) -> mp.mpf:
    """Black-76 in sixty digits of the float64 arguments."""
    strike, years, sigma, discount, is_call = case
    with mp.workdps(60):
        f, k, t, s, d = (mp.mpf(value) for value in (FORWARD, strike, years, sigma, discount))
        deviation, sign = s * mp.sqrt(t), 1 if is_call else -1
        d1 = mp.log(f / k) / deviation + deviation / 2
        normal = [mp.erfc(-sign * at / mp.sqrt(2)) / 2 for at in (d1, d1 - deviation)]
        return d * sign * (f * normal[0] - k * normal[1])


def _cases(seed: int, count: int, deviations: tuple[float, float], minutes: tuple[float, float]) -> list[Case]:
    """Out-of-the-money options so many deviations away, so many session minutes to expiry."""
    random = np.random.default_rng(seed)
    away, sigma = random.uniform(*deviations, count), random.uniform(0.05, 1.2, count)
    years, is_call = random.uniform(*minutes, count) / (252 * 375), random.random(count) < 0.5
    strike = np.round(FORWARD * np.exp(np.where(is_call, 1, -1) * away * sigma * np.sqrt(years)), 2)
    columns = (strike, years, sigma, np.exp(-0.055 * years), is_call)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _inverted(cases: list[Case], price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    strike, years, sigma, discount, is_call = (np.array(column) for column in zip(*cases, strict=True))
    found, codes = inverted(price, FORWARD, strike, years, discount, is_call)
    return np.abs(found - sigma), codes


def test_a_thousand_deep_options_with_minutes_to_live_have_no_wrong_volatility() -> None:
    """3 to 18 deviations, 1 to 300 minutes: prices down to 1e-70, each rounded once, to float64."""
    cases = _cases(3, 1_000, (3.0, 18.0), (1.0, 300.0))
    price = np.array([float(_exact(case)) for case in cases])
    error, codes = _inverted(cases, price)
    assert price.min() < 1e-60
    assert not codes.any()
    assert error.max() < 1e-12


def test_an_ordinary_chain_is_right_to_eleven_digits_after_the_point() -> None:
    cases = _cases(4, 400, (0.0, 4.0), (300.0, 100_000.0))
    error, codes = _inverted(cases, np.array([float(_exact(case)) for case in cases]))
    assert not codes.any()
    assert error.max() < 1e-11


def test_in_the_money_an_answer_is_as_right_as_the_price_allows_or_refused() -> None:
    """The price's own rounding over vega bounds the error; where that is above `INFORMATION` there is no answer."""
    cases = _cases(5, 1_000, (0.0, 8.0), (1.0, 3_000.0))
    mirrored = [(*case[:4], not case[4]) for case in cases]
    price = np.array([float(_exact(case)) for case in mirrored])
    error, codes = _inverted(mirrored, price)
    strike, years, sigma, discount, is_call = (np.array(column) for column in zip(*mirrored, strict=True))
    vega = black76.greeks(FORWARD, strike, years, sigma, discount, is_call).vega
    answered = codes == 0
    assert set(np.array(REASONS)[codes[~answered]]) == {"no_information", "below_intrinsic"}
    assert 300 < answered.sum() < 900
    assert np.all(error[answered] <= np.maximum(1e-11, 4 * np.spacing(price) / vega)[answered])
    assert error[answered].max() < INFORMATION


def test_next_to_its_upper_bound_a_price_holds_no_volatility() -> None:
    price = 0.99 * 25_000.0 * (1 - 1e-15)
    assert np.isnan(implied_vol(price, 25_000.0, 26_000.0, 1.0, 0.99, True))
    assert why(price, 25_000.0, 26_000.0, 1.0, 0.99, True) == "no_information"
    assert "out-of-the-money side" in MESSAGES["no_information"]


def test_one_element_does_not_change_with_its_neighbours() -> None:
    price, strike, years, _, discount, is_call = _otm_chain()
    whole = implied_vol(price, 25_000.0, strike, years, discount, is_call)
    alone = [
        float(implied_vol(price[i], 25_000.0, strike[i], years[i], discount[i], is_call[i])) for i in range(0, 600, 60)
    ]
    assert np.allclose(whole[::60], alone, rtol=1e-13, atol=0, equal_nan=True)
