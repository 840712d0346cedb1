"""Queries: SQLite and Firestore answer alike, and as an obvious twin in Python does."""

from __future__ import annotations

from typing import Any

import pytest

from quantsentinel.errors import BadInput
from quantsentinel.ports import Create, Documents, Where

MIXED: dict[str, dict[str, Any]] = {
    "a": {"v": 1, "tags": ["x", 1]},
    "b": {"v": 1.0, "tags": [True, 1.5]},
    "c": {"v": 2.5, "tags": []},
    "d": {"v": "1", "tags": "x"},
    "e": {"v": "zebra", "tags": [["x"]]},
    "f": {"v": "é"},
    "g": {"v": None, "tags": [None]},
    "h": {"v": True, "tags": {"x": 1}},
    "i": {"v": False},
    "j": {"v": [1], "tags": ["X"]},
    "k": {"w": 1},
    "l": {"v": -3},
}


def same_kind(left: Any, right: Any) -> bool:
    def kind(value: Any) -> str:
        return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__

    return kind(left) == kind(right)


def matches(data: dict[str, Any], where: Where) -> bool:
    """The slow, obvious twin: values compare only with values of their own kind."""
    if where.field not in data:
        return False
    stored, asked = data[where.field], where.value
    if where.op == "array_contains":
        return isinstance(stored, list) and any(same_kind(item, asked) and item == asked for item in stored)
    if not same_kind(stored, asked):
        return False
    if where.op == "==":
        return bool(stored == asked)
    if isinstance(asked, str):
        stored, asked = stored.encode(), asked.encode()
    return bool({"<": stored < asked, "<=": stored <= asked, ">": stored > asked, ">=": stored >= asked}[where.op])


CONDITIONS = [
    *[Where("v", "==", value) for value in (1, 1.0, 2.5, "1", "zebra", None, True, False, "absent")],
    *[Where("v", op, value) for op in ("<", "<=", ">", ">=") for value in (1, 2.5, "1", "zebra", "é")],
    *[Where("tags", "array_contains", value) for value in ("x", 1, 1.5, "X")],
]


def test_every_comparison_answers_as_its_obvious_twin(documents: Documents) -> None:
    documents.commit([Create(f"mixed/{name}", data) for name, data in MIXED.items()])
    for where in CONDITIONS:
        expected = [name for name, data in MIXED.items() if matches(data, where)]
        assert [item.id for item in documents.query("mixed", [where])] == expected, where


def test_conditions_are_joined_by_and(documents: Documents) -> None:
    documents.commit([Create(f"mixed/{name}", data) for name, data in MIXED.items()])
    both = [Where("v", "==", 1), Where("tags", "array_contains", "x")]
    assert [item.id for item in documents.query("mixed", both)] == ["a"]
    between = [Where("v", ">=", 1), Where("v", "<", 2.5)]
    assert [item.id for item in documents.query("mixed", between)] == ["a", "b"]


def test_a_limit_without_an_order_takes_the_first_by_path(documents: Documents) -> None:
    documents.commit([Create(f"mixed/{name}", data) for name, data in MIXED.items()])
    assert [item.id for item in documents.query("mixed", limit=3)] == ["a", "b", "c"]
    assert [item.id for item in documents.query("mixed", limit=2, descending=True)] == ["l", "k"]
    assert [item.id for item in documents.query("mixed", [Where("v", ">", -9)], limit=2)] == ["a", "b"]
    with pytest.raises(BadInput):
        documents.query("mixed", limit=0)


def test_an_order_runs_through_the_types_and_leaves_out_what_has_no_such_field(documents: Documents) -> None:
    documents.commit([Create(f"mixed/{name}", data) for name, data in MIXED.items()])
    ascending = ["g", "i", "h", "l", "a", "b", "c", "d", "e", "f", "j"]  # null, booleans, numbers, text, lists
    assert [item.id for item in documents.query("mixed", order_by="v")] == ascending
    downwards = [item.id for item in documents.query("mixed", order_by="v", descending=True)]
    assert downwards == ascending[::-1]
    assert [item.id for item in documents.query("mixed", order_by="v", descending=True, limit=3)] == ["j", "f", "e"]


def test_a_range_on_the_field_that_sorts_can_be_limited(documents: Documents) -> None:
    times = ["2025-08-29T09:20", "2025-08-29T09:15", "2025-08-29T09:30", "2025-08-28T15:29"]
    documents.commit([Create(f"outbox/{number}", {"at": at}) for number, at in enumerate(times)])
    found = documents.query("outbox", [Where("at", ">", "2025-08-29")], order_by="at", limit=2)
    assert [item.data["at"] for item in found] == ["2025-08-29T09:15", "2025-08-29T09:20"]


def test_a_query_sees_one_collection_only(documents: Documents) -> None:
    paths = ["tenants/acme", "tenants/acme/signals/s1", "tenants/beta/signals/s2", "tenant/x", "tenants2/y"]
    documents.commit([Create(path, {"n": 1}) for path in paths])
    assert [item.path for item in documents.query("tenants")] == ["tenants/acme"]
    assert [item.path for item in documents.query("tenants/acme/signals")] == ["tenants/acme/signals/s1"]
    assert documents.query("tenants/gamma/signals") == []


def test_a_field_or_value_that_cannot_be_compared_is_bad_input(documents: Documents) -> None:
    bad = [Where("a.b", "==", 1), Where("a'b", "==", 1), Where("a", "<", None), Where("a", ">", True)]
    for where in [*bad, Where("a", "==", [1]), Where("a", "array_contains", {"x": 1}), Where("__name__", "==", "x")]:
        with pytest.raises(BadInput):
            documents.query("mixed", [where])
    with pytest.raises(BadInput):
        documents.query("mixed", order_by="a b")


@pytest.mark.emulators
def test_both_implementations_answered_queries(ran: dict[str, set[str]], google_emulators: object) -> None:
    assert ran["documents"] == {"embedded", "google"}
