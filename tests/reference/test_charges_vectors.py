"""Charges against contract notes that others computed: Kite's mocks, and the table of the facts file."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.costs.charges import Charges, Exercised, Fill, charge_lines
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


@pytest.mark.parametrize(
    ("day", "units", "intrinsic", "stt"),
    [
        (date(2026, 11, 16), 65, "100", "9.75"),  # table row G
        (date(2025, 6, 16), 3000, "100", "375"),  # tradingqna 151973
        (date(2023, 7, 5), 75, "100", "9.375"),  # fyers 2019: 9.38
    ],
)
def test_exercise_stt_is_charged_on_the_intrinsic_value(day: date, units: int, intrinsic: str, stt: str) -> None:
    leg = Exercised(Instrument("NIFTY", day, 10800.0, "CE"), 1, units, Decimal(intrinsic))
    assert charge_lines([], RULES.charges("NIFTY", day), [leg]).amount("stt_exercise") == Decimal(stt)
