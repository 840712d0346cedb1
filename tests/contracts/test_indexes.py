"""Firestore's indexes: what each query of the code wants is what is declared, and what ends is declared to end."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.google.firestore_index import composite_of
from quantsentinel.app.sweep import sweep
from quantsentinel.contracts.events import Tick
from quantsentinel.ports import Where
from quantsentinel.stores.expiring import COLLECTIONS, FIELD, collection_of
from tests.flow import NIFTY, day_file, flow
from tests.recorded_queries import INDEXES, Recorded, Shape, declared

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "shared" / "quantsentinel"


def up(path: str) -> dict[str, str]:
    return {"path": path, "order": "ASCENDING"}


def down(path: str) -> dict[str, str]:
    return {"path": path, "order": "DESCENDING"}


def holds(path: str) -> dict[str, str]:
    return {"path": path, "array": "CONTAINS"}


A, B, IN_TAGS = Where("a", "==", 1), Where("b", "==", 1), Where("tags", "array_contains", "x")
SINGLE: list[tuple[list[Where], str | None]] = [
    ([], None),
    ([], "a"),
    ([A, B], None),
    ([A, B, IN_TAGS], None),
    ([A], "a"),
    ([Where("a", ">=", 1), Where("a", "<", 9)], None),
    ([Where("a", "<=", 1)], "a"),
]
COMPOSITE: list[tuple[list[Where], str | None, bool, list[dict[str, str]]]] = [
    ([A], "b", True, [up("a"), down("b")]),
    ([A, Where("c", "<", 1)], None, False, [up("a"), up("c")]),
    ([Where("c", "<", 1), A], "c", True, [up("a"), down("c")]),
    ([IN_TAGS], "a", False, [holds("tags"), up("a")]),
    ([B, A, IN_TAGS], "c", False, [up("a"), up("b"), holds("tags"), up("c")]),
    ([Where("c", "<", 1), Where("a", ">", 1)], None, False, [up("a"), up("c")]),
    ([Where("c", "<", 1)], "a", False, [up("a"), up("c")]),
]


def test_equalities_and_one_sorted_field_need_no_index_of_their_own() -> None:
    for where, order_by in SINGLE:
        for descending in (False, True):
            assert composite_of("tenants/acme/x", where, order_by, descending) is None, (where, order_by)


def test_a_condition_beside_an_order_needs_a_composite_index() -> None:
    for where, order_by, descending, fields in COMPOSITE:
        wanted = composite_of("tenants/acme/audit", where, order_by, descending)
        assert wanted == {"collection": "audit", "scope": "COLLECTION", "fields": fields}, (where, order_by)


# --- What the code asks ---
def constants(module: ast.Module) -> dict[str, str]:
    """`NAME = "text"` of a module, also as a pair of names."""
    found: dict[str, str] = {}
    for node in module.body:
        if isinstance(node, ast.Assign):
            names = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else node.targets
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            pairs = [(n, v) for n, v in zip(names, values, strict=False) if isinstance(n, ast.Name)]
            found |= {n.id: v.value for n, v in pairs if isinstance(v, ast.Constant) and isinstance(v.value, str)}
    return found


def text_of(node: ast.expr, known: dict[str, str]) -> str:
    if isinstance(node, ast.JoinedStr):
        last = node.values[-1]
        return str(last.value).rsplit("/", 1)[-1] if isinstance(last, ast.Constant) else "?"
    if isinstance(node, ast.Name):
        return known.get(node.id, "?")
    return str(node.value) if isinstance(node, ast.Constant) else "?"


def conditions(function: ast.AST, argument: ast.expr | None, known: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The `Where(…)` in a list, or in the list that the function gave this name."""
    if isinstance(argument, ast.Name):
        named = [
            item.value
            for item in ast.walk(function)
            if isinstance(item, ast.Assign)
            and isinstance(item.targets[0], ast.Name)
            and item.targets[0].id == argument.id
        ]
        (argument,) = named
    if argument is None:
        return ()
    assert isinstance(argument, ast.List), f"line {argument.lineno}: write the conditions as a list"
    calls = [item for item in argument.elts if isinstance(item, ast.Call)]
    return tuple(sorted((text_of(call.args[0], known), text_of(call.args[1], known)) for call in calls))


def shapes_of(path: Path) -> Iterator[Shape]:
    module = ast.parse(path.read_text())
    known = constants(module) | {"FIELD": FIELD, "OUTBOX": "outbox"}
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "query":
                how = {word.arg: word.value for word in call.keywords}
                order = how.get("order_by")
                where = conditions(function, call.args[1] if len(call.args) > 1 else how.get("where"), known)
                descending = isinstance(how.get("descending"), ast.Constant)
                yield Shape(text_of(call.args[0], known), where, text_of(order, known) if order else None, descending)


@pytest.fixture(scope="module")
def asked() -> set[Shape]:
    """Every query in the package, read from its source."""
    files = [path for path in PACKAGE.rglob("*.py") if "adapters" not in path.parts]
    found = [shape for path in files for shape in shapes_of(path)]
    assert len(found) >= 30, "the queries of the package are not found any more"
    assert all("?" not in {name for pair in shape.where for name in pair} for shape in found)
    return set(found)


def test_the_declared_indexes_are_exactly_what_the_code_s_queries_want(asked: set[Shape]) -> None:
    wanted = [index for shape in sorted(asked, key=str) if (index := shape.index()) is not None]
    assert all(index["collection"] != "?" for index in wanted), "name the collection where it is asked"
    assert sorted(declared(), key=str) == sorted(wanted, key=str)


def test_a_query_without_its_index_is_noticed_in_any_test(recorded_queries: Recorded, database: Database) -> None:
    documents = SqliteDocuments(database, None)  # type: ignore[arg-type]  # nothing is written
    documents.query("tenants/acme/audit", [Where("cycle_id", "==", "c"), Where("seq", ">", 1)])
    (shape,) = recorded_queries.undeclared
    assert shape == Shape("audit", (("cycle_id", "=="), ("seq", ">")), None, False)
    recorded_queries.undeclared.clear()


# --- What a day asks and ends ---
def ending(state_file: Path) -> set[str]:
    """The collections in which a document has an end, from the state file itself."""
    store = Database(state_file, sync="normal")
    rows = store.connection().execute("SELECT path FROM documents WHERE json_extract(data, '$.expire_at') NOT NULL")
    found = {collection_of(path) for (path,) in rows}
    store.close()
    return found


def test_a_day_asks_what_the_source_says_and_ends_what_is_declared_to_end(
    tmp_path: Path, asked: set[Shape], recorded_queries: Recorded
) -> None:
    before, recorded_queries.made = recorded_queries.made, set()
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(3))) as running:
        running.finish()
        assert running.signals()
        sweep(running.platform, Tick(at=running.clock.now().replace(minute=0)))
    (state,) = [path for path in (tmp_path / "state").iterdir() if path.suffix == ".sqlite"]
    made, recorded_queries.made = recorded_queries.made, before | recorded_queries.made
    named = {shape._replace(group="?") for shape in asked if shape.group == "?"}
    assert {shape for shape in made if shape not in asked and shape._replace(group="?") not in named} == set()
    assert {"tenants", "kills", "expiries", "signals", "outbox", "inbox", "dropped"} <= {shape.group for shape in made}
    assert ending(state) == {"inbox"}


def test_the_groups_that_end_in_firestore_are_those_of_the_code() -> None:
    content: dict[str, Any] = json.loads(INDEXES.read_text())
    assert content.keys() == {"expiring", "composite"}
    assert content["expiring"] == sorted({collection.rsplit("/", 1)[-1] for collection in COLLECTIONS})
    written = [path for path in PACKAGE.rglob("*.py") if re.search(r"FIELD: expiry\(", path.read_text())]
    assert {path.stem for path in written} == {"inbox", "handlers", "self_test", "self_test_answers"}
