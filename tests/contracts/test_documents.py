"""What every implementation of `Documents` promises: SQLite and Firestore answer alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from quantsentinel.errors import BadInput, Broken, Conflict
from quantsentinel.ports import Create, Delete, Documents, Put, Update

RICH = {
    "none": None,
    "yes": True,
    "int": 7,
    "big": 2**63 - 1,
    "whole_float": 1.0,
    "small": 5e-324,
    "text": "₹ é 𝄞 \" ' \n",
    "empty": "",
    "list": [1, [2, [3, []]], {"a": [[None]]}, "x"],
    "map": {"nested": {"deep": [True, {}]}, "with.dot": 1, "with space": 2},
}


def version_of(documents: Documents, path: str) -> str:
    found = documents.get(path)
    assert found is not None
    return found.version


# --- create, update, put, delete --------------------------------------------------------------------------------------
def test_a_document_comes_back_as_it_was_written(documents: Documents) -> None:
    documents.commit([Create("tenants/acme", RICH)])
    found = documents.get("tenants/acme")
    assert found is not None
    assert found.data == RICH
    assert (found.path, found.id) == ("tenants/acme", "acme")
    assert isinstance(found.data["whole_float"], float)
    assert isinstance(found.data["int"], int)
    assert list(found.data) == sorted(RICH), "keys come sorted, so no order of writing can be relied on"


def test_a_missing_document_is_none(documents: Documents) -> None:
    assert documents.get("tenants/nobody") is None


def test_creating_twice_is_a_conflict_that_names_the_path_and_changes_nothing(documents: Documents) -> None:
    documents.commit([Create("kills/master", {"n": 1})])
    with pytest.raises(Conflict, match="kills/master"):
        documents.commit([Create("kills/master", {"n": 2})])
    assert documents.get("kills/master").data == {"n": 1}


def test_of_thirty_racing_creates_one_wins(documents: Documents) -> None:
    def attempt(number: int) -> bool:
        try:
            documents.commit([Create("leases/poller", {"by": number})])
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(30) as pool:
        won = [number for number, winner in enumerate(pool.map(attempt, range(30))) if winner]
    assert len(won) == 1
    assert documents.get("leases/poller").data == {"by": won[0]}


def test_an_update_replaces_the_whole_document_and_its_version(documents: Documents) -> None:
    documents.commit([Create("market/NIFTY", {"a": 1, "b": {"c": 2}})])
    before = version_of(documents, "market/NIFTY")
    documents.commit([Update("market/NIFTY", {"b": {"d": 3}}, before)])
    after = documents.get("market/NIFTY")
    assert after.data == {"b": {"d": 3}}
    assert after.version != before


def test_an_update_from_a_stale_version_is_a_conflict(documents: Documents) -> None:
    documents.commit([Create("market/NIFTY", {"n": 0})])
    stale = version_of(documents, "market/NIFTY")
    documents.commit([Update("market/NIFTY", {"n": 1}, stale)])
    with pytest.raises(Conflict, match="market/NIFTY"):
        documents.commit([Update("market/NIFTY", {"n": 2}, stale)])
    assert documents.get("market/NIFTY").data == {"n": 1}


@pytest.mark.parametrize("version", ["1.000000000", "1", "", "yesterday"])
def test_an_update_of_an_absent_document_or_with_a_foreign_version_is_a_conflict(
    documents: Documents, version: str
) -> None:
    documents.commit([Create("market/OTHER", {})])
    for path in ("market/NOWHERE", "market/OTHER"):
        with pytest.raises(Conflict, match=path):
            documents.commit([Update(path, {"n": 1}, version + "0" * (version == "1"))])
    assert documents.get("market/NOWHERE") is None


def test_racing_increments_under_compare_and_swap_lose_none(documents: Documents) -> None:
    documents.commit([Create("tenants/acme/book/current", {"n": 0})])

    def add_five(_: int) -> None:
        done = 0
        while done < 5:
            found = documents.get("tenants/acme/book/current")
            try:
                documents.commit([Update(found.path, {"n": found.data["n"] + 1}, found.version)])
            except Conflict:
                continue
            done += 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add_five, range(6)))
    assert documents.get("tenants/acme/book/current").data == {"n": 30}


def test_put_writes_with_and_without_a_document_there(documents: Documents) -> None:
    documents.commit([Put("kills/master", {"n": 1, "gone": True})])
    documents.commit([Put("kills/master", {"n": 2})])
    assert documents.get("kills/master").data == {"n": 2}


def test_delete_removes_and_takes_an_absent_document_as_done(documents: Documents) -> None:
    documents.commit([Create("kills/master", {})])
    documents.commit([Delete("kills/master"), Delete("kills/absent")])
    assert documents.get("kills/master") is None


def test_a_recreated_document_does_not_take_an_old_version(documents: Documents) -> None:
    documents.commit([Create("kills/master", {"n": 1})])
    old = version_of(documents, "kills/master")
    documents.commit([Delete("kills/master")])
    documents.commit([Create("kills/master", {"n": 2})])
    with pytest.raises(Conflict):
        documents.commit([Update("kills/master", {"n": 3}, old)])


# --- batches ----------------------------------------------------------------------------------------------------------
def test_a_batch_is_all_or_nothing_and_the_conflict_names_what_failed(documents: Documents) -> None:
    documents.commit([Create("signal_owners/s1", {"tenant_id": "acme"}), Create("tenants/acme", {"n": 1})])
    batch = [
        Put("tenants/beta", {"n": 1}),
        Delete("tenants/acme"),
        Create("outbox/e1", {}),
        Create("signal_owners/s1", {"tenant_id": "beta"}),
    ]
    with pytest.raises(Conflict, match="signal_owners/s1") as conflict:
        documents.commit(batch)
    assert "outbox" not in conflict.value.where
    assert documents.get("tenants/beta") is None
    assert documents.get("outbox/e1") is None
    assert documents.get("tenants/acme") is not None


def test_a_batch_may_hold_five_hundred_writes_and_no_more(documents: Documents) -> None:
    documents.commit([Create(f"big/{number:03d}", {"n": number}) for number in range(500)])
    assert len(documents.query("big")) == 500
    with pytest.raises(Broken, match="501"):
        documents.commit([Put(f"big/{number:03d}", {}) for number in range(501)])


def test_a_path_can_be_written_once_in_a_batch(documents: Documents) -> None:
    with pytest.raises(Broken, match="twice"):
        documents.commit([Create("a/b", {}), Put("a/b", {})])


def test_an_empty_batch_is_nothing(documents: Documents) -> None:
    documents.commit([Create("empty/batch", {"n": 1})])
    before = documents.get("empty/batch")
    documents.commit([])
    assert documents.get("empty/batch") == before


def test_many_documents_are_read_at_once_and_the_absent_are_left_out(documents: Documents) -> None:
    documents.commit([Create(f"many/{number}", {"n": number}) for number in range(0, 400, 2)])
    paths = [f"many/{number}" for number in range(400)]
    found = documents.get_many([*paths, "many/0"])
    assert {path: item.data["n"] for path, item in found.items()} == {f"many/{n}": n for n in range(0, 400, 2)}
    assert documents.get_many([]) == {}


# --- times ------------------------------------------------------------------------------------------------------------
def test_the_create_time_survives_every_write_and_no_client_can_set_it(documents: Documents) -> None:
    documents.commit([Create("tenants/acme", {"created_at": "1999-01-01T00:00:00Z", "create_time": 0})])
    first = documents.get("tenants/acme")
    documents.commit([Update("tenants/acme", {"n": 1}, first.version)])
    documents.commit([Put("tenants/acme", {"created_at": "1999-01-01T00:00:00Z"})])
    last = documents.get("tenants/acme")
    assert first.created_at.utcoffset().total_seconds() == 0
    assert first.created_at.year >= 2025
    assert last.created_at == first.created_at
    assert last.updated_at >= first.updated_at
    assert isinstance(last.created_at, datetime)


# --- refusals ---------------------------------------------------------------------------------------------------------
BAD_PATHS = ["", "a", "a/b/c", "/a/b", "a//b", "a/b/", "a/..", "./b", "a/__x__", "a/b\x00", "a/" + "x" * 1501]


def test_a_path_that_names_no_document_is_bad_input(documents: Documents) -> None:
    for path in BAD_PATHS:
        with pytest.raises(BadInput):
            documents.get(path)
        with pytest.raises(BadInput):
            documents.commit([Put(path, {})])
    with pytest.raises(BadInput):
        documents.query("tenants/acme")


def test_data_that_is_not_json_is_refused_before_anything_is_written(documents: Documents) -> None:
    deep: Any = 1
    for _ in range(25):
        deep = {"d": deep}
    bad = [float("nan"), float("inf"), (1, 2), {1: 2}, datetime.now(), b"x", 2**63, {"": 1}, {"__x__": 1}, {"[]": 1}]
    for value in [*bad, deep, "\ud800"]:
        with pytest.raises((Broken, BadInput)):
            documents.commit([Put("a/good", {}), Put("a/bad", {"value": value})])
    assert documents.get("a/good") is None


def test_a_document_above_one_megabyte_is_refused_and_one_just_below_is_kept(documents: Documents) -> None:
    with pytest.raises(Broken, match="at most"):
        documents.commit([Put("a/large", {"text": "x" * 1_000_001})])
    documents.commit([Put("a/large", {"text": "₹" * 330_000})])
    assert len(documents.get("a/large").data["text"]) == 330_000


@pytest.mark.emulators
def test_both_implementations_of_documents_ran(ran: dict[str, set[str]], google_emulators: object) -> None:
    assert ran["documents"] == {"embedded", "google"}
