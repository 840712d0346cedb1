"""Calendar spreads in the screen: sell a near option, buy the same strike and right of a later expiry.

Their loss is bounded by the rule of `definitions.md` §4 only, and so is everything that stands on it: the far leg is
valued at sticky-moneyness vol 20 % lower (`calendar_value`). What leaves that rule is not a calendar and has no bound.
Charges and spreads are counted to the declared exit, where both legs are traded back; nothing of it is settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import HardRules
from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.calendar_curves import curves_of
from quantsentinel.opportunity.calendar_terms import Pair, pairs_of
from quantsentinel.opportunity.calendar_value import SCREEN_NODES, Calendars, Values, value
from quantsentinel.opportunity.expiry_terms import ExpiryTerms
from quantsentinel.opportunity.frictions import closing_spread, frictions
from quantsentinel.opportunity.payoff_profile import ExitCost, Legs
from quantsentinel.opportunity.quote_table import JoinedTable
from quantsentinel.opportunity.screen import (
    Screened,
    ScreenRules,
    consensus_share,
    executable_price,
    first_reasons,
    net,
    quantised,
    scores,
)
from quantsentinel.opportunity.structures import FAMILIES, Grid, listed, nearest_deltas, sides_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BOUGHT, SOLD = 0, 1
"""Columns of a calendar's legs in the grid."""
_BY_RIGHT = np.array([FAMILIES.index(Family.CALL_CALENDAR), FAMILIES.index(Family.PUT_CALENDAR)])
FREE = ExitCost(0.0, 0.0)
"""A calendar is closed, not settled: its exit costs are in its shapes."""


@dataclass(frozen=True, eq=False)
class CalendarScreen:
    """Every calendar of the snapshot with its numbers; rows of both are the same packages."""

    screened: Screened
    calendars: Calendars


def screen_calendars(table: JoinedTable, terms: Sequence[ExpiryTerms], most: int) -> CalendarScreen | None:
    """At most `most` calendars of the table's expiries, nearest first; None when no pair of them has any."""
    pairs = pairs_of(terms)
    if not pairs or most <= 0:
        return None
    policy = pairs[0].terms.shared.desk.policy
    grid, pair_of = _grid(table, terms, pairs)
    grid, pair_of = grid.head(most), pair_of[:most]
    if not len(grid):
        return None
    first = grid.rows[:, BOUGHT]
    calendars = Calendars(
        pairs=pairs,
        pair_of=pair_of,
        strike=table.strike[first],
        is_call=table.is_call[first],
        closing=closing_spread(grid, table, pairs[0].terms),
        vol_shift=policy.candidates.calendar_vol_shift,
        curves=curves_of(pairs),
    )
    return CalendarScreen(_screen(grid, table, calendars), calendars)


def _grid(table: JoinedTable, terms: Sequence[ExpiryTerms], pairs: Sequence[Pair]) -> tuple[Grid, Ints]:
    """Strikes by the sold leg's delta, where both expiries list them; and each package's pair."""
    place = {id(each.part): index for index, each in enumerate(terms)}
    near, far = (np.array([place[id(part)] for part in parts]) for parts in zip(*_slices(pairs), strict=True))
    expiry, right, strike = _sold(table, terms[0].shared.desk.policy.candidates.calendar_deltas).nonzero()
    sold = np.asarray(table.starts)[expiry] + 2 * strike + right
    pair_of, at = (expiry == near[:, None]).nonzero()
    wanted = table.strike[sold[at]][:, None]
    found = listed(table.strike[::2], table.part[::2], far[pair_of], wanted)[:, 0]
    both = (found >= 0).nonzero()[0]
    at, right = at[both], right[at[both]]
    bought, family = 2 * found[both] + right, _BY_RIGHT[right]
    return Grid(family, np.array([bought, sold[at], bought, bought]).T, sides_of(family)), pair_of[both]


def _slices(pairs: Sequence[Pair]) -> Iterator[tuple[SliceAnalytics, SliceAnalytics]]:
    return ((pair.near, pair.far) for pair in pairs)


def _sold(table: JoinedTable, deltas: tuple[float, ...]) -> Bools:
    """(e, 2, w) the calls and the puts that a calendar of a near expiry may sell, by strike."""
    shape = (len(table.tables), 2, max(len(each.strike) // 2 for each in table.tables))
    delta, usable = np.full(shape, np.nan), np.zeros(shape, np.bool_)
    for expiry, each in enumerate(table.tables):
        count = len(each.strike) // 2
        delta[expiry, :, :count] = each.delta.reshape(-1, 2).T
        usable[expiry, :, :count] = each.usable.reshape(-1, 2).T
    return nearest_deltas(delta, usable, deltas)


def _screen(grid: Grid, table: JoinedTable, calendars: Calendars) -> Screened:
    """As `screen.screen`, for packages that are closed instead of settled."""
    terms = calendars.pairs[0].terms
    policy, consensus = terms.shared.desk.policy, terms.shared.consensus
    cost_in = frictions(grid, table, terms)
    values = value(calendars, SCREEN_NODES)
    mid, executable = net(table.mid, grid), executable_price(table, grid)
    entry_cost = executable + cost_in.impact + cost_in.charges
    cost = (executable - mid) + cost_in.impact + cost_in.charges + values.closing
    gross = quantised(values.edge)
    net_ev = quantised(gross - cost)
    stressed = quantised(entry_cost - _least(values, table, table.part[grid.rows[:, SOLD]], policy.hard_rules))
    screened = Screened(
        table=table,
        grid=grid,
        legs=Legs(table.strike[grid.rows], table.is_call[grid.rows], grid.sides),
        shape=values.bounds,
        mid=mid,
        executable=executable,
        gross_edge=gross,
        entry_cost=entry_cost,
        net_ev=net_ev,
        cost_ratio=quantised(np.divide(cost, gross, out=np.full_like(cost, np.nan), where=gross > 0)),
        win_probability=quantised(values.win_probability(entry_cost)),
        stressed_loss=stressed,
        max_loss=quantised(entry_cost - values.bounds.lowest()),
        score=quantised(scores(net_ev, stressed, consensus_share(table, grid, consensus))),
        on_request=np.zeros(len(grid), dtype=np.bool_),
        reason=np.zeros(len(grid), dtype=np.int64),
    )
    skewed = calendars.column("skew_s")[:, 0] > policy.age.max_leg_skew_s
    relative = policy.candidates.max_relative_spread
    rules = ScreenRules(policy.hard_rules, relative, FREE, consensus, skewed=skewed)
    screened.reason[:] = first_reasons(screened, rules)
    return screened


def _least(values: Values, table: JoinedTable, near: Ints, rules: HardRules) -> Floats:
    """(m,) what each pays in the worst of the gaps and of the tail of the `near` expiry's implied density: its worst
    bins lie outermost on both sides, for a calendar pays less the further from its strike."""
    worst = round(table.tails.shape[1] * (1.0 - rules.tail_level))
    gaps = table.forwards[:, None] * np.array([1.0 - rules.gap_stress, 1.0 + rules.gap_stress])
    points = np.hstack([gaps, table.tails[:, :worst], table.tails[:, -worst:]])
    paid = values.stressed(points[near])
    shortfall = np.sort(paid[:, 2:], axis=1)[:, :worst].mean(axis=1)
    return np.asarray(np.minimum(shortfall, paid[:, :2].min(axis=1)))
