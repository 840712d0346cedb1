"""The declared grid, and the exact shape of its payoffs."""

from __future__ import annotations

import numpy as np
import pytest

from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.payoff_profile import ExitCost, Legs, breakevens, profile, win_probability
from quantsentinel.opportunity.structures import FAMILIES, Grid, GridSpec, Ladder, build_grid

SPEC = GridSpec((0.1, 0.2, 0.3), (0.3, 0.5), (1, 2, 4), 50.0)
FREE = ExitCost(0.0, 0.0)


def ladder(usable: bool = True) -> Ladder:
    strike = np.arange(23_000.0, 26_001.0, 50.0)
    delta = 1 / (1 + np.exp((strike - 24_500) / 150))
    ok = np.full(len(strike), usable)
    return Ladder(strike, delta, 1 - delta, ok, ok, 24_500.0)


def legs_of(grid: Grid, index: int) -> list[tuple[float, str, int]]:
    strike = ladder().strike
    pairs = zip(grid.rows[index].tolist(), grid.sides[index].tolist(), strict=True)
    return [(float(strike[row // 2]), "PE" if row % 2 else "CE", int(side)) for row, side in pairs if side]


def test_every_family_of_one_expiry_is_in_the_grid_and_no_package_twice() -> None:
    grid = build_grid([ladder()], SPEC)
    assert {FAMILIES[code] for code in grid.family} == set(Family) - {Family.CALL_CALENDAR, Family.PUT_CALENDAR}
    keys = {tuple(key) for key in np.column_stack([grid.family, grid.rows, grid.sides]).tolist()}
    assert len(keys) == len(grid)


def test_an_iron_condor_is_two_credit_spreads_of_one_width_around_the_forward() -> None:
    grid = build_grid([ladder()], SPEC)
    condors = np.nonzero(grid.family == FAMILIES.index(Family.IRON_CONDOR))[0]
    assert len(condors)
    for index in condors.tolist():
        (put_low, _, bought), (call_high, _, _), (put_high, _, sold), (call_low, _, _) = legs_of(grid, index)
        assert (bought, sold) == (1, -1)
        assert put_low < put_high <= 24_500 <= call_low < call_high
        assert put_high - put_low == call_high - call_low


def test_bought_legs_stand_first() -> None:
    grid = build_grid([ladder()], SPEC)
    signs = np.where(grid.sides == 0, -2, grid.sides)
    assert np.all(np.diff(signs, axis=1) <= 0)


def test_an_expiry_without_usable_quotes_has_no_candidates() -> None:
    assert len(build_grid([ladder(usable=False)], SPEC)) == 0


def one(*legs: tuple[float, str, int]) -> Legs:
    padded = [*legs, *([(legs[0][0], legs[0][1], 0)] * (4 - len(legs)))]
    strike, right, side = zip(*padded, strict=True)
    return Legs(np.array([strike]), np.array([[name == "CE" for name in right]]), np.array([side], dtype=float))


@pytest.mark.parametrize(
    ("legs", "lowest", "highest"),
    [
        (one((100, "CE", 1), (110, "CE", -1)), 0, 10),
        (one((90, "PE", 1), (100, "PE", -1)), -10, 0),
        (one((90, "PE", 1), (120, "CE", 1), (100, "PE", -1), (110, "CE", -1)), -10, 0),
        (one((100, "CE", 1), (100, "PE", 1)), 0, np.inf),
        (one((100, "PE", 1)), 0, 100),
        (one((100, "PE", -1), (100, "CE", -1)), -np.inf, 0),
    ],
)
def test_bounds_are_those_of_the_payoff_over_all_settlements(legs: Legs, lowest: float, highest: float) -> None:
    shape = profile(legs, FREE, 100.0)
    assert shape.lowest()[0] == lowest
    assert shape.highest()[0] == highest


def test_the_exercise_tax_is_counted_to_a_twenty_per_cent_move_and_no_further() -> None:
    """A bear call spread settles far above: the bought call is exercised and taxed on its intrinsic value."""
    legs = one((110, "CE", 1), (105, "CE", -1))
    shape = profile(legs, ExitCost(tax=0.001, fee=0.0), 100.0)
    assert shape.lowest()[0] == pytest.approx(-5 - 0.001 * (120 - 110))


def test_breakevens_and_win_probability_of_a_straddle_under_a_uniform_distribution() -> None:
    shape = profile(one((100, "CE", 1), (100, "PE", 1)), FREE, 100.0)
    assert breakevens(shape, 5.0) == [95.0, 105.0]
    nodes, cdf = np.array([80.0, 120.0]), np.array([0.0, 1.0])
    assert win_probability(shape, np.array([5.0]), nodes, cdf)[0] == pytest.approx(0.75)


def test_the_settlement_fee_moves_a_payoff_only_where_its_leg_ends_in_the_money() -> None:
    shape = profile(one((100, "CE", 1)), ExitCost(tax=0.0, fee=2.0), 100.0)
    assert shape.lowest()[0] == -2.0  # just above the strike the fee is paid for nothing
    assert breakevens(shape, 1.0) == [103.0]
