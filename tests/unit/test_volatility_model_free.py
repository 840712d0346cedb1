"""Model-free variance: a flat smile gives its vol, an SVI smile its replication integral; splines, holes, tails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import CubicSpline

from quantsentinel.errors import BadInput
from quantsentinel.pricing import black76
from quantsentinel.pricing.svi import SviParams, total_variance
from quantsentinel.volatility.model_free import Strip, model_free_variance, natural_spline, thirty_day_vol

FORWARD, DISCOUNT = 24_512.5, 0.996
STRIKE = np.arange(18_000.0, 31_001.0, 50.0)
SVI = SviParams(0.0004, 0.012, -0.35, 0.002, 0.045)


def _strip(variance: np.ndarray | float, strike: np.ndarray = STRIKE, half_spread: float = 1e-4) -> Strip:
    vol = np.sqrt(np.broadcast_to(variance, strike.shape))
    call, put = (black76.price(FORWARD, strike, 1.0, vol, DISCOUNT, side) for side in (True, False))
    low, high = 1 - half_spread, 1 + half_spread
    return Strip(strike, call * low, call * high, put * low, put * high)


@pytest.mark.parametrize("vol", [0.10, 0.14, 0.30])
@pytest.mark.parametrize("years", [7 / 365, 30 / 365, 60 / 365])
def test_a_flat_smile_gives_its_own_variance(vol: float, years: float) -> None:
    found = model_free_variance(_strip(vol**2 * years), FORWARD, DISCOUNT)
    assert found.is_known
    # A step of 50 points is a seventh of a deviation at seven days and 10 %: that much the sum itself leaves open.
    step = 50.0 / (FORWARD * vol * np.sqrt(years))
    assert found.total_variance == pytest.approx(vol**2 * years, rel=1e-3 + step**2 / 6)


def test_an_svi_smile_gives_its_replication_integral() -> None:
    def integrand(k: float) -> float:
        deviation = float(np.sqrt(total_variance(k, SVI)))
        price = float(black76.price(1.0, np.exp(k), 1.0, deviation, 1.0, k > 0))
        return 2 * price * np.exp(-k)

    exact = quad(integrand, -1.5, 0, epsabs=1e-12)[0] + quad(integrand, 0, 1.5, epsabs=1e-12)[0]
    found = model_free_variance(_strip(total_variance(np.log(STRIKE / FORWARD), SVI)), FORWARD, DISCOUNT)
    assert found.total_variance == pytest.approx(exact, rel=2e-3)


def test_a_strip_cut_off_near_the_money_gets_its_tails_back() -> None:
    vol, years = 0.12, 30 / 365
    reach = 1.2 * vol * np.sqrt(years)
    inside = STRIKE[np.abs(np.log(STRIKE / FORWARD)) < reach]
    found = model_free_variance(_strip(vol**2 * years, inside), FORWARD, DISCOUNT)
    assert found.quoted < 0.93 * vol**2 * years
    assert found.total_variance == pytest.approx(vol**2 * years, rel=3e-3)


def test_a_strip_that_says_too_little_says_so() -> None:
    vol, years = 0.12, 30 / 365
    narrow = STRIKE[np.abs(np.log(STRIKE / FORWARD)) < 0.5 * vol * np.sqrt(years)]
    assert model_free_variance(_strip(vol**2 * years, narrow), FORWARD, DISCOUNT).reason == "cut_off"
    assert model_free_variance(_strip(0.001, STRIKE[:6]), FORWARD, DISCOUNT).reason == "too_few_quotes"
    above = STRIKE[STRIKE > FORWARD]
    found = model_free_variance(_strip(0.001, above), FORWARD, DISCOUNT)
    assert found.reason == "too_few_quotes"
    assert np.isnan(found.total_variance)


def test_holes_and_wide_quotes_are_filled_by_the_spline() -> None:
    vol, years = 0.14, 30 / 365
    strip = _strip(vol**2 * years)
    bid, ask = strip.put_bid.copy(), strip.put_ask.copy()
    bid[100:104], ask[110] = 0.0, 3 * ask[110]
    found = model_free_variance(replace(strip, put_bid=bid, put_ask=ask), FORWARD, DISCOUNT)
    assert found.n_filled == 5
    assert found.total_variance == pytest.approx(vol**2 * years, rel=2e-3)


def test_vols_that_are_known_already_are_taken_for_the_tails() -> None:
    deviation = np.sqrt(total_variance(np.log(STRIKE / FORWARD), SVI))
    strip = _strip(deviation**2)
    asked, told = (
        model_free_variance(each, FORWARD, DISCOUNT) for each in (strip, replace(strip, deviation=deviation))
    )
    assert told.total_variance == pytest.approx(asked.total_variance, rel=1e-9)
    wider = model_free_variance(replace(strip, deviation=1.5 * deviation), FORWARD, DISCOUNT)
    assert wider.total_variance > told.total_variance
    unknown = np.append(np.nan, deviation[1:])
    assert model_free_variance(replace(strip, deviation=unknown), FORWARD, DISCOUNT).reason == "cut_off"


def test_the_spline_is_scipys_natural_one() -> None:
    random = np.random.default_rng(1)
    x, y = np.cumsum(random.uniform(0.5, 2.0, 20)), random.standard_normal(20)
    at = np.linspace(x[0], x[-1], 301)
    assert natural_spline(x, y, at) == pytest.approx(CubicSpline(x, y, bc_type="natural")(at), abs=1e-12)
    assert natural_spline(x[:2], y[:2], at[:2]) == pytest.approx(np.interp(at[:2], x[:2], y[:2]))


def test_thirty_days_lie_between_two_expiries_in_total_variance() -> None:
    minutes = [day * 1440.0 for day in (23, 51)]
    flat = thirty_day_vol(*[(t, 0.15**2 * t / 525_600) for t in minutes])
    assert flat == pytest.approx(0.15)
    total = [0.12**2 * minutes[0], 0.16**2 * minutes[1]]
    by_hand = (total[0] * 21 / 28 + total[1] * 7 / 28) / (30 * 1440)
    found = thirty_day_vol(*[(t, w / 525_600) for t, w in zip(minutes, total, strict=True)])
    assert found == pytest.approx(np.sqrt(by_hand))
    for pair in (((2.0, 0.1), (1.0, 0.1)), ((1.0, 0.0), (2.0, 0.1))):
        with pytest.raises(BadInput):
            thirty_day_vol(*pair)


def test_strikes_that_do_not_ascend_and_impossible_forwards_are_refused() -> None:
    strip = _strip(0.001)
    with pytest.raises(BadInput):
        model_free_variance(replace(strip, strike=STRIKE[::-1]), FORWARD, DISCOUNT)
    with pytest.raises(BadInput):
        model_free_variance(strip, 0.0, DISCOUNT)
