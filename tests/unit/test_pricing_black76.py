"""Black-76 against a 40-digit twin of its formula, differentiated by mpmath."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy.special import erfc

from quantsentinel.pricing import black76

CASES = [
    # forward, strike, years, sigma, rate, is_call
    (25_000.0, 25_000.0, 4 / 252, 0.12, 0.055, True),
    (25_000.0, 26_500.0, 4 / 252, 0.14, 0.055, True),
    (25_000.0, 22_000.0, 20 / 252, 0.18, 0.055, False),
    (25_000.0, 27_000.0, 1.3, 0.25, 0.065, False),
    (100.0, 40.0, 0.5, 0.6, 0.0, True),
    (100.0, 100.0, 0.001, 0.05, 0.1, False),
]


def _exact(forward: mp.mpf, strike: mp.mpf, years: mp.mpf, sigma: mp.mpf, rate: mp.mpf, is_call: bool) -> mp.mpf:
    d1 = mp.log(forward / strike) / (sigma * mp.sqrt(years)) + sigma * mp.sqrt(years) / 2
    d2 = d1 - sigma * mp.sqrt(years)
    sign = 1 if is_call else -1
    return mp.exp(-rate * years) * sign * (forward * mp.ncdf(sign * d1) - strike * mp.ncdf(sign * d2))


def _derivative(case: tuple[float, float, float, float, float, bool], orders: dict[int, int]) -> float:
    """Mixed partial derivative of the exact price; keys are argument positions."""
    *numbers, is_call = case
    with mp.workdps(40):
        positions = sorted(orders)

        def along(*values: mp.mpf) -> mp.mpf:
            point = [mp.mpf(number) for number in numbers]
            for position, value in zip(positions, values, strict=True):
                point[position] = value
            return _exact(*point, is_call)

        at = tuple(mp.mpf(numbers[position]) for position in positions)
        return float(mp.diff(along, at, tuple(orders[position] for position in positions)))


def _ours(case: tuple[float, float, float, float, float, bool]) -> black76.Greeks:
    forward, strike, years, sigma, rate, is_call = case
    return black76.greeks(forward, strike, years, sigma, np.exp(-rate * years), is_call)


@pytest.mark.parametrize("case", CASES)
def test_the_price_equals_the_forty_digit_formula(case: tuple[float, float, float, float, float, bool]) -> None:
    forward, strike, years, sigma, rate, is_call = case
    ours = float(black76.price(forward, strike, years, sigma, np.exp(-rate * years), is_call))
    with mp.workdps(40):
        exact = float(_exact(*(mp.mpf(x) for x in case[:5]), is_call))
    assert ours == pytest.approx(exact, rel=1e-10, abs=1e-11 * forward)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("name", "orders", "sign"),
    [
        ("delta", {0: 1}, 1),
        ("gamma", {0: 2}, 1),
        ("vega", {3: 1}, 1),
        ("theta_per_year", {2: 1}, -1),
        ("rho", {4: 1}, 1),
        ("vanna", {0: 1, 3: 1}, 1),
        ("volga", {3: 2}, 1),
        ("charm_per_year", {0: 1, 2: 1}, -1),
    ],
)
def test_each_greek_is_the_derivative_of_the_exact_price(
    case: tuple[float, float, float, float, float, bool], name: str, orders: dict[int, int], sign: int
) -> None:
    exact = sign * _derivative(case, orders)
    assert float(getattr(_ours(case), name)) == pytest.approx(exact, rel=1e-9, abs=1e-12)


def test_theta_and_charm_a_day_are_a_365th_of_a_year() -> None:
    greeks = _ours(CASES[0])
    assert float(greeks.theta) * 365 == pytest.approx(float(greeks.theta_per_year))
    assert float(greeks.charm) * 365 == pytest.approx(float(greeks.charm_per_year))


def test_without_time_or_volatility_the_price_is_the_discounted_intrinsic_value() -> None:
    strikes = np.array([90.0, 100.0, 110.0])
    for years, sigma in ((0.0, 0.2), (1.0, 0.0)):
        assert black76.price(100.0, strikes, years, sigma, 0.9, True) == pytest.approx([9.0, 0.0, 0.0])
        assert black76.price(100.0, strikes, years, sigma, 0.9, False) == pytest.approx([0.0, 0.0, 9.0])


def test_greeks_without_time_or_volatility_are_not_a_number() -> None:
    greeks = black76.greeks(100.0, 100.0, [0.0, 1.0, 1.0], [0.2, 0.0, 0.2], 0.9, True)
    assert np.isnan(greeks.delta).tolist() == [True, True, False]
    assert np.isnan(greeks.theta).tolist() == [True, True, False]


def test_a_call_struck_at_zero_is_the_discounted_forward() -> None:
    assert float(black76.price(100.0, 0.0, 1.0, 0.2, 0.9, True)) == pytest.approx(90.0)


def test_arguments_broadcast() -> None:
    grid = black76.price(100.0, np.linspace(80, 120, 5)[:, None], 0.5, np.array([0.1, 0.2]), 0.99, True)
    assert grid.shape == (5, 2)
    assert float(grid[1, 1]) == float(black76.price(100.0, 90.0, 0.5, 0.2, 0.99, True))


@pytest.mark.parametrize("is_call", [True, False])
def test_a_price_deep_in_the_wing_keeps_its_digits(is_call: bool) -> None:
    """3 to 18 deviations with 5 minutes to 20 days to live; N(d1) less N(d2) would lose six more digits."""
    sign = 1 if is_call else -1
    for years in (5 / 94_500, 1 / 252, 20 / 252):
        for away in (3.0, 8.0, 13.0, 18.0):
            strike = 25_000.0 * float(np.exp(sign * away * 0.15 * np.sqrt(years)))
            with mp.workdps(60):
                exact = float(_exact(*(mp.mpf(x) for x in (25_000.0, strike, years, 0.15, 0.0)), is_call))
            assert float(black76.price(25_000.0, strike, years, 0.15, 1.0, is_call)) == pytest.approx(exact, rel=1e-11)


def test_call_less_put_is_the_discounted_forward_less_the_strike_to_rounding() -> None:
    strikes = np.geomspace(1.0, 1e6, 401)
    call, put = (black76.price(25_000.0, strikes, 0.3, 0.4, 0.98, side) for side in (True, False))
    assert np.max(np.abs(call - put - 0.98 * (25_000.0 - strikes)) / np.maximum(strikes, 25_000.0)) < 4e-16


def test_a_price_of_enormous_volatility_is_its_bound() -> None:
    assert black76.price(100.0, [80.0, 120.0], 1.0, 80.0, 0.9, True) == pytest.approx([90.0, 90.0], rel=1e-15)
    assert black76.price(100.0, [80.0, 120.0], 1.0, 80.0, 0.9, False) == pytest.approx([72.0, 108.0], rel=1e-15)


def test_not_a_number_stays_one_and_shapes_broadcast() -> None:
    assert np.isnan(black76.price(100.0, [90.0, np.nan], 1.0, [0.2, 0.2], 1.0, True)).tolist() == [False, True]
    assert black76.price(100.0, np.ones((3, 1)) * 90, np.ones(4), 0.2, 1.0, True).shape == (3, 4)
    assert black76.greeks(100.0, np.ones((3, 1)) * 90, np.ones(4), 0.2, 1.0, True).vanna.shape == (3, 4)


def _complex_price(forward: complex, strike: complex, years: complex, sigma: complex, rate: complex) -> complex:
    """The call's formula on complex numbers: an analytic function, whose derivative is Im f(x + ih) / h to rounding."""
    root = sigma * np.sqrt(years + 0j)
    d1 = np.log(forward / strike + 0j) / root + root / 2
    normal = [0.5 * erfc(-d / np.sqrt(2)) for d in (d1, d1 - root)]
    return complex(np.exp(-rate * years) * (forward * normal[0] - strike * normal[1]))


@pytest.mark.parametrize(
    ("name", "position", "sign"), [("delta", 0, 1), ("vega", 3, 1), ("theta_per_year", 2, -1), ("rho", 4, 1)]
)
def test_first_order_greeks_equal_complex_steps_over_a_chain(name: str, position: int, sign: int) -> None:
    random = np.random.default_rng(8)
    for _ in range(60):
        point = [25_000.0, random.uniform(21_000, 29_000), random.uniform(0.01, 1), random.uniform(0.08, 0.5), 0.06]
        moved: list[complex] = list(point)
        moved[position] += 1e-30j * point[position]
        step = sign * _complex_price(*moved).imag / (1e-30 * point[position])
        forward, strike, years, sigma, rate = point
        ours = getattr(black76.greeks(forward, strike, years, sigma, np.exp(-rate * years), True), name)
        assert float(ours) == pytest.approx(step, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "of", "position", "sign"),
    [("gamma", "delta", 0, 1), ("vanna", "delta", 3, 1), ("volga", "vega", 3, 1), ("charm_per_year", "delta", 2, -1)],
)
def test_second_order_greeks_are_the_slopes_of_first_order_ones(name: str, of: str, position: int, sign: int) -> None:
    random = np.random.default_rng(9)
    strike, years = random.uniform(22_000, 28_000, 300), random.uniform(0.02, 1, 300)
    point = [np.full(300, 25_000.0), strike, years, random.uniform(0.1, 0.5, 300)]
    step = 1e-4 * point[position]

    def at(shift: float) -> np.ndarray:
        moved = [*point]
        moved[position] = moved[position] + shift * step
        return np.asarray(getattr(black76.greeks(*moved, np.exp(-0.06 * moved[2]), True), of))

    slope = sign * (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
    ours = getattr(black76.greeks(*point, np.exp(-0.06 * years), True), name)
    assert np.max(np.abs(ours - slope)) < 1e-7 * np.max(np.abs(ours))
