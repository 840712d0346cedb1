"""The cheapest adequate hedge of a naked short structure: which quoted wings bound it at the least price.

A short straddle or strangle loses without bound, so it is never offered. With a bought put below and a bought call
above it is an iron butterfly or an iron condor, whose widths need not be equal: that composite joins the grid, and it
alone is priced, judged and offered. Adequate: the composite still collects premium, and its stressed loss (the worse of
a gap either way and of the tail's expected shortfall, as the screen has it) is at most a multiple of what it collects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.quote_table import QuoteTable
from quantsentinel.opportunity.structures import FAMILIES, IS_NAKED, Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COMPOSITE = {Family.SHORT_STRADDLE: Family.IRON_BUTTERFLY, Family.SHORT_STRANGLE: Family.IRON_CONDOR}
COMPOSITE_CODE = np.array([FAMILIES.index(COMPOSITE.get(family, family)) for family in FAMILIES])
IS_COMPOSITE = np.isin(np.arange(len(FAMILIES)), COMPOSITE_CODE[IS_NAKED])
SAME_PRICE = 1e-9


@dataclass(frozen=True, slots=True)
class HedgeRules:
    """`widths` of wings in points; `max_stressed_of_credit`: stressed loss over the premium collected."""

    widths: tuple[float, ...]
    max_stressed_of_credit: float
    gap_stress: float
    tail_level: float


@dataclass(frozen=True, eq=False)
class Side:
    """The wings of one side: rows of the table (n, w), their asks (inf where nobody offers), the loss at that side's
    gap (n, w), and the summed loss in the tail's 0, 1, ... b worst bins on that side (b + 1, n, w)."""

    row: Ints
    ask: Floats
    gap: Floats
    tail: Floats


def with_hedges(grid: Grid, table: QuoteTable, rules: HedgeRules) -> Grid:
    """The grid with every naked package's hedge named, and the composites that it did not hold appended."""
    naked = np.nonzero(IS_NAKED[grid.family])[0]
    if not len(naked):
        return grid
    wings = cheapest_wings(grid.rows[naked, :2], table, rules)
    hedge = np.full((len(grid), 2), -1, dtype=np.int64)
    hedge[naked] = wings
    found = wings[:, 0] >= 0
    shorts = naked[found]
    family, rows = COMPOSITE_CODE[grid.family[shorts]], np.hstack([wings[found], grid.rows[shorts, :2]])
    alike = IS_COMPOSITE[grid.family]
    known = set(_codes(grid.family[alike], grid.rows[alike]).tolist())
    new = np.array([code not in known for code in _codes(family, rows).tolist()], dtype=np.bool_)
    count = int(np.count_nonzero(new))
    return Grid(
        family=np.concatenate([grid.family, family[new]]),
        rows=np.vstack([grid.rows, rows[new]]),
        sides=np.vstack([grid.sides, np.broadcast_to(np.array([1.0, 1.0, -1.0, -1.0]), (count, 4))]),
        hedge=np.vstack([hedge, np.full((count, 2), -1, dtype=np.int64)]),
    )


def _codes(family: Ints, rows: Ints) -> Ints:
    """(m,) one integer a package: at most 4,096 rows a leg, which no listed expiry reaches."""
    packed = np.asarray(family, dtype=np.int64)
    for leg in range(rows.shape[1]):
        packed = packed * 4096 + rows[:, leg]
    return packed


def cheapest_wings(shorts: Ints, table: QuoteTable, rules: HedgeRules) -> Ints:
    """(n, 2) rows of the bought put and call for short puts and calls `shorts` (n, 2); -1 where no pair is adequate.

    Of equally cheap pairs the one with the least stressed loss, then the nearest put, then the nearest call.
    """
    bins = max(round(len(table.tail_points) * (1.0 - rules.tail_level)), 1)
    low = np.concatenate([[table.forward * (1.0 - rules.gap_stress)], table.tail_points[:bins]])
    high = np.concatenate([[table.forward * (1.0 + rules.gap_stress)], table.tail_points[::-1][:bins]])
    puts = _side(shorts[:, 0], table, -np.asarray(rules.widths), low)
    calls = _side(shorts[:, 1], table, np.asarray(rules.widths), high)
    cost = puts.ask[:, :, None] + calls.ask[:, None, :]
    credit = table.bid[shorts].sum(axis=1)[:, None, None] - cost
    # Losses only fall towards the middle, so the worst bins are the outermost of both sides: all ways to share them.
    worst = np.maximum(puts.gap[:, :, None], calls.gap[:, None, :])
    for below in range(bins + 1):
        shortfall = (puts.tail[below] / bins)[:, :, None] + (calls.tail[bins - below] / bins)[:, None, :]
        np.maximum(worst, shortfall, out=worst)
    stressed = worst - credit
    # A missing bid or ask is NaN or infinite in both: no comparison with it holds.
    adequate = (credit > 0) & (stressed <= rules.max_stressed_of_credit * credit)
    price = np.where(adequate, cost, np.inf).reshape(len(shorts), -1)
    cheapest = price.min(axis=1, keepdims=True)
    least = np.where(price <= cheapest + SAME_PRICE, stressed.reshape(len(shorts), -1), np.inf)
    put, call = np.divmod(np.argmin(np.round(least, 9), axis=1), calls.row.shape[1])
    each = np.arange(len(shorts))
    pair = np.column_stack([puts.row[each, put], calls.row[each, call]])
    return np.where(np.isfinite(cheapest), pair, -1)


def _side(shorts: Ints, table: QuoteTable, offsets: Floats, points: Floats) -> Side:
    """`points`: the gap first, then the tail's bins from the outermost inwards."""
    strikes, right = table.strike[::2], shorts[0] % 2
    sign = -1.0 if right else 1.0
    sold = table.strike[shorts]
    wanted = sold[:, None] + offsets[None, :]
    at = np.minimum(np.searchsorted(strikes, wanted), len(strikes) - 1)
    row = 2 * at + right
    offered = (strikes[at] == wanted) & table.usable[row]
    at_points = points[:, None, None]
    loss = np.maximum(sign * (at_points - sold[:, None]), 0.0) - np.maximum(sign * (at_points - wanted), 0.0)
    tail = np.zeros_like(loss)
    for bins in range(1, len(points)):
        np.add(tail[bins - 1], loss[bins], out=tail[bins])
    return Side(row, np.where(offered, table.ask[row], np.inf), loss[0], tail)
