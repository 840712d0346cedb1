"""Charges line by line, their bound, the exit, and depth impact."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.costs.charges import (
    Exercised,
    Fill,
    charge_lines,
    charges_upper_bound,
    expected_exit_charges,
    order_slices,
)
from quantsentinel.costs.slippage import depth_impact
from quantsentinel.errors import BadInput
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.rulebook import load_rules

RULES = load_rules()
DAY = date(2025, 8, 29)
CALL = Instrument("NIFTY", date(2025, 9, 2), 24500.0, "CE")
SCHEDULES = [
    RULES.charges(underlying, day, broker)
    for underlying in ("NIFTY", "BANKNIFTY")
    for day in (date(2024, 9, 30), DAY, date(2026, 4, 1))
    for broker in ("upstox", "zerodha")
]

legs = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(1, 20_000), st.integers(1, 100_000)), min_size=1, max_size=4
)


def fills_of(drawn: list[tuple[int, int, int]]) -> list[Fill]:
    """(side, units, price in ticks) triples as fills of different strikes."""
    return [
        Fill(Instrument("NIFTY", DAY, 24000.0 + 50 * index, "CE"), side, units, Decimal(ticks) * Decimal("0.05"))
        for index, (side, units, ticks) in enumerate(drawn)
    ]


@given(legs, st.sampled_from(SCHEDULES))
def test_the_bound_is_never_below_the_exact_charges_and_close_to_them(drawn, schedule) -> None:
    exact = charge_lines(fills_of(drawn), schedule).total
    prices = [ticks * 0.05 for _, _, ticks in drawn]
    bound = float(charges_upper_bound(prices, [side * units for side, units, _ in drawn], schedule))
    assert Decimal(bound) >= exact
    assert bound <= float(exact) * (1 + 1e-8)


@given(legs, st.sampled_from(SCHEDULES))
def test_charges_are_positive_and_the_lines_add_up(drawn, schedule) -> None:
    charges = charge_lines(fills_of(drawn), schedule)
    assert charges.total == sum(line.amount for line in charges.lines) > 0
    assert all(line.amount >= 0 for line in charges.lines)
    assert {line.row_id for line in charges.lines} <= {row.id for row in schedule.rows_used}


@given(legs)
def test_a_contract_note_differs_from_the_exact_charges_by_its_roundings_only(drawn) -> None:
    schedule = RULES.charges("NIFTY", DAY)
    exact, note = (charge_lines(fills_of(drawn), schedule, form=form) for form in ("unrounded", "contract_note"))
    assert abs(note.total - exact.total) <= Decimal("0.5") * len(drawn) * 2 + Decimal("0.005") * 9
    assert all(line.amount == line.amount.quantize(Decimal("0.01")) for line in note.lines)


def test_only_sales_pay_stt_and_only_purchases_pay_stamp_duty() -> None:
    schedule = RULES.charges("NIFTY", DAY)
    bought = charge_lines([Fill(CALL, 1, 75, Decimal(100))], schedule)
    sold = charge_lines([Fill(CALL, -1, 75, Decimal(100))], schedule)
    assert (bought.amount("stt_sale"), bought.amount("stamp")) == (0, Decimal("0.22500"))
    assert (sold.amount("stt_sale"), sold.amount("stamp")) == (Decimal("7.500"), 0)


def test_an_order_above_the_freeze_quantity_pays_brokerage_for_every_slice() -> None:
    schedule = RULES.charges("NIFTY", DAY)
    assert schedule.freeze_quantity.value == 1800
    for units, orders in [(1800, 1), (1875, 2), (3600, 2), (3675, 3)]:
        assert charge_lines([Fill(CALL, 1, units, Decimal(5))], schedule).amount("brokerage") == 20 * orders
        assert sum(order_slices(units, 1800)) == units


def test_a_futures_order_pays_the_lower_of_the_fee_and_the_share_of_turnover() -> None:
    schedule = RULES.charges("NIFTY", DAY, product="futures")
    small = charge_lines([Fill("NIFTY25SEPFUT", 1, 1, Decimal(24500))], schedule)
    assert small.amount("brokerage") == Decimal("12.25")  # 0.05 % of 24,500


def test_gst_on_ipft_depends_on_the_broker() -> None:
    fill = [Fill(CALL, 1, 75, Decimal(100))]
    ours = {broker: charge_lines(fill, RULES.charges("NIFTY", DAY, broker)) for broker in ("upstox", "zerodha")}
    difference = ours["zerodha"].amount("gst") - ours["upstox"].amount("gst")
    assert difference == Decimal("0.18") * ours["upstox"].amount("ipft") > 0


def test_only_the_holder_pays_stt_at_settlement_but_every_leg_pays_the_fee() -> None:
    schedule = RULES.charges("NIFTY", DAY)
    settled = [Exercised(CALL, 1, 75, Decimal(100)), Exercised(CALL, -1, 75, Decimal(50))]
    charges = charge_lines([], schedule, settled)
    assert charges.amount("stt_exercise") == Decimal(7500) * Decimal("0.00125")
    assert charges.amount("exercise_fee") == 40
    assert charges.amount("gst") == Decimal("7.2")


@pytest.mark.parametrize(("units", "price"), [(0, "1"), (-75, "1"), (75, "-0.05"), (75, "NaN")])
def test_fills_that_no_exchange_prints_are_refused(units: int, price: str) -> None:
    with pytest.raises(BadInput, match="charges of NIFTY"):
        charge_lines([Fill(CALL, 1, units, Decimal(price))], RULES.charges("NIFTY", DAY))


def test_expected_exit_charges_are_those_of_a_certain_settlement() -> None:
    schedule = RULES.charges("NIFTY", DAY)
    exact = charge_lines([], schedule, [Exercised(CALL, 1, 75, Decimal(100)), Exercised(CALL, -1, 75, Decimal(50))])
    expected = expected_exit_charges([100.0, 50.0, 0.0], [75, -75, 0], schedule)
    assert float(expected) == pytest.approx(float(exact.total))
    half = expected_exit_charges([50.0, 25.0, 0.0], [75, -75, 0], schedule, itm_probability=[0.5, 0.5, 0.5])
    assert float(half) == pytest.approx(float(exact.total) / 2)


def test_the_bound_takes_thousands_of_packages_at_once() -> None:
    schedule = RULES.charges("NIFTY", DAY)
    premium = np.random.default_rng(7).uniform(1, 300, size=(4000, 4))
    bound = charges_upper_bound(premium, np.array([75, -75, -75, 75]), schedule)
    assert bound.shape == (4000,)
    assert np.all(bound >= 4 * 20 * 1.18)


def test_an_order_inside_the_displayed_size_pays_for_the_legs_only() -> None:
    assert depth_impact([75], [75], [0.5], 0.05) == 0.0
    two_legs = depth_impact([75, -75], [7500, 7500], [0.5, 0.5], 0.05)
    assert float(two_legs) == pytest.approx(2 * 0.05 / 4 * 150)


def test_an_unknown_depth_is_infinitely_expensive() -> None:
    assert depth_impact([75, -75], [7500, 0], [0.5, 0.5], 0.05) == np.inf
    assert depth_impact([75, 0], [7500, 0], [0.5, 0.5], 0.05) == 0.0  # no leg there


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0.0, 20.0), st.integers(1, 3000))
def test_impact_never_falls_when_the_order_grows_or_the_book_shrinks(units, more, half_spread, shown) -> None:
    here = depth_impact([units], [shown], [half_spread], 0.05)
    assert depth_impact([units + more], [shown], [half_spread], 0.05) >= here
    assert depth_impact([units], [max(shown - more, 1)], [half_spread], 0.05) >= here
    assert here >= 0
