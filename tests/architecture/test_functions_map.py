"""`terraform/functions.json` is the one map of functions: folders, handlers and topics agree with it."""

from __future__ import annotations

import json
from typing import Any

from quantsentinel.wiring.handlers import FUNCTIONS
from tests.architecture.sources import ROOT, functions, python_files, tree

FOLDER = ROOT / "functions"
MAP: dict[str, Any] = json.loads((ROOT / "terraform" / "functions.json").read_text(encoding="utf-8"))


def test_every_function_of_the_map_has_a_folder_and_every_folder_is_in_the_map() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/main.py")}
    assert folders == set(MAP)
    assert len(folders) >= 7


def test_the_handlers_listen_to_the_topics_of_the_map() -> None:
    pushed = {name: row["trigger"]["topic"] for name, row in MAP.items() if row["trigger"]["kind"] == "pubsub"}
    assert {function.name: function.topic for function in FUNCTIONS} == pushed


def test_every_topic_that_is_published_has_a_function_that_listens() -> None:
    published = {topic for row in MAP.values() for topic in row["publishes"]}
    heard = {row["trigger"].get("topic") for row in MAP.values()}
    assert published <= heard


def test_a_main_holds_one_entry_point_named_like_its_folder_and_no_logic() -> None:
    for path in python_files("functions"):
        assert [function.name for function in functions(path)] == [path.parent.name]
        kinds = {type(node).__name__ for node in tree(path).body}
        assert kinds <= {"Expr", "Import", "ImportFrom", "FunctionDef"}, path
