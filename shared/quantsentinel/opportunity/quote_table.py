"""Expiries as the grid is priced from them: every option's quote, its expectations, and where the stress points lie."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.market.instruments import Instrument, Right
from quantsentinel.opportunity.structures import Ladder
from quantsentinel.pricing.density import expected_payoff

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
T = TypeVar("T", bound=np.generic)

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

    @worked_out
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

    tables: tuple[QuoteTable, ...] = ()
    starts: tuple[int, ...] = ()

    @worked_out
    def part(self) -> Ints:
        """(2n,) which of the tables each row belongs to."""
        return np.repeat(np.arange(len(self.tables)), [len(table.strike) for table in self.tables])

    @worked_out
    def forwards(self) -> Floats:
        """(e,) of each expiry."""
        return np.array([table.forward for table in self.tables])

    @worked_out
    def tails(self) -> Floats:
        """(e, b) tail points of each expiry."""
        return np.stack([table.tail_points for table in self.tables])

    def expiry_at(self, row: int) -> date:
        return self.tables[bisect_right(self.starts, row) - 1].expiry

    def labels(self, rows: Ints) -> tuple[tuple[str, ...], Ints]:
        """`near/far` of the pairs of expiries that occur."""
        part, days = self.part[rows], [table.expiry.isoformat() for table in self.tables]
        codes, which = np.unique(part.min(axis=1) * len(days) + part.max(axis=1), return_inverse=True)
        pairs = [divmod(code, len(days)) for code in codes.tolist()]
        return tuple(f"{days[near]}/{days[far]}" for near, far in pairs), np.asarray(which)


def quote_tables(parts: Sequence[SliceAnalytics], underlying: str, lot: int) -> JoinedTable:
    """The tables of slices that have both densities and one lot. Bids and asks of unusable quotes are NaN."""
    ends = np.cumsum([2 * len(part.strike) for part in parts]).tolist()
    here = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    columns = _rows(parts) | _expectations(parts, here)
    tails = _equal_bins(parts, TAIL_BINS)
    tables: list[QuoteTable] = []
    for part, rows, tail in zip(parts, here, tails, strict=True):
        assert part.physical is not None
        assert part.forward is not None
        tables.append(
            QuoteTable(
                underlying=underlying,
                expiry=part.expiry,
                lot=lot,
                discount=part.times.discount,
                forward=part.forward,
                nodes=part.physical.strike,
                cdf=part.physical.cdf,
                tail_points=tail,
                **{name: column[rows] for name, column in columns.items()},
            )
        )
    rest = {name: getattr(tables[0], name) for name in QuoteTable.__dataclass_fields__ if name not in columns}
    return JoinedTable(**columns, **rest, tables=tuple(tables), starts=tuple(rows.start for rows in here))


def _rows(parts: Sequence[SliceAnalytics]) -> dict[str, Any]:
    """What the slices hold of every option, by column of the table."""
    usable = _interleave([part.usable_call for part in parts], [part.usable_put for part in parts])
    is_call = np.zeros(len(usable), dtype=np.bool_)
    is_call[::2] = True
    quoted = {
        name: _interleave([part.chain.call[name] for part in parts], [part.chain.put[name] for part in parts])
        for name in ("bid", "ask", "bid_size", "ask_size")
    }
    for name in ("bid", "ask"):
        quoted[name] = np.where(usable, quoted[name], np.nan)
    alike = {name: np.concatenate([getattr(part, name) for part in parts]).repeat(2) for name in ("gamma", "vega")}
    return {
        "strike": np.concatenate([part.strike for part in parts]).repeat(2),
        "is_call": is_call,
        "usable": usable,
        "delta": _interleave([part.call_delta for part in parts], [part.put_delta for part in parts]),
        "theta": _interleave([part.theta_call for part in parts], [part.theta_put for part in parts]),
        **quoted,
        **alike,
    }


def _expectations(parts: Sequence[SliceAnalytics], here: Sequence[slice]) -> dict[str, Floats]:
    """The columns that stand on the densities."""
    edge, expected, in_the_money = (np.empty(here[-1].stop) for _ in range(3))
    for part, rows in zip(parts, here, strict=True):
        assert part.density is not None
        assert part.physical is not None
        strike = part.strike.repeat(2)
        is_call = np.arange(len(strike)) % 2 == 0
        expected[rows] = expected_payoff(part.physical, strike, is_call)
        edge[rows] = part.times.discount * (expected[rows] - expected_payoff(part.density, strike, is_call))
        above = np.interp(part.strike, part.physical.strike, part.physical.cdf, left=0.0, right=1.0)
        in_the_money[rows][::2], in_the_money[rows][1::2] = 1.0 - above, above
    return {"edge": edge, "expected": expected, "in_the_money": in_the_money}


def ladder(part: SliceAnalytics) -> Ladder:
    """What the grid needs of the slice."""
    assert part.forward is not None
    return Ladder(part.strike, part.call_delta, -part.put_delta, part.usable_call, part.usable_put, part.forward)


def _interleave(calls: Sequence[NDArray[T]], puts: Sequence[NDArray[T]]) -> NDArray[T]:
    both = np.empty(2 * sum(map(len, calls)), dtype=calls[0].dtype)
    np.concatenate(calls, out=both[0::2])
    np.concatenate(puts, out=both[1::2])
    return both


def _equal_bins(parts: Sequence[SliceAnalytics], count: int) -> Floats:
    """(e, count) means of equally probable slices of each implied measure, ascending: tails keep their mean."""
    strike = np.stack([part.density.strike for part in parts if part.density is not None])
    mass = np.stack([part.density.mass for part in parts if part.density is not None])
    probability, moment = (np.zeros((len(parts), strike.shape[1] + 1)) for _ in range(2))
    np.cumsum(mass, axis=1, out=probability[:, 1:])
    np.cumsum(mass * strike, axis=1, out=moment[:, 1:])
    last = probability[:, -1:]
    levels = np.arange(count + 1) * (last / count)
    levels[:, -1:] = last
    below = np.stack([np.interp(*each) for each in zip(levels, probability, moment, strict=True)])
    return np.asarray((below[:, 1:] - below[:, :-1]) * count / last)
