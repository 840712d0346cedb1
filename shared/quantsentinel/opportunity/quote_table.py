"""One expiry as the grid is priced from it: every option's quote, its expectations, and where the stress points lie."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.market.instruments import Instrument, Right
from quantsentinel.opportunity.structures import Ladder
from quantsentinel.pricing.density import Density, expected_payoff

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
T = TypeVar("T", bound=np.generic)

ROW_COLUMNS = (
    "strike",
    "is_call",
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "usable",
    "delta",
    "gamma",
    "vega",
    "theta",
    "edge",
    "expected",
    "in_the_money",
)
TAIL_BINS = 200
"""Equal-probability bins that stand for the implied density in the screen; 2.5 % are exactly five of them."""


@dataclass(frozen=True, eq=False)
class QuoteTable:
    """Row 2i is the call of strike i, row 2i + 1 its put; arrays (2n,). Points per unit, sizes in units.

    `edge` is what re-scaling the density adds to an option's mid: D (E_physical - E_implied)[intrinsic]. The implied
    density counts with the residual of its fit, so that it prices every mid: a misfit of the slice is no edge.
    `expected` and `in_the_money` are E[intrinsic at settlement] (undiscounted) and P(it is positive) under the physical
    density. `nodes`, `cdf` are that density's distribution; `tail_points` are (b,) equally probable settlement prices
    of the unscaled implied density.
    """

    underlying: str
    expiry: date
    lot: int
    discount: float
    forward: float
    strike: Floats
    is_call: Bools
    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats
    usable: Bools
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    edge: Floats
    expected: Floats
    in_the_money: Floats
    nodes: Floats
    cdf: Floats
    tail_points: Floats

    @property
    def mid(self) -> Floats:
        return 0.5 * (self.bid + self.ask)

    def expiry_at(self, row: int) -> date:
        return self.expiry

    def labels(self, rows: Ints) -> tuple[tuple[str, ...], Ints]:
        """Names of expiries, and which of them each of the packages with these leg rows (m, 4) has."""
        return (self.expiry.isoformat(),), np.zeros(len(rows), dtype=np.int64)

    def instrument(self, row: int) -> Instrument:
        right: Right = "CE" if self.is_call[row] else "PE"
        return Instrument(self.underlying, self.expiry_at(row), float(self.strike[row]), right)


@dataclass(frozen=True, eq=False)
class JoinedTable(QuoteTable):
    """Tables of several expiries, nearest first, one after another; `starts` are their first rows. What is not a row's
    is the nearest one's."""

    expiries: tuple[date, ...] = ()
    starts: tuple[int, ...] = ()

    def expiry_at(self, row: int) -> date:
        return self.expiries[bisect_right(self.starts, row) - 1]

    def labels(self, rows: Ints) -> tuple[tuple[str, ...], Ints]:
        """`near/far` of the pairs of expiries that occur."""
        part = np.searchsorted(np.asarray(self.starts), rows, side="right") - 1
        codes, which = np.unique(part.min(axis=1) * len(self.starts) + part.max(axis=1), return_inverse=True)
        days = [day.isoformat() for day in self.expiries]
        pairs = [divmod(code, len(days)) for code in codes.tolist()]
        return tuple(f"{days[near]}/{days[far]}" for near, far in pairs), np.asarray(which)


def joined(tables: Sequence[QuoteTable]) -> JoinedTable:
    """Of one underlying with one lot."""
    first = tables[0]
    fields = {name: getattr(first, name) for name in QuoteTable.__dataclass_fields__}
    for name in ROW_COLUMNS:
        fields[name] = np.concatenate([getattr(table, name) for table in tables])
    starts = np.cumsum([0, *(len(table.strike) for table in tables[:-1])])
    return JoinedTable(**fields, expiries=tuple(table.expiry for table in tables), starts=tuple(starts.tolist()))


def quote_table(part: SliceAnalytics, underlying: str, lot: int) -> QuoteTable:
    """The table of a slice that has both densities. Bids and asks of unusable quotes are NaN."""
    implied, physical = part.density, part.physical
    assert implied is not None
    assert physical is not None
    assert part.forward is not None
    strike = np.repeat(part.strike, 2)
    is_call = np.tile([True, False], len(part.strike))
    usable = _interleave(part.usable_call, part.usable_put)
    expected = expected_payoff(physical, strike, is_call)
    above = np.interp(strike, physical.strike, physical.cdf, left=0.0, right=1.0)
    return QuoteTable(
        underlying=underlying,
        expiry=part.expiry,
        lot=lot,
        discount=part.times.discount,
        forward=part.forward,
        strike=strike,
        is_call=is_call,
        bid=np.where(usable, _column(part, "bid"), np.nan),
        ask=np.where(usable, _column(part, "ask"), np.nan),
        bid_size=_column(part, "bid_size"),
        ask_size=_column(part, "ask_size"),
        usable=usable,
        delta=_interleave(part.call_delta, part.put_delta),
        gamma=np.repeat(part.gamma, 2),
        vega=np.repeat(part.vega, 2),
        theta=_interleave(part.theta_call, part.theta_put),
        edge=part.times.discount * (expected - expected_payoff(implied, strike, is_call)),
        expected=expected,
        in_the_money=np.where(is_call, 1.0 - above, above),
        nodes=physical.strike,
        cdf=physical.cdf,
        tail_points=_equal_bins(implied, TAIL_BINS),
    )


def ladder(part: SliceAnalytics) -> Ladder:
    """What the grid needs of the slice."""
    assert part.forward is not None
    return Ladder(part.strike, part.call_delta, -part.put_delta, part.usable_call, part.usable_put, part.forward)


def _column(part: SliceAnalytics, name: str) -> Floats:
    return _interleave(part.chain.call[name], part.chain.put[name])


def _interleave(call: NDArray[T], put: NDArray[T]) -> NDArray[T]:
    both = np.empty(2 * len(call), dtype=call.dtype)
    both[0::2], both[1::2] = call, put
    return both


def _equal_bins(density: Density, count: int) -> Floats:
    """(count,) means of equally probable slices of the discrete measure, ascending: tails keep their mean."""
    probability = np.concatenate([[0.0], np.cumsum(density.mass)])
    moment = np.concatenate([[0.0], np.cumsum(density.mass * density.strike)])
    levels = np.linspace(0.0, probability[-1], count + 1)
    return np.asarray(np.diff(np.interp(levels, probability, moment)) * count / probability[-1])
