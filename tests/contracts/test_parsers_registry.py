"""Every parser: unknown names and empty or truncated payloads are `BadInput`, and parsing is pure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.codec import encode_snapshot
from quantsentinel.market.contracts import CONTRACTS, contract_for
from quantsentinel.market.parsers import PARSERS, parse
from quantsentinel.market.parsers.table import ARROW, CSV, PARQUET
from quantsentinel.market.raw import Payload, RawSnapshot
from tests.chains import chain, rules

AT = datetime(2025, 8, 29, 5, 0, tzinfo=UTC)
NAMES = {"nse_rows", "nse_json", "nse_daily_csv", "nse_greeks", "ltp_rows", "upstox_v2", "canonical"}


def raw(parser: str, body: bytes, content_type: str) -> RawSnapshot:
    return RawSnapshot("NIFTY", "nse_site", parser, AT, (Payload(body, content_type, AT),))


def test_the_registry_holds_seven_parsers() -> None:
    assert set(PARSERS) == NAMES


@pytest.mark.parametrize("parser", sorted(NAMES))
@pytest.mark.parametrize("body", [b"", b"\x00\x01", b'{"records": {"data": [', b"a,b\n1,2\n"])
@pytest.mark.parametrize("content_type", [ARROW, PARQUET, CSV, "application/json"])
def test_no_parser_takes_a_payload_of_another_shape(parser: str, body: bytes, content_type: str) -> None:
    with pytest.raises(BadInput):
        parse(raw(parser, body, content_type), rules())


def test_unknown_parsers_and_underlyings_and_empty_snapshots_are_bad_input() -> None:
    with pytest.raises(BadInput, match="no parser 'magic'"):
        parse(raw("magic", b"", CSV), rules())
    with pytest.raises(BadInput, match="unknown underlying 'GOLD'"):
        parse(RawSnapshot("GOLD", "nse_site", "nse_rows", AT, ()), rules())
    with pytest.raises(BadInput, match="without payloads"):
        parse(RawSnapshot("NIFTY", "nse_site", "nse_rows", AT, ()), rules())


def test_parsing_the_same_bytes_twice_gives_the_same_digest() -> None:
    source = raw("canonical", encode_snapshot(chain()), PARQUET)
    assert parse(source, rules()).digest == parse(source, rules()).digest == chain().digest


def test_our_own_rows_under_another_name_are_refused() -> None:
    body = encode_snapshot(chain(underlying="BANKNIFTY"))
    with pytest.raises(BadInput, match="asked for NIFTY, the payload names BANKNIFTY"):
        parse(raw("canonical", body, PARQUET), rules())


def test_every_source_has_a_contract_and_gaps_follow_its_interval() -> None:
    assert sum(contract.kind == "chain" for contract in CONTRACTS.values()) == 6
    assert contract_for("nse_site").max_gap_s == 195.0
    assert contract_for("upstox").max_gap_s == 60.0
    assert contract_for("upstox").clock == "receipt"
    with pytest.raises(BadInput, match="no data contract for source 'rumour'"):
        contract_for("rumour")
