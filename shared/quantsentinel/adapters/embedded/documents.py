"""Documents in SQLite: JSON text by path; the create time is the injected clock's and never changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from quantsentinel.adapters.embedded.database import Database, translated
from quantsentinel.adapters.storage_rules import (
    check_batch,
    check_collection,
    check_field,
    check_limit,
    check_path,
    check_where,
    encode,
)
from quantsentinel.errors import Conflict
from quantsentinel.ports import Clock, Create, Delete, Document, Update, Where, Write

_COLUMNS = "path, data, version, created_at, updated_at"

# Firestore's order of types; SQLite would sort booleans among the numbers.
_RANK = """CASE json_type(data, ?) WHEN 'null' THEN 0 WHEN 'false' THEN 1 WHEN 'true' THEN 1 WHEN 'integer' THEN 2
    WHEN 'real' THEN 2 WHEN 'text' THEN 3 WHEN 'array' THEN 4 ELSE 5 END"""


class SqliteDocuments:
    """A version is the number of the commit that wrote the document, so a recreated document never repeats one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, path: str) -> Document | None:
        return self.get_many([path]).get(path)

    def get_many(self, paths: Sequence[str]) -> dict[str, Document]:
        asked = json.dumps([check_path(path) for path in paths])
        sql = f"SELECT {_COLUMNS} FROM documents WHERE path IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants
        return {document.path: document for document in self._select(sql, [asked])}

    def commit(self, writes: Sequence[Write]) -> None:
        check_batch(writes)
        texts = ["" if isinstance(write, Delete) else encode(write.path, write.data) for write in writes]
        if not writes:
            return
        now = self._clock.now().astimezone(UTC).isoformat()
        with self._database.writing() as connection, translated(self._database.path):
            revision = connection.execute("UPDATE revision SET last = last + 1 RETURNING last").fetchall()[0][0]
            for write, text in zip(writes, texts, strict=True):
                if not _apply(connection, write, (text, revision, now)):
                    raise _conflict(connection, write)

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> list[Document]:
        check_limit(limit)
        clauses = ["collection = ?"]
        values: list[str | float] = [check_collection(collection)]
        for item in where:
            clause, bound = _clause(check_where(item))
            clauses.append(clause)
            values += bound
        direction = "DESC" if descending else "ASC"
        order = f"path {direction}"
        if order_by is not None:
            field = f"$.{check_field(order_by)}"
            clauses.append("json_type(data, ?) IS NOT NULL")
            order = f"{_RANK} {direction}, json_extract(data, ?) {direction}, {order}"
            values += [field, field, field]
        sql = f"SELECT {_COLUMNS} FROM documents WHERE {' AND '.join(clauses)} ORDER BY {order} LIMIT ?"  # noqa: S608 - every value is bound
        return self._select(sql, [*values, -1 if limit is None else limit])

    def _select(self, sql: str, values: Sequence[object]) -> list[Document]:
        with translated(self._database.path):
            return [_document(row) for row in self._database.connection().execute(sql, values)]


def _document(row: tuple[str, str, int, str, str]) -> Document:
    path, data, version, created, updated = row
    created_at, updated_at = datetime.fromisoformat(created), datetime.fromisoformat(updated)
    return Document(path, json.loads(data), str(version), created_at, updated_at)


def _apply(connection: sqlite3.Connection, write: Write, stamp: tuple[str, int, str]) -> bool:
    """Writes (text, revision, now); whether the write's precondition held."""
    text, revision, now = stamp
    if isinstance(write, Delete):
        connection.execute("DELETE FROM documents WHERE path = ?", (write.path,))
        return True
    if isinstance(write, Update):
        sql = "UPDATE documents SET data = ?, version = ?, updated_at = ? WHERE path = ? AND CAST(version AS TEXT) = ?"
        return connection.execute(sql, (text, revision, now, write.path, write.version)).rowcount == 1
    sql = "INSERT INTO documents (path, collection, data, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)"
    sql += " ON CONFLICT (path) DO " + ("NOTHING" if isinstance(write, Create) else _REPLACE)
    collection = write.path.rsplit("/", 1)[0]
    return connection.execute(sql, (write.path, collection, text, revision, now, now)).rowcount == 1


_REPLACE = "UPDATE SET data = excluded.data, version = excluded.version, updated_at = excluded.updated_at"


def _conflict(connection: sqlite3.Connection, write: Write) -> Conflict:
    row = connection.execute("SELECT version FROM documents WHERE path = ?", (write.path,)).fetchone()
    wanted = f"version {write.version}" if isinstance(write, Update) else "no document"
    found = f"version {row[0]}" if row else "no document"
    return Conflict(f"expected {wanted}, found {found}", where=write.path, fix="Read again and run the pass again")


def _clause(where: Where) -> tuple[str, list[str | float]]:
    """One condition, exact in SQL: the stored value must have the type of the value it is compared with."""
    path = f"$.{where.field}"
    if where.op == "array_contains":
        kinds, value = _kinds(where.value)
        inner = f"SELECT 1 FROM json_each(data, ?) AS item WHERE item.type IN ({kinds}) AND item.value = ?"  # noqa: S608 - constants
        return f"(json_type(data, ?) = 'array' AND EXISTS ({inner}))", [path, path, value]
    if where.value is None or isinstance(where.value, bool):
        name = {None: "null", True: "true", False: "false"}[where.value]
        return "json_type(data, ?) = ?", [path, name]
    kinds, value = _kinds(where.value)
    operator = "=" if where.op == "==" else where.op
    return f"(json_type(data, ?) IN ({kinds}) AND json_extract(data, ?) {operator} ?)", [path, path, value]


def _kinds(value: str | float) -> tuple[str, str | float]:
    return ("'text'" if isinstance(value, str) else "'integer', 'real'"), value
