"""The audit chain finds any change to what was written, and names the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from quantsentinel.audit.chain import FORMAT, NOTHING, Record, append, genesis, plain_record, read_record, verify
from quantsentinel.errors import Broken

AT = datetime(2025, 8, 29, 9, 15, tzinfo=UTC)


def chain(length: int, tenant: str = "acme") -> list[Record]:
    """A genesis record and `length` others."""
    records = [genesis(tenant, AT)]
    for number in range(length):
        records.append(append({"cycle": number, "paid": Decimal("1.50")}, records[-1]))
    return records


def broken(records: list[Record], tenant: str = "acme") -> tuple[int, str]:
    found = verify(records, tenant=tenant)
    assert found is not None
    return found.seq, found.what


def test_a_chain_begins_with_its_genesis_and_verifies() -> None:
    records = chain(5)
    assert (records[0].seq, records[0].previous, records[0].format) == (0, NOTHING, FORMAT)
    assert records[0].body == {"kind": "genesis", "tenant": "acme", "at": "2025-08-29T09:15:00Z"}
    assert verify(records, tenant="acme") is None
    assert verify(records[3:], after=records[2]) is None
    assert verify([]) is None


def test_a_chain_without_its_genesis_is_not_one() -> None:
    forged = append({"kind": "decision"}, chain(0)[0])
    alone = replace(forged, seq=0, previous=NOTHING)
    assert broken(chain(5)[1:]) == (0, "expected record 0, found 1")
    assert broken([alone])[0] == 0


def test_a_tenants_chain_cannot_pass_for_another_tenants() -> None:
    assert broken(chain(2), tenant="zen") == (0, "the chain is that of 'acme', not of 'zen'")


def test_a_chain_that_lost_its_last_record_is_not_begun_anew() -> None:
    with pytest.raises(Broken, match="last record is missing"):
        append({"cycle": 1}, None)


def test_a_changed_body_breaks_at_its_own_record() -> None:
    records = chain(5)
    records[3] = replace(records[3], body={"cycle": 2, "paid": "9.99"})
    assert broken(records) == (3, "its content is not what was hashed")


def test_a_record_that_was_hashed_again_breaks_at_the_next() -> None:
    records = chain(5)
    records[3] = append({"cycle": "forged"}, records[2])
    assert broken(records) == (4, "does not follow the record before it")


def test_a_record_of_an_unknown_format_is_refused_whatever_its_hash() -> None:
    records = chain(5)
    records[2] = replace(records[2], format=2)
    assert broken(records) == (2, "format 2 is not known, known is 1")


def test_a_record_survives_its_json_form() -> None:
    record = chain(1)[1]
    assert read_record(plain_record(record)) == record
    with pytest.raises(Broken, match="without 'hash'"):
        read_record({"seq": 1, "previous": NOTHING, "body": {}, "format": 1})
