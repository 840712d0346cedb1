"""What holds for every tenant, book and offer: limits bind together, more room never blocks more, tenants are alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.accounts.account import Account
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.budget import budget_of, share_of
from quantsentinel.risk.facts import KillState
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.units import rupees
from tests.builders import TEN, account, as_of, condor_package, desk, market, offering, vertical_package

LIMITS = st.fixed_dictionaries(
    {
        "capital": st.integers(100_000, 20_000_000).map(rupees),
        "max_positions": st.integers(0, 4),
        "max_loss_per_trade": st.floats(0.001, 0.1).map(lambda share: round(share, 4)),
        "max_loss_per_day": st.floats(0.001, 0.2).map(lambda share: round(share, 4)),
        "margin_buffer": st.floats(0.0, 3.0).map(lambda share: round(share, 2)),
        "knob": st.integers(0, 100),
        "max_lots": st.integers(1, 40),
    }
)
PACKAGES = (
    condor_package(),
    vertical_package(),
    condor_package(width=200.0),
    condor_package("BANKNIFTY"),
    vertical_package("BANKNIFTY"),
)


@cache
def offers(underlying: str, minutes: int = 0) -> MarketView:
    packages = [package for package in PACKAGES if package.underlying == underlying]
    return offering(market(TEN + timedelta(minutes=minutes), underlying=underlying), *packages)


def decide(view: MarketView, tenant: Account, book: Book | None = None, **when: Any) -> TenantDecision:
    return tenant_pass(view, book or Book(), tenant, desk(), as_of(view, **when))


def lots(decision: TenantDecision) -> dict[str, int]:
    return {event.opportunity.opportunity_id: event.terms.lots for event in decision.entries}


@given(LIMITS)
@settings(max_examples=60, deadline=None)
def test_all_entries_together_stay_within_every_limit(limits: dict[str, Any]) -> None:
    tenant = account(**limits)
    book = decide(offers("NIFTY"), tenant).book_after
    book = decide(offers("BANKNIFTY"), tenant, book).book_after
    assert len(book.positions) <= tenant.limits.max_positions
    assert book.entered_loss <= share_of(tenant.capital, tenant.limits.max_loss_per_day)
    assert all(p.max_loss <= share_of(tenant.capital, tenant.limits.max_loss_per_trade) for p in book.positions)
    entered = replace(book, positions=book.positions[:-1])
    assert not book.positions or book.margin <= budget_of(entered, tenant).margin


@given(LIMITS, st.integers(0, 10_000_000))
@settings(max_examples=60, deadline=None)
def test_more_capital_never_takes_a_lot_from_a_single_offer(limits: dict[str, Any], more: int) -> None:
    view = offering(market(), condor_package())
    poor, rich = account(**limits), account(**{**limits, "capital": rupees(limits["capital"] + more)})
    before, after = lots(decide(view, poor)), lots(decide(view, rich))
    assert all(after.get(offer, 0) >= size for offer, size in before.items())


@given(LIMITS, st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_a_lower_knob_never_adds_a_lot(limits: dict[str, Any], knob: int) -> None:
    view = offering(market(), condor_package())
    lower = account(**{**limits, "knob": min(knob, limits["knob"])})
    full = lots(decide(view, account(**limits)))
    assert all(size <= full.get(offer, 0) for offer, size in lots(decide(view, lower)).items())


@given(LIMITS, st.integers(0, 200_000))
@settings(max_examples=60, deadline=None)
def test_a_loss_already_spent_today_never_adds_a_lot(limits: dict[str, Any], spent: int) -> None:
    view = offering(market(), condor_package())
    fresh = lots(decide(view, account(**limits)))
    used = lots(decide(view, account(**limits), Book(session=view.session, entered_loss=rupees(spent))))
    assert all(size <= fresh.get(offer, 0) for offer, size in used.items())


@given(LIMITS, st.sampled_from(["master", "tenant:acme-fund", "symbol:NIFTY"]), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_a_kill_switch_stops_every_entry_and_no_exit(limits: dict[str, Any], scope: str, minutes: int) -> None:
    tenant = account(**limits)
    held = decide(offers("NIFTY"), tenant).book_after
    later = offering(market(TEN + timedelta(minutes=minutes), vol=0.06, move=40.0), vertical_package())
    on = (KillState(scope, "desk", "drill", TEN),)
    free, killed = decide(later, tenant, held), decide(later, tenant, held, kills=on)
    assert killed.entries == killed.updates == ()
    assert [event.pnl for event in killed.exits] == [event.pnl for event in free.exits]


@given(LIMITS, LIMITS)
@settings(max_examples=30, deadline=None)
def test_another_tenants_pass_in_between_changes_nothing(mine: dict[str, Any], other: dict[str, Any]) -> None:
    view = offers("NIFTY")
    alone = decide(view, account(**mine)).row
    decide(view, account("other-fund", **other))
    assert decide(view, account(**mine)).row == alone


@given(LIMITS)
@settings(max_examples=30, deadline=None)
def test_signal_ids_of_two_tenants_never_meet(limits: dict[str, Any]) -> None:
    view = offers("NIFTY")
    first = {event.signal_id for event in decide(view, account("acme-fund", **limits)).entries}
    second = {event.signal_id for event in decide(view, account("other-fund", **limits)).entries}
    assert len(first) == len(second)
    assert first.isdisjoint(second)


@given(LIMITS, st.lists(st.sampled_from([0.05, 0.09, 0.12, 0.16]), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_equity_is_capital_plus_what_was_closed_and_what_is_open(limits: dict[str, Any], vols: list[float]) -> None:
    tenant, book, closed = account(**limits), Book(), Decimal(0)
    for step, vol in enumerate(vols):
        view = offering(market(TEN + timedelta(minutes=2 * step), vol=vol), vertical_package())
        decision = decide(view, tenant, book, previous_accepted_at=None if step == 0 else view.received_at)
        book = decision.book_after
        closed += sum((event.pnl for event in decision.exits), Decimal(0))
    open_pnl = sum((position.mark.pnl for position in book.positions), Decimal(0))
    assert book.realised == closed
    unanswered = min(closed + open_pnl, Decimal(0))
    assert decision.equity == tenant.capital + unanswered, "nobody confirmed a profit"
