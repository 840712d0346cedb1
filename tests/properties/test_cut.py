"""An amount cuts lots before it refuses: to the most that it lets by, never to more than were sized, never past it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.portfolio.budget import budget_of
from quantsentinel.portfolio.sizing import size
from quantsentinel.portfolio.terms import terms_at
from quantsentinel.risk.cut import AMOUNTS, cut
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.walls.policy import policy
from quantsentinel.units import rupees
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import condor_package, vertical_package
from tests.wall_facts import bear_put, by_name, long_call, wall_facts, with_limits, with_offer, with_policy

LOTS = 9
CAPITAL = 2_000_000


@dataclass(frozen=True)
class Way:
    """An offer, and how its tenant's or desk's limit of one check is set to a share of what the check could ask for."""

    facts: Callable[[], Facts]
    limited: Callable[[Facts, float], Facts]


def of_account(name: str, most: float) -> Callable[[Facts, float], Facts]:
    return lambda facts, share: with_limits(facts, **{name: round(share * most, 6)})


def of_policy(section: str, name: str, most: float) -> Callable[[Facts, float], Facts]:
    return lambda facts, share: with_policy(facts, section, **{name: round(share * most, 6)})


def poorer(facts: Facts, share: float) -> Facts:
    """The equity a shock leaves is the limit."""
    return with_limits(facts, capital=rupees(round(CAPITAL * share, 2)))


def beside(*held: Any, **changes: Any) -> Callable[[], Facts]:
    return cache(lambda: sized(wall_facts(held=held, **changes), LOTS))


def over_an_event() -> Facts:
    facts = wall_facts()
    return sized(with_offer(facts, time_stop=facts.opportunity.time_stop + timedelta(days=18)), LOTS)


def sized(facts: Facts, lots: int) -> Facts:
    """With a sizing that came to so many lots."""
    budget = budget_of(facts.book, facts.tenant.account)
    found = replace(size(facts.opportunity, budget, facts.tenant.desk), lots=lots)
    return replace(facts, sizing=found, terms=terms_at(facts.opportunity, lots, facts.tenant.desk))


WAYS = {
    "policy.sector": Way(beside(vertical_package()), of_account("max_sector_loss", 0.05)),
    "policy.concentration": Way(beside(vertical_package()), of_account("max_share_of_book", 0.6)),
    "margin.stressed": Way(beside(vertical_package()), poorer),
    "correlation.scenario_pnl": Way(
        beside(bear_put(), long_call(), package=vertical_package()), of_account("max_correlation", 1.0)
    ),
    "tail_hedge.adequate": Way(beside(), of_policy("walls", "max_tail_of_trade_loss", 1.0)),
    "event_hedge.protection": Way(cache(over_an_event), of_policy("events", "max_loss_of_trade_budget", 1.0)),
}


def said(facts: Facts, name: str, lots: int) -> Verdict:
    return AMOUNTS[name](sized(facts, lots))


def lots_left(facts: Facts, name: str) -> int:
    stop = said(facts, name, LOTS)
    fewer = cut(facts, (stop,)) if stop.stops else None
    return LOTS if fewer is None else fewer.sizing.lots


def test_there_is_a_way_to_reach_every_amount() -> None:
    assert WAYS.keys() == AMOUNTS.keys()


@pytest.mark.parametrize("name", WAYS)
@given(share=st.floats(0.001, 1.0))
@settings(max_examples=15, deadline=None)
def test_what_is_left_passes_and_one_lot_more_does_not(name: str, share: float) -> None:
    facts = WAYS[name].limited(WAYS[name].facts(), share)
    stop = said(facts, name, LOTS)
    if not stop.stops:
        return
    fewer = cut(facts, (stop,))
    assert fewer is not None
    assert 0 <= fewer.sizing.lots < LOTS
    assert fewer.sizing.binding == name
    assert said(facts, name, fewer.sizing.lots + 1).stops
    if fewer.sizing.lots >= 1:
        assert fewer.terms == terms_at(facts.opportunity, fewer.sizing.lots, facts.tenant.desk)
        assert not AMOUNTS[name](fewer).stops


@pytest.mark.parametrize("name", WAYS)
@given(first=st.floats(0.001, 1.0), second=st.floats(0.001, 1.0))
@settings(max_examples=12, deadline=None)
def test_a_tighter_limit_never_leaves_more_lots(name: str, first: float, second: float) -> None:
    way = WAYS[name]
    tight, wide = (lots_left(way.limited(way.facts(), share), name) for share in sorted((first, second)))
    assert tight <= wide


@pytest.mark.parametrize("name", [name for name in WAYS if name != "correlation.scenario_pnl"])
def test_every_number_of_lots_can_be_what_is_left(name: str) -> None:
    found = {lots_left(WAYS[name].limited(WAYS[name].facts(), step / 200), name) for step in range(1, 201)}
    assert len(found) >= LOTS - 2, found


def test_a_position_with_its_book_is_less_alike_when_less_is_added_and_two_packages_are_not() -> None:
    way, name = WAYS["correlation.scenario_pnl"], "correlation.scenario_pnl"
    found = {lots_left(way.limited(way.facts(), share / 1000), name) for share in range(970, 1000)}
    assert found >= {0, LOTS}
    assert len(found) > 2, "some limit cuts"
    pair = with_limits(beside(condor_package("BANKNIFTY"))(), max_correlation=0.5)
    stop = said(pair, name, LOTS)
    assert stop.outcome is Outcome.BLOCKED
    assert cut(pair, (stop,)) is None


def test_two_amounts_cut_to_what_both_let_by() -> None:
    facts = WAYS["policy.sector"].facts()
    tight = with_limits(facts, max_sector_loss=0.03, max_share_of_book=0.35)
    stops = tuple(verdict for verdict in policy(tight) if verdict.guard in ("policy.sector", "policy.concentration"))
    assert all(verdict.stops for verdict in stops)
    alone = {verdict.guard: cut(tight, (verdict,)) for verdict in stops}
    both = cut(tight, stops)
    assert both is not None
    lowest = min((one.sizing.lots, name) for name, one in alone.items() if one is not None)
    assert (both.sizing.lots, both.sizing.binding) == lowest


def test_what_is_unknown_or_no_amount_is_not_cut() -> None:
    facts = with_limits(WAYS["policy.sector"].facts(), max_sector_loss=0.03)
    stop = by_name(policy(facts))["policy.sector"]
    assert cut(facts, (stop,)) is not None
    assert cut(facts, (replace(stop, outcome=Outcome.UNKNOWN),)) is None
    assert cut(facts, (stop, replace(stop, guard="policy.positions"))) is None
    one = sized(facts, 1)
    assert cut(one, (replace(stop, guard="policy.sector"),)) is None
