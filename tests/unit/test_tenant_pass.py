"""One tenant and one cycle: what is entered, what is refused, what the book holds afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from quantsentinel.accounts.account import Account, Mode, Status
from quantsentinel.errors import StaleData
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.risk.facts import AsOf, KillState
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.signals.signal import SignalState
from tests.builders import (
    TEN,
    account,
    as_of,
    condor_package,
    desk,
    hard_rules,
    market,
    offering,
    vertical_package,
)


def decide(
    view: MarketView, tenant: Account | None = None, book: Book | None = None, when: AsOf | None = None
) -> TenantDecision:
    return tenant_pass(view, book or Book(), tenant or account(), desk(), when or as_of(view))


def reasons(decision: TenantDecision) -> list[str]:
    return [refusal.first.guard for refusal in decision.refusals]


def kill(scope: str) -> KillState:
    return KillState(scope, "risk officer", "drill", TEN - timedelta(minutes=5))


def test_a_good_opportunity_becomes_a_signal_and_an_assumed_position_at_the_limit_price() -> None:
    view = offering(market())
    decision = decide(view)
    (event,), (position,) = decision.entries, decision.book_after.positions
    assert event.state is SignalState.CREATED
    assert event.mode is Mode.LIVE
    assert position.entry_price == view.opportunities[0].entry_zone[1] == event.terms.limit_price
    assert decision.book_after.entered_loss == position.max_loss == event.terms.max_loss
    assert position.mark is not None
    assert decision.equity == account().capital + position.mark.pnl < account().capital


def test_two_opportunities_of_one_cycle_cannot_spend_the_same_day_budget() -> None:
    view = offering(market(), condor_package(), vertical_package())
    alone = [
        decide(offering(market(), package)).entries[0].terms.max_loss
        for package in (condor_package(), vertical_package())
    ]
    budget = float(alone[0] + alone[1] / 2) / 2_000_000
    decision = decide(view, account(max_loss_per_day=budget))
    assert len(decision.entries) == 2
    assert decision.entries[1].sizing.binding == "day_loss"
    assert decision.book_after.entered_loss <= Decimal(str(budget)) * 2_000_000


def test_two_opportunities_of_one_cycle_cannot_take_the_same_position_slot() -> None:
    view = offering(market(), condor_package(), vertical_package())
    decision = decide(view, account(max_positions=1))
    assert len(decision.entries) == 1
    assert reasons(decision) == ["policy.positions"]


def test_two_opportunities_of_one_cycle_cannot_spend_the_same_margin() -> None:
    view = offering(market(), condor_package(), vertical_package())
    decision = decide(view, account(margin_buffer=5.0))
    assert [event.sizing.binding for event in decision.entries] == ["margin"]
    assert reasons(decision) == ["margin.buffer"]
    assert decision.book_after.margin <= Decimal(2_000_000) / 6


def test_two_condors_of_one_expiry_are_one_live_entry() -> None:
    decision = decide(offering(market(), condor_package(), condor_package(width=200.0)))
    assert len(decision.entries) == 1
    assert reasons(decision) == ["live_entry"]


@pytest.mark.parametrize("scope", ["master", "tenant:acme-fund", "symbol:NIFTY"])
def test_a_kill_switch_of_any_scope_blocks_entries_and_names_itself(scope: str) -> None:
    view = offering(market())
    decision = decide(view, when=as_of(view, kills=(kill(scope),)))
    assert decision.entries == ()
    named = {"master": "master", "tenant": "tenant_kill", "symbol": "symbol_anomaly"}
    assert reasons(decision) == [named[scope.partition(":")[0]]]


@pytest.mark.parametrize("scope", ["tenant:other-fund", "symbol:BANKNIFTY"])
def test_a_kill_switch_of_another_scope_changes_nothing(scope: str) -> None:
    view = offering(market())
    assert len(decide(view, when=as_of(view, kills=(kill(scope),))).entries) == 1


def test_a_kill_switch_that_has_run_out_does_not_block() -> None:
    view = offering(market())
    over = replace(kill("master"), until=TEN - timedelta(minutes=1))
    assert len(decide(view, when=as_of(view, kills=(over,))).entries) == 1


def test_a_tenant_of_three_days_gets_paper_signals() -> None:
    decision = decide(offering(market()), account(created_at=TEN - timedelta(days=3)))
    (event,) = decision.entries
    assert event.mode is Mode.PAPER
    assert {receipt.guard: receipt.outcome.value for receipt in event.receipts}["dry_run_lock"] == "limited"


def test_a_paused_tenant_gets_no_entry_but_its_position_is_closed() -> None:
    first = decide(offering(market()))
    later = market(TEN + timedelta(minutes=30), vol=0.05)
    paused = account(status=Status.PAUSED)
    decision = decide(offering(later, vertical_package()), paused, first.book_after)
    assert reasons(decision) == ["tenant_paused"]
    assert [event.why.split(":")[0] for event in decision.exits] == ["target reached"]


def test_a_tenant_without_the_underlying_is_offered_nothing_and_refused_nothing() -> None:
    decision = decide(offering(market()), account(underlyings=("BANKNIFTY",)))
    assert (decision.entries, decision.refusals) == ((), ())


def test_a_view_that_allows_no_entries_names_its_reason() -> None:
    decision = decide(replace(offering(market()), entries_refused="no_forecast_history"))
    (refusal,) = decision.refusals
    assert (refusal.first.guard, refusal.first.measured) == ("entries_allowed", "no_forecast_history")


def test_an_ineligible_opportunity_is_refused_by_its_first_failed_hard_rule() -> None:
    base = market()
    decision = decide(offering(base, verdicts=hard_rules(base, failing="cost_ratio")))
    assert reasons(decision) == ["cost_ratio"]
    assert len(decision.refusals[0].verdicts) == len({verdict.guard for verdict in decision.refusals[0].verdicts})


def test_premium_on_an_expiry_day_is_collected_by_tenants_that_opted_in_only() -> None:
    today = offering(market(), time_stop=TEN.replace(hour=14, minute=45))
    refused = decide(today)
    assert [refusal.first.guard for refusal in refused.refusals] == ["expiry_day_premium"]
    assert len(decide(today, account(expiry_day_premium=True)).entries) == 1
    paying = offering(market(), vertical_package(), time_stop=TEN.replace(hour=14, minute=45))
    assert len(decide(paying).entries) == 1


def test_a_late_batch_and_an_old_snapshot_are_refused() -> None:
    view = offering(market())
    assert reasons(decide(view, when=as_of(view, in_time=False))) == ["late"]
    old = as_of(view, decided_at=view.received_at + timedelta(seconds=61), previous_accepted_at=view.received_at)
    assert reasons(decide(view, when=old)) == ["snapshot_age"]


def test_an_expiry_that_was_polled_earlier_than_the_snapshot_is_judged_by_its_own_age() -> None:
    view = offering(market())
    (part,) = view.analytics.slices
    early = replace(part.chain.slice, received_at=view.received_at - timedelta(seconds=59))
    polled = replace(part, chain=replace(part.chain, slice=early))
    older = replace(view, analytics=replace(view.analytics, slices=(polled,)))
    assert reasons(decide(older)) == ["snapshot_age"]
    assert reasons(decide(replace(view, analytics=replace(view.analytics, slices=())))) == ["snapshot_age"]


def test_an_unbounded_loss_gets_no_lots_and_blocks() -> None:
    decision = decide(offering(market(), max_loss=None))
    (refusal,) = decision.refusals
    assert (refusal.first.guard, refusal.first.measured) == ("policy.trade_loss", None)
    assert refusal.sizing.lots == 0


def test_a_session_before_the_books_is_stood_aside() -> None:
    view = offering(market())
    with pytest.raises(StaleData, match="before the book's session"):
        decide(view, book=Book(session=view.session + timedelta(days=1)))


def test_the_same_inputs_give_the_same_row_and_another_switch_state_another() -> None:
    view = offering(market(), condor_package(), condor_package(width=200.0))
    assert decide(view).row == decide(view).row
    assert decide(view).row != decide(view, when=as_of(view, kills=(kill("master"),))).row


def test_an_undelivered_signal_that_is_long_gone_does_not_change_the_row() -> None:
    view = offering(market())
    assert decide(view).row == decide(view, when=as_of(view, undelivered=("sig-gone",))).row


def test_what_changed_nothing_needs_no_commit() -> None:
    view = offering(market())
    tenant = account(status=Status.PAUSED)
    first = decide(view, tenant)
    again = decide(view, tenant, first.book_after)
    assert first.must_commit
    assert first.records[0].count == 1
    assert not again.must_commit
    assert again.book_after.refusals != first.book_after.refusals


def test_an_unchanged_refusal_is_recorded_again_after_a_minute_with_its_count() -> None:
    view, tenant = offering(market()), account(status=Status.PAUSED)
    book = decide(view, tenant).book_after
    book = decide(view, tenant, book).book_after
    later = offering(market(TEN + timedelta(seconds=61)))
    (record,) = decide(later, tenant, book).records
    assert record.count == 2


def test_two_underlyings_with_room_for_one_position_issue_exactly_one() -> None:
    """Both decide on the same book version; the second commit conflicts and re-runs on the newer book."""
    tenant = account(max_positions=1)
    nifty, bank = offering(market()), offering(market(underlying="BANKNIFTY"))
    version, book = 0, Book()
    read = {"NIFTY": (version, book), "BANKNIFTY": (version, book)}
    issued = []
    for view in (nifty, bank):
        seen, before = read[view.underlying]
        decision = decide(view, tenant, before)
        assert len(decision.entries) == 1, "each alone would issue"
        if seen != version:
            decision = decide(view, tenant, book)
        version, book = version + 1, decision.book_after
        issued += decision.entries
    assert [event.underlying for event in issued] == ["NIFTY"]
    assert reasons(decision) == ["policy.positions"]
