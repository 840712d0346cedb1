"""A calendar in the books: one leg's slice may be missing, and the tenant may say what it paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.calendar import IST
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import market_pass, tenant_pass
from quantsentinel.portfolio.answer_check import require_sensible
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.marks import mark_position
from quantsentinel.risk.conditions.event_age import snapshot_age
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.verdict import Outcome
from tests.builders import account, as_of, empty_book, market
from tests.calendar_day import INVERTED, by_expiry
from tests.market_day import NOON, desk, history, snapshot
from tests.wall_facts import NOTHING_READ

MINUTE = timedelta(minutes=1)


@cache
def view_after(minutes: int) -> MarketView:
    """With calendars alone on offer."""
    at = NOON + timedelta(minutes=minutes)
    view = market_pass(snapshot(at=at, smile=by_expiry(INVERTED)), history(session=at.date()), desk())
    return replace(view, opportunities=tuple(offer for offer in view.opportunities if offer.package.is_calendar))


@cache
def entered() -> Book:
    view = view_after(0)
    return tenant_pass(view, empty_book(), account(), desk(), as_of(view)).book_after


def without_slice(view: MarketView, expiry: date) -> MarketView:
    left = tuple(part for part in view.analytics.slices if part.chain.expiry != expiry)
    cut = replace(view.analytics, slices=left)
    return replace(view, analytics=cut, snapshot_digest=f"{view.snapshot_digest} without {expiry}")


@pytest.mark.parametrize("leg", [0, 1], ids=["far", "near"])
def test_a_slice_that_was_not_polled_leaves_the_last_mark_in_its_place(leg: int) -> None:
    position = entered().positions[0]
    later = view_after(3)
    cut = without_slice(later, position.package.legs[leg].instrument.expiry)
    assert position.mark is not None
    assert mark_position(position, cut, desk(), later.received_at).mark == replace(position.mark, flagged=True)


@pytest.mark.parametrize("leg", [0, 1], ids=["far", "near"])
def test_a_calendar_whose_slice_stays_away_loses_what_it_can_lose_and_not_more(leg: int) -> None:
    position = entered().positions[0]
    later = view_after(30)
    cut = without_slice(later, position.package.legs[leg].instrument.expiry)
    mark = mark_position(position, cut, desk(), later.received_at).mark
    assert mark is not None
    assert mark.flagged
    assert mark.price == 0.0
    assert -position.max_loss * 11 / 10 <= mark.pnl < 0


def test_a_tenant_may_say_what_it_paid_for_a_calendar_but_nothing_absurd() -> None:
    book = entered()
    position = book.positions[0]

    def taken(price: float) -> Answer:
        return Answer(position.signal_id, AnswerKind.TAKEN, NOON + timedelta(minutes=1), "asha", price, position.lots)

    require_sensible(book, taken(position.entry_price), account(), desk())
    require_sensible(book, taken(position.entry_price * 1.5), account(), desk())
    for absurd in (position.entry_price * 10, -position.entry_price * 10):
        with pytest.raises(BadInput, match="is worth"):
            require_sensible(book, taken(absurd), account(), desk())


def test_an_offer_is_as_old_as_the_oldest_slice_it_stands_on() -> None:
    view = view_after(0)
    offer = view.opportunities[0]
    tenant = TenantFacts(view, empty_book(), account(), desk(), as_of(view))
    facts = Facts(tenant, empty_book(), NOTHING_READ, offer, NOTHING_READ, NOTHING_READ)
    assert snapshot_age(facts).outcome is Outcome.PASSED
    for seconds, expected in ((61, "blocked"), (-30, "unknown")):
        assert snapshot_age(aged(facts, seconds)).outcome.value == expected
    far = without_slice(view, offer.package.far_expiry)
    assert snapshot_age(replace(facts, tenant=replace(tenant, view=far))).outcome is Outcome.UNKNOWN


def aged(facts: Facts, seconds: int) -> Facts:
    """The far leg's slice alone was received so long before the decision."""
    tenant, analytics = facts.tenant, facts.tenant.view.analytics
    received = tenant.as_of.decided_at - timedelta(seconds=seconds)
    slices = tuple(
        replace(part, chain=replace(part.chain, slice=replace(part.chain.slice, received_at=received)))
        if part.chain.expiry == facts.opportunity.package.far_expiry
        else part
        for part in analytics.slices
    )
    view = replace(tenant.view, analytics=replace(analytics, slices=slices))
    return replace(facts, tenant=replace(tenant, view=view))


def test_a_calendar_that_nothing_closed_before_its_near_expiry_keeps_its_far_leg_where_it_was_taken() -> None:
    position = entered().positions[0]
    answer = Answer(position.signal_id, AnswerKind.TAKEN, NOON + MINUTE, "asha", position.entry_price, position.lots)
    seen = view_after(3)
    held = tenant_pass(seen, entered(), account(), desk(), as_of(seen, answers=(answer,))).book_after
    assert held.confirmed_of(position.signal_id) is not None
    back = market(datetime(2025, 9, 3, 10, 0, tzinfo=IST))
    after = tenant_pass(back, held, account(), desk(), as_of(back, previous_accepted_at=None)).book_after
    assert after.assumed_of(position.signal_id) is None
    left = after.confirmed_of(position.signal_id)
    assert left is not None
    assert [leg.instrument.expiry for leg in left.package.legs] == [position.package.far_expiry]
    assert after.lapsed_of(position.signal_id) is not None
    assert all(item.position.signal_id != position.signal_id for item in after.provisional)
