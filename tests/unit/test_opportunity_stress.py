"""The tail of a package is read off a few of its bins: it equals the mean of the worst of all bins."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.payoff_profile import ExitCost, Legs, bought_and_sold, leg_payoffs
from quantsentinel.opportunity.stress import Points, worst_between_strikes, worst_outside
from quantsentinel.opportunity.structures import FALLS_OUTWARDS, FAMILIES, Grid, build_grid
from tests.unit.test_opportunity_grid import SPEC, ladder

SOLD_AND_WINGED = {
    Family.BULL_PUT,
    Family.BEAR_CALL,
    Family.IRON_CONDOR,
    Family.IRON_BUTTERFLY,
    Family.SHORT_STRADDLE,
    Family.SHORT_STRANGLE,
}
STRIKE = np.repeat(ladder().strike, 2)
IS_CALL = np.tile([True, False], len(STRIKE) // 2)
COSTS = [ExitCost(0.0, 0.0), ExitCost(0.00125, 0.4), ExitCost(0.05, 30.0)]
Floats = NDArray[np.float64]


def points_of(centre: float) -> tuple[Floats, Floats]:
    tail = np.sort(centre + 400.0 * np.random.default_rng(7).standard_t(4, 200))
    return centre * np.array([0.95, 1.05]), tail


def all_legs(grid: Grid) -> Legs:
    return Legs(STRIKE[grid.rows], IS_CALL[grid.rows], grid.sides)


def worst_of_all(legs: Legs, gaps: Floats, tail: Floats, cost: ExitCost) -> Floats:
    """Slow twin: every bin of every package, sorted."""
    bins = np.sort(leg_payoffs(legs, tail[None, :], cost).sum(axis=2), axis=1)[:, :5].mean(axis=1)
    return np.minimum(bins, leg_payoffs(legs, gaps[None, :], cost).sum(axis=2).min(axis=1))


def test_the_families_that_only_fall_away_from_their_middle_are_those_that_collect_premium() -> None:
    assert {family for family, falls in zip(FAMILIES, FALLS_OUTWARDS, strict=True) if falls} == SOLD_AND_WINGED


@pytest.mark.parametrize("centre", [23_300.0, 24_500.0, 25_700.0])
@pytest.mark.parametrize("cost", COSTS[:2])
def test_the_worst_bins_of_such_a_package_lie_outermost_on_both_sides(centre: float, cost: ExitCost) -> None:
    grid = build_grid([ladder()], SPEC)
    grid = Grid(*(column[FALLS_OUTWARDS[grid.family]] for column in (grid.family, grid.rows, grid.sides)))
    gaps, tail = points_of(centre)
    singles = bought_and_sold(STRIKE, IS_CALL, np.concatenate([gaps, tail[:5], tail[-5:]]), cost)
    count = len(STRIKE)
    row = np.where(grid.sides > 0, grid.rows, np.where(grid.sides < 0, grid.rows + count, 2 * count))
    assert len(row) > 40
    expected = worst_of_all(all_legs(grid), gaps, tail, cost)
    np.testing.assert_allclose(worst_outside(singles, row, 5), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("centres", [(23_300.0, 24_500.0), (24_512.5, 25_700.0)])
@pytest.mark.parametrize("cost", COSTS)
def test_the_worst_bins_of_any_package_lie_at_ends_of_the_pieces_between_its_strikes(
    centres: tuple[float, float], cost: ExitCost
) -> None:
    grid, parts = build_grid([ladder()], SPEC), [points_of(centre) for centre in centres]
    tails = np.stack([tail for _, tail in parts])
    tails[0, 90] = tails[0, 90].round(-2)  # a bin on a strike
    tails.sort(axis=1)
    gaps, part = np.stack([gap for gap, _ in parts]), np.arange(len(grid)) % 2
    legs = all_legs(grid)
    found = worst_between_strikes(legs, Points(gaps, tails, part), 5, cost)
    for each in (0, 1):
        mine = part == each
        one = Legs(legs.strike[mine], legs.is_call[mine], legs.side[mine])
        np.testing.assert_allclose(found[mine], worst_of_all(one, gaps[each], tails[each], cost), rtol=0, atol=1e-9)
