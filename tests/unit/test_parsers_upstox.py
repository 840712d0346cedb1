"""Upstox's option chain: one expiry a payload, units as they are, identity checked, spoilt payloads named."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.parsers import parse
from quantsentinel.market.raw import Payload, RawSnapshot
from tests.chains import rules

AT = datetime(2025, 8, 29, 5, 0, tzinfo=UTC)
NEAR, NEXT = date(2025, 9, 2), date(2025, 9, 9)


def leg(**changes: Any) -> dict[str, Any]:
    market = {"ltp": 101.7, "volume": 1500, "oi": 7500, "prev_oi": 7650, "close_price": 90.0}
    market |= {"bid_price": 101.5, "bid_qty": 150, "ask_price": 102.0, "ask_qty": 75}
    return {"instrument_key": "NSE_FO|1", "market_data": market | changes, "option_greeks": {"iv": 12.5}}


def row(expiry: date = NEAR, strike: float = 24_500, **changes: Any) -> dict[str, Any]:
    values = {"expiry": expiry.isoformat(), "strike_price": strike, "underlying_key": "NSE_INDEX|Nifty 50"}
    return values | {"underlying_spot_price": 24_480.5, "call_options": leg(), "put_options": leg()} | changes


def payload(*rows: dict[str, Any], expiry: date = NEAR, after_s: float = 0.0) -> Payload:
    body = json.dumps({"status": "success", "data": list(rows)}).encode()
    return Payload(body, "application/json", AT + timedelta(seconds=after_s), expiry)


def raw(*payloads: Payload) -> RawSnapshot:
    return RawSnapshot("NIFTY", "upstox", "upstox_v2", AT, payloads)


def test_units_stay_units_and_the_change_is_against_the_previous_open_interest() -> None:
    snapshot = parse(raw(payload(row())), rules())
    assert (snapshot.oi[0], snapshot.oi_change[0], snapshot.volume[0]) == (7500.0, -150.0, 1500.0)
    assert (snapshot.bid[0], snapshot.ask_size[0], snapshot.vendor_iv[0]) == (101.5, 75.0, 0.125)
    assert snapshot.spot == 24_480.5


def test_each_expiry_keeps_the_receipt_of_its_own_call_and_no_exchange_time() -> None:
    snapshot = parse(raw(payload(row(NEXT), expiry=NEXT, after_s=-30), payload(row())), rules())
    assert snapshot.expiries == (NEAR, NEXT)
    assert [part.received_at for part in snapshot.slices] == [AT, AT - timedelta(seconds=30)]
    assert all(part.exchange_time is None for part in snapshot.slices)


def test_null_quotes_are_absent() -> None:
    snapshot = parse(raw(payload(row(call_options=leg(bid_price=None, bid_qty=None)))), rules())
    assert (snapshot.bid[0], snapshot.bid_size[0]) == (0.0, 0.0)


def test_an_expiry_without_rows_is_left_out_with_a_note() -> None:
    snapshot = parse(raw(payload(row()), payload(expiry=NEXT)), rules())
    assert snapshot.expiries == (NEAR,)
    assert snapshot.notes == ("2025-09-09 left out: the source sent no rows",)


def test_another_expiry_than_asked_for_is_bad_input() -> None:
    with pytest.raises(BadInput, match="asked for expiry 2025-09-02, got 2025-09-09"):
        parse(raw(payload(row(NEXT))), rules())


def test_another_underlying_than_asked_for_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"got NSE_INDEX\|Nifty Bank"):
        parse(raw(payload(row(underlying_key="NSE_INDEX|Nifty Bank"))), rules())


def test_the_same_strike_twice_is_bad_input() -> None:
    with pytest.raises(BadInput, match="the same expiry and strike twice"):
        parse(raw(payload(row(), row())), rules())


def test_missing_and_wrong_fields_are_named() -> None:
    broken = leg()
    del broken["market_data"]["ask_price"]
    with pytest.raises(BadInput, match="field ask_price is missing"):
        parse(raw(payload(row(put_options=broken))), rules())
    with pytest.raises(BadInput, match="field bid_price is 'x', not a number"):
        parse(raw(payload(row(put_options=leg(bid_price="x")))), rules())
    with pytest.raises(BadInput, match=r"field put_options\.market_data is missing"):
        parse(raw(payload(row(put_options={}))), rules())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"status": "success", "data": [{"expiry"', "not JSON"),
        (b'{"status": "error", "errors": []}', "status 'error'"),
        (b'{"status": "success"}', "field data is missing"),
        (b'{"status": "success", "data": []}', "no rows in any expiry"),
        (b"[]", "status 'list'"),
    ],
)
def test_spoilt_payloads_say_what_is_wrong(body: bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse(raw(Payload(body, "application/json", AT, NEAR)), rules())
