"""The screen: every package of the grid, all expiries at once, in float64, with upper bounds of its costs for one lot.

Signs as in `opportunity.py`: a net price is positive when paid. Points per unit unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.alpha.view import Consensus
from quantsentinel.costs.slippage import over_legs
from quantsentinel.desk import HardRules
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.opportunity.frictions import Frictions
from quantsentinel.opportunity.payoff_profile import ExitCost, Legs, Profile, profile, win_probabilities
from quantsentinel.opportunity.quote_table import JoinedTable, QuoteTable
from quantsentinel.opportunity.stress import stressed_loss
from quantsentinel.opportunity.structures import IS_NAKED, Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

REASONS = (
    "screened",
    "no_two_sided_quote",
    "slice_skew",
    "unbounded_loss",
    "wide_spread",
    "cannot_lose",
    "net_ev",
    "cost_ratio",
    "win_probability",
    "net_ev_of_stressed_loss",
    "net_ev_of_premium",
)
"""In the order in which they are asked; a candidate's reason is the first that stops it."""
CONSENSUS_SHARE = 0.25
"""The consensus moves a score by at most a quarter of itself: it ranks, it never makes an edge."""


@dataclass(frozen=True, eq=False)
class ScreenRules:
    """What the screen needs beside the quotes."""

    hard_rules: HardRules
    max_relative_spread: float
    exit_cost: ExitCost
    consensus: Consensus
    on_expiry_day: Bools | None = None
    """(e,) by expiry of the table."""
    skewed: Bools | None = None
    """(m,) packages whose legs' slices were received further apart than the desk allows."""


@dataclass(frozen=True, eq=False)
class Screened:
    """(m,) arrays; NaN where a leg has no usable quote. `entry_cost` is what is sunk at entry: executable
    price, depth impact and entry charges; `reason` indexes `REASONS`. `on_request` marks what collects premium on its
    expiry day: only tenants that opted in may enter it."""

    table: QuoteTable
    grid: Grid
    legs: Legs
    shape: Profile
    mid: Floats
    executable: Floats
    gross_edge: Floats
    entry_cost: Floats
    net_ev: Floats
    cost_ratio: Floats
    win_probability: Floats
    stressed_loss: Floats
    max_loss: Floats
    score: Floats
    on_request: Bools
    reason: Ints

    @worked_out
    def expiries(self) -> tuple[tuple[str, ...], Ints]:
        """Names, and which of them each package has: of its expiry, `near/far` of a calendar."""
        return self.table.labels(self.grid.rows)

    @property
    def hedge_put(self) -> Floats:
        """(m,) strike of the put that would bound a naked package; NaN where none is needed or found."""
        return self._hedge(0)

    @property
    def hedge_call(self) -> Floats:
        return self._hedge(1)

    def of(self, packages: slice, table: QuoteTable, start: int) -> Screened:
        """A run of packages of one expiry, whose own `table` starts at row `start` of the joined one."""
        grid = self.grid
        hedge = None if grid.hedge is None else grid.hedge[packages]
        rest = {name: getattr(self, name)[packages] for name in _BY_PACKAGE}
        return Screened(
            table=table,
            grid=Grid(
                family=grid.family[packages],
                rows=grid.rows[packages] - start,
                sides=grid.sides[packages],
                hedge=None if hedge is None else np.where(hedge < 0, -1, hedge - start),
            ),
            legs=self.legs.take(packages),
            shape=self.shape.take(packages),
            **rest,
        )

    def _hedge(self, side: int) -> Floats:
        rows = np.full(len(self.grid), -1) if self.grid.hedge is None else self.grid.hedge[:, side]
        return np.where(rows >= 0, self.table.strike[rows], np.nan)


_BY_PACKAGE = [name for name in Screened.__dataclass_fields__ if name not in {"table", "grid", "legs", "shape"}]


def screen(grid: Grid, table: JoinedTable, frictions: Frictions, rules: ScreenRules) -> Screened:
    """Every number and the first reason against each package, of the expiries of the table one after another."""
    part = table.part[grid.rows[:, 0]]
    legs = Legs(table.strike[grid.rows], table.is_call[grid.rows], grid.sides)
    shape = profile(legs, rules.exit_cost, table.forwards[part])
    mid = net(table.mid, grid)
    executable = executable_price(table, grid)
    gross = quantised(net(table.edge, grid))
    entry_cost = executable + frictions.impact + frictions.charges
    cost = (executable - mid) + frictions.impact + frictions.charges + expected_exit(table, grid, rules.exit_cost)
    net_ev = quantised(gross - cost)
    stressed = quantised(stressed_loss(grid, table, entry_cost, rules.hard_rules, rules.exit_cost))
    laws = [
        (many, each.nodes, each.cdf)
        for many, each in zip(np.bincount(part, minlength=len(table.tables)).tolist(), table.tables, strict=True)
    ]
    screened = Screened(
        table=table,
        grid=grid,
        legs=legs,
        shape=shape,
        mid=mid,
        executable=executable,
        gross_edge=gross,
        entry_cost=entry_cost,
        net_ev=net_ev,
        cost_ratio=quantised(np.divide(cost, gross, out=np.full_like(cost, np.nan), where=gross > 0)),
        win_probability=quantised(win_probabilities(shape, entry_cost, laws)),
        stressed_loss=stressed,
        max_loss=quantised(entry_cost - shape.lowest()),
        score=quantised(scores(net_ev, stressed, consensus_share(table, grid, rules.consensus))),
        on_request=(executable < 0) & (False if rules.on_expiry_day is None else rules.on_expiry_day[part]),
        reason=np.zeros(len(grid), dtype=np.int64),
    )
    screened.reason[:] = first_reasons(screened, rules)
    return screened


def expected_exit(table: QuoteTable, grid: Grid, cost: ExitCost) -> Floats:
    """(m,) expected cost of settlement: exercise tax on bought legs, the broker's fee on every leg in the money."""
    taxed = over_legs(np.maximum(grid.sides, 0.0) * table.expected[grid.rows]) * cost.tax
    return np.asarray(taxed + cost.fee * over_legs(np.abs(grid.sides) * table.in_the_money[grid.rows]))


def quantised(values: Floats) -> Floats:
    """As `units.quantise`, before a number meets a limit: the last bits differ between CPUs."""
    return np.asarray(np.round(values, 6) + 0.0)


def net(values: Floats, grid: Grid) -> Floats:
    """(m,) sum of side x value over the legs."""
    return over_legs(values[grid.rows] * grid.sides)


def executable_price(table: QuoteTable, grid: Grid) -> Floats:
    """Buy at the ask, sell at the bid."""
    price = np.where(grid.sides > 0, table.ask[grid.rows], table.bid[grid.rows])
    return over_legs(np.where(grid.sides != 0, price, 0.0) * grid.sides)


def consensus_share(table: QuoteTable, grid: Grid, consensus: Consensus) -> Floats:
    """(m,) in +-`CONSENSUS_SHARE`: how far the views agree with each package's vega and delta."""
    voices = [
        (consensus.volatility, np.sign(net(table.vega, grid))),
        (consensus.direction, np.clip(2.0 * net(table.delta, grid), -1.0, 1.0)),
    ]
    spoken = [score * sign for score, sign in voices if score is not None]
    if not spoken:
        return np.zeros(len(grid))
    return np.asarray(CONSENSUS_SHARE * consensus.confidence * sum(spoken) / len(spoken))


def scores(net_ev: Floats, stressed: Floats, share: Floats) -> Floats:
    """Net EV per stressed loss, moved by the consensus share of its size. NaN without a stressed loss."""
    ratio = np.divide(net_ev, stressed, out=np.full_like(net_ev, np.nan), where=stressed > 0)
    return np.asarray(ratio + share * np.abs(ratio))


def first_reasons(screened: Screened, rules: ScreenRules) -> Ints:
    """(m,) index into `REASONS` of the first that stops each package; 0 when none does."""
    policy = rules.hard_rules
    table, grid = screened.table, screened.grid
    used = grid.sides != 0
    collects = screened.executable < 0
    gross_premium = over_legs(np.abs(table.mid[grid.rows] * grid.sides))
    naked = IS_NAKED[grid.family]
    wide = 2.0 * (screened.executable - screened.mid) > rules.max_relative_spread * gross_premium
    win_asked = collects | (policy.profile == "article")
    paid_short = (policy.profile == "balanced") & ~collects
    stops = {
        "no_two_sided_quote": ~np.all(table.usable[grid.rows] | ~used, axis=1),
        "slice_skew": np.zeros(len(grid), np.bool_) if rules.skewed is None else rules.skewed,
        "unbounded_loss": naked | np.isinf(screened.max_loss),
        "wide_spread": wide,
        "cannot_lose": screened.max_loss <= 0,
        "net_ev": ~(screened.net_ev > 0),
        "cost_ratio": ~(screened.cost_ratio <= policy.max_cost_ratio),
        "win_probability": win_asked & ~(screened.win_probability >= policy.min_win_probability),
        "net_ev_of_stressed_loss": ~(screened.net_ev >= policy.min_net_ev_of_stressed_loss * screened.stressed_loss),
        "net_ev_of_premium": paid_short
        & ~(screened.net_ev >= policy.balanced_min_net_ev_of_premium * screened.executable),
    }
    reason = np.zeros(len(grid), dtype=np.int64)
    for name in reversed(REASONS[1:]):
        reason[stops[name]] = REASONS.index(name)
    return reason
