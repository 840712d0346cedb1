"""An issued entry in the minutes in which it may still be entered: what takes it back, and what it may become."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quantsentinel.market.news import Impact, NewsItem, NewsKind
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.marks import pnl
from quantsentinel.risk.castle import TRANSIENT
from quantsentinel.risk.health import Health
from quantsentinel.signals.decision import TenantDecision
from tests.builders import SESSION, TEN, account, as_of, condor_package, desk, market, offering, vertical_package

MINUTE = timedelta(minutes=1)
MOVED = (-52.0, -46.0)


def decide(view: MarketView, book: Book, limits: dict[str, Any] | None = None, **when: Any) -> TenantDecision:
    return tenant_pass(view, book, account(**(limits or {})), desk(), as_of(view, **when))


@pytest.fixture
def entered() -> TenantDecision:
    return decide(offering(market()), Book())


def published(impact: Impact) -> NewsItem:
    return NewsItem(
        news_id="n1",
        headline="Something happened",
        kind=NewsKind.MACRO,
        impact=impact,
        symbols=(),
        published_at=TEN,
        known_at=TEN,
        until=TEN + timedelta(hours=1),
        source="test",
    )


def test_news_that_leaves_no_size_takes_an_entry_back_and_milder_news_does_not(entered: TenantDecision) -> None:
    later = market(TEN + MINUTE)
    decision = decide(later, entered.book_after, news=(published(Impact.CRITICAL),))
    assert [event.receipts[0].guard for event in decision.withdrawals] == ["news_events.news"]
    assert decide(later, entered.book_after, news=(published(Impact.LOW),)).withdrawals == ()
    assert decide(later, entered.book_after, news=None).withdrawals == ()


@pytest.mark.parametrize("name", ["margin_utilisation", "correlation_cluster"])
def test_a_number_of_the_moment_stops_new_entries_but_takes_none_back(entered: TenantDecision, name: str) -> None:
    tripped = replace(entered.book_after, latched={name: TEN.isoformat()})
    limits = {"max_margin_utilisation": 0.001} if name == "margin_utilisation" else {}
    if name == "correlation_cluster":
        tripped = replace(tripped, positions=(*tripped.positions, twin(tripped.positions[0])))
    decision = decide(offering(market(TEN + MINUTE), vertical_package()), tripped, limits)
    assert name in {verdict.guard for verdict in decision.switches if verdict.stops}
    assert decision.entries == decision.withdrawals == ()
    assert {"daily_loss", "capital_floor", "strategy_drawdown"}.isdisjoint(TRANSIENT)


def twin(position: Position) -> Position:
    return replace(position, signal_id="sig-twin")


def test_a_real_loss_takes_an_entry_back(entered: TenantDecision) -> None:
    lost = replace(entered.book_after, loss_latched_on=SESSION)
    decision = decide(market(TEN + MINUTE), lost)
    assert [event.receipts[0].guard for event in decision.withdrawals] == ["daily_loss"]


@pytest.mark.parametrize("doubt", ["knob", "drift"])
def test_an_entry_that_would_be_sized_smaller_now_is_not_offered_again_at_its_size(
    entered: TenantDecision, doubt: str
) -> None:
    assert entered.book_after.positions[0].lots > 1
    view = offering(market(TEN + 6 * MINUTE, vol=0.115), entry_zone=MOVED)
    assert decide(view, entered.book_after).updates
    half = {"knob": 50} if doubt == "knob" else {}
    health = (Health("nse vol_gap", "NIFTY", SESSION, desk().policy.ladder.drift[1]),) if doubt == "drift" else ()
    assert decide(view, entered.book_after, half, health=health).updates == ()


def test_an_update_at_a_worse_price_counts_at_once(entered: TenantDecision) -> None:
    view = offering(market(TEN + 6 * MINUTE, vol=0.115), condor_package(), entry_zone=MOVED)
    (position,) = decide(view, entered.book_after).book_after.positions
    assert position.entry_price == MOVED[1]
    assert position.mark is not None
    assert position.mark.pnl == pnl(position, position.mark.price, position.mark.exit_charges)
    assert position.entry_charges >= entered.book_after.positions[0].entry_charges
