"""The charge rows say what the facts file says, day by day, with the status that its tags give them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from quantsentinel.costs.charges import Exercised, Fill, charge_lines
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.rulebook import load_rules

RULES = load_rules()
CRORE = 10**7
LAST_READ, LAST_DAY = date(2026, 8, 22), date(2026, 12, 31)
STARTS = ("2016-06-01", "2021-01-01", "2023-04-01", "2024-04-01", "2024-10-01", "2026-03-01", "2026-04-01")
FACTS = {
    # (exchange, product, levy): rupees a crore from each day of STARTS on, "-" where no row is used; india-facts.md §1
    ("NSE", "options", "stt_sale"): "5000 5000 6250 6250 10000 10000 15000",
    ("NSE", "options", "stt_exercise"): "- 12500 12500 12500 12500 12500 15000",
    ("NSE", "futures", "stt_sale"): "1000 1000 1250 1250 2000 2000 5000",
    ("NSE", "options", "transaction"): "- 5300 5000 4950 3503 3552 3552",
    ("NSE", "options", "ipft"): "- 0.01 50 50 50 1 1",
    ("NSE", "futures", "transaction"): "- 200 190 188 173 182.99 182.99",
    ("NSE", "futures", "ipft"): "- 0.01 10 10 10 0.01 0.01",
    ("NSE", "options", "stamp"): "- - 300 300 300 300 300",
    ("NSE", "futures", "stamp"): "- - 200 200 200 200 200",
    ("NSE", "options", "sebi"): "- - 10 10 10 10 10",
    ("NSE", "futures", "sebi"): "- - 10 10 10 10 10",
    ("NSE", "options", "gst"): "- - 1800000 1800000 1800000 1800000 1800000",
    ("NSE", "futures", "gst"): "- - 1800000 1800000 1800000 1800000 1800000",
    ("BSE", "options", "stt_sale"): "- - 6250 6250 10000 10000 15000",
    ("BSE", "options", "stt_exercise"): "- - 12500 12500 12500 12500 15000",
    ("BSE", "futures", "stt_sale"): "- - 1250 1250 2000 2000 5000",
    ("BSE", "options", "transaction"): "- - - - 3250 3250 3250",
    ("BSE", "options", "ipft"): "- - - - 0 0 0",
    ("BSE", "futures", "transaction"): "- - - - 0 0 0",
    ("BSE", "futures", "ipft"): "- - - - 0 0 0",
    ("BSE", "options", "stamp"): "- - 300 300 300 300 300",
    ("BSE", "futures", "stamp"): "- - 200 200 200 200 200",
    ("BSE", "options", "sebi"): "- - 10 10 10 10 10",
    ("BSE", "futures", "sebi"): "- - 10 10 10 10 10",
    ("BSE", "options", "gst"): "- - 1800000 1800000 1800000 1800000 1800000",
    ("BSE", "futures", "gst"): "- - 1800000 1800000 1800000 1800000 1800000",
}


def a_crore_pays(exchange: str, product: str, levy: str, on: date) -> Decimal | None:
    """Rupees; None where the book refuses."""
    try:
        row = RULES.rows.pick(
            "charge", on, lambda row: row.values["index"] in (None, "SENSEX"),
            exchange=exchange, product=product, levy=levy,
        )  # fmt: skip
    except RuleGap:
        return None
    return Decimal(row.get("rate", on)) * CRORE


@pytest.mark.parametrize("line", sorted(FACTS), ids="-".join)
def test_every_levy_is_what_the_facts_say_from_each_change_to_the_day_before_the_next(line) -> None:
    said = [None if word == "-" else Decimal(word) for word in FACTS[line].split()]
    days = [date.fromisoformat(start) for start in STARTS]
    ends = [*(day - timedelta(days=1) for day in days[1:]), LAST_DAY]
    assert [a_crore_pays(*line, day) for day in days] == said
    if line[2] != "stt_exercise":  # its base changed on a day of its own
        assert [a_crore_pays(*line, day) for day in ends] == said
    assert a_crore_pays(*line, LAST_DAY + timedelta(days=1)) is None


def test_no_charge_row_is_outside_the_table_of_facts() -> None:
    keys = {(row.values["exchange"], row.values["product"], row.values["levy"]) for row in RULES.rows.of("charge")}
    assert keys == set(FACTS)
    assert len(RULES.rows.of("charge")) == 55
    assert {row.values["index"] for row in RULES.rows.of("charge")} == {None, "SENSEX", "BANKEX", "SENSEX50"}


def test_exercise_is_taxed_on_its_intrinsic_value_since_september_2019_and_refused_before() -> None:
    assert a_crore_pays("NSE", "options", "stt_exercise", date(2019, 9, 1)) == 12_500
    with pytest.raises(RuleGap, match=r"stt_exercise\.2016-06-01 is unverified"):
        RULES.rows.pick("charge", date(2019, 8, 31), exchange="NSE", product="options", levy="stt_exercise")


@pytest.mark.parametrize(
    ("row_id", "status"),
    [
        ("charge.nse.options.stt_sale.2016-06-01", "single_source"),
        ("charge.nse.options.stt_sale.2023-04-01", "confirmed"),
        ("charge.nse.futures.transaction.2023-04-01", "single_source"),
        ("charge.nse.options.stamp.2020-07-01", "unverified"),
        ("charge.bse.sensex50.options.transaction.2024-10-01", "single_source"),
        ("broker.upstox.futures.2023-04-01", "provisional"),
        ("broker.upstox.futures.2024-10-01", "confirmed"),
        ("broker.groww.options.2023-04-01", "single_source"),
        ("broker.zerodha_debit.options.2026-04-01", "confirmed"),
        ("exercise_fee.zerodha", "single_source"),
        ("exercise_fee.upstox", "provisional"),
        ("tax_note.2023-04-01", "confirmed"),
    ],
)
def test_tags_give_each_row_its_status(row_id: str, status: str) -> None:
    rows = {row.id: row for kind in ("charge", "broker", "exercise_fee", "tax_note") for row in RULES.rows.of(kind)}
    assert rows[row_id].status == status


def test_rates_that_were_not_read_again_serve_as_provisional_and_are_named() -> None:
    for day, status in ((LAST_READ, "confirmed"), (LAST_READ + timedelta(days=1), "provisional")):
        schedule = RULES.charges("NIFTY", day)
        assert {row.status for row in schedule.rows_used if row.id.startswith("charge.")} == {status}


# --- Brokers ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("broker", "product", "price", "units", "fee"),
    [
        ("upstox", "options", "100", 65, "20"),
        ("upstox", "futures", "100", 65, "3.25"),  # 0.05 % of 6,500
        ("zerodha", "futures", "100", 65, "1.95"),  # 0.03 % of 6,500
        ("zerodha", "futures", "25000", 65, "20"),
        ("groww", "futures", "100", 65, "20"),
        ("zerodha_debit", "options", "100", 65, "40"),
        ("zerodha_debit", "futures", "100", 65, "40"),
    ],
)
def test_an_order_pays_the_fee_of_the_plan(broker: str, product: str, price: str, units: int, fee: str) -> None:
    schedule = RULES.charges("NIFTY", date(2026, 8, 3), broker, product)
    fill = Fill("NIFTY26AUGFUT", 1, units, Decimal(price), 65)
    assert charge_lines([fill], schedule).amount("brokerage") == Decimal(fee)


def test_an_account_in_debit_pays_double_at_settlement_too() -> None:
    leg = Exercised(Instrument("NIFTY", date(2026, 8, 4), 24500.0, "CE"), 1, 65, Decimal(100), 65)
    fees = [
        charge_lines([], RULES.charges("NIFTY", date(2026, 8, 4), plan), [leg]).amount("exercise_fee")
        for plan in ("zerodha", "zerodha_debit")
    ]
    assert fees == [20, 40]


def test_an_unknown_plan_and_a_plan_before_its_first_day_are_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"unknown broker 'fyers'.*groww, upstox, zerodha, zerodha_debit"):
        RULES.charges("NIFTY", date(2026, 8, 3), "fyers")
    with pytest.raises(RuleGap, match="no broker row for broker zerodha_debit"):
        RULES.charges("NIFTY", date(2026, 3, 31), "zerodha_debit")


# --- BSE --------------------------------------------------------------------------------------------------------------
def test_sensex_options_pay_the_rate_of_their_exchange_and_no_ipft() -> None:
    schedule = RULES.charges("SENSEX", date(2026, 8, 3))
    fill = Fill(Instrument("SENSEX", date(2026, 8, 6), 80000.0, "CE"), 1, 1000, Decimal(100), 20)
    charges = charge_lines([fill], schedule)
    assert charges.amount("transaction") == Decimal("32.5")
    assert charges.amount("ipft") == 0
    assert (schedule.freeze_quantity.value, schedule.freeze_quantity.adverse) == (500, True)
    assert charges.amount("brokerage") == 40


def test_an_index_of_bse_without_a_freeze_quantity_or_before_its_rates_is_refused() -> None:
    with pytest.raises(RuleGap, match="no freeze row for underlying SENSEX50"):
        RULES.charges("SENSEX50", date(2026, 8, 3))
    with pytest.raises(RuleGap, match="exchange BSE, product options, levy transaction on 2024-09-30"):
        RULES.charges("SENSEX", date(2024, 9, 30))


@pytest.mark.parametrize(
    ("tag", "until", "why"), [("BG", "2026-12-31", "unverified"), ("D", "2026-08-02", "verified only until 2026-08-02")]
)
def test_a_plan_from_memory_or_past_its_last_verified_day_is_refused(
    tmp_path: Path, tag: str, until: str, why: str
) -> None:
    overlay = tmp_path / "plan.toml"
    overlay.write_text(
        f'[[broker]]\nid = "broker.new"\neffective = 2024-01-01\nverified_until = {until}\nbroker = "new"\n'
        f'product = "options"\norder_rupees = 0\ngst_on_ipft = false\ntags = ["{tag}"]\nsource = "a plan"\n',
        encoding="utf-8",
    )
    with pytest.raises(RuleGap, match=rf"row broker\.new is {why}"):
        load_rules(overlay).charges("NIFTY", date(2026, 8, 3), "new")
