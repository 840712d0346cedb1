"""Wall 4 and the switch on margin: the buffer, the shock, and what trips and re-arms."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.stressed_margin import Now, needed_after_shock
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.risk.switches.margin_utilisation import latched, margin_utilisation
from quantsentinel.risk.walls.margin import CHECKS, margin
from quantsentinel.units import rupees
from tests.builders import account, as_of, condor_package, desk, market, vertical_package
from tests.index_factors import factors
from tests.wall_facts import by_name, outcome, positions, wall_facts, with_limits, with_terms


def test_a_good_trade_passes_every_check_in_order() -> None:
    verdicts = margin(wall_facts())
    assert tuple(verdict.guard for verdict in verdicts) == CHECKS
    assert {verdict.outcome.value for verdict in verdicts} == {"passed"}


def test_the_buffer_is_reached_to_the_paisa() -> None:
    facts = wall_facts(held=(vertical_package(),))
    room = facts.budget.margin - facts.budget.margin_used
    assert outcome(margin(with_terms(facts, funds=rupees(room))), "margin.buffer") == "passed"
    assert outcome(margin(with_terms(facts, funds=rupees(room + Decimal("0.01")))), "margin.buffer") == "blocked"
    assert outcome(margin(with_terms(facts, funds=rupees(0))), "margin.buffer") == "blocked"


def test_what_a_shock_gains_or_loses_is_in_the_equity_and_what_it_blocks_in_the_funds() -> None:
    facts = wall_facts(vertical_package(), lots=1)
    verdict = by_name(margin(facts))["margin.stressed"]
    assert verdict.detail.startswith("index up 5%")
    assert isinstance(verdict.limit, float)
    assert verdict.limit - 2_000_000 == pytest.approx(float(facts.terms.max_profit or 0), rel=0.03)
    assert isinstance(verdict.measured, float)
    assert verdict.measured > float(facts.terms.funds)


def test_a_shock_that_takes_the_equity_blocks() -> None:
    facts = wall_facts(held=(vertical_package(), condor_package("BANKNIFTY")), margin_buffer=0.0)
    found = by_name(margin(facts))["margin.stressed"]
    assert isinstance(found.measured, float)
    assert isinstance(found.limit, float)
    spare = found.limit - found.measured
    for more, expected in ((1.0, "passed"), (-1.0, "blocked")):
        poorer = with_limits(facts, capital=rupees(2_000_000 - spare + more))
        assert outcome(margin(poorer), "margin.stressed") == expected


def test_more_of_the_offer_needs_in_proportion() -> None:
    facts = wall_facts()
    view, house = facts.tenant.view, facts.tenant.desk
    offer, now = facts.opportunity, Now(0.0, 0.0)
    one, two = (needed_after_shock((offer, units), (), now, view, house) for units in (75, 150))
    assert one.funds is not None
    assert one.equity is not None
    assert two.funds == pytest.approx(2 * one.funds, abs=0.02)
    assert two.equity == pytest.approx(2 * one.equity, abs=0.02)


def unknowns() -> list[tuple[str, Facts]]:
    facts = wall_facts(held=(vertical_package(),))
    (held,) = facts.book.positions
    blind = replace(facts.book, positions=(replace(held, mark=None),))
    alone = factors("NIFTY", names=("SENSEX", "BANKNIFTY"))
    views = {"factors": replace(facts.tenant.view, factors=None), "index": replace(facts.tenant.view, factors=alone)}
    later = replace(facts.tenant.view, session=date(2025, 8, 29))
    cases = {name: replace(facts, tenant=replace(facts.tenant, view=view)) for name, view in views.items()}
    cases["mark"] = replace(facts, book=blind)
    cases["expired"] = replace(facts, tenant=replace(facts.tenant, view=later))
    cases["charges"] = with_terms(facts, entry_charges=Decimal("NaN"))
    return list(cases.items())


@pytest.mark.parametrize(("name", "facts"), unknowns())
def test_a_shock_that_cannot_be_worked_out_is_unknown(name: str, facts: Facts) -> None:
    verdict = by_name(margin(facts))["margin.stressed"]
    assert (verdict.outcome.value, verdict.measured) == ("unknown", None), name
    assert verdict.detail


# --- The switch -------------------------------------------------------------------------------------------------------
def utilised(share: float, since: str = "", equity: int = 2_000_000) -> TenantFacts:
    (held,) = positions(vertical_package())
    assert held.mark is not None
    flat = replace(held, margin=rupees(share * equity), mark=replace(held.mark, pnl=rupees(0)))
    view = market()
    book = Book(session=view.session, positions=(flat,), latched={"margin_utilisation": since} if since else {})
    return TenantFacts(view, book, account(capital=rupees(equity)), desk(), as_of(view))


@pytest.mark.parametrize(
    ("share", "since", "stays", "expected"),
    [
        (0.80, "", False, "passed"),
        (0.800001, "", True, "blocked"),
        (0.75, "2025-08-21", True, "blocked"),
        (0.749999, "2025-08-21", False, "passed"),
    ],
)
def test_it_trips_above_eighty_percent_and_re_arms_below_seventy_five(
    share: float, since: str, stays: bool, expected: str
) -> None:
    facts = utilised(share, since)
    book = latched(facts.book, facts)
    assert ("margin_utilisation" in book.latched) is stays
    assert margin_utilisation(replace(facts, book=book)).outcome.value == expected


def test_no_equity_left_blocks_and_keeps_other_latches() -> None:
    facts = utilised(0.5)
    book = replace(facts.book, realised=rupees(-2_000_000), confirmed_realised=rupees(-2_000_000), latched={"x": "y"})
    verdict = margin_utilisation(replace(facts, book=book))
    assert (verdict.outcome.value, verdict.measured, verdict.detail) == ("blocked", None, "no equity is left")
    assert set(latched(book, facts.holding(book)).latched) == {"x", "margin_utilisation"}


def test_unknown_funds_are_unknown_and_trip_nothing() -> None:
    facts = utilised(0.5)
    (held,) = facts.book.positions
    blind = replace(facts.book, positions=(replace(held, margin=Decimal("NaN")),))
    assert margin_utilisation(replace(facts, book=blind)).outcome.value == "unknown"
    assert latched(blind, facts) is blind
