"""The stressed loss of every package of the grid: the worse of a gap either way and of the tail's expected shortfall.

The tail stands in equally probable bins, so that the shortfall is the mean of the worst few of them. Which those are is
known without a look at all of them: between two strikes a package's payoff is a line, whose worst bins lie at one end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import HardRules
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.payoff_profile import ExitCost, Legs, bought_and_sold, leg_payoffs
from quantsentinel.opportunity.quote_table import JoinedTable
from quantsentinel.opportunity.structures import FALLS_OUTWARDS, Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def stressed_loss(grid: Grid, table: JoinedTable, entry_cost: Floats, rules: HardRules, cost: ExitCost) -> Floats:
    """(m,) the worst of a +-5 % gap held to settlement and the 97.5 % expected shortfall under the implied density."""
    bins = round(table.tails.shape[1] * (1.0 - rules.tail_level))
    gaps = table.forwards[:, None] * np.array([1.0 - rules.gap_stress, 1.0 + rules.gap_stress])
    falls = FALLS_OUTWARDS[grid.family]
    outwards, others = falls.nonzero()[0], (~falls).nonzero()[0]
    paid = np.empty(len(grid))
    outermost = np.hstack([gaps, table.tails[:, :bins], table.tails[:, -bins:]])[table.part]
    singles = bought_and_sold(table.strike, table.is_call, outermost, cost)
    rows, sides, count = grid.rows.T[:, outwards].T, grid.sides.T[:, outwards].T, len(table.strike)
    place = np.where(sides > 0, rows, np.where(sides < 0, rows + count, 2 * count))
    paid[outwards] = worst_outside(singles, place, bins)
    if len(others):
        used = (grid.sides[others] != 0).any(axis=0).nonzero()[0]
        rows, sides = grid.rows[others][:, used], grid.sides[others][:, used]
        legs = Legs(table.strike[rows], table.is_call[rows], sides)
        points = Points(gaps, table.tails, table.part[grid.rows[others, 0]])
        paid[others] = worst_between_strikes(legs, points, bins, cost)
    return np.asarray(entry_cost - paid)


def worst_outside(singles: Floats, row: Ints, bins: int) -> Floats:
    """(m,) what packages pay that pay the less the further out: their worst bins lie outermost on both sides, in one of
    `bins` + 1 ways to share them, and each way is a sum over the legs.

    `singles` (r, 2 + 2 bins) are payoffs of single options at the gaps and at the outermost bins of both sides, `row`
    (m, 4) the legs' rows of it: a matrix product would bring in threads and another order of summation on another
    machine.
    """
    low, high = singles[:, 2 : 2 + bins], singles[:, : -1 - bins : -1]
    shares = np.zeros((bins + 1, len(singles)))
    np.cumsum(low.T, axis=0, out=shares[1:])
    shares[:-1] += np.cumsum(high.T, axis=0)[::-1]
    columns = np.vstack([shares / bins, singles[:, :2].T])
    payoff = columns.take(row[:, 0], axis=1)
    for leg in range(1, row.shape[1]):
        payoff += columns.take(row[:, leg], axis=1)
    return np.asarray(payoff.min(axis=0))


@dataclass(frozen=True, eq=False)
class Points:
    """Settlement prices of stress: `gaps` (e, 2) and ascending `tails` (e, b) of each expiry; `part` (m,) the expiry of
    each package."""

    gaps: Floats
    tails: Floats
    part: Ints


def worst_between_strikes(legs: Legs, points: Points, bins: int, cost: ExitCost) -> Floats:
    """(m,) as `worst_outside`, of any packages: asks `bins` bins from the lower end of every piece on which the payoff
    rises, and from the upper end of the others. One more, for a bin may lie on a strike, where a fee begins."""
    below = np.empty(legs.strike.shape, dtype=np.int64)
    for part, tail in enumerate(points.tails):
        here = points.part == part
        below[here] = tail.searchsorted(legs.strike[here], side="right")
    strikes = np.sort(below, axis=1)
    first = np.hstack([np.zeros_like(below[:, :1]), strikes])[:, :, None]
    last = np.hstack([strikes, np.full_like(below[:, :1], points.tails.shape[1])])[:, :, None] - 1
    inside = np.where(legs.is_call[:, None, :], below[:, None, :] <= first, -1 * (below[:, None, :] > last))
    slope = (inside * (legs.side * np.where(legs.side > 0, 1.0 - cost.tax, 1.0))[:, None, :]).sum(axis=2)
    step = np.arange(bins + 1)
    at = np.where(slope[:, :, None] > 0, first + step, last - step)
    known = ((at >= first) & (at <= last)).reshape(len(at), -1)
    asked = points.tails[points.part[:, None], np.where(known, at.reshape(known.shape), 0)]
    paid = leg_payoffs(legs, np.hstack([points.gaps[points.part], asked]), cost).sum(axis=2)
    tail = np.sort(np.where(known, paid[:, 2:], np.inf), axis=1)[:, :bins].mean(axis=1)
    return np.asarray(np.minimum(tail, paid[:, :2].min(axis=1)))
