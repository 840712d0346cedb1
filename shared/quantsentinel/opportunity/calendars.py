"""Calendar spreads in the screen: sell a near option, buy the same strike and right of a later expiry.

Their loss is bounded by the rule of `definitions.md` §4 only, and so is everything that stands on it: the far leg is
valued at sticky-moneyness vol 20 % lower (`calendar_value`). What leaves that rule is not a calendar and has no bound.
Charges and spreads are counted to the declared exit, where both legs are traded back; nothing of it is settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import CandidatePolicy, HardRules
from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.calendar_terms import Pair, pairs_of
from quantsentinel.opportunity.calendar_value import SCREEN_NODES, Calendars, Values, value
from quantsentinel.opportunity.expiry_terms import ExpiryTerms
from quantsentinel.opportunity.frictions import closing_spread, frictions
from quantsentinel.opportunity.payoff_profile import ExitCost, Legs
from quantsentinel.opportunity.quote_table import TAIL_BINS, QuoteTable, joined
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
from quantsentinel.opportunity.structures import FAMILIES, MAX_LEGS, Grid, nearest_deltas

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOUGHT, SOLD = 0, 1
"""Columns of a calendar's legs in the grid."""
FREE = ExitCost(0.0, 0.0)
"""A calendar is closed, not settled: its exit costs are in its shapes."""


@dataclass(frozen=True, eq=False)
class CalendarScreen:
    """Every calendar of the snapshot with its numbers; rows of both are the same packages."""

    screened: Screened
    calendars: Calendars


def screen_calendars(expiries: Sequence[tuple[QuoteTable, ExpiryTerms]], most: int) -> CalendarScreen | None:
    """At most `most` calendars of these expiries, nearest first; None when no pair of them has any."""
    pairs = pairs_of([terms for _, terms in expiries])
    if not pairs or most <= 0:
        return None
    table = joined([table for table, _ in expiries])
    policy = pairs[0].terms.shared.desk.policy
    grid, pair_of = _grid(expiries, pairs, policy.candidates)
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
    )
    tails = {id(terms.part): each.tail_points for each, terms in expiries}
    return CalendarScreen(_screen(grid, table, calendars, tails), calendars)


def _grid(
    expiries: Sequence[tuple[QuoteTable, ExpiryTerms]], pairs: Sequence[Pair], policy: CandidatePolicy
) -> tuple[Grid, Ints]:
    """Strikes by the sold leg's delta, where both expiries list them; and each package's pair."""
    place = {id(terms.part): index for index, (_, terms) in enumerate(expiries)}
    starts = np.cumsum([0, *(len(table.strike) for table, _ in expiries)])
    sold = [list(_sold(table, policy.calendar_deltas)) for table, _ in expiries]
    rows: list[tuple[int, int]] = []
    pair_of: list[int] = []
    families: list[int] = []
    for index, pair in enumerate(pairs):
        near, far = place[id(pair.near)], place[id(pair.far)]
        strikes = expiries[far][0].strike
        for family, row, strike in sold[near]:
            bought = 2 * int(np.searchsorted(strikes[::2], strike)) + row % 2
            if bought < len(strikes) and strikes[bought] == strike:
                rows.append((int(starts[far]) + bought, int(starts[near]) + row))
                pair_of.append(index)
                families.append(family)
    legs = np.array(rows, dtype=np.int64).reshape(-1, 2)
    sides = np.zeros((len(legs), MAX_LEGS))
    sides[:, BOUGHT], sides[:, SOLD] = 1.0, -1.0
    padded = np.column_stack([legs, *[legs[:, BOUGHT]] * (MAX_LEGS - 2)])
    return Grid(np.array(families, dtype=np.int64), padded, sides), np.array(pair_of, dtype=np.int64)


def _sold(near: QuoteTable, deltas: tuple[float, ...]) -> Iterator[tuple[int, int, float]]:
    """(family's code, row, strike) of the options that a calendar of this near expiry may sell."""
    for family, right in ((Family.CALL_CALENDAR, 0), (Family.PUT_CALENDAR, 1)):
        for at in nearest_deltas(near.delta[right::2], near.usable[right::2], deltas).tolist():
            yield FAMILIES.index(family), 2 * at + right, float(near.strike[2 * at])


def _screen(grid: Grid, table: QuoteTable, calendars: Calendars, tails: Mapping[int, Floats]) -> Screened:
    """As `screen.screen`, for packages that are closed instead of settled; `tails`: equally probable settlement prices
    of each slice, by its id()."""
    terms = calendars.pairs[0].terms
    policy, consensus = terms.shared.desk.policy, terms.shared.consensus
    cost_in = frictions(grid, table, terms)
    values = value(calendars, SCREEN_NODES)
    mid, executable = net(table.mid, grid), executable_price(table, grid)
    entry_cost = executable + cost_in.impact + cost_in.charges
    cost = (executable - mid) + cost_in.impact + cost_in.charges + values.closing
    gross = quantised(values.edge)
    net_ev = quantised(gross - cost)
    stressed = quantised(entry_cost - _least(values, calendars, tails, policy.hard_rules))
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
    rules = ScreenRules(policy.hard_rules, relative, False, FREE, consensus, skewed)
    screened.reason[:] = first_reasons(screened, rules)
    return screened


def _least(values: Values, calendars: Calendars, tails: Mapping[int, Floats], rules: HardRules) -> Floats:
    """(m,) what each pays in the worst of the gaps and of the tail of the near expiry's implied density: its worst bins
    lie outermost on both sides, for a calendar pays less the further from its strike."""
    worst = round(TAIL_BINS * (1.0 - rules.tail_level))
    gaps = np.array([1.0 - rules.gap_stress, 1.0 + rules.gap_stress])
    points = []
    for pair in calendars.pairs:
        bins = tails[id(pair.near)]
        points.append(np.concatenate([(pair.near.forward or 0.0) * gaps, bins[:worst], bins[-worst:]]))
    paid = values.stressed(np.stack(points)[calendars.pair_of])
    shortfall = np.sort(paid[:, 2:], axis=1)[:, :worst].mean(axis=1)
    return np.asarray(np.minimum(shortfall, paid[:, :2].min(axis=1)))
