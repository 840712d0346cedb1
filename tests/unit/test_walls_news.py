"""Wall 2: half an hour on either side of an event is closed, and news takes size by impact, kind, regime and reach."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from quantsentinel.features.regime import Regime
from quantsentinel.market.calendar import IST
from quantsentinel.market.news import Impact, NewsItem, NewsKind
from quantsentinel.market.rule_rows import RuleRows
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.walls.news_events import CHECKS, EVENT, NEWS, news_events, news_rung
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import TEN
from tests.wall_facts import by_name, wall_facts, with_offer, with_policy

HOUR = timedelta(hours=1)


def ist(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


def item(impact: str = "high", kind: str = "macro", symbols: tuple[str, ...] = (), **changes: Any) -> NewsItem:
    base = NewsItem(
        news_id="n1",
        headline="Something happened",
        kind=NewsKind(kind),
        impact=Impact(impact),
        symbols=symbols,
        published_at=TEN - HOUR,
        known_at=TEN - HOUR,
        until=TEN + HOUR,
        source="test",
    )
    return replace(base, **changes)


def told(*news: NewsItem, at: datetime | None = None, level: str | None = "normal", index: str = "NIFTY") -> Facts:
    """An offer that lives for no time beyond the decision, so that the moment alone counts."""
    facts = wall_facts()
    facts = with_offer(facts, valid_until=at or facts.tenant.as_of.decided_at)
    regime = Regime(level, "ranging") if level else Regime(reason="no_forward")
    view = replace(facts.tenant.view, regime=regime, underlying=index)
    as_of = replace(facts.tenant.as_of, news=news, decided_at=at or facts.tenant.as_of.decided_at)
    return replace(facts, tenant=replace(facts.tenant, view=view, as_of=as_of))


def asked(facts: Facts, check: str = NEWS) -> Verdict:
    verdicts = news_events(facts)
    assert tuple(verdict.guard for verdict in verdicts) == CHECKS
    return by_name(verdicts)[check]


# --- Events -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("at", "event"),
    [
        ("2025-08-06T09:29:59", "none"),
        ("2025-08-06T09:30:00", "rbi_mpc"),
        ("2025-08-06T10:30:00", "rbi_mpc"),
        ("2025-08-06T10:30:01", "none"),
        ("2025-09-18T09:20:00", "fomc"),
        ("2025-09-17T15:20:00", "none"),
        ("2026-02-01T11:10:00", "union_budget"),
        ("2025-08-28T14:45:00", "monthly_expiry"),
        ("2025-08-07T14:45:00", "none"),
    ],
)
def test_no_entry_from_half_an_hour_before_an_event_is_felt_to_half_an_hour_after(at: str, event: str) -> None:
    verdict = asked(told(at=ist(at)), EVENT)
    assert verdict.measured == event
    assert verdict.outcome is (Outcome.PASSED if event == "none" else Outcome.BLOCKED)


@pytest.mark.parametrize(("minutes", "event"), [(14, "none"), (15, "rbi_mpc"), (-20, "none")])
def test_an_offer_that_would_live_into_the_window_is_none(minutes: int, event: str) -> None:
    at = ist("2025-08-06T09:15")
    facts = with_offer(told(at=at), valid_until=at + timedelta(minutes=minutes))
    assert asked(facts, EVENT).measured == event


@pytest.mark.parametrize("at", ["2023-12-29T11:00", "2027-01-04T11:00"])
def test_a_day_that_the_calendar_does_not_cover_is_unknown_and_says_which_row_is_missing(at: str) -> None:
    verdict = asked(told(at=ist(at)), EVENT)
    assert (verdict.outcome, verdict.measured) == (Outcome.UNKNOWN, None)
    assert "the event calendar has a gap" in verdict.detail


@pytest.mark.parametrize("name", ["rbi_mpc", "union_budget", "fomc", "us_cpi"])
def test_one_class_without_rows_makes_every_day_unknown(name: str) -> None:
    facts = told()
    rows = facts.tenant.desk.rules.rows.by_kind
    left = tuple(row for row in rows["events"] if row.values["event"] != name)
    holed = RuleBook(RuleRows({**rows, "events": left}, f"sha256:without {name}"))
    desk = replace(facts.tenant.desk, rules=holed)
    verdict = asked(replace(facts, tenant=replace(facts.tenant, desk=desk)), EVENT)
    assert verdict.outcome is Outcome.UNKNOWN
    assert name in verdict.detail


def test_the_window_is_the_policy_s() -> None:
    at = told(at=ist("2025-08-06T10:45"))
    assert asked(at, EVENT).outcome is Outcome.PASSED
    assert asked(with_policy(at, "events", after_minutes=45), EVENT).outcome is Outcome.BLOCKED


# --- News -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("level", ["calm", "normal", "stressed"])
@pytest.mark.parametrize("kind", NewsKind)
@pytest.mark.parametrize("impact", Impact)
def test_size_is_the_cell_of_impact_kind_and_regime(level: str, kind: NewsKind, impact: Impact) -> None:
    facts = told(item(impact.value, kind.value), level=level)
    percent = facts.tenant.desk.policy.news.size_percent[level][kind][list(Impact).index(impact)]
    verdict = asked(facts)
    assert verdict.measured == percent
    assert verdict.outcome is (Outcome.PASSED if percent else Outcome.BLOCKED)
    assert news_rung(facts.tenant).percent == percent


def test_without_news_the_size_is_whole_and_of_several_the_worst_counts() -> None:
    assert asked(told()).measured == news_rung(told().tenant).percent == 100
    several = told(item("medium"), item("critical", news_id="n2"), item("low", news_id="n3"))
    assert (asked(several).measured, asked(several).outcome) == (0, Outcome.BLOCKED)
    assert asked(several).detail.startswith("n2: critical macro news")


@pytest.mark.parametrize(
    ("symbols", "impact", "nifty", "banks"),
    [
        (("HDFCBANK",), "critical", 0, 0),
        (("INDUSINDBK",), "critical", 50, 0),
        (("RBLBANK",), "critical", 100, 0),
        (("TITAN",), "critical", 50, 100),
        (("TITAN",), "low", 100, 100),
        (("NIFTY",), "critical", 0, 50),
        (("BANKNIFTY",), "high", 75, 50),
        (("NOBODYKNOWS",), "critical", 50, 50),
        (("TITAN", "HDFCBANK"), "critical", 0, 0),
        ((), "critical", 0, 0),
    ],
)
def test_a_stock_s_news_reaches_its_sector_in_full_and_an_index_by_its_weight(
    symbols: tuple[str, ...], impact: str, nifty: int, banks: int
) -> None:
    for index, percent in (("NIFTY", nifty), ("BANKNIFTY", banks)):
        assert asked(told(item(impact, "corporate", symbols), index=index)).measured == percent


@pytest.mark.parametrize(
    ("known", "until", "counts"),
    [(0, 1, True), (1, 60, False), (-60, 0, False), (-60, 1, True)],
    ids=["from its second on", "before it is known", "when it is over", "until its last second"],
)
def test_news_counts_from_when_it_is_known_until_it_is_over(known: int, until: int, counts: bool) -> None:
    now = told().tenant.as_of.decided_at
    times = {"known_at": now + timedelta(seconds=known), "until": now + timedelta(seconds=until)}
    assert asked(told(item("critical", **times))).measured == (0 if counts else 100)


@pytest.mark.parametrize("broken", ["news", "regime", "members"])
def test_what_a_size_depends_on_must_be_known(broken: str) -> None:
    facts = told(item("low", "corporate", ("HDFCBANK",)), level=None if broken == "regime" else "normal")
    if broken == "news":
        as_of = replace(facts.tenant.as_of, news=None)
        facts = replace(facts, tenant=replace(facts.tenant, as_of=as_of))
    if broken == "members":
        facts = replace(facts, tenant=replace(facts.tenant, view=replace(facts.tenant.view, underlying="FINNIFTY")))
    verdict = asked(facts)
    assert (verdict.outcome, verdict.measured) == (Outcome.UNKNOWN, None)
    assert verdict.detail
    assert news_rung(facts.tenant).percent == 0


def test_news_without_a_symbol_needs_no_list_of_members() -> None:
    assert asked(told(item("medium"), index="FINNIFTY")).measured == 75


def test_receipts_of_different_news_differ() -> None:
    found = {asked(told(item(impact.value, kind.value))).input_hash for impact in Impact for kind in NewsKind}
    assert len(found) == len(Impact) * len(NewsKind)
