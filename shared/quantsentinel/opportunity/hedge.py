"""The cheapest adequate hedge of a naked short structure: which quoted wings bound it at the least price.

A short straddle or strangle loses without bound, so it is never offered. With a bought put below and a bought call
above it is an iron butterfly or an iron condor, whose widths need not be equal: that composite joins the grid, and it
alone is priced, judged and offered. Adequate: the composite still collects premium, and its stressed loss (the worse of
a gap either way and of the tail's expected shortfall, as the screen has it) is at most a multiple of what it collects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.quote_table import JoinedTable
from quantsentinel.opportunity.structures import FAMILIES, IS_NAKED, Grid, codes, listed, sides_of

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
    """The wings of one side: rows of the table (w, n), their asks (inf where nobody offers), the loss at that side's
    gap (w, n), and the summed loss in the tail's 0, 1, ... b worst bins on that side (b + 1, w, n). Packages come last:
    there are many more of them than of widths, and the last axis is the one that numpy is fast along."""

    row: Ints
    ask: Floats
    gap: Floats
    tail: Floats


def with_hedges(grid: Grid, table: JoinedTable, rules: HedgeRules) -> Grid:
    """The grid with every naked package's hedge named, and after each expiry's packages the composites that were not
    among them."""
    naked = IS_NAKED[grid.family].nonzero()[0]
    if not len(naked):
        return grid
    wings = cheapest_wings(grid.rows[naked, :2], table, rules)
    hedge = np.full((2, len(grid)), -1, dtype=np.int64)
    hedge[:, naked] = wings.T
    found = wings[:, 0] >= 0
    shorts = naked[found]
    family, rows = COMPOSITE_CODE[grid.family[shorts]], np.hstack([wings[found], grid.rows[shorts, :2]])
    alike = IS_COMPOSITE[grid.family].nonzero()[0]
    known, code = np.sort(codes(grid.family[alike], grid.rows[alike])), codes(family, rows)
    new = known.searchsorted(code, side="left") == known.searchsorted(code, side="right")
    family = np.concatenate([grid.family, family[new]])
    every = np.concatenate([grid.rows.T, rows[new].T], axis=1)
    hedge = np.concatenate([hedge, np.full((2, len(family) - len(grid)), -1)], axis=1)
    order = table.part[every[0]].argsort(kind="stable")
    family = family[order]
    return Grid(family, every.take(order, axis=1).T, sides_of(family), hedge.take(order, axis=1).T)


def cheapest_wings(shorts: Ints, table: JoinedTable, rules: HedgeRules) -> Ints:
    """(n, 2) rows of the bought put and call for short puts and calls `shorts` (n, 2); -1 where no pair is adequate.

    Of equally cheap pairs the one with the least stressed loss, then the nearest put, then the nearest call.
    """
    bins = max(round(table.tails.shape[1] * (1.0 - rules.tail_level)), 1)
    part, forwards, tails = table.part[shorts[:, 0]], table.forwards[:, None], table.tails
    low = np.hstack([forwards * (1.0 - rules.gap_stress), tails[:, :bins]])[part]
    high = np.hstack([forwards * (1.0 + rules.gap_stress), tails[:, : -1 - bins : -1]])[part]
    puts = _side(shorts[:, 0], table, -np.asarray(rules.widths), low.T)
    calls = _side(shorts[:, 1], table, np.asarray(rules.widths), high.T)
    cost = puts.ask[:, None] + calls.ask
    credit = table.bid[shorts].sum(axis=1) - cost
    # Losses only fall towards the middle, so the worst bins are the outermost of both sides: all ways to share them.
    worst = np.maximum(puts.gap[:, None], calls.gap)
    shortfall = np.empty_like(worst)
    below, above = (puts.tail / bins)[:, :, None], calls.tail / bins
    for share in range(bins + 1):
        np.add(below[share], above[bins - share], out=shortfall)
        np.maximum(worst, shortfall, out=worst)
    stressed = worst - credit
    # A missing bid or ask is NaN or infinite in both: no comparison with it holds.
    adequate = (credit > 0) & (stressed <= rules.max_stressed_of_credit * credit)
    price = np.where(adequate, cost, np.inf).reshape(-1, len(shorts))
    cheapest = price.min(axis=0)
    least = np.where(price <= cheapest + SAME_PRICE, stressed.reshape(price.shape), np.inf)
    put, call = np.divmod(np.argmin(np.round(least, 9), axis=0), len(calls.row))
    each = np.arange(len(shorts))
    return np.where(np.isfinite(cheapest), [puts.row[put, each], calls.row[call, each]], -1).T


def _side(shorts: Ints, table: JoinedTable, offsets: Floats, points: Floats) -> Side:
    """`points` (1 + b, n): the gap first, then the tail's bins from the outermost inwards."""
    right = shorts[0] % 2
    sign = -1.0 if right else 1.0
    sold = table.strike[shorts]
    wanted = sold + offsets[:, None]
    at = listed(table.strike[::2], table.part[::2], table.part[shorts], wanted.T).T
    row = 2 * at + right
    offered = (at >= 0) & table.usable[row]
    level = points[:, None]
    loss = np.maximum(sign * (level - sold), 0.0) - np.maximum(sign * (level - wanted), 0.0)
    tail = np.zeros_like(loss)
    np.cumsum(loss[1:], axis=0, out=tail[1:])
    return Side(row, np.where(offered, table.ask[row], np.inf), loss[0], tail)
