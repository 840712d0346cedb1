"""What entering a grid's packages costs beside the quoted price, and closing them in the market beside charges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.costs.charges import charges_upper_bound
from quantsentinel.costs.slippage import depth_impact
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.expiry_terms import ExpiryTerms
from quantsentinel.opportunity.quote_table import QuoteTable
from quantsentinel.opportunity.structures import Grid

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frictions:
    """(m,) points per unit for one lot, upper bounds: depth impact and entry charges."""

    impact: Floats
    charges: Floats


def frictions(grid: Grid, table: QuoteTable, terms: ExpiryTerms) -> Frictions:
    """Points per unit for one lot; NaN quotes give NaN and are refused by their reason."""
    price = np.where(grid.sides > 0, table.ask[grid.rows], table.bid[grid.rows])
    charges = charges_upper_bound(np.where(grid.sides != 0, price, 0.0), grid.sides * table.lot, terms.schedule)
    return Frictions(_impact(grid.sides, grid, table, terms), charges / table.lot)


def closing_spread(grid: Grid, table: QuoteTable, terms: ExpiryTerms) -> Floats:
    """(m,) points per unit of trading every leg back: half of today's spreads, and the depth on the other side."""
    half = np.where(grid.sides != 0, 0.5 * (table.ask - table.bid)[grid.rows], 0.0)
    return np.asarray(half.sum(axis=1) + _impact(-grid.sides, grid, table, terms))


def _impact(sides: Floats, grid: Grid, table: QuoteTable, terms: ExpiryTerms) -> Floats:
    shown = np.where(sides > 0, table.ask_size[grid.rows], table.bid_size[grid.rows])
    spread = table.ask - table.bid
    half = np.where(np.isnan(spread), 0.0, 0.5 * spread)[grid.rows]
    return depth_impact(sides * table.lot, shown, half, terms.shared.frame.tick) / table.lot
