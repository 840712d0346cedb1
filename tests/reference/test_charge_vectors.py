"""Charges against contract notes that others computed: Kite's mocks, and the table of the facts file."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.costs.charges import ChargeLine, Charges, Exercised, Fill, charge_lines, gst_line
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.schedules import ChargeSchedule

RULES = load_rules()
KITE_DAY = date(2023, 7, 5)
"""The mocks carry July 2023 contracts and the schedule of that month."""


def kite_schedule() -> ChargeSchedule:
    return RULES.charges("NIFTY", KITE_DAY, broker="zerodha")


def assert_matches_kite(ours: Charges, theirs: dict[str, Any], turnover_charge: Decimal) -> None:
    """Line by line; the mocks set stamp duty to 0, so it is left out."""
    assert float(ours.amount("stt_sale")) == pytest.approx(theirs["transaction_tax"], abs=1e-9)
    assert float(turnover_charge) == pytest.approx(theirs["exchange_turnover_charge"], abs=1e-9)
    assert float(ours.amount("sebi")) == pytest.approx(theirs["sebi_turnover_charge"], abs=1e-9)
    assert float(ours.amount("brokerage")) == theirs["brokerage"]
    assert float(ours.amount("gst")) == pytest.approx(theirs["gst"]["total"], abs=1e-9)


@pytest.mark.marketdata
@pytest.mark.parametrize(("index", "side", "price"), [(0, -1, "35.65"), (1, 1, "6.95")])
def test_basket_orders_cost_what_kite_says(marketdata: Path, index: int, side: int, price: str) -> None:
    order = json.loads((marketdata / "payloads/kite/basket_margins.json").read_text())["data"]["orders"][index]
    strike = float(order["tradingsymbol"][10:15])
    fill = Fill(Instrument("NIFTY", date(2023, 7, 27), strike, "CE"), side, 75, Decimal(price))
    ours = charge_lines([fill], kite_schedule())
    assert_matches_kite(ours, order["charges"], ours.amount("transaction"))  # the basket leaves IPFT out
    total = ours.total - ours.amount("stamp") - ours.amount("ipft")
    assert float(total) == pytest.approx(order["charges"]["total"], abs=1e-9)


@pytest.mark.marketdata
def test_a_contract_note_costs_what_kite_says_with_ipft_free_of_gst(marketdata: Path) -> None:
    notes = json.loads((marketdata / "payloads/kite/virtual_contract_note.json").read_text())["data"]
    note = next(item for item in notes if item["tradingsymbol"] == "NIFTY2371317900PE")
    fill = Fill(Instrument("NIFTY", date(2023, 7, 13), 17900.0, "PE"), 1, note["quantity"], Decimal(str(note["price"])))
    ours = charge_lines([fill], kite_schedule())
    assert_matches_kite(ours, note["charges"], ours.amount("transaction") + ours.amount("ipft"))
    assert float(ours.total - ours.amount("stamp")) == pytest.approx(note["charges"]["total"], abs=1e-9)


@pytest.mark.marketdata
def test_every_charge_block_of_the_files_adds_up_as_the_engine_adds_up(marketdata: Path) -> None:
    """Other products too (SBIN, INFY, gold on MCX): their amounts are read off the note, the engine adds GST."""
    orders = kite_orders(marketdata)
    assert len(orders) == 6
    for order in orders:
        note = {name: Decimal(str(value)) for name, value in order["charges"].items() if isinstance(value, int | float)}
        ipft = IPFT_INSIDE.get(order["tradingsymbol"], Decimal(0))
        amounts = {
            "transaction": note["exchange_turnover_charge"] - ipft,
            "ipft": ipft,
            "sebi": note["sebi_turnover_charge"],
            "brokerage": note["brokerage"],
        }
        lines = [ChargeLine(name, Decimal(1), amount, amount, "") for name, amount in amounts.items()]
        gst = gst_line(lines, kite_schedule()).amount
        assert float(gst) == pytest.approx(order["charges"]["gst"]["total"], abs=1e-9)
        total = sum(amounts.values(), gst + note["transaction_tax"] + note["stamp_duty"])
        assert float(total) == pytest.approx(order["charges"]["total"], abs=1e-9)


IPFT_INSIDE = {"NIFTY2371317900PE": Decimal("0.00075"), "SBIN": Decimal("0.00056")}
"""Rupees of IPFT that two notes hold inside the exchange's charge, 50 and 10 a crore: neither pays GST on it."""


def kite_orders(marketdata: Path) -> list[dict[str, Any]]:
    """Every order with charges in the files; the basket's own sums leave most lines at 0."""
    folder = marketdata / "payloads/kite"
    orders = json.loads((folder / "basket_margins.json").read_text())["data"]["orders"]
    for name in ("order_margins.json", "virtual_contract_note.json"):
        orders += json.loads((folder / name).read_text())["data"]
    return list(orders)


LINES = ("brokerage", "stt_sale", "transaction", "ipft", "sebi", "stamp", "gst")
TABLE = {
    # india-facts.md §1.6 (b): (day, product, units, buy, sell), the lines, total unrounded, total of the note
    "A": (date(2026, 11, 16), "options", 65, "100", "110"),
    "B": (date(2026, 3, 16), "options", 65, "100", "110"),
    "B2": (date(2026, 2, 16), "options", 65, "100", "110"),
    "C": (date(2025, 6, 16), "options", 75, "100", "110"),
    "D": (date(2024, 9, 30), "options", 25, "100", "110"),
    "E": (date(2026, 11, 16), "futures", 65, "25000", "25100"),
    "F": (date(2025, 6, 16), "futures", 75, "25000", "25100"),
}
NOTE = {
    # STT and stamp duty of the note, where the table prints their rounding
    "A": ("11", "0"),
    "B": ("7", "0"),
    "B2": ("7", "0"),
    "C": ("8", "0"),
    "D": ("2", "0"),
    "E": ("816", "33"),
    "F": ("377", "38"),
}
EXPECTED = {
    "A": ("40 10.725 4.84848 0.001365 0.01365 0.195 8.075183", "63.858678", "63.94"),
    "B": ("40 7.15 4.84848 0.001365 0.01365 0.195 8.075183", "60.283678", "59.94"),
    "B2": ("40 7.15 4.781595 0.06825 0.01365 0.195 8.063144", "60.271639", "59.92"),
    "C": ("40 8.25 5.517225 0.07875 0.01575 0.225 8.195936", "62.282661", "61.82"),
    "D": ("40 1.71875 2.59875 0.02625 0.00525 0.075 7.668720", "52.092720", "52.31"),
    "E": ("40 815.75 59.5906935 0.0032565 3.2565 32.5 18.512495", "969.612945", "970.36"),
    "F": ("40 376.5 65.00475 3.7575 3.7575 37.5 19.577205", "546.096955", "547.10"),
}


@pytest.mark.parametrize("name", sorted(TABLE))
def test_round_trips_cost_what_the_facts_file_derives(name: str) -> None:
    day, product, units, bought, sold = TABLE[name]
    instrument = Instrument("NIFTY", day, 25000.0, "CE")
    fills = [Fill(instrument, 1, units, Decimal(bought)), Fill(instrument, -1, units, Decimal(sold))]
    schedule = RULES.charges("NIFTY", day, broker="upstox", product=product)
    ours, note = charge_lines(fills, schedule), charge_lines(fills, schedule, form="contract_note")
    lines, total, note_total = EXPECTED[name]
    assert [float(ours.amount(line)) for line in LINES] == pytest.approx(list(map(float, lines.split())), abs=1e-6)
    assert float(ours.total) == pytest.approx(float(total), abs=1e-6)
    assert note.total == Decimal(note_total)
    assert (note.amount("stt_sale"), note.amount("stamp")) == tuple(map(Decimal, NOTE[name]))


@pytest.mark.parametrize(
    ("day", "units", "intrinsic", "stt", "note"),
    [
        (date(2026, 11, 16), 65, "100", "9.75", "10"),  # table row G
        (date(2023, 8, 24), 3000, "100", "375", "375"),  # tradingqna 151973
    ],
)
def test_exercise_stt_is_charged_on_the_intrinsic_value(
    day: date, units: int, intrinsic: str, stt: str, note: str
) -> None:
    leg = Exercised(Instrument("NIFTY", day, 10800.0, "CE"), 1, units, Decimal(intrinsic))
    schedule = RULES.charges("NIFTY", day)
    assert charge_lines([], schedule, [leg]).amount("stt_exercise") == Decimal(stt)
    assert charge_lines([], schedule, [leg], "contract_note").amount("stt_exercise") == Decimal(note)


def test_sixty_lots_exercised_above_the_freeze_quantity_pay_two_fees() -> None:
    """tradingqna 151973: 3,000 units of NIFTY 19500 PE on 2023-08-24, two orders, 40 rupees."""
    day = date(2023, 8, 24)
    leg = Exercised(Instrument("NIFTY", day, 19500.0, "PE"), 1, 3000, Decimal(100), lot=50)
    assert charge_lines([], RULES.charges("NIFTY", day, "zerodha"), [leg]).amount("exercise_fee") == 40


def test_the_first_exercise_on_intrinsic_value_costs_what_fyers_printed() -> None:
    """NIFTY 10800 CE settled at 10,900, lot 75: 9.38. No full schedule of 2019 exists, so the row alone is asked."""
    row = RULES.rows.pick("charge", date(2019, 9, 5), exchange="NSE", product="options", levy="stt_exercise")
    assert round(Decimal(100 * 75) * row.values["rate"], 2) == Decimal("9.38")


@pytest.mark.parametrize(("day", "stt"), [(date(2026, 3, 31), 400), (date(2026, 4, 1), 1000)])
def test_a_futures_contract_of_twenty_lakh_pays_the_stt_that_cleartax_prints(day: date, stt: int) -> None:
    sold = [Fill("NIFTY26APRFUT", -1, 100, Decimal(20_000))]
    assert charge_lines(sold, RULES.charges("NIFTY", day, product="futures")).amount("stt_sale") == stt
