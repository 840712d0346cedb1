"""Published values: each test names its source."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from quantsentinel.pricing import black76
from quantsentinel.pricing.density import digital, expected_payoff, implied_density
from quantsentinel.pricing.implied_vol import implied_vol
from quantsentinel.pricing.svi import SviParams, butterfly_free, durrleman_g, fit_slice, total_variance


def _black_scholes(spot: float, strike: float, rate: float, years: float, sigma: float, is_call: bool) -> float:
    discount = np.exp(-rate * years)
    return float(black76.price(spot / discount, strike, years, sigma, discount, is_call))


def test_haug_1998_black_scholes_call() -> None:
    """Haug, The Complete Guide to Option Pricing Formulas, 1998: spot 60, strike 65, r .08, T .25, sigma .30."""
    assert _black_scholes(60, 65, 0.08, 0.25, 0.30, True) == pytest.approx(2.1334, abs=5e-5)


def test_haug_1998_merton_put_with_dividend_yield() -> None:
    """Haug 1998, Merton (1973): spot 100, strike 95, q .05, r .10, T .5, sigma .20; b = r - q."""
    forward = 100 * np.exp((0.10 - 0.05) * 0.5)
    assert float(black76.price(forward, 95, 0.5, 0.20, np.exp(-0.05), False)) == pytest.approx(2.4648, abs=5e-5)


def test_hull_black_scholes_call_and_put() -> None:
    """Hull, Options, Futures and Other Derivatives: S 42, K 40, r .10, sigma .20, T .5."""
    assert _black_scholes(42, 40, 0.10, 0.5, 0.20, True) == pytest.approx(4.76, abs=5e-3)
    assert _black_scholes(42, 40, 0.10, 0.5, 0.20, False) == pytest.approx(0.81, abs=5e-3)


def test_hull_black_76_put_on_a_future() -> None:
    """Hull, futures options: F 20, K 20, r .09, sigma .25, T 4/12."""
    discount = np.exp(-0.09 * 4 / 12)
    price = float(black76.price(20, 20, 4 / 12, 0.25, discount, False))
    assert price == pytest.approx(1.12, abs=5e-3)
    assert float(implied_vol(price, 20, 20, 4 / 12, discount, False)) == pytest.approx(0.25, abs=1e-13)


@pytest.mark.parametrize("is_call", [True, False])
def test_haug_black_76_option_at_the_forward(is_call: bool) -> None:
    """Haug, The Complete Guide to Option Pricing Formulas, 1998: F 19, K 19, r .10, T .75, sigma .28; call = put."""
    assert float(black76.price(19, 19, 0.75, 0.28, np.exp(-0.075), is_call)) == pytest.approx(1.7011, abs=5e-5)


def test_haug_garman_kohlhagen_call() -> None:
    """Haug 1998: USD/EUR 1.56, strike 1.60, T .5, domestic .06, foreign .08, sigma .12."""
    forward = 1.56 * np.exp((0.06 - 0.08) * 0.5)
    assert float(black76.price(forward, 1.60, 0.5, 0.12, np.exp(-0.03), True)) == pytest.approx(0.0291, abs=5e-5)


def _on_spot(
    spot: float, strike: float, years: float, rate: float, carry: float, sigma: float, is_call: bool
) -> dict[str, float]:
    """The Greeks with respect to a spot that grows at `carry` to the forward, by the chain rule from ours."""
    growth = np.exp(carry * years)
    ours = black76.greeks(spot * growth, strike, years, sigma, np.exp(-rate * years), is_call)
    delta = float(ours.delta) * growth
    return {
        "delta": delta,
        "gamma": float(ours.gamma) * growth**2,
        "vega": float(ours.vega),
        "theta": float(ours.theta_per_year) - carry * spot * delta,
        "rho": float(ours.rho) + years * spot * delta,
        "vanna": float(ours.vanna) * growth,
        "vomma": float(ours.volga),
        "charm": float(ours.charm_per_year) - carry * delta,
    }


@pytest.mark.parametrize(
    ("name", "printed", "arguments"),
    [
        ("delta", 0.5946, (105, 100, 0.5, 0.10, 0.0, 0.36, True)),
        ("delta", -0.3566, (105, 100, 0.5, 0.10, 0.0, 0.36, False)),
        ("gamma", 0.0278, (55, 60, 0.75, 0.10, 0.10, 0.30, True)),
        ("vega", 18.9358, (55, 60, 0.75, 0.10, 0.10, 0.30, True)),
        ("theta", -31.1924, (430, 405, 0.0833, 0.07, 0.02, 0.20, False)),
        ("rho", 38.7325, (72, 75, 1.0, 0.09, 0.09, 0.19, True)),
        ("vanna", -1.0008, (90, 80, 0.25, 0.05, 0.05, 0.20, False)),
        ("vomma", 92.3444, (90, 130, 0.75, 0.05, 0.0, 0.28, True)),
        ("charm", 0.3700, (105, 90, 0.25, 0.14, 0.0, 0.24, False)),
    ],
)
def test_haug_greeks(
    name: str, printed: float, arguments: tuple[float, float, float, float, float, float, bool]
) -> None:
    """Haug, 2nd edition 2007, chapter 2: spot (or future), strike, T, r, cost of carry b, sigma."""
    assert _on_spot(*arguments)[name] == pytest.approx(printed, abs=5e-5)


def test_haug_cash_or_nothing_put() -> None:
    """Haug 1998: pays 10 below strike 80; spot 100, r .06, dividend .06, T .75, sigma .35."""
    flat = implied_density(100.0, lambda k: np.full_like(k, 0.35**2 * 0.75))
    assert 10 * np.exp(-0.045) * float(1 - digital(flat, 80.0)) == pytest.approx(2.6710, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "printed", "digit"),
    [("delta", 0.522, 1e-3), ("gamma", 0.066, 1e-3), ("vega", 12.1, 0.1), ("theta", -4.31, 0.01), ("rho", 8.91, 0.01)],
)
def test_hull_greeks(name: str, printed: float, digit: float) -> None:
    """Hull, The Greek letters: S 49, K 50, r .05, sigma .20, T 20 weeks; the call is worth 2.40."""
    assert _on_spot(49, 50, 20 / 52, 0.05, 0.05, 0.20, True)[name] == pytest.approx(printed, abs=digit / 2)
    assert _black_scholes(49, 50, 0.05, 20 / 52, 0.20, True) == pytest.approx(2.40, abs=5e-3)


VOGT = SviParams(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)


def test_axel_vogts_slice_has_positive_variance_and_is_flagged() -> None:
    """Gatheral and Jacquier (2014), Arbitrage-free SVI volatility surfaces, example 3.1."""
    k = np.linspace(-1.5, 1.5, 301)
    assert total_variance(k, VOGT).min() > 0
    assert durrleman_g(k, VOGT).min() < 0
    assert not butterfly_free(VOGT)
    assert not fit_slice(k, total_variance(k, VOGT), np.ones_like(k)).arbitrage_free


@pytest.mark.parametrize("total", [1e-4, 4e-4, 0.0144, 0.09])
def test_a_flat_vol_chain_gives_the_lognormal_density(total: float) -> None:
    """Breeden and Litzenberger (1978) with Black (1976): mass 1, mean F, digital N(d2), log-moments of a normal."""
    forward = 25_000.0
    density = implied_density(forward, lambda k: np.full_like(k, total))
    assert density.mass.sum() == pytest.approx(1.0, abs=1e-6)
    assert density.mean / forward == pytest.approx(1.0, abs=1e-6)
    strikes = forward * np.exp(np.linspace(-4, 4, 161) * np.sqrt(total))
    d1 = np.log(forward / strikes) / np.sqrt(total) + 0.5 * np.sqrt(total)
    assert np.max(np.abs(digital(density, strikes) - ndtr(d1 - np.sqrt(total)))) < 1e-6
    prices = black76.price(forward, strikes, 1.0, np.sqrt(total), 1.0, True)
    assert np.max(np.abs(expected_payoff(density, strikes, True) - prices)) < 1e-7 * forward
    assert density.log_mean == pytest.approx(-total / 2, rel=1e-3)
    assert density.variance == pytest.approx(total, rel=1e-3)
    assert density.skewness == pytest.approx(0.0, abs=1e-3)
    assert density.kurtosis == pytest.approx(3.0, abs=2e-3)
