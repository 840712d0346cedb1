"""`qs costs`: a package on a day, its settlement, what is refused by name; and the waterfall down to net EV."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.canonical import canonical
from quantsentinel.cli.explain import _steps, _waterfall
from quantsentinel.cli.legs import parse_legs
from quantsentinel.cli.main import run_command
from quantsentinel.costs.charge_sheet import ChargeSheet, Order, charge_sheet
from quantsentinel.costs.charges import Fill, Form, charge_lines
from quantsentinel.costs.waterfall import waterfall
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.rulebook import load_rules
from quantsentinel.opportunity.reprice import Ticket, costs_at
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.charges import exit_charges, settlement_charges
from quantsentinel.portfolio.terms import terms_at
from quantsentinel.signals.card import card_of
from quantsentinel.units import rupees
from tests import builders

RULES = load_rules()
MONDAY = date(2026, 11, 23)
ON = date(2026, 11, 16)
COMMAND = ("costs", "--underlying", "NIFTY", "--expiry", "2026-11-23", "--on", "2026-11-16")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, with no settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("QS_CONFIG", "QS_BROKER", "QS_RULES_OVERLAY"):
        monkeypatch.delenv(name, raising=False)


def sheet(text: str, settle: str = "", lots: int = 1, form: Form = "unrounded", on: date = ON) -> ChargeSheet:
    order = Order(parse_legs(text, "NIFTY", MONDAY), on, lots, form=form)
    return charge_sheet(RULES, order, Decimal(settle) if settle else None)


def test_a_round_trip_costs_what_the_facts_file_derives() -> None:
    """Row A of india-facts.md §1.6 (b)."""
    assert round(sheet("BUY 25000CE 100 SELL 25000CE 110").entry.total, 6) == Decimal("63.858678")
    assert sheet("BUY 25000CE 100 SELL 25000CE 110", form="contract_note").entry.total == Decimal("63.94")


def test_every_rule_row_used_is_listed_once_and_what_is_not_confirmed_is_named() -> None:
    found = sheet("SELL 24500CE 110 BUY 24600CE 70", settle="24700")
    ids = [row.id for row in found.rows]
    assert len(ids) == len(set(ids))
    used = {line.row_id for charges in (found.entry, found.settled[0].charges) for line in charges.lines}
    assert used | {"freeze.nifty.2026-09", "lot.nifty.65", "tax_note.2023-04-01"} <= set(ids)
    unconfirmed = {row.id for row in found.rows if row.status != "confirmed"}
    assert unconfirmed >= {"exercise_fee.upstox", "charge.nse.options.stt_sale.2026-04-01"}


def test_held_to_settlement_the_order_pays_exercise_stt_and_the_fee_of_each_leg_in_the_money() -> None:
    found = sheet("SELL 24500CE 110 BUY 24600CE 70", settle="24700")
    (settled,) = found.settled
    assert (settled.on, settled.payoff) == (MONDAY, Decimal(-200 + 100) * 65)
    assert settled.charges.amount("stt_exercise") == Decimal("9.75")  # row G: 100 points of 65 units at 0.15 %
    assert settled.charges.amount("exercise_fee") == 40
    assert found.premium == Decimal(40 * 65)
    assert found.net == found.premium + settled.payoff - found.total


def test_what_was_closed_again_is_not_settled() -> None:
    found = sheet("BUY 24500CE 100 SELL 24500CE 110", settle="24700")
    assert (found.settled, found.net) == ((), None)
    half = sheet("BUY 2x24500CE 100 SELL 24500CE 110", settle="24700")
    assert half.settled[0].payoff == Decimal(200 * 65)


def test_legs_of_two_expiries_settle_each_on_its_day() -> None:
    found = sheet("SELL 24500CE 110 BUY 24500CE@2026-12-29 300", settle="24600")
    assert [part.on for part in found.settled] == [MONDAY, date(2026, 12, 29)]
    assert [part.payoff for part in found.settled] == [Decimal(-6500), Decimal(6500)]


def test_orders_are_cut_into_whole_lots() -> None:
    """1,800 units may be ordered at once; of lots of 65 that is 1,755: 55 lots are three orders, not two."""
    found = sheet("SELL 24500CE 110", lots=55)
    assert found.legs[0].orders == (1755, 1755, 65)
    assert found.entry.amount("brokerage") == 60


def test_fifty_five_lots_of_sixty_five_are_three_orders_in_what_an_offer_costs() -> None:
    """At entry, at settlement, and as orders to send."""
    offer = replace(builders.opportunity(builders.market()), lot=65)
    ticket = Ticket(offer.package, offer.legs, offer.expectations, offer.lot, offer.tick)
    schedule = builders.desk().rules.charges("NIFTY", builders.SESSION)
    costs, one = costs_at(ticket, 55, schedule), costs_at(ticket, 1, schedule)
    assert costs.charges.amount("brokerage") == 3 * 20 * 4
    stt = sum((expected.intrinsic * 65 * 54 for expected in offer.expectations[:2]), 0.0) * 0.00125
    assert float(costs.exit_charges - one.exit_charges) == pytest.approx(stt + 2 * 0.2 * 20 * 1.18 * 4, abs=0.02)
    assert terms_at(offer, 55, builders.desk()).slices == 3


def test_what_a_tenant_sends_and_pays_to_leave_counts_whole_lots() -> None:
    view = builders.offering(builders.market())
    event = tenant_pass(view, Book(), builders.account(), builders.desk(), builders.as_of(view)).entries[0]
    event = replace(event, position=replace(event.position, lot=65, lots=55))
    assert {order.slices for order in card_of(event).orders} == {(1755, 1755, 65)}
    legs, schedule = event.position.package.legs, builders.desk().rules.charges("NIFTY", builders.SESSION)
    fills = [Fill(leg.instrument, -1 if leg.side > 0 else 1, 65 * 55, Decimal(1), 65) for leg in legs]
    leaving = exit_charges(event.position, (1.0,) * len(legs), builders.SESSION, builders.desk())
    assert leaving == rupees(charge_lines(fills, schedule).total)
    settled = settlement_charges(event.position, (1.0,) * len(legs), builders.SESSION, builders.desk())
    assert settled > 3 * 20 * len(legs)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--expiry": "2026-11-24"}, "2026-11-24 is no expiry of NIFTY listed on 2026-11-16"),
        ({"--on": "2026-11-15"}, "2026-11-15 has no session"),
        ({"--on": "2027-01-04"}, "no holiday list for 2027"),
        ({"--on": "2023-03-31"}, "no holiday list for 2023"),
        ({"--on": "16-11-2026"}, "is not a date"),
        ({"--legs": "SELL 24500CE 110.03"}, "110.03 is not on the tick grid"),
        ({"--legs": "SELL 24500CE 0"}, "0 is not on the tick grid"),
        ({"--legs": "SELL 24500CE"}, "ends where a price"),
        ({"--broker": "fyers"}, "unknown broker 'fyers'"),
        ({"--underlying": "NIFTY50"}, "unknown underlying 'NIFTY50'"),
        ({"--underlying": "SENSEX"}, "row listing.sensex is unverified"),
        ({"--lots": "0"}, "0 lots"),
        ({"--lots": "10001"}, "10001 lots"),
        ({"--form": "rounded"}, "no form 'rounded'"),
        ({"--settle": "high"}, "'high' is not an index level"),
        ({"--settle": "NaN"}, "settlement at NaN"),
        ({"--settle": "-1"}, "settlement at -1"),
    ],
)
def test_what_the_rule_book_cannot_answer_is_refused_by_name(
    changed: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"--legs": "SELL 24500CE 110", **dict(zip(COMMAND[1::2], COMMAND[2::2], strict=True)), **changed}
    assert run_command(["costs", *(word for pair in options.items() for word in pair), "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    error = json.loads(captured.err.splitlines()[-1])
    assert said in error["what"]
    assert error["fix"]


def test_the_command_prints_one_document_that_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    legs = "SELL 24500CE 110 BUY 24600CE 70"
    assert run_command([*COMMAND, "--legs", legs, "--lots", "2", "--settle", "24700", "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    parts = [answer["entry"], *answer["settlement"]]
    for part in parts:
        assert sum(Decimal(line["amount"]) for line in part["lines"]) == Decimal(part["total"])
    assert sum(Decimal(part["total"]) for part in parts) == Decimal(answer["total"])
    assert {line["row"] for part in parts for line in part["lines"]} <= {row["id"] for row in answer["rows"]}
    assert [leg["units"] for leg in answer["legs"]] == [130, 130]
    assert "absolute profits and losses" in answer["tax"]["text"]
    assert answer["tax"]["note"] == "information, not advice"


def test_people_see_every_line_with_its_row_and_what_is_not_confirmed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*COMMAND, "--legs", "SELL 24500CE 110", "--broker", "zerodha", "--settle", "24700"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for words in ("stt_sale", "1 × ₹20.00", "0.15 %", "premium received ₹7,150.00", "not confirmed on the day",
                  "tax (information, not advice)", "1 lot on ", "Settlement on 2026-11-23 at 24700"):  # fmt: skip
        assert words in out


# --- Waterfall --------------------------------------------------------------------------------------------------------
def test_the_waterfall_ends_at_the_net_ev_of_the_offer() -> None:
    economics = builders.opportunity(builders.market()).economics
    lines = [(line.name, line.amount) for line in economics.cost_lines]
    fall = waterfall(economics.gross_edge, economics.half_spread, economics.depth_impact, lines, economics.exit_charges)
    assert (fall.net_ev, fall.frictions, fall.cost_ratio) == (
        economics.net_ev,
        economics.frictions,
        economics.cost_ratio,
    )
    assert [step.name for step in fall.steps] == [
        "half_spread", "depth_impact", *(name for name, _ in lines), "expected_exit"
    ]  # fmt: skip
    assert abs(fall.steps[-1].left - fall.net_ev) <= Decimal("0.01")


def test_without_a_gross_edge_there_is_no_cost_ratio() -> None:
    fall = waterfall(Decimal(-5), Decimal(1), Decimal(2), [("gst", Decimal("3.005"))], Decimal(4))
    assert (fall.frictions, fall.net_ev, fall.cost_ratio) == (Decimal("10.01"), Decimal("-15.01"), None)


def test_explain_shows_the_waterfall_of_a_stored_offer() -> None:
    stored: Any = canonical(builders.opportunity(builders.market()).economics)
    table = _steps(canonical(_waterfall(stored, stored["cost_lines"])))
    assert [row[0] for row in table.rows][:3] == ["gross edge", "half_spread", "depth_impact"]
    assert table.rows[-1][0] == "net EV"
    assert "% of the gross edge" in table.rows[-1][1]


def test_errors_are_those_of_the_tree() -> None:
    with pytest.raises(BadInput, match="no expiry of NIFTY"):
        sheet("SELL 24500CE@2026-11-30 110")
    with pytest.raises(RuleGap, match="no holiday list"):
        sheet("SELL 24500CE 110", on=date(2022, 11, 16))
