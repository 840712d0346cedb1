"""What holds of every order's charges: never negative, never less for more, additive, bounded from above."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.costs.charges import (
    Charges,
    Exercised,
    Fill,
    charge_lines,
    charges_upper_bound,
    expected_exit_charges,
    largest_order,
    order_slices,
)
from quantsentinel.costs.slippage import depth_impact
from quantsentinel.costs.waterfall import waterfall
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.schedules import ChargeSchedule

RULES = load_rules()
DAYS = (date(2023, 7, 5), date(2024, 9, 30), date(2025, 8, 29), date(2026, 3, 16), date(2026, 11, 16))
SCHEDULES = [
    RULES.charges(underlying, day, broker, product)
    for underlying in ("NIFTY", "BANKNIFTY")
    for day in DAYS
    for broker in ("upstox", "zerodha", "groww")
    for product in ("options", "futures")
]
TICK = Decimal("0.05")

schedules = st.sampled_from(SCHEDULES)
lots = st.sampled_from([15, 25, 30, 35, 50, 65, 75])
sides = st.sampled_from([1, -1])
prices = st.integers(1, 100_000).map(lambda ticks: ticks * TICK)
legs = st.lists(st.tuples(sides, st.integers(1, 300), prices), min_size=1, max_size=4)


def contract(index: int) -> Instrument:
    return Instrument("NIFTY", DAYS[2], 24000.0 + 50 * index, "CE")


def fills_of(drawn: list[tuple[int, int, Decimal]], lot: int) -> list[Fill]:
    """(side, lots, price) triples as fills of different strikes."""
    return [Fill(contract(n), side, count * lot, price, lot) for n, (side, count, price) in enumerate(drawn)]


def exercised_of(drawn: list[tuple[int, int, Decimal]], lot: int) -> list[Exercised]:
    return [Exercised(contract(n), side, count * lot, price, lot) for n, (side, count, price) in enumerate(drawn)]


def amounts(charges: Charges) -> dict[str, Decimal]:
    return {line.name: line.amount for line in charges.lines}


@given(legs, lots, schedules)
def test_no_line_is_negative_and_the_lines_add_up_to_a_positive_total(
    drawn, lot: int, schedule: ChargeSchedule
) -> None:
    for form in ("unrounded", "contract_note"):
        charges = charge_lines(fills_of(drawn, lot), schedule, exercised_of(drawn, lot), form)
        assert all(line.amount >= 0 for line in charges.lines)
        assert charges.total == sum(line.amount for line in charges.lines) > 0
        assert {line.row_id for line in charges.lines} <= {row.id for row in schedule.rows_used}


@given(legs, lots, schedules, st.integers(0, 3), st.integers(0, 50), prices)
def test_no_line_falls_when_a_price_or_a_size_rises(drawn, lot, schedule, which, more_lots, dearer) -> None:
    index = which % len(drawn)
    side, count, price = drawn[index]
    more = [*drawn[:index], (side, count + more_lots, price + dearer), *drawn[index + 1 :]]
    for form in ("unrounded", "contract_note"):
        before = charge_lines(fills_of(drawn, lot), schedule, exercised_of(drawn, lot), form)
        after = charge_lines(fills_of(more, lot), schedule, exercised_of(more, lot), form)
        grown = amounts(after)
        assert all(grown[name] >= amount for name, amount in amounts(before).items())
        assert after.total >= before.total


@given(legs, legs, lots, schedules)
def test_two_orders_cost_what_each_costs(one, other, lot: int, schedule: ChargeSchedule) -> None:
    first, second = fills_of(one, lot), fills_of(other, lot)
    together = charge_lines([*first, *second], schedule).total
    assert together == charge_lines(first, schedule).total + charge_lines(second, schedule).total
    assert charge_lines(first[::-1], schedule).total == charge_lines(first, schedule).total


@given(legs, lots, schedules)
def test_a_contract_note_differs_by_its_roundings_only(drawn, lot: int, schedule: ChargeSchedule) -> None:
    """Half a rupee for each contract's STT and stamp duty, half a paisa for each other line."""
    fills, settled = fills_of(drawn, lot), exercised_of(drawn, lot)
    exact, note = (charge_lines(fills, schedule, settled, form) for form in ("unrounded", "contract_note"))
    rounded = amounts(note)
    for name, amount in amounts(exact).items():
        whole = name in ("stt_sale", "stt_exercise", "stamp")
        allowed = Decimal("0.5") * len(drawn) if whole else Decimal("0.005")
        assert abs(rounded.get(name, Decimal(0)) - amount) <= allowed
    assert all(amount == amount.quantize(Decimal("0.01")) for amount in rounded.values())


@given(legs, lots, schedules)
def test_the_float_bound_is_never_below_the_exact_charges(drawn, lot: int, schedule: ChargeSchedule) -> None:
    exact = charge_lines(fills_of(drawn, lot), schedule).total
    units = [side * count * lot for side, count, _ in drawn]
    bound = float(charges_upper_bound([float(price) for _, _, price in drawn], units, schedule, lot))
    assert Decimal(bound) >= exact
    if schedule.broker.order_fraction_cap is None:
        assert bound <= float(exact) * (1 + 1e-8)


@given(legs, lots, schedules)
def test_the_expected_charges_of_a_certain_settlement_are_the_exact_ones(drawn, lot, schedule) -> None:
    exact = charge_lines([], schedule, exercised_of(drawn, lot)).total
    units = [side * count * lot for side, count, _ in drawn]
    expected = float(expected_exit_charges([float(price) for _, _, price in drawn], units, schedule, None, lot))
    assert abs(expected - float(exact)) <= 1e-9 * float(exact) + 1e-9


@given(st.integers(1, 2_000), lots, st.integers(75, 8_500))
def test_slices_are_whole_lots_within_the_freeze_quantity_and_none_is_missing(
    count: int, lot: int, freeze: int
) -> None:
    slices = order_slices(count * lot, freeze, lot)
    assert sum(slices) == count * lot
    assert all(0 < units <= freeze and units % lot == 0 for units in slices)
    assert len(slices) == -(-count * lot // largest_order(freeze, lot))


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=4), st.integers(1, 5_000), st.floats(0.0, 20.0))
def test_the_conservative_impact_is_twice_the_plain_one_and_more_legs_never_cost_less(units, shown, half) -> None:
    plain, doubled = (depth_impact(units, [shown], [half], 0.05, mode) for mode in ("plain", "conservative"))
    assert doubled == 2 * plain
    assert depth_impact(units, [shown], [half], 0.05) == doubled
    assert depth_impact([*units, 75], [shown], [half], 0.05) >= doubled


@given(st.integers(1, 5_000), st.floats(0.0, 20.0), st.floats(0.0, 20.0))
def test_inside_the_displayed_size_the_spread_is_not_charged_again(units, half, wider) -> None:
    impacts = {float(depth_impact([units, -units], [units, units], [spread] * 2, 0.05)) for spread in (half, wider)}
    assert len(impacts) == 1


@given(st.lists(st.decimals(0, 10_000, places=6), min_size=4, max_size=9), st.decimals(-10_000, 10_000, places=2))
def test_the_steps_of_a_waterfall_take_what_the_frictions_say(taken, gross) -> None:
    spread, depth, leaving = (amount.quantize(Decimal("0.01")) for amount in taken[:3])
    fall = waterfall(gross, spread, depth, [(str(n), amount) for n, amount in enumerate(taken[3:])], leaving)
    assert fall.net_ev == fall.gross_edge - fall.frictions
    assert abs(fall.steps[-1].left - fall.net_ev) <= Decimal("0.005")
    assert all(before.left >= after.left for before, after in zip(fall.steps, fall.steps[1:], strict=False))
