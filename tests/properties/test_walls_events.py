"""Regime, news and events for every offer: nothing unknown passes, more of it never opens a wall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.circumstances import VOL_LEVELS
from quantsentinel.features.regime import Look, Regime, State, stepped
from quantsentinel.market.calendar import IST
from quantsentinel.market.events import scheduled
from quantsentinel.market.news import Impact, NewsItem, NewsKind
from quantsentinel.market.rule_rows import RuleRows
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.walls import event_hedge, news_events, regime
from quantsentinel.risk.walls.news_events import event_window, impact_on, news_rung
from quantsentinel.verdict import Outcome
from tests.builders import TEN, desk, market
from tests.wall_facts import wall_facts, with_offer, with_policy

IMPACTS, KINDS = list(Impact), list(NewsKind)
SYMBOLS = st.lists(st.sampled_from(["HDFCBANK", "TITAN", "RBLBANK", "NIFTY", "BANKNIFTY", "NOBODY"]), max_size=3)
TIMES = st.datetimes(datetime(2024, 1, 2), datetime(2026, 12, 30)).map(lambda at: at.replace(tzinfo=IST, microsecond=0))


def item(impact: Impact, kind: NewsKind, symbols: list[str], number: int = 0) -> NewsItem:
    known, over = TEN - timedelta(hours=1), TEN + timedelta(hours=1)
    return NewsItem(f"n{number}", "Said", kind, impact, tuple(symbols), known, known, over, "test")


NEWS = st.builds(item, st.sampled_from(IMPACTS), st.sampled_from(KINDS), SYMBOLS, st.integers(0, 9))


@cache
def spanning() -> Facts:
    """An offer over the American inflation figure of September, with a bank's news about."""
    facts = with_offer(wall_facts(lots=1), time_stop=datetime(2025, 9, 12, 15, 15, tzinfo=IST))
    return told(facts, item(Impact.LOW, NewsKind.CORPORATE, ["HDFCBANK"]))


def told(facts: Facts, *news: NewsItem) -> Facts:
    return replace(facts, tenant=replace(facts.tenant, as_of=replace(facts.tenant.as_of, news=news)))


def with_view(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, tenant=replace(facts.tenant, view=replace(facts.tenant.view, **changes)))


def without_rows(facts: Facts, kind: str, event: str = "") -> Facts:
    rows = facts.tenant.desk.rules.rows.by_kind
    left = tuple(row for row in rows[kind] if event and row.values["event"] != event)
    rules = RuleBook(RuleRows({**rows, kind: left}, f"sha256:without {kind} {event}"))
    return replace(facts, tenant=replace(facts.tenant, desk=replace(facts.tenant.desk, rules=rules)))


def blind(facts: Facts) -> Facts:
    return with_view(facts, analytics=market(forward_known=False).analytics)


ALL = ("rbi_mpc", "union_budget", "fomc", "us_cpi")
REMOVED: dict[str, tuple[Callable[[Facts], Facts], tuple[str, ...]]] = {
    "regime": (lambda f: with_view(f, regime=Regime(reason="x")), ("regime.structure", "news_events.news")),
    "regime level": (
        lambda f: with_view(f, regime=replace(f.tenant.view.regime, level=None)),
        ("regime.structure", "news_events.news"),
    ),
    "regime trend": (
        lambda f: with_view(f, regime=replace(f.tenant.view.regime, trend=None)),
        ("regime.structure",),
    ),
    "news": (
        lambda f: replace(f, tenant=replace(f.tenant, as_of=replace(f.tenant.as_of, news=None))),
        ("news_events.news",),
    ),
    "members": (lambda f: without_rows(f, "members"), ("news_events.news",)),
    "calendar": (lambda f: without_rows(f, "events"), ("news_events.event_window", "event_hedge.protection")),
    **{
        name: (
            lambda f, name=name: without_rows(f, "events", name),
            ("news_events.event_window", "event_hedge.protection"),
        )
        for name in ALL
    },
    "listing": (lambda f: without_rows(f, "listing"), ("news_events.event_window",)),
    "forward": (blind, ("event_hedge.protection",)),
    "move scale": (lambda f: with_policy(f, "events", move_scale={}), ("event_hedge.protection",)),
    "declared move": (lambda f: with_policy(f, "events", declared_move={}), ("event_hedge.protection",)),
    "budget": (
        lambda f: replace(f, budget=replace(f.budget, trade_loss=Decimal("NaN"))),
        ("event_hedge.protection",),
    ),
}


def outcomes(facts: Facts) -> dict[str, Outcome]:
    verdicts = (*regime.regime(facts), *news_events.news_events(facts), *event_hedge.event_hedge(facts))
    return {verdict.guard: verdict.outcome for verdict in verdicts}


def test_each_input_that_is_taken_away_makes_exactly_the_checks_that_read_it_unknown() -> None:
    whole, seen = outcomes(spanning()), 0
    assert set(whole.values()) == {Outcome.PASSED}
    for name, (take_away, checks) in REMOVED.items():
        found = outcomes(take_away(spanning()))
        unknown = {check for check, outcome in found.items() if outcome is Outcome.UNKNOWN}
        assert unknown == set(checks), name
        seen += len(unknown)
    assert (len(whole), len(REMOVED), seen) == (4, 15, 22)


@given(st.lists(NEWS, max_size=4, unique_by=lambda each: each.news_id), NEWS, st.sampled_from(VOL_LEVELS))
@settings(max_examples=120, deadline=None)
def test_one_more_item_never_raises_the_size(news: list[NewsItem], more: NewsItem, level: str) -> None:
    facts = with_view(wall_facts_once(), regime=Regime(level, "ranging"))
    after = [each for each in news if each.news_id != more.news_id] + [more]
    before = [each for each in news if each.news_id != more.news_id]
    assert news_rung(told(facts, *after).tenant).percent <= news_rung(told(facts, *before).tenant).percent


@cache
def wall_facts_once() -> Facts:
    return wall_facts()


@given(NEWS, st.sampled_from(["NIFTY", "BANKNIFTY"]))
@settings(max_examples=120, deadline=None)
def test_more_impact_more_stress_or_one_more_name_never_raises_the_size(found: NewsItem, index: str) -> None:
    def size(item: NewsItem, level: str) -> int:
        facts = with_view(wall_facts_once(), regime=Regime(level, "ranging"), underlying=index)
        return news_rung(told(facts, item).tenant).percent

    sizes = [[size(replace(found, impact=impact), level) for impact in IMPACTS] for level in VOL_LEVELS]
    assert all(row == sorted(row, reverse=True) for row in sizes)
    assert all(list(column) == sorted(column, reverse=True) for column in zip(*sizes, strict=True))
    if found.symbols:
        wider = replace(found, symbols=(*found.symbols, "HDFCBANK"))
        assert size(wider, "normal") <= size(found, "normal")
        assert size(replace(found, symbols=()), "normal") <= size(found, "normal")


@given(TIMES, st.tuples(*[st.integers(0, 180)] * 4), st.integers(0, 15))
@settings(max_examples=80, deadline=None)
def test_a_wider_window_or_a_longer_life_never_opens(at: datetime, minutes: tuple[int, ...], life: int) -> None:
    before, after, more, later = minutes
    narrow = house(before, after)
    wide = house(before + more, after + later)
    if event_window(narrow, "NIFTY", at, at).event != "none":
        assert event_window(wide, "NIFTY", at, at + timedelta(minutes=life)).event != "none"


@cache
def house(before: int, after: int) -> Any:
    base = desk()
    events = base.policy.events.model_copy(update={"before_minutes": before, "after_minutes": after})
    return replace(base, policy=base.policy.model_copy(update={"events": events}))


@given(st.sampled_from([e for e in scheduled(desk().rules) if e.felt_at]), st.integers(-1800, 1800))
@settings(max_examples=120, deadline=None)
def test_every_moment_around_every_event_is_closed(event: Any, seconds: int) -> None:
    at = event.felt_at + timedelta(seconds=seconds)
    assert event_window(desk(), "NIFTY", at, at).event != "none"


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.001, 0.05), st.floats(0.001, 0.05))
@settings(max_examples=60, deadline=None)
def test_more_lots_or_a_smaller_budget_never_opens_the_event_hedge(
    lots: int, more: int, share: float, less: float
) -> None:
    def blocked(size: int, budget: float) -> bool:
        facts = with_offer(wall_facts(lots=size, max_loss_per_trade=budget), time_stop=spanning().opportunity.time_stop)
        return outcomes(facts)["event_hedge.protection"] is not Outcome.PASSED

    if blocked(lots, share):
        assert blocked(lots + more, min(share, less))


@given(st.floats(0.01, 0.6), st.floats(0.0, 0.2), st.integers(0, 2), st.booleans())
@settings(max_examples=120, deadline=None)
def test_more_vol_never_lowers_the_level_and_a_level_once_reached_stays_for_the_same_vol(
    vol: float, more: float, level: int, trending: bool
) -> None:
    policy = desk().policy.regime
    bands, state = policy.vol_annual["NIFTY"], State(level, trending)
    once = stepped(state, Look(vol, 1.0), bands, policy)
    assert stepped(state, Look(vol + more, 1.0), bands, policy).level >= once.level
    assert stepped(once, Look(vol, 1.0), bands, policy) == once


@pytest.mark.parametrize("index", ["NIFTY", "BANKNIFTY"])
@pytest.mark.parametrize("symbol", ["HDFCBANK", "TITAN", "RBLBANK", "NOBODY", "NIFTY", "BANKNIFTY"])
def test_no_name_makes_news_weigh_more_than_it_does_for_the_market(index: str, symbol: str) -> None:
    for impact in IMPACTS:
        reached = impact_on(desk(), index, item(impact, NewsKind.CORPORATE, [symbol]), TEN.date())
        assert reached is None or IMPACTS.index(reached) <= IMPACTS.index(impact)
