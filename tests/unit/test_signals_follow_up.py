"""What becomes of a signal: closed, withdrawn, updated, expired; and that a reduction is never blocked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from quantsentinel.market.calendar import IST
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.risk.facts import KillState
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.signals.signal import SignalState
from quantsentinel.units import rupees
from tests.builders import TEN, account, as_of, condor_package, desk, hard_rules, market, offering

MINUTE = timedelta(minutes=1)


def decide(view: MarketView, book: Book, **when: Any) -> TenantDecision:
    return tenant_pass(view, book, account(), desk(), as_of(view, **when))


@pytest.fixture
def entered() -> TenantDecision:
    return decide(offering(market()), Book())


def test_a_position_is_closed_at_its_target_with_its_pnl_booked(entered: TenantDecision) -> None:
    decision = decide(market(TEN + 30 * MINUTE, vol=0.05), entered.book_after)
    (event,) = decision.exits
    assert event.exit_price >= entered.entries[0].position.target
    assert event.pnl > 0
    assert decision.book_after.positions == ()
    assert decision.book_after.realised == event.pnl
    assert (event.sequence, event.supersedes) == (2, 1)


def test_a_position_is_closed_at_its_stop_even_when_every_kill_switch_is_on(entered: TenantDecision) -> None:
    position = entered.entries[0].position
    tight = replace(entered.book_after, positions=(replace(position, stop=position.entry_price - 2.0),))
    kills = tuple(KillState(scope, "desk", "drill", TEN) for scope in ("master", "tenant:acme-fund", "symbol:NIFTY"))
    decision = decide(market(TEN + MINUTE, move=150.0), tight, kills=kills)
    assert [event.receipts[0].guard for event in decision.exits] == ["exit_stop"]
    assert decision.exits[0].pnl < 0


def test_a_stop_does_not_fire_on_a_mark_without_quotes_but_the_time_stop_does(entered: TenantDecision) -> None:
    position = entered.entries[0].position
    blind = market(TEN + MINUTE, unquoted=((24_300.0, "PE"), (24_700.0, "CE")))
    near = replace(entered.book_after, positions=(replace(position, stop=position.entry_price - 2.0),))
    assert decide(blind, near).exits == ()
    due = replace(near, positions=(replace(near.positions[0], time_stop=TEN),))
    (event,) = decide(blind, due).exits
    assert event.receipts[0].guard == "exit_time_stop"
    assert "adverse" in event.receipts[0].detail


def test_a_position_is_squared_off_before_the_settlement_window(entered: TenantDecision) -> None:
    held = replace(entered.entries[0].position, time_stop=datetime(2025, 8, 28, 16, 0, tzinfo=IST))
    afternoon = market(datetime(2025, 8, 28, 14, 50, tzinfo=IST))
    (event,) = decide(afternoon, replace(entered.book_after, positions=(held,))).exits
    assert event.receipts[0].guard == "exit_square_off"
    assert event.valid_until == datetime(2025, 8, 28, 15, 30, tzinfo=IST)


def test_a_position_that_missed_everything_settles_on_the_last_forward(entered: TenantDecision) -> None:
    held = replace(entered.entries[0].position, time_stop=datetime(2025, 9, 30, 16, 0, tzinfo=IST))
    next_day = market(datetime(2025, 8, 29, 9, 30, tzinfo=IST), forward_known=False)
    decision = decide(next_day, replace(entered.book_after, positions=(held,)), previous_accepted_at=None)
    (event,) = decision.exits
    assert event.receipts[0].guard == "exit_settlement"
    assert event.exit_price == 0.0, "the condor ends between its short strikes: nothing to pay"
    assert event.pnl == rupees(-held.entry_price * held.units) - held.entry_charges


def test_a_kill_switch_withdraws_an_entry_that_may_still_be_entered_and_keeps_it_assumed(
    entered: TenantDecision,
) -> None:
    kill = KillState("symbol:NIFTY", "desk", "news", TEN)
    decision = decide(market(TEN + MINUTE), entered.book_after, kills=(kill,))
    (event,) = decision.withdrawals
    assert event.state is SignalState.WITHDRAWN
    assert event.receipts[0].guard == "symbol_anomaly"
    assert [position.withdrawn for position in decision.book_after.positions] == [True]
    assert decide(market(TEN + 2 * MINUTE), decision.book_after, kills=(kill,)).events == ()


def test_an_entry_is_withdrawn_when_its_price_has_left_the_zone(entered: TenantDecision) -> None:
    decision = decide(market(TEN + MINUTE, vol=0.10), entered.book_after)
    (event,) = decision.withdrawals
    evidence = event.receipts[0]
    assert evidence.guard == "entry_zone"
    assert evidence.measured > evidence.limit > entered.entries[0].position.entry_zone[1]
    assert decision.exits == ()


def test_an_entry_is_withdrawn_when_its_package_fails_a_hard_rule_again(entered: TenantDecision) -> None:
    view = market(TEN + MINUTE)
    again = offering(view, verdicts=hard_rules(view, failing="net_ev"))
    decision = decide(again, entered.book_after)
    assert [event.receipts[0].guard for event in decision.withdrawals] == ["net_ev"]


def test_nothing_is_withdrawn_after_the_entry_ran_out(entered: TenantDecision) -> None:
    kill = KillState("master", "desk", "drill", TEN)
    assert decide(market(TEN + 16 * MINUTE), entered.book_after, kills=(kill,)).withdrawals == ()


def test_a_moved_zone_updates_the_signal_and_the_book_assumes_the_worse_of_both(entered: TenantDecision) -> None:
    view = market(TEN + 6 * MINUTE, vol=0.115)
    decision = decide(offering(view, entry_zone=(-52.0, -46.0)), entered.book_after)
    (event,) = decision.updates
    assert (event.sequence, event.supersedes, event.terms.limit_price) == (2, 1, -46.0)
    assert event.position.entry_price == -46.0
    assert event.position.max_loss > entered.entries[0].position.max_loss
    assert decision.book_after.entered_loss == event.position.max_loss
    better = decide(offering(view, entry_zone=(-70.0, -60.0)), entered.book_after)
    assert better.book_after.positions[0].entry_price == entered.entries[0].position.entry_price


def test_a_small_or_an_early_move_is_no_update(entered: TenantDecision) -> None:
    assert decide(offering(market(TEN + 6 * MINUTE)), entered.book_after).updates == ()
    early = offering(market(TEN + MINUTE), entry_zone=(-52.0, -46.0))
    assert decide(early, entered.book_after).updates == ()


def test_other_strikes_under_a_live_key_are_refused_not_updated(entered: TenantDecision) -> None:
    decision = decide(offering(market(TEN + 6 * MINUTE), condor_package(width=200.0)), entered.book_after)
    assert decision.updates == ()
    assert [refusal.first.guard for refusal in decision.refusals] == ["live_entry"]


def test_an_entry_that_reached_no_channel_expires_and_frees_its_budget(entered: TenantDecision) -> None:
    signal_id = entered.entries[0].signal_id
    soon = decide(market(TEN + 5 * MINUTE), entered.book_after, undelivered=(f"{signal_id}.1",))
    assert soon.expiries == (), "it is still valid"
    decision = decide(market(TEN + 16 * MINUTE), entered.book_after, undelivered=(f"{signal_id}.1",))
    assert [event.state for event in decision.expiries] == [SignalState.EXPIRED]
    assert decision.book_after.positions == ()
    assert decision.book_after.entered_loss == 0


def test_an_entry_whose_update_reached_a_channel_stays_assumed(entered: TenantDecision) -> None:
    first = entered.entries[0].event_id
    moved = offering(market(TEN + 6 * MINUTE), entry_zone=(-52.0, -46.0))
    updated = decide(moved, entered.book_after)
    (update,) = updated.updates
    late = market(TEN + 22 * MINUTE)
    assert decide(late, updated.book_after, undelivered=(first,)).expiries == ()
    assert len(decide(late, updated.book_after, undelivered=(first, update.event_id)).expiries) == 1


def test_a_key_cools_down_for_thirty_minutes_and_then_gets_a_new_signal_id(entered: TenantDecision) -> None:
    closed = decide(market(TEN + 30 * MINUTE, vol=0.05), entered.book_after).book_after
    hot = decide(offering(market(TEN + 59 * MINUTE)), closed)
    assert [refusal.first.guard for refusal in hot.refusals] == ["cool_down"]
    cool = decide(offering(market(TEN + 61 * MINUTE)), closed)
    assert cool.entries[0].position.n == 2
    assert cool.entries[0].signal_id != entered.entries[0].signal_id
