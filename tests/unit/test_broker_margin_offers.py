"""An offer at a broker's margin figure: what it blocks, how many lots fit, and that nothing else moves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.canonical import canonical
from quantsentinel.opportunity.broker_margin import MarginAnswer, margin_source, with_broker_margins
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.budget import budget_of
from quantsentinel.portfolio.sizing import size
from quantsentinel.portfolio.terms import funds_per_lot, terms_at
from quantsentinel.risk.walls.margin import margin
from quantsentinel.units import rupees
from tests.builders import TEN, account, desk, market, offering, vertical_package
from tests.wall_facts import by_name, wall_facts

VIEW = offering(market())
OFFER = VIEW.opportunities[0]
RICH = replace(account(), capital=rupees(20_000_000))


def answered(margin_rupees: float | None, view: MarketView = VIEW) -> MarketView:
    amount = None if margin_rupees is None else rupees(margin_rupees)
    return with_broker_margins(view, [MarginAnswer(OFFER.opportunity_id, "kite", TEN, amount, "")])


def test_without_a_figure_the_view_is_the_one_that_was_there() -> None:
    assert answered(None) is VIEW
    assert with_broker_margins(VIEW, []) is VIEW
    assert margin_source(OFFER) == "estimate"
    assert set(canonical(OFFER)) == {name for name in canonical(OFFER) if not name.startswith("margin_broker")}


def test_the_figure_stands_for_today_and_the_days_to_come_add_what_they_added() -> None:
    offer = answered(200_000.0).opportunities[0]
    rise = OFFER.margin_expiry_day - OFFER.margin_now
    assert rise > 0
    assert (offer.margin_now, offer.margin_expiry_day) == (rupees(200_000), rupees(200_000 + rise))
    assert margin_source(offer) == "broker kite"
    assert canonical(offer) == canonical(OFFER) | {
        "margin_now": "200000.00",
        "margin_expiry_day": str(rupees(200_000 + rise)),
        "margin_broker": "kite",
        "margin_estimate": str(OFFER.margin_now),
    }
    assert answered(200_000.0).digest != VIEW.digest


def test_another_offer_keeps_its_estimate() -> None:
    view = offering(market(), OFFER.package, vertical_package())
    changed = answered(200_000.0, view)
    assert [margin_source(offer) for offer in changed.opportunities] == ["broker kite", "estimate"]
    assert changed.opportunities[1] is view.opportunities[1]


@given(more=st.decimals(min_value=-40_000, max_value=900_000, places=2), lots=st.integers(1, 40))
def test_a_position_blocks_the_estimate_and_the_difference_for_each_lot(more: Decimal, lots: int) -> None:
    offer = answered(float(OFFER.margin_now + more)).opportunities[0]
    own, theirs = (terms_at(one, lots, desk()) for one in (OFFER, offer))
    assert theirs.funds == own.funds + more * lots
    assert (
        replace(theirs, funds=own.funds, margin_now=own.margin_now, margin_expiry_day=own.margin_expiry_day) == own
    ), "nothing but margin moves"


@given(low=st.integers(10_000, 2_000_000), more=st.integers(0, 2_000_000))
def test_a_higher_figure_never_gives_more_lots(low: int, more: int) -> None:
    budget = budget_of(Book(), RICH)
    few, many = (size(answered(float(figure)).opportunities[0], budget, desk()) for figure in (low + more, low))
    assert few.lots <= many.lots
    assert few.by_margin <= many.by_margin


def test_a_high_figure_binds_the_size_and_a_higher_one_leaves_no_lot() -> None:
    budget = budget_of(Book(), RICH)
    room = float(budget.margin)
    fits = size(answered(room / 2.5).opportunities[0], budget, desk())
    assert (fits.binding, fits.lots) == (
        "margin",
        2 if 2 * funds_per_lot(answered(room / 2.5).opportunities[0]) <= room else 1,
    )
    assert size(answered(room * 1.01).opportunities[0], budget, desk()).lots == 0


def test_the_wall_counts_the_figure_and_its_receipt_says_whose_it_is() -> None:
    facts = wall_facts()
    assert by_name(margin(facts))["margin.buffer"].detail.endswith(", estimate")
    too_much = rupees(float(facts.budget.margin) * 1.01)
    answers = [MarginAnswer(facts.opportunity.opportunity_id, "kite", TEN, too_much)]
    offer = with_broker_margins(facts.tenant.view, answers).opportunities[0]
    found = by_name(margin(replace(facts, opportunity=offer, terms=terms_at(offer, 1, desk()))))["margin.buffer"]
    assert (found.outcome.value, found.detail) == ("blocked", "at 1 lot, broker kite")
