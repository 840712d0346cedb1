"""NSE rows, JSON in both spellings and daily CSVs become units and fractions; spoilt ones say what is wrong."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.parsers import parse
from quantsentinel.market.parsers.nse_rows import COLUMNS
from quantsentinel.market.parsers.stamps import listed_date
from quantsentinel.market.parsers.table import ARROW, CSV
from quantsentinel.market.raw import Payload, RawSnapshot
from quantsentinel.market.snapshot import VALUE_COLUMNS
from tests.chains import rules

AT = datetime(2025, 8, 29, 3, 54, 16, tzinfo=UTC)
NEAR = date(2025, 9, 2)


def raw(body: bytes, parser: str, content_type: str = "application/json", source: str = "nse_site") -> RawSnapshot:
    return RawSnapshot("NIFTY", source, parser, AT, (Payload(body, content_type, AT),))


def row(expiry: str = "02-Sep-2025", strike: int = 24_500, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys(COLUMNS, 0.0)
    values |= {"Fetch_Time": "29-Aug-2025 09:22:45", "Symbol": "NIFTY", "Expiry_Date": expiry, "Strike_Price": strike}
    values |= {"CALLS_Bid_Price": 101.5, "CALLS_Ask_Price": 102.0, "CALLS_Bid_Qty": 150, "CALLS_IV": 12.5}
    values |= {"CALLS_OI": 4.333333333333333, "CALLS_Chng_in_OI": -2.0, "CALLS_Volume": 10}
    return values | changes


def rows(*items: dict[str, Any]) -> RawSnapshot:
    buffer = io.BytesIO()
    pl.DataFrame(list(items)).write_ipc(buffer)
    return raw(buffer.getvalue(), "nse_rows", ARROW)


def leg(v3: bool = False, **changes: Any) -> dict[str, Any]:
    quotes = (
        ("buyPrice1", "buyQuantity1", "sellPrice1", "sellQuantity1")
        if v3
        else ("bidprice", "bidQty", "askPrice", "askQty")
    )
    values = dict(zip(quotes, (101.5, 150, 102.0, 75), strict=True))
    values |= {"underlying": "NIFTY", "lastPrice": 101.7, "openInterest": 10, "changeinOpenInterest": -1}
    return values | {"totalTradedVolume": 4, "impliedVolatility": 12.5} | changes


def chain_json(v3: bool = False, **changes: Any) -> dict[str, Any]:
    name, day = ("expiryDates", "02-09-2025") if v3 else ("expiryDate", "02-Sep-2025")
    data = [{name: day, "strikePrice": 24_500, "CE": leg(v3, **changes), "PE": leg(v3)}]
    data.append({name: day, "strikePrice": 24_550, "PE": leg(v3)})
    return {"records": {"timestamp": "29-Aug-2025 09:22:45", "underlyingValue": 24_480.5, "data": data}}


def call_at(snapshot: Any, strike: float = 24_500) -> dict[str, float]:
    found = snapshot.row(Instrument("NIFTY", NEAR, strike, "CE"))
    return {name: float(snapshot.columns[name][found]) for name in VALUE_COLUMNS}


def test_open_interest_and_volume_are_lots_and_sizes_are_units() -> None:
    values = call_at(parse(rows(row()), rules()))
    assert (values["oi"], values["oi_change"], values["volume"]) == (325.0, -150.0, 750.0)
    assert (values["bid"], values["ask"], values["bid_size"]) == (101.5, 102.0, 150.0)
    assert values["vendor_iv"] == 0.125


def test_the_long_dated_contract_of_march_2026_trades_in_75s_in_august_2025() -> None:
    snapshot = parse(rows(row("31-Mar-2026", CALLS_OI=2.0)), rules())
    assert snapshot.oi[0] == 150.0


def test_a_real_fraction_survives_to_the_unit_guard() -> None:
    assert call_at(parse(rows(row(CALLS_OI=4.335)), rules()))["oi"] == pytest.approx(325.125)


def test_the_fetch_time_is_the_exchange_s_clock_in_india() -> None:
    part = parse(rows(row()), rules()).slices[0]
    assert part.exchange_time == datetime(2025, 8, 29, 3, 52, 45, tzinfo=UTC)
    assert part.received_at == AT


def test_an_expiry_in_an_uncovered_year_is_left_out_with_a_note() -> None:
    snapshot = parse(rows(row(), row("25-Jun-2030")), rules())
    assert snapshot.expiries == (NEAR,)
    assert snapshot.notes == ("2030-06-25 left out: no holiday list for 2030",)


def test_a_chain_of_uncovered_years_only_is_a_rule_gap() -> None:
    with pytest.raises(RuleGap, match="no expiry of the chain is covered"):
        parse(rows(row("25-Jun-2030")), rules())


def test_rows_of_another_underlying_are_bad_input() -> None:
    with pytest.raises(BadInput, match="asked for NIFTY, the payload names BANKNIFTY"):
        parse(rows(row(Symbol="BANKNIFTY")), rules())


def test_missing_columns_are_named() -> None:
    item = row()
    del item["CALLS_Bid_Price"], item["PUTS_IV"]
    with pytest.raises(BadInput, match="missing columns CALLS_Bid_Price, PUTS_IV"):
        parse(rows(item), rules())


def test_a_truncated_table_is_bad_input() -> None:
    whole = rows(row())
    cut = replace(whole.payloads[0], body=whole.payloads[0].body[:-40])
    with pytest.raises(BadInput, match="unreadable"):
        parse(replace(whole, payloads=(cut,)), rules())


def test_text_in_a_price_column_is_bad_input() -> None:
    with pytest.raises(BadInput, match="CALLS_LTP is not numeric"):
        parse(rows(row(CALLS_LTP="n/a")), rules())


@pytest.mark.parametrize("v3", [False, True], ids=["older", "v3"])
def test_both_spellings_of_the_json_give_the_same_snapshot(v3: bool) -> None:
    snapshot = parse(raw(json.dumps(chain_json(v3)).encode(), "nse_json"), rules())
    older = parse(raw(gzip.compress(json.dumps(chain_json()).encode()), "nse_json"), rules())
    assert snapshot.digest == older.digest
    values = call_at(snapshot)
    assert (values["bid"], values["ask_size"], values["oi"], values["volume"]) == (101.5, 75.0, 750.0, 300.0)
    assert values["vendor_iv"] == 0.125
    assert snapshot.spot == 24_480.5
    assert call_at(snapshot, 24_550) == dict.fromkeys(values, 0.0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "missing records.timestamp, records.data"),
        (b'{"records": {"data": []', "not JSON"),
        (json.dumps(chain_json(openInterest="10")).encode(), "field openInterest is '10', not a number"),
        (json.dumps(chain_json(underlying="BANKNIFTY")).encode(), "the payload names BANKNIFTY"),
    ],
)
def test_spoilt_json_says_what_is_wrong(body: bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse(raw(body, "nse_json"), rules())


def test_a_daily_csv_without_prices_is_bad_input_and_names_the_columns() -> None:
    body = b"strikePrice,expiryDate,CE_OI,PE_OI,CE_TotVol,PE_TotVol\n24500,02-Sep-2025,1,1,1,1\n"
    with pytest.raises(BadInput, match="missing columns CE_LTP, PE_LTP"):
        parse(raw(body, "nse_daily_csv", CSV, "nse_site_ltp"), rules())


def test_a_daily_csv_of_last_prices_is_analytics_only() -> None:
    body = b"strikePrice,expiryDate,CE_OI,PE_OI,CE_TotVol,PE_TotVol,CE_LTP,PE_LTP\n24500,02-Sep-2025,2,1,3,1,101.5,90\n"
    snapshot = parse(raw(body, "nse_daily_csv", CSV, "nse_site_ltp"), rules())
    assert snapshot.capability == "ltp_only"
    assert (call_at(snapshot)["oi"], call_at(snapshot)["ltp"], call_at(snapshot)["bid"]) == (150.0, 101.5, 0.0)


@pytest.mark.parametrize("text", ["02-Sep-2025", "02-09-2025", "2025-09-02", "2-SEP-2025"])
def test_every_printed_form_of_a_date_is_read(text: str) -> None:
    assert listed_date(text) == NEAR


@pytest.mark.parametrize("text", ["02-Sept-2025", "31-Feb-2025", "", "tomorrow"])
def test_anything_else_is_not_a_date(text: str) -> None:
    with pytest.raises(BadInput, match="is not a date"):
        listed_date(text)
