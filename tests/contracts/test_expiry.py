"""The time at which a document ends: one text for the code, a timestamp for Firestore's TTL, one answer from both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest

from emulators.google_emulators import Google
from quantsentinel.adapters.google.documents import FirestoreDocuments
from quantsentinel.errors import BadInput, Broken
from quantsentinel.ports import Create, Documents, Put, Update, Where
from quantsentinel.stores.expiring import COLLECTIONS, FIELD, expiry, remove_expired

START = datetime(2025, 8, 29, 3, 45, tzinfo=UTC)
MOMENTS = [START, START + timedelta(microseconds=1), START + timedelta(days=7), datetime(9999, 1, 1, tzinfo=UTC)]


def test_an_end_comes_back_as_the_text_that_was_written(documents: Documents) -> None:
    for number, moment in enumerate(MOMENTS):
        data = {FIELD: expiry(moment), "at": moment.isoformat(), "inner": {FIELD: "soon"}}
        documents.commit([Create(f"inbox/{number}", data)])
        assert documents.get(f"inbox/{number}").data == data
    found = documents.get("inbox/0")
    documents.commit([Update("inbox/0", {FIELD: expiry(MOMENTS[2])}, found.version)])
    assert documents.get("inbox/0").data == {FIELD: "2025-09-05T03:45:00.000000+00:00"}


def test_ends_are_asked_for_and_sorted_in_the_order_of_time(documents: Documents) -> None:
    ends = [expiry(moment) for moment in MOMENTS]
    documents.commit([Create(f"inbox/{number}", {FIELD: end}) for number, end in enumerate(ends)])
    documents.commit([Put("inbox/for-ever", {"n": 1})])
    over = documents.query("inbox", [Where(FIELD, "<=", ends[1])])
    assert [item.id for item in over] == ["0", "1"]
    left = documents.query("inbox", [Where(FIELD, ">", ends[1])], order_by=FIELD, descending=True, limit=1)
    assert [item.data[FIELD] for item in left] == [ends[3]]
    assert [item.id for item in documents.query("inbox", [Where(FIELD, "==", ends[2])])] == ["2"]


def test_an_end_in_another_form_is_refused_before_anything_is_written(documents: Documents) -> None:
    ist = timezone(timedelta(hours=5, minutes=30))
    forms = [
        START.isoformat(),
        START.astimezone(ist).isoformat(timespec="microseconds"),
        "2025-02-30T00:00:00.000000+00:00",
    ]
    for end in [*forms, None, 1756439100, "tomorrow", {FIELD: expiry(START)}]:
        with pytest.raises(Broken, match="expire_at"):
            documents.commit([Put("inbox/good", {}), Put("inbox/bad", {FIELD: end})])
        with pytest.raises(BadInput):
            documents.query("inbox", [Where(FIELD, "==", end)])
    assert documents.get("inbox/good") is None


def test_an_end_where_nothing_ends_is_refused(documents: Documents) -> None:
    for path in ("tenants/acme", "tenants/acme/answers/a1", "inbox/a/inbox/b"):
        with pytest.raises(Broken, match=r"do not end.*terraform/indexes\.json"):
            documents.commit([Put(path, {FIELD: expiry(START)})])
    paths = [f"{collection.replace('*', 'x')}/y" for collection in COLLECTIONS]
    documents.commit([Put(path, {FIELD: expiry(START)}) for path in paths])
    assert set(documents.get_many(paths)) == set(paths)


def test_what_has_ended_is_removed_and_nothing_else(documents: Documents) -> None:
    over, now, later = START - timedelta(days=1), START, START + timedelta(microseconds=1)
    ends = {"inbox/over": over, "inbox/now": now, "inbox/later": later, "dropped/over": over, "self_tests/later": later}
    documents.commit([Put(path, {FIELD: expiry(moment)}) for path, moment in ends.items()])
    documents.commit([Put("inbox/for-ever", {"n": 1}), Put("outbox/old", {"created_at": expiry(over)})])
    assert remove_expired(documents, START) == 3
    assert remove_expired(documents, START) == 0
    left = documents.get_many([*ends, "inbox/for-ever", "outbox/old"])
    assert set(left) == {"inbox/later", "self_tests/later", "inbox/for-ever", "outbox/old"}


@pytest.mark.emulators
def test_firestore_holds_the_end_as_a_timestamp(google_emulators: Google) -> None:
    firestore = FirestoreDocuments("contract-expiry", emulator_host=google_emulators.firestore)
    firestore.commit([Create("inbox/one", {FIELD: expiry(START), "at": expiry(START)})])
    firestore.close()
    root = f"http://{google_emulators.firestore}/v1/projects/contract-expiry/databases/(default)/documents"
    stored = httpx.get(f"{root}/inbox/one", headers={"Authorization": "Bearer owner"}).json()
    assert stored["fields"][FIELD] == {"timestampValue": "2025-08-29T03:45:00Z"}
    assert stored["fields"]["at"] == {"stringValue": "2025-08-29T03:45:00.000000+00:00"}


@pytest.mark.emulators
def test_both_implementations_ended_documents(ran: dict[str, set[str]], google_emulators: object) -> None:
    assert ran["documents"] == {"embedded", "google"}
