"""The tail of packages that pay the less the further out is read off their legs: it equals the sum over all bins."""

from __future__ import annotations

import numpy as np
import pytest

from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.payoff_profile import ExitCost, bought_and_sold
from quantsentinel.opportunity.screen import _worst, _worst_outside
from quantsentinel.opportunity.structures import FALLS_OUTWARDS, FAMILIES, build_grid
from tests.unit.test_opportunity_grid import SPEC, ladder

SOLD_AND_WINGED = {
    Family.BULL_PUT,
    Family.BEAR_CALL,
    Family.IRON_CONDOR,
    Family.IRON_BUTTERFLY,
    Family.SHORT_STRADDLE,
    Family.SHORT_STRANGLE,
}


def test_the_families_that_only_fall_away_from_their_middle_are_those_that_collect_premium() -> None:
    assert {family for family, falls in zip(FAMILIES, FALLS_OUTWARDS, strict=True) if falls} == SOLD_AND_WINGED


@pytest.mark.parametrize("centre", [23_300.0, 24_500.0, 25_700.0])
@pytest.mark.parametrize("cost", [ExitCost(0.0, 0.0), ExitCost(0.00125, 0.4)])
def test_the_worst_bins_of_such_a_package_lie_outermost_on_both_sides(centre: float, cost: ExitCost) -> None:
    grid, strike = build_grid([ladder()], SPEC), np.repeat(ladder().strike, 2)
    tail = np.sort(centre + 400.0 * np.random.default_rng(7).standard_t(4, 200))
    points = np.concatenate([[0.95 * centre, 1.05 * centre], tail])
    singles = bought_and_sold(strike, np.tile([True, False], len(strike) // 2), points, cost)
    place = np.where(grid.sides > 0, grid.rows, np.where(grid.sides < 0, grid.rows + len(strike), 2 * len(strike)))
    row = place[FALLS_OUTWARDS[grid.family]]
    assert len(row) > 40
    np.testing.assert_allclose(_worst_outside(singles, row, 5), _worst(singles, row, 5), rtol=0, atol=1e-9)
