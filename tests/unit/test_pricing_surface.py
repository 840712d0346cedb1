"""All slices of a snapshot at once: which are fitted, which are priced, why not, and none under the one before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from quantsentinel.features.surface import (
    CURVE_REASONS,
    MAX_DENSITIES,
    MAX_FITTED,
    Curves,
    Quotes,
    Vols,
    density_of,
    fit_surface,
)
from quantsentinel.features.timeline import SliceTimes
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.pricing import black76
from quantsentinel.pricing.forward import ForwardFit
from quantsentinel.pricing.svi_calendar import TOLERANCE, floor_under
from tests.market_day import rules, snapshot

FORWARD = 25_000.0
NOTHING = np.empty(0)
VolOf = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Made:
    """One expiry as it is quoted: vol by log-moneyness, years, strikes, and why it has no forward or time."""

    years: float
    vol: VolOf = lambda k: 0.13 - 0.25 * k + 1.5 * k * k
    strike: tuple[float, float, int] = (22_500.0, 27_000.0, 91)
    no_forward: bool = False
    no_time: str = ""


def _surface(*made: Made) -> list[Curves]:
    strikes = [np.linspace(*part.strike) for part in made]
    slice_of = np.repeat(np.arange(len(made)), [len(k) for k in strikes])
    strike, years = np.concatenate(strikes), np.array([part.years for part in made])[slice_of]
    vol = np.concatenate([part.vol(np.log(k / FORWARD)) for part, k in zip(made, strikes, strict=True)])
    everywhere = np.ones(len(strike), dtype=bool)
    one = np.ones(len(strike))
    quotes = Quotes(slice_of, strike, everywhere, everywhere, FORWARD * one, years, years, one)
    call = black76.greeks(FORWARD, strike, years, vol, 1.0, True)
    found = Vols(vol, 0.002 * one, call.delta, call.delta - 1, call.gamma, call.vega, call.theta, call.theta)
    forwards = [
        ForwardFit(FORWARD, 0.1, 12, 1.0, NOTHING, NOTHING, NOTHING, "too_few_pairs" if part.no_forward else None)
        for part in made
    ]
    mask = replace(quote_mask(snapshot(), rules()), forwards=tuple(forwards))
    return fit_surface(quotes, found, [SliceTimes(p.years, p.years, 1.0, p.no_time) for p in made], mask)


def test_the_nearest_are_priced_the_next_are_fitted_and_the_rest_wait() -> None:
    curves = _surface(*(Made(0.02 * (n + 1)) for n in range(MAX_FITTED + 4)))
    assert [curve.reason for curve in curves] == [""] * MAX_DENSITIES + ["far_expiry"] * (MAX_FITTED)
    assert [curve.fit is not None for curve in curves] == [True] * MAX_FITTED + [False] * 4
    assert [curve.smile is not None for curve in curves] == [True] * MAX_DENSITIES + [False] * MAX_FITTED
    assert all(curve.calendar_excess == 0.0 for curve in curves)


@pytest.mark.parametrize(
    ("reason", "made"),
    [
        ("no_time", Made(0.04, no_time="settlement_window")),
        ("no_forward", Made(0.04, no_forward=True)),
        ("too_few_quotes", Made(0.04, strike=(24_800.0, 25_200.0, 9))),
        ("one_sided_quotes", Made(0.04, strike=(25_000.0, 27_000.0, 41))),
        ("butterfly_between_quotes", Made(0.04, vol=lambda k: np.where(np.abs(k) < 0.02, 0.05, 0.05 + 9 * np.abs(k)))),
    ],
)
def test_each_slice_without_a_fit_says_why_and_does_not_hold_up_the_others(reason: str, made: Made) -> None:
    first, second, third = _surface(Made(0.02), made, Made(0.06))
    assert reason in CURVE_REASONS
    assert (second.fit, second.smile, second.reason) == (None, None, reason)
    assert [curve.smile is not None for curve in (first, third)] == [True, True]


def test_a_slice_that_does_not_count_makes_room_for_the_next() -> None:
    bad = [Made(0.01 * (n + 1), strike=(25_000.0, 27_000.0, 41)) for n in range(3)]
    curves = _surface(*bad, *(Made(0.05 + 0.02 * n) for n in range(MAX_FITTED + 1)))
    assert [curve.fit is not None for curve in curves] == [False] * 3 + [True] * MAX_FITTED + [False]


def test_an_expiry_under_the_one_before_it_is_lifted_onto_it_and_shows_by_how_much_it_crossed() -> None:
    early, late = _surface(Made(0.040), Made(0.042, vol=lambda k: 0.115 - 0.25 * k + 1.5 * k * k))
    assert late.calendar_excess == pytest.approx((0.13 / 0.115) ** 2 * 40 / 42 - 1, rel=0.2)
    assert early.calendar_excess == 0.0
    assert early.fit is not None
    assert late.fit is not None
    assert early.smile is not None
    assert late.smile is not None
    floor = floor_under(late.fit, early.fit, early.smile)
    assert floor is not None
    assert floor.excess(late.smile) <= TOLERANCE
    density = density_of(late.smile, FORWARD)
    assert density is not None
    assert density.negative_mass < 1e-9


def test_a_quote_that_stands_alone_is_in_neither_fit_nor_smile_and_its_strike_is_told() -> None:
    """One strike 2 vol points off, 500 points out: left out by the second look, and the slice is what it was."""
    clean = _surface(Made(0.02))[0]
    wrong = Made(0.02, vol=lambda k: Made(0.02).vol(k) + np.where(np.abs(k - np.log(25_500 / FORWARD)) < 1e-6, 0.02, 0))
    found = _surface(wrong)[0]
    k = np.linspace(-0.05, 0.05, 41)
    assert (clean.outliers, found.outliers) == ((), (25_500.0,))
    assert clean.smile is not None
    assert found.smile is not None
    assert found.fit is not None
    assert clean.fit is not None
    assert found.fit.n == clean.fit.n - 1
    assert np.max(np.abs(found.smile(k) / clean.smile(k) - 1)) < 1e-3


def test_the_smile_of_a_slice_does_not_depend_on_the_slices_after_it() -> None:
    k = np.linspace(-0.1, 0.08, 41)
    alone, with_others = _surface(Made(0.02))[0], _surface(*(Made(0.02 * (n + 1)) for n in range(6)))[0]
    assert alone.smile is not None
    assert with_others.smile is not None
    assert np.allclose(alone.smile(k), with_others.smile(k), rtol=1e-9, atol=0)


def test_without_any_slice_there_is_no_surface() -> None:
    assert [curve.reason for curve in _surface(Made(0.02, no_forward=True))] == ["no_forward"]
