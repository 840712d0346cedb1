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


def test_a_lot_that_the_freeze_quantity_does_not_hold_is_refused() -> None:
    for lot in (0, 66):
        with pytest.raises(BadInput, match="above the freeze quantity"):
            order_slices(130, 65, lot)


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
