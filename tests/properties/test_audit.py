"""Whatever is done to a chain of records, it is found and named."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.audit.chain import append, verify
from tests.unit.test_audit_chain import chain


@given(st.integers(2, 8), st.data())
def test_a_removed_record_is_named_by_its_number(length: int, data: st.DataObject) -> None:
    records = chain(length)
    at = data.draw(st.integers(0, length - 1))
    found = verify(records[:at] + records[at + 1 :])
    assert found is not None
    assert found.seq == at


@given(st.integers(2, 8), st.data())
def test_two_records_that_changed_places_are_named_by_the_first(length: int, data: st.DataObject) -> None:
    records = chain(length)
    at = data.draw(st.integers(0, length - 1))
    records[at], records[at + 1] = records[at + 1], records[at]
    found = verify(records)
    assert found is not None
    assert found.seq == at


@given(st.integers(2, 8), st.data())
def test_an_inserted_record_is_named_by_its_place(length: int, data: st.DataObject) -> None:
    records = chain(length)
    at = data.draw(st.integers(1, length))
    records.insert(at, append({"cycle": "forged"}, records[at - 1]))
    found = verify(records)
    assert found is not None
    assert found.seq == at + 1


@given(st.integers(1, 8), st.data())
def test_any_changed_field_of_a_record_is_named(length: int, data: st.DataObject) -> None:
    records = chain(length)
    at = data.draw(st.integers(0, length))
    changes = [{"hash": "sha256:0"}, {"previous": "sha256:0"}, {"body": {}}, {"seq": at + 1}, {"format": 0}]
    records[at] = replace(records[at], **data.draw(st.sampled_from(changes)))
    found = verify(records)
    assert found is not None
    assert found.seq == at
