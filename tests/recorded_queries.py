"""Every query that a test makes, compared with the declared composite indexes; a plugin of `tests/conftest.py`.

Neither SQLite nor Firestore's emulator asks for an index, and production refuses a query without one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.google.firestore_index import composite_of
from quantsentinel.ports import Document, Where

INDEXES = Path(__file__).resolve().parents[1] / "terraform" / "indexes.json"
Index = dict[str, Any]


class Shape(NamedTuple):
    """What decides about the index: the collection's last name, the conditions, the order."""

    group: str
    where: tuple[tuple[str, str], ...]
    order_by: str | None
    descending: bool

    def index(self) -> Index | None:
        conditions = [Where(name, op, "") for name, op in self.where]
        wanted = composite_of(self.group, conditions, self.order_by, self.descending)
        return None if wanted is None else dict(wanted)


def declared() -> list[Index]:
    found: list[Index] = json.loads(INDEXES.read_text())["composite"]
    return found


@dataclass
class Recorded:
    """`made` grows over the session; `undeclared` is what the running test has to answer for."""

    made: set[Shape] = field(default_factory=set)
    undeclared: set[Shape] = field(default_factory=set)
    declared: list[Index] = field(default_factory=declared)

    def note(self, shape: Shape) -> None:
        self.made.add(shape)
        wanted = shape.index()
        if wanted is not None and wanted not in self.declared:
            self.undeclared.add(shape)


def _recording(query: Callable[..., list[Document]], recorded: Recorded) -> Callable[..., list[Document]]:
    def noted(self: Any, collection: str, where: Sequence[Where] = (), **how: Any) -> list[Document]:
        conditions = tuple(sorted((item.field, item.op) for item in where))
        group = collection.rsplit("/", 1)[-1]
        recorded.note(Shape(group, conditions, how.get("order_by"), how.get("descending", False)))
        return query(self, collection, where, **how)

    return noted


@pytest.fixture(scope="session", autouse=True)
def recorded_queries() -> Iterator[Recorded]:
    recorded = Recorded()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDocuments, "query", _recording(SqliteDocuments.query, recorded))
        yield recorded


@pytest.fixture(autouse=True)
def every_query_has_its_index(recorded_queries: Recorded) -> Iterator[None]:
    yield
    wanted = [json.dumps(shape.index()) for shape in sorted(recorded_queries.undeclared, key=str)]
    recorded_queries.undeclared.clear()
    assert not wanted, "production would refuse queries of this test; declare in terraform/indexes.json: " + "; ".join(
        wanted
    )
