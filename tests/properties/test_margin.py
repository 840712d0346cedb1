"""What holds for the margin of every book, whatever is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.costs.margin import MarginEstimate, MarginMarket, margin_days
from quantsentinel.costs.margin_book import CALM, HeldLeg, MarginTable, Shock, book_margin
from quantsentinel.errors import BadInput
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.rulebook import load_rules
from quantsentinel.pricing import black76

RULES = load_rules()
DAY = date(2025, 8, 29)
EXPIRIES = (date(2025, 9, 2), date(2025, 9, 9), date(2025, 9, 30))
LEVELS = {"NIFTY": 24_460.0, "BANKNIFTY": 53_800.0}
LOTS = {"NIFTY": 75, "BANKNIFTY": 35}
EXAMPLES = settings(max_examples=60)


def tables(exit_day: date = EXPIRIES[1], shock: Shock = CALM) -> dict[str, MarginTable]:
    days = margin_days(RULES, DAY, exit_day)
    return {
        name: MarginTable(MarginMarket(level, level, 0.16, days), RULES.scan(name, DAY), shock)
        for name, level in LEVELS.items()
    }


TABLES = tables()


def need(legs: Sequence[HeldLeg]) -> MarginEstimate:
    return book_margin(legs, TABLES)


def leg_of(underlying: str, expiry: date, steps: int, is_call: bool, lots: int) -> HeldLeg:
    level = LEVELS[underlying]
    strike = round(level / 100.0) * 100.0 + 100.0 * steps
    price = float(black76.price(level, strike, (expiry - DAY).days / 365.0, 0.13, 1.0, is_call))
    contract = Instrument(underlying, expiry, strike, "CE" if is_call else "PE")
    return HeldLeg(contract, lots * LOTS[underlying], round(price * 20) / 20, level)


def any_leg(expiries: Sequence[date] = EXPIRIES, names: Sequence[str] = ("NIFTY",)) -> st.SearchStrategy[HeldLeg]:
    lots = st.integers(-6, 6).filter(bool)
    return st.builds(
        leg_of, st.sampled_from(names), st.sampled_from(expiries), st.integers(-30, 30), st.booleans(), lots
    )


def books(expiries: Sequence[date] = EXPIRIES, most: int = 6) -> st.SearchStrategy[list[HeldLeg]]:
    return st.lists(any_leg(expiries, tuple(LEVELS)), max_size=most)


def capital(legs: Sequence[HeldLeg]) -> float:
    """What a book takes from an account: its margin, and the premium paid."""
    estimate = need(legs)
    return estimate.total + estimate.premium_outlay


def test_no_position_needs_no_margin() -> None:
    assert need([]).total == need([]).now == need([]).premium_outlay == 0.0


@EXAMPLES
@given(books())
def test_margin_is_never_negative_and_its_worst_day_is_among_its_days(legs: list[HeldLeg]) -> None:
    estimate = need(legs)
    totals = [total for _, total in estimate.by_day]
    assert all(total >= 0 for total in totals)
    assert estimate.total == max(totals, default=0.0)
    assert estimate.exposure >= 0 <= estimate.expiry_day_elm
    assert estimate.calendar_charge >= 0


@EXAMPLES
@given(books(expiries=EXPIRIES[1:2]), books(expiries=EXPIRIES[1:2]))
def test_two_books_of_one_expiry_never_need_more_together_than_apart(one: list[HeldLeg], other: list[HeldLeg]) -> None:
    assert need(one + other).total <= need(one).total + need(other).total + 1e-6


@EXAMPLES
@given(books(), books())
def test_across_expiries_two_books_need_at_most_the_calendar_charge_more(
    one: list[HeldLeg], other: list[HeldLeg]
) -> None:
    together = need(one + other)
    assert together.total <= need(one).total + need(other).total + together.calendar_charge + 1e-6


@EXAMPLES
@given(books(expiries=EXPIRIES[1:2]), any_leg(EXPIRIES[1:2], tuple(LEVELS)))
def test_a_bought_option_never_raises_required_capital_by_more_than_its_cost(
    legs: list[HeldLeg], added: HeldLeg
) -> None:
    bought = replace(added, units=abs(added.units))
    assert capital([*legs, bought]) <= capital(legs) + bought.units * bought.mark + 1e-6


@EXAMPLES
@given(books(), any_leg(EXPIRIES, tuple(LEVELS)))
def test_one_bought_in_another_expiry_costs_at_most_the_calendar_charge_on_top(
    legs: list[HeldLeg], added: HeldLeg
) -> None:
    bought = replace(added, units=abs(added.units))
    charge = need([*legs, bought]).calendar_charge
    assert capital([*legs, bought]) <= capital(legs) + bought.units * bought.mark + charge + 1e-6


@EXAMPLES
@given(books(), st.integers(2, 50))
def test_margin_grows_with_the_number_of_lots(legs: list[HeldLeg], lots: int) -> None:
    many = need([replace(leg, units=leg.units * lots) for leg in legs])
    for name in ("total", "now", "span", "exposure", "expiry_day_elm", "calendar_charge", "premium_outlay"):
        assert getattr(many, name) == pytest.approx(lots * getattr(need(legs), name)), name


@EXAMPLES
@given(books(), st.sampled_from(EXPIRIES), st.sampled_from(EXPIRIES))
def test_a_later_exit_never_lowers_the_margin(legs: list[HeldLeg], one: date, other: date) -> None:
    early, late = (book_margin(legs, tables(day)).total for day in sorted((one, other)))
    assert early <= late


@EXAMPLES
@given(books())
def test_the_order_in_which_legs_are_named_does_not_matter(legs: list[HeldLeg]) -> None:
    assert need(legs[::-1]).total == pytest.approx(need(legs).total)


@EXAMPLES
@given(books(), st.floats(-0.2, 0.2), st.floats(-0.05, 0.3))
def test_every_shock_leaves_a_margin_that_is_a_number(legs: list[HeldLeg], spot: float, vol: float) -> None:
    assert 0.0 <= book_margin(legs, tables(shock=Shock(spot, vol))).total < 1e12


def test_each_number_that_is_removed_refuses_the_margin() -> None:
    """Every float that an estimate stands on, one at a time: none of them has a stand-in."""
    leg = leg_of("NIFTY", EXPIRIES[1], 3, True, -1)
    market, scan, unknown = TABLES["NIFTY"].market, TABLES["NIFTY"].scan, float("nan")
    legs = [replace(leg, mark=unknown), replace(leg, forward=unknown)]
    numbers: list[dict[str, Any]] = [{field.name: unknown} for field in fields(market) if field.name != "days"]
    asked = [(bad, market) for bad in legs] + [(leg, replace(market, **number)) for number in numbers]
    for bad, around in asked:
        with pytest.raises(BadInput):
            book_margin([bad], {"NIFTY": MarginTable(around, scan)})
    assert len(asked) == 5
