"""Any JSON within the rules survives: through SQLite, and through Firestore's typed values and back."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.google.firestore_values import json_of, value_of
from quantsentinel.ports import Put

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda key: key != "[]" and not (key.startswith("__") and key.endswith("__"))
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
DATA = st.dictionaries(KEYS, JSON, max_size=4)


def typed(value: Any) -> Any:
    """`value` with the type of every scalar, since 1 == 1.0 == True in Python."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value).__name__, repr(value)


@settings(max_examples=200, deadline=None)
@given(DATA)
def test_firestore_values_are_a_bijection(data: dict[str, Any]) -> None:
    assert typed(json_of(value_of(data))) == typed(data)


@settings(max_examples=50, deadline=None)
@given(st.lists(DATA, min_size=1, max_size=5))
def test_sqlite_gives_back_what_it_was_given(values: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "state.db", sync="normal")
        documents = SqliteDocuments(database, VirtualClock(datetime(2025, 8, 29, tzinfo=UTC)))
        documents.commit([Put(f"any/{number}", value) for number, value in enumerate(values)])
        found = documents.get_many([f"any/{number}" for number in range(len(values))])
        assert [typed(found[f"any/{number}"].data) for number in range(len(values))] == [typed(item) for item in values]
        database.close()
