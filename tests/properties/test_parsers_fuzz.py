"""Foreign bytes: whatever they are, parsers and importers give a sound result or `BadInput`, and change no number."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantsentinel.errors import BadInput
from quantsentinel.market.codec import SNAPSHOT_KEY
from quantsentinel.market.dayfile import DAY_KEY
from quantsentinel.market.importers import IMPORTERS, recognised
from quantsentinel.market.importers.document import Document, unpacked
from quantsentinel.market.importers.imported import Request
from quantsentinel.market.parsers import PARSERS, parse
from quantsentinel.market.parsers.cuts import read_entries
from quantsentinel.market.raw import RawSnapshot
from tests.chains import rules
from tests.payloads import arrow, documents, dumped, greeks, ltp_rows, nse_json, nse_rows, raws, upstox

FEW = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
TOKENS = (
    b"\x00",
    b"NaN", b"Infinity", b"-inf", b"1e999", b"1e308", b"\xef\xbb\xbf", "１２".encode(), b"0x10", b"true", b"null",
    b'"', b"'", b",", b"\r\n", b"\xff\xfe", b"{" * 40, b"[" * 40, b"9" * 400, b"-", b"PAR1", b"\x1f\x8b", b"PK\x03\x04",
)  # fmt: skip
NASTY: tuple[Any, ...] = (
    "1,2", "１２",
    "0x10", "1e3", True, "NaN", "inf", 1e308, -1e308, 10**400, "", " 1", [], {}, None, "0b1", "1_000", -5.0,
)  # fmt: skip
"""What stands where a number or a name should."""


@cache
def samples() -> dict[str, tuple[str, bytes]]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return documents(Path(folder))


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """Some bytes flipped, cut, doubled or replaced by what parsers stumble over."""
    found = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(found) - 1, 0)))
        kind = draw(st.sampled_from(("flip", "cut", "token", "double", "drop")))
        if kind == "flip" and found:
            found[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del found[at:]
        elif kind == "token":
            found[at : at + draw(st.integers(0, 6))] = draw(st.sampled_from(TOKENS))
        elif kind == "double":
            found[at:at] = found[at : at + draw(st.integers(1, 200))]
        else:
            del found[at : at + draw(st.integers(1, 200))]
    return bytes(found)


def check_parse(raw: RawSnapshot) -> None:
    try:
        snapshot = parse(raw, rules())
    except BadInput:
        return
    assert snapshot.underlying == raw.underlying
    assert len(snapshot) > 0
    assert np.isfinite(snapshot.strike).all()
    assert (snapshot.strike > 0).all()
    assert snapshot.spot is None or np.isfinite(snapshot.spot)
    assert snapshot.digest


def check_import(name: str, body: bytes) -> None:
    try:
        for document in unpacked(name, body):
            for part in recognised(document).read(Request(document, rules())).parts:
                assert part.frame.height > 0
    except BadInput:
        return


@pytest.mark.parametrize("parser", sorted(PARSERS))
@FEW
@given(data=st.data())
def test_mutated_payloads_parse_or_are_bad_input(parser: str, data: st.DataObject) -> None:
    raw = raws()[parser]
    body = data.draw(mutated(raw.payloads[0].body))
    check_parse(replace(raw, payloads=(replace(raw.payloads[0], body=body),)))


@pytest.mark.parametrize("importer", sorted(IMPORTERS))
@FEW
@given(data=st.data())
def test_mutated_files_import_or_are_bad_input(importer: str, data: st.DataObject) -> None:
    name, body = samples()[importer]
    check_import(name, data.draw(mutated(body)))


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every leaf and branch of a JSON document is."""
    below = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [path, *(place for key, item in below for place in places(item, (*path, key)))]


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = put(copy[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize(("parser", "make"), [("nse_json", nse_json), ("upstox_v2", upstox)])
@FEW
@given(data=st.data())
def test_any_value_in_any_place_of_a_json_is_read_or_refused(parser: str, make: Any, data: st.DataObject) -> None:
    document = make()
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(document)))
        document = put(document, place, data.draw(st.sampled_from(NASTY)))
    raw = raws()[parser]
    check_parse(replace(raw, payloads=(replace(raw.payloads[0], body=dumped(document)),)))


@pytest.mark.parametrize(("name", "key"), [("canonical", SNAPSHOT_KEY), ("day_file", DAY_KEY)])
@FEW
@given(data=st.data())
def test_any_value_in_our_own_headers_is_read_or_refused(name: str, key: str, data: st.DataObject) -> None:
    body = samples()["day_file"][1] if name == "day_file" else raws()[name].payloads[0].body
    header = json.loads(pl.read_parquet_metadata(io.BytesIO(body))[key])
    place = data.draw(st.sampled_from(places(header)))
    changed = json.dumps(put(header, place, data.draw(st.sampled_from((*NASTY, float("nan"), "2025-09-02")))))
    buffer = io.BytesIO()
    pl.read_parquet(io.BytesIO(body)).write_parquet(buffer, metadata={key: changed})
    if name == "day_file":
        check_import("day.parquet", buffer.getvalue())
        return
    raw = raws()[name]
    check_parse(replace(raw, payloads=(replace(raw.payloads[0], body=buffer.getvalue()),)))


@pytest.mark.parametrize("parser", ["nse_rows", "ltp_rows", "nse_greeks"])
@FEW
@given(data=st.data())
def test_any_column_of_a_table_may_hold_anything(parser: str, data: st.DataObject) -> None:
    frame = {"nse_rows": nse_rows, "ltp_rows": ltp_rows, "nse_greeks": greeks}[parser]()
    column = data.draw(st.sampled_from(frame.columns))
    value = data.draw(
        st.sampled_from([float("nan"), float("inf"), 1e308, -3.5, "x", "１２", None, True, [1.0], 10**15])
    )
    kept = data.draw(st.integers(0, frame.height))
    try:
        changed = pl.Series(column, [*frame[column].to_list()[:kept], *[value] * (frame.height - kept)], strict=False)
        body = arrow(frame.with_columns(changed))
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return  # no table can hold it
    raw = raws()[parser]
    check_parse(replace(raw, payloads=(replace(raw.payloads[0], body=body),)))


@pytest.mark.parametrize("parser", ["nse_rows", "ltp_rows", "nse_greeks"])
@given(seed=st.integers(0, 2**31))
@settings(max_examples=15)
def test_the_order_of_rows_does_not_matter(parser: str, seed: int) -> None:
    frame = {"nse_rows": nse_rows, "ltp_rows": ltp_rows, "nse_greeks": greeks}[parser]()
    raw = raws()[parser]
    shuffled = replace(raw.payloads[0], body=arrow(frame.sample(fraction=1.0, shuffle=True, seed=seed)))
    assert parse(replace(raw, payloads=(shuffled,)), rules()).digest == parse(raw, rules()).digest


@given(order=st.permutations(range(3)))
@settings(max_examples=6)
def test_the_order_of_rows_of_a_json_does_not_matter(order: list[int]) -> None:
    site, broker = nse_json(), upstox()
    site["records"]["data"] = [site["records"]["data"][place] for place in order]
    broker["data"] = [broker["data"][place] for place in order]
    for name, document in (("nse_json", site), ("upstox_v2", broker)):
        raw = raws()[name]
        shuffled = replace(raw, payloads=(replace(raw.payloads[0], body=dumped(document)),))
        assert parse(shuffled, rules()).digest == parse(raw, rules()).digest


NUMERIC = {
    "nse_json": [("records", "data", 0, "CE", name) for name in ("bidprice", "askQty", "openInterest", "lastPrice")]
    + [("records", "data", 1, "strikePrice"), ("records", "underlyingValue")],
    "upstox_v2": [("data", 0, "call_options", "market_data", name) for name in ("bid_price", "ask_qty", "oi", "ltp")]
    + [("data", 1, "strike_price"), ("data", 2, "underlying_spot_price")],
}
NO_NUMBERS = ("1,2", "１２", "0x10", "1e3", "101.5", True, False, "NaN", "inf", 1e308, 10**400, [1], {"a": 1})


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: str(value)[:8])
@pytest.mark.parametrize("parser", sorted(NUMERIC))
def test_what_is_no_number_is_never_taken_for_one_in_json(parser: str, value: Any) -> None:
    for place in NUMERIC[parser]:
        raw = raws()[parser]
        document = put(json.loads(raw.payloads[0].body), place, value)
        with pytest.raises(BadInput):
            parse(replace(raw, payloads=(replace(raw.payloads[0], body=dumped(document)),)), rules())


@pytest.mark.parametrize("text", ["1;2", "１２", "0x10", "1e3", "True", "NaN", "inf", "1e308", "1_000", "+-1", "٣"])
def test_what_is_no_number_is_never_taken_for_one_in_text(text: str) -> None:
    changed = 0
    for name, (file, body) in samples().items():
        for old in (b",24500,", b",24500.00,", b",100.5,", b",27.11,", b",101.5,", b",7500,", b",0.0109,"):
            if b"," not in body or body.count(old) == 0 or not file.endswith(".csv"):
                continue
            spoilt = body.replace(old, b"," + text.encode() + b",", 1)
            document = unpacked(file, spoilt)[0]
            found = IMPORTERS[name].read(Request(document, rules())) if name.startswith(("bars", "udiff")) else None
            assert found is None or found.rejected
            changed += 1
    assert changed >= 8


def test_a_round_trip_through_print_keeps_every_number() -> None:
    raw = raws()["nse_rows"]
    snapshot = parse(raw, rules())
    printed = io.BytesIO()
    nse_rows().write_csv(printed)
    entries, _ = read_entries("rows.csv", printed.getvalue(), "rows.csv")
    assert parse(entries["NIFTY"][0].load(), rules()).digest == snapshot.digest


def test_a_document_knows_its_kind_by_its_bytes() -> None:
    assert [Document("x", body).kind for body in (b"PAR1", b'\xef\xbb\xbf {"a": 1}', b"a,b")] == [
        "parquet",
        "json",
        "csv",
    ]
