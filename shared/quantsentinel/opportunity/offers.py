"""From analytics and consensus to ranked opportunities, with every candidate's reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import CandidatePolicy
from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.calendar_exact import price_calendars
from quantsentinel.opportunity.calendars import screen_calendars
from quantsentinel.opportunity.candidates import Candidates
from quantsentinel.opportunity.columns import candidate_columns
from quantsentinel.opportunity.exact import price_exactly
from quantsentinel.opportunity.expiry_terms import ExpiryTerms, Shared, expiry_terms
from quantsentinel.opportunity.frictions import frictions
from quantsentinel.opportunity.hedge import HedgeRules, with_hedges
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.opportunity.quote_table import JoinedTable, ladder, quote_tables
from quantsentinel.opportunity.screen import REASONS, Screened, ScreenRules, screen
from quantsentinel.opportunity.structures import Grid, GridSpec, build_grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_PER_KEY = 3
"""Of one expiry and family at most three are priced exactly: one live entry per key is all a tenant may hold."""
UNPRICEABLE = frozenset({"no_two_sided_quote", "slice_skew", "unbounded_loss", "wide_spread", "cannot_lose"})
"""A candidate with one of these is never priced exactly, not even to show its refusal."""
_PRICEABLE = np.array([name not in UNPRICEABLE for name in REASONS])


@dataclass(frozen=True, eq=False)
class Offers:
    """`opportunities` best first, eligible before ineligible, what all tenants may enter before what only some may; one
    per (expiry, family)."""

    opportunities: tuple[Opportunity, ...]
    candidates: Candidates


@dataclass(frozen=True, eq=False)
class Group:
    """The packages of one expiry, or all calendars; `price` prices rows exactly, in the order given."""

    screened: Screened
    price: Callable[[Sequence[int]], list[Opportunity]]


@dataclass(frozen=True, slots=True)
class Pick:
    """One candidate: which group, which row, its key's (nearest) expiry and family, and its screening score."""

    group: int
    row: int
    expiry: str
    family: int
    score: float
    passed: bool
    on_request: bool


def make_offers(shared: Shared) -> Offers:
    """Screens the grid of the nearest expiries, prices the best exactly and ranks them."""
    policy = shared.desk.policy.candidates
    groups = _screen_all(shared, policy)
    picks = _best([group.screened for group in groups], policy)
    priced: list[tuple[Pick, Opportunity]] = []
    for index, group in enumerate(groups):
        here = [pick for pick in picks if pick.group == index]
        offers = group.price([pick.row for pick in here]) if here else []
        priced.extend(zip(here, offers, strict=True))
    ranked = _rank(priced, policy.max_ranked)
    screened = [group.screened for group in groups]
    candidates = candidate_columns(screened, *_reasons(screened, priced, ranked))
    return Offers(tuple(offer for _, offer in ranked), candidates)


def _screen_all(shared: Shared, policy: CandidatePolicy) -> list[Group]:
    """Every expiry's grid, then what is made of two expiries. Expiries with one lot, which is nearly always all of
    them, are screened together; where lots change, one of another lot may lie between two of them."""
    groups: list[Group] = []
    batches: list[tuple[JoinedTable, list[ExpiryTerms]]] = []
    left = policy.max_candidates
    by_lot: dict[int, list[ExpiryTerms]] = {}
    for each in _terms(shared, policy):
        by_lot.setdefault(each.lot, []).append(each)
    for lot, terms in by_lot.items():
        spec = _spec(shared, policy)
        parts = [each.part for each in terms]
        table = quote_tables(parts, shared.analytics.underlying, lot)
        grid = with_hedges(build_grid([ladder(part) for part in parts], spec), table, _hedge_rules(shared, spec))
        groups += _by_expiry(grid.head(left), table, terms)
        left -= min(len(grid), left)
        batches.append((table, terms))
    for table, terms in batches:
        calendars = screen_calendars(table, terms, left)
        if calendars is not None:
            left -= len(calendars.calendars)
            groups.append(Group(calendars.screened, partial(price_calendars, calendars)))
    return groups


def _terms(shared: Shared, policy: CandidatePolicy) -> Iterator[ExpiryTerms]:
    for part in shared.analytics.fitted[: policy.max_expiries]:
        if part.physical is not None:
            # `entries_refused` names the gap when it concerns the underlying; an uncovered expiry is left out.
            with suppress(RuleGap):
                yield expiry_terms(shared, part)


def _by_expiry(grid: Grid, table: JoinedTable, terms: Sequence[ExpiryTerms]) -> Iterator[Group]:
    if not len(grid):
        return
    screened = _screen(grid, table, terms)
    ends = np.searchsorted(table.part[grid.rows[:, 0]], np.arange(len(terms)), side="right").tolist()
    for own, each, start, first, end in zip(table.tables, terms, table.starts, [0, *ends], ends, strict=False):
        if end > first:
            here = screened.of(slice(first, end), own, start)
            yield Group(here, partial(price_exactly, here, terms=each))


def _hedge_rules(shared: Shared, spec: GridSpec) -> HedgeRules:
    policy = shared.desk.policy
    return HedgeRules(
        widths=tuple(steps * spec.strike_step for steps in policy.candidates.hedge_steps),
        max_stressed_of_credit=policy.candidates.hedge_max_stressed_of_credit,
        gap_stress=policy.hard_rules.gap_stress,
        tail_level=policy.hard_rules.tail_level,
    )


def _spec(shared: Shared, policy: CandidatePolicy) -> GridSpec:
    step = shared.desk.rules.strike_step(shared.analytics.underlying, shared.analytics.session)
    return GridSpec(policy.short_deltas, policy.long_deltas, policy.wing_steps, step.value)


def _screen(grid: Grid, table: JoinedTable, terms: Sequence[ExpiryTerms]) -> Screened:
    policy, first = terms[0].shared.desk.policy, terms[0]
    rules = ScreenRules(
        hard_rules=policy.hard_rules,
        max_relative_spread=policy.candidates.max_relative_spread,
        on_expiry_day=np.array([each.on_expiry_day for each in terms]),
        exit_cost=first.exit_cost,
        consensus=first.shared.consensus,
    )
    return screen(grid, table, frictions(grid, table, first), rules)


def _best(groups: Sequence[Screened], policy: CandidatePolicy) -> list[Pick]:
    """At most `max_priced`: those that passed the screen by score, then, to show why not, the best that failed."""
    pool: list[Pick] = []
    for index, group in enumerate(groups):
        rows = np.nonzero(np.isfinite(group.score) & _PRICEABLE[group.reason])[0]
        rows = rows[np.lexsort((rows, -np.round(group.score[rows], 9)))]
        for passed in (True, False):
            top = np.nonzero((group.reason[rows] == 0) == passed)[0][: policy.max_priced * MAX_PER_KEY]
            pool += _picks(index, group, rows[top])
    pool.sort(key=lambda pick: (not pick.passed, pick.on_request, -pick.score, pick.group, pick.family, pick.row))
    return _spread_over_keys(pool, policy)


def _picks(index: int, group: Screened, rows: Ints) -> list[Pick]:
    """`rows` of one group as picks, in their order."""
    names, which = group.expiries
    score, passed = np.round(group.score[rows], 9), group.reason[rows] == 0
    columns = (rows, which[rows], group.grid.family[rows], score, passed, group.on_request[rows])
    near = [name.partition("/")[0] for name in names]
    return [
        Pick(index, row, near[expiry], *rest)
        for row, expiry, *rest in zip(*(part.tolist() for part in columns), strict=True)
    ]


def _spread_over_keys(pool: Sequence[Pick], policy: CandidatePolicy) -> list[Pick]:
    taken: dict[tuple[str, int], int] = {}
    chosen: list[Pick] = []
    for pick in pool:
        key = (pick.expiry, pick.family)
        room = MAX_PER_KEY if pick.passed else 1
        full = len(chosen) >= (policy.max_priced if pick.passed else policy.max_ranked)
        if full or taken.get(key, 0) >= room:
            continue
        taken[key] = taken.get(key, 0) + 1
        chosen.append(pick)
    return chosen


def _rank(priced: Sequence[tuple[Pick, Opportunity]], most: int) -> list[tuple[Pick, Opportunity]]:
    """One per (expiry, family), eligible first, by score; ties by expiry, family and grid order.

    What needs a tenant's opt-in comes after what does not: it takes no place from those who did not.
    """

    def order(item: tuple[Pick, Opportunity]) -> tuple[bool, bool, float, int, int, int]:
        pick, offer = item
        return not offer.is_eligible, pick.on_request, -offer.score, pick.group, pick.family, pick.row

    ordered = sorted(priced, key=order)
    seen: set[tuple[str, int]] = set()
    ranked: list[tuple[Pick, Opportunity]] = []
    for pick, offer in ordered:
        key = (pick.expiry, pick.family)
        if key not in seen and len(ranked) < most:
            seen.add(key)
            ranked.append((pick, offer))
    return ranked


def _reasons(
    groups: Sequence[Screened],
    priced: Sequence[tuple[Pick, Opportunity]],
    ranked: Sequence[tuple[Pick, Opportunity]],
) -> tuple[list[NDArray[np.int64]], list[str]]:
    """The final reason of every candidate, one array an expiry, and the names that they index."""
    names = ["outranked", *REASONS[1:], "priced", "offered"]
    reasons = [screened.reason.copy() for screened in groups]
    offered = {(pick.group, pick.row) for pick, _ in ranked}
    for pick, offer in priced:
        first = next((verdict.guard for verdict in offer.verdicts if verdict.stops), "")
        name = first or ("offered" if (pick.group, pick.row) in offered else "priced")
        if name not in names:
            names.append(name)
        reasons[pick.group][pick.row] = names.index(name)
    return reasons, names
