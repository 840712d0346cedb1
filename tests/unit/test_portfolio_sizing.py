"""Lots: every bound counts, the lowest is named, the knob only lowers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.budget import budget_of, share_of
from quantsentinel.portfolio.sizing import Sizing, deepest, size
from quantsentinel.portfolio.terms import pays_at, terms_at, wins_as_one_lot
from quantsentinel.units import rupees
from tests.builders import account, desk, market, opportunity


def sized(book: Book | None = None, **limits: Any) -> Sizing:
    return size(opportunity(market()), budget_of(book or Book(), account(**limits)), desk())


def test_the_trade_budget_buys_whole_lots_only() -> None:
    loss = opportunity(market()).max_loss
    found = sized(max_loss_per_trade=float(loss * 3 + loss / 2) / 2_000_000)
    assert (found.lots, found.binding) == (3, "trade_loss")
    assert found.by_trade_loss == pytest.approx(3.5)


@pytest.mark.parametrize(
    ("limits", "binding"),
    [
        ({"max_lots": 2}, "max_lots"),
        ({"margin_buffer": 10.0}, "margin"),
        ({"max_loss_per_day": 0.005}, "day_loss"),
        ({"max_loss_per_trade": 0.005}, "trade_loss"),
    ],
)
def test_the_lowest_bound_is_named(limits: dict[str, Any], binding: str) -> None:
    found = sized(**limits)
    assert found.binding == binding
    assert found.lots == int(min(found.by_trade_loss, found.by_day_loss, found.by_margin, found.by_max_lots))


@pytest.mark.parametrize(("knob", "lots"), [(100, 10), (50, 5), (10, 1), (9, 0), (0, 0)])
def test_the_knob_takes_its_share_and_never_more(knob: int, lots: int) -> None:
    found = sized(knob=knob, max_loss_per_trade=0.05, max_loss_per_day=0.5, max_lots=10)
    assert found.lots == lots
    assert found.binding == ("knob" if lots == 0 else "max_lots")


def test_what_was_entered_today_leaves_less_of_the_day_budget() -> None:
    spent = sized(Book(entered_loss=rupees(95_000)))
    assert spent.lots < sized().lots
    assert spent.binding == "day_loss"
    assert sized(Book(entered_loss=rupees(150_000))).lots == 0


RICH = account(max_loss_per_trade=1.0, max_loss_per_day=1.0, capital=rupees(10**8))


def showing(units: float, zone: float = 20.0) -> Opportunity:
    """The same offer where every leg shows so many units on either side, and its zone reaches so far."""
    offer = opportunity(market())
    reach = (offer.mid, offer.executable + zone)
    thin = [leg.__class__(leg.bid, leg.ask, leg.mid, leg.iv, leg.delta, units, units) for leg in offer.legs]
    return opportunity(market(), opportunity_id=f"opp-{units:g}", legs=tuple(thin), entry_zone=reach)


def test_thin_books_lower_the_lots_until_the_rules_hold() -> None:
    policy = desk().policy
    walls = policy.walls.model_copy(update={"max_units_of_displayed": 1_000.0})
    deep = replace(desk(), policy=policy.model_copy(update={"walls": walls}))
    found = size(showing(75.0), budget_of(Book(), RICH), deep)
    assert found.binding == "depth"
    rules = policy.hard_rules
    assert terms_at(showing(75.0), found.lots, deep).cost_ratio <= rules.max_cost_ratio
    assert terms_at(showing(75.0), found.lots + 1, deep).cost_ratio > rules.max_cost_ratio


@pytest.mark.parametrize(("shown", "lots"), [(75.0, 4), (150.0, 8), (19.0, 1), (18.0, 0), (0.0, 0), (float("nan"), 0)])
def test_the_displayed_size_cuts_a_trade_to_what_it_carries_instead_of_refusing_it(shown: float, lots: int) -> None:
    found = size(showing(shown), budget_of(Book(), RICH), desk())
    assert (found.lots, found.binding) == (lots, "depth")


def test_lots_end_where_the_way_in_costs_a_unit_more_than_the_win_probability_was_found_to_bear() -> None:
    offer = showing(75.0, zone=0.5)
    found = size(offer, budget_of(Book(), RICH), desk())
    assert (found.binding, 1 < found.lots < 4) == ("depth", True)
    for lots, wins in ((found.lots, True), (found.lots + 1, False)):
        assert wins_as_one_lot(offer, terms_at(offer, lots, desk())) is wins
        assert pays_at(offer, lots, desk()) is wins


@pytest.mark.parametrize("last", [1, 2, 7, 19, 20])
def test_the_deepest_size_that_pays_is_found(last: int) -> None:
    assert deepest(20, lambda lots: lots <= last) == last


def test_terms_scale_with_lots_and_charge_the_flat_fee_once_an_order() -> None:
    one, ten = (terms_at(opportunity(market()), lots, desk()) for lots in (1, 10))
    assert ten.margin_now == 10 * one.margin_now
    assert one.entry_charges < ten.entry_charges < 10 * one.entry_charges
    assert ten.max_loss < 10 * one.max_loss
    assert ten.slices == 1
    assert terms_at(opportunity(market()), 30, desk()).slices == 2, "2,250 units above the freeze quantity of 1,800"


def test_shares_of_capital_are_exact() -> None:
    assert share_of(rupees(2_000_000), 0.02) == 40_000
