"""Wall 8: what spans a scheduled event bears its move with the legs it has, or is not entered."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.features.event_move import package_move
from quantsentinel.features.timeline import SliceTimes
from quantsentinel.market.calendar import IST
from quantsentinel.market.events import ScheduledEvent, felt_between
from quantsentinel.market.instruments import Package
from quantsentinel.market.rule_rows import RuleRows
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.walls.event_hedge import CHECKS, event_hedge
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import condor_package, desk, market
from tests.wall_facts import short_strangle, wall_facts, with_limits, with_offer, with_policy, with_terms

POLICY = desk().policy.events
NAMES = POLICY.required


def ist(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


CPI = ist("2025-09-12T15:15")
"""A time stop after the American inflation figure of 2025-09-11."""


def spanning(package: Package | None = None, stop: datetime = CPI, lots: int = 5, **limits: Any) -> Facts:
    return with_offer(wall_facts(package, lots=lots, **limits), time_stop=stop)


def asked(facts: Facts) -> Verdict:
    (verdict,) = event_hedge(facts)
    assert verdict.guard == CHECKS[0]
    return verdict


def loss_at(facts: Facts, move: float) -> float:
    """By hand: the condor's shorts 200 points out, its wings 100 further."""
    short = max(24_500.0 * move - 200.0, 0.0) - max(24_500.0 * move - 300.0, 0.0)
    return (facts.terms.limit_price + short) * 75 * facts.terms.lots + float(facts.terms.charges)


# --- The wall ---------------------------------------------------------------------------------------------------------
def test_what_ends_before_the_next_event_needs_no_protection() -> None:
    verdict = asked(wall_facts())
    assert (verdict.outcome, verdict.measured) == (Outcome.PASSED, 0.0)
    assert "no event" in verdict.detail


def test_a_condor_over_an_event_is_measured_at_its_move_either_way() -> None:
    facts = spanning(lots=1)
    verdict = asked(facts)
    assert verdict.measured == pytest.approx(loss_at(facts, POLICY.declared_move["us_cpi"]), abs=0.02)
    assert verdict.limit == 0.75 * float(facts.budget.trade_loss)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.detail == "us_cpi 11 Sep: ± 1.9% at 1 lot"


def test_the_same_condor_at_more_lots_or_a_smaller_budget_is_blocked() -> None:
    assert asked(spanning(lots=20)).outcome is Outcome.BLOCKED
    one = spanning(lots=1)
    assert asked(with_limits(one, max_loss_per_trade=0.0001)).outcome is Outcome.BLOCKED
    assert asked(with_policy(one, "events", max_loss_of_trade_budget=0.0)).outcome is Outcome.BLOCKED


def test_shorts_beyond_the_move_bear_it_at_the_size_at_which_nearer_ones_do_not() -> None:
    near, far = condor_package(out=200.0), condor_package(out=600.0)
    assert asked(spanning(near, lots=9)).outcome is Outcome.BLOCKED
    assert asked(spanning(far, lots=9)).outcome is Outcome.PASSED


def test_two_events_are_borne_together() -> None:
    both = asked(spanning(stop=ist("2025-09-18T15:15")))
    assert "us_cpi 11 Sep, fomc 17 Sep" in both.detail or "us_cpi 11 Sep, fomc 18 Sep" in both.detail
    assert f"± {math.hypot(0.019, 0.015):.1%}" in both.detail


def test_an_unbounded_loss_over_an_event_is_blocked_whatever_the_size() -> None:
    facts = with_terms(spanning(lots=1), max_loss=None)
    assert (asked(facts).outcome, asked(facts).measured) == (Outcome.BLOCKED, None)
    assert asked(with_terms(wall_facts(), max_loss=None)).outcome is Outcome.PASSED


def test_a_naked_strangle_loses_more_than_the_condor_inside_it() -> None:
    declared = {**POLICY.declared_move, "us_cpi": 0.05}
    offers = (spanning(short_strangle()), spanning(condor_package(out=300.0)))
    naked, hedged = (asked(with_policy(facts, "events", declared_move=declared)).measured for facts in offers)
    assert float(naked or 0) > 2 * float(hedged or 0) > 0


def unknown_calendar(facts: Facts) -> Facts:
    return with_offer(facts, time_stop=ist("2027-01-05T15:15"))


def unknown_class(facts: Facts) -> Facts:
    rows = facts.tenant.desk.rules.rows.by_kind
    left = tuple(row for row in rows["events"] if row.values["event"] != "fomc")
    holed = RuleBook(RuleRows({**rows, "events": left}, "sha256:no fomc"))
    return replace(facts, tenant=replace(facts.tenant, desk=replace(facts.tenant.desk, rules=holed)))


def unknown_forward(facts: Facts) -> Facts:
    view = facts.tenant.view
    blind = replace(view, analytics=market(forward_known=False).analytics)
    return replace(facts, tenant=replace(facts.tenant, view=blind))


def unknown_scale(facts: Facts) -> Facts:
    return with_policy(facts, "events", move_scale={"BANKNIFTY": 1.2})


def unknown_move(facts: Facts) -> Facts:
    return with_policy(facts, "events", declared_move={"fomc": 0.01})


def unknown_budget(facts: Facts) -> Facts:
    return replace(facts, budget=replace(facts.budget, trade_loss=Decimal("NaN")))


TAKEN_AWAY = (unknown_calendar, unknown_class, unknown_forward, unknown_scale, unknown_move, unknown_budget)


@pytest.mark.parametrize("taken_away", TAKEN_AWAY, ids=lambda change: change.__name__)
def test_each_input_that_is_not_known_makes_it_unknown(taken_away: Any) -> None:
    facts = spanning(lots=1)
    assert asked(facts).outcome is Outcome.PASSED
    verdict = asked(taken_away(facts))
    assert (verdict.outcome, verdict.measured) == (Outcome.UNKNOWN, None)
    assert verdict.detail


# --- The move ---------------------------------------------------------------------------------------------------------
def chain(*points: tuple[date, float, float | None]) -> MarketAnalytics:
    """Expiries with their variance years and at-the-money vols."""
    base = market().analytics
    part = base.slices[0]

    def at(day: date, years: float, vol: float | None) -> SliceAnalytics:
        named = replace(part.chain, slice=replace(part.chain.slice, expiry=day))
        return replace(part, chain=named, times=SliceTimes(years, years, 1.0), atm_vol=vol)

    return replace(base, slices=tuple(at(*point) for point in points))


def events(start: str, end: str) -> tuple[ScheduledEvent, ...]:
    return felt_between(desk().rules, NAMES, ist(start), ist(end))


BEFORE, AFTER, LATE = date(2025, 9, 9), date(2025, 9, 16), date(2025, 9, 23)


def test_the_jump_between_two_expiries_is_the_event_s_move_where_it_is_above_the_declared_one() -> None:
    jump = 0.02**2
    after = math.sqrt((0.10**2 * 0.06 + jump) / 0.06)
    found = package_move(chain((BEFORE, 0.04, 0.10), (AFTER, 0.06, after)), events("2025-09-10", "2025-09-15"), POLICY)
    assert found == pytest.approx(POLICY.implied_sds * 0.02, abs=1e-6)


@pytest.mark.parametrize(
    "points",
    [
        ((BEFORE, 0.04, 0.10), (AFTER, 0.06, 0.10)),
        ((BEFORE, 0.04, 0.14), (AFTER, 0.06, 0.10)),
        ((AFTER, 0.06, 0.30),),
        ((BEFORE, 0.04, 0.10),),
        ((BEFORE, 0.04, None), (AFTER, 0.06, 0.30)),
        (),
    ],
    ids=["no jump", "falls", "nothing before", "nothing after", "no vol before", "no chain"],
)
def test_where_the_chain_shows_no_jump_the_declared_move_stands(points: tuple[Any, ...]) -> None:
    assert package_move(chain(*points), events("2025-09-10", "2025-09-15"), POLICY) == POLICY.declared_move["us_cpi"]


def test_events_between_the_same_two_expiries_share_one_jump_and_others_add_theirs() -> None:
    term = chain((BEFORE, 0.04, 0.10), (AFTER, 0.06, 0.13), (LATE, 0.08, 0.16))
    one, other = events("2025-09-10", "2025-09-15"), events("2025-09-17", "2025-09-22")
    apart = math.hypot(*(package_move(term, part, POLICY) or 0 for part in (one, other)))
    assert package_move(term, one + other, POLICY) == pytest.approx(apart, abs=1e-6)
    joint = package_move(chain((BEFORE, 0.04, 0.10), (LATE, 0.08, 0.10)), one + other, POLICY)
    assert joint == pytest.approx(math.hypot(0.019, 0.015), abs=1e-6)


def test_an_event_is_after_the_expiries_before_the_day_it_is_felt() -> None:
    """The Fed speaks at 23:30 in India: what settles that afternoon does not feel it."""
    term = chain((date(2025, 9, 17), 0.05, 0.10), (date(2025, 9, 18), 0.052, 0.20))
    found = package_move(term, events("2025-09-17", "2025-09-19"), POLICY)
    assert found == pytest.approx(2.0 * math.sqrt((0.20**2 - 0.10**2) * 0.052), abs=1e-6)


def test_the_offer_s_own_life_decides_what_it_spans() -> None:
    felt = ist("2025-09-12T09:15")
    assert asked(spanning(stop=felt - timedelta(seconds=1))).measured == 0.0
    assert asked(spanning(stop=felt)).measured != 0.0
