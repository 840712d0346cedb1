"""The audit chain finds any change to what was written."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.audit.chain import GENESIS, Record, append, verify


def chain(length: int) -> list[Record]:
    records: list[Record] = []
    for number in range(length):
        records.append(append({"cycle": number, "paid": Decimal("1.50")}, records[-1] if records else None))
    return records


def test_a_chain_begins_at_one_and_verifies() -> None:
    records = chain(5)
    assert (records[0].seq, records[0].previous) == (1, GENESIS)
    assert verify(records) is None
    assert verify(records[2:], after=records[1]) is None
    assert verify([]) is None


def test_a_changed_body_breaks_at_its_own_record() -> None:
    records = chain(5)
    records[2] = replace(records[2], body={"cycle": 2, "paid": "9.99"})
    found = verify(records)
    assert found is not None
    assert (found.seq, found.what) == (3, "its content is not what was hashed")


def test_a_record_that_was_hashed_again_breaks_at_the_next() -> None:
    records = chain(5)
    records[2] = append({"cycle": "forged"}, records[1])
    found = verify(records)
    assert found is not None
    assert (found.seq, found.what) == (4, "does not follow the record before it")


@given(st.integers(2, 8), st.data())
def test_a_removed_or_swapped_record_is_found(length: int, data: st.DataObject) -> None:
    records = chain(length)
    at = data.draw(st.integers(0, length - 2))
    removed = records[:at] + records[at + 1 :]
    assert verify(removed) is not None
    records[at], records[at + 1] = records[at + 1], records[at]
    assert verify(records) is not None
