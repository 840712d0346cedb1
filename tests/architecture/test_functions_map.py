"""`terraform/functions.json` is the one map of functions: folders, handlers and topics agree with it, and each of its
rules refuses a map that breaks it, with the row and the rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulators.function_map import MAP, load_map
from quantsentinel.errors import BadInput
from quantsentinel.wiring.handlers import FUNCTIONS
from tests.architecture.sources import ROOT, functions, python_files, tree

FOLDER = ROOT / "functions"
KNOWN = load_map()
Change = Callable[[dict[str, Any]], Any]


def test_every_function_of_the_map_has_a_folder_and_every_folder_is_in_the_map() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/main.py")}
    assert folders == set(KNOWN.functions)
    assert len(folders) >= 9


def test_the_handlers_listen_to_the_topics_of_the_map() -> None:
    assert {function.name: function.topic for function in FUNCTIONS} == {
        name: KNOWN.topic(name) for name in KNOWN.listening()
    }


def test_a_main_holds_one_entry_point_named_like_its_folder_and_no_logic() -> None:
    for path in python_files("functions"):
        assert [function.name for function in functions(path)] == [path.parent.name]
        kinds = {type(node).__name__ for node in tree(path).body}
        assert kinds <= {"Expr", "Import", "ImportFrom", "FunctionDef"}, path


def test_names_of_cloud_resources_follow_from_the_names_of_the_map() -> None:
    assert KNOWN.service_account("serve_tenants") == "qs-serve-tenants"
    assert KNOWN.dead_letter_topic("decide") == "decide.dead"
    assert KNOWN.subscription("poll_market").ack_deadline_s == 80
    assert KNOWN.scheduled()["sweep"].schedule == "* * * * *"
    assert "kill_switch" not in KNOWN.listening()
    with pytest.raises(BadInput, match=r"functions\.kill_switch: no topic pushes to it"):
        KNOWN.topic("kill_switch")


def _function(name: str, **changes: Any) -> Change:
    return lambda data: data["functions"][name].update(changes)


def _trigger(name: str, **changes: Any) -> Change:
    return lambda data: data["functions"][name]["trigger"].update(changes)


def _retry(name: str, **changes: Any) -> Change:
    return lambda data: data["functions"][name]["trigger"]["subscription"].update(changes)


def _granted(name: str, **changes: Any) -> Change:
    return lambda data: data["functions"][name]["permissions"].update(changes)


def _twin_account(data: dict[str, Any]) -> None:
    data["jobs"]["decide"] = data["jobs"]["check_deployment"]


REFUSED: dict[str, tuple[Change, str]] = {
    "a column that nobody knows": (_function("decide", memory=1), "functions.decide.memory: Extra inputs"),
    "a missing column": (lambda data: data["functions"]["decide"].pop("cpu"), "functions.decide.cpu: Field required"),
    "a number as text": (_function("decide", timeout_s="60"), "functions.decide.timeout_s: "),
    "more at once than threads": (
        _function("decide", concurrency=3),
        "functions.decide: concurrency 3 is above threads 2",
    ),
    "a deadline that the function outlives": (
        _retry("decide", ack_deadline_s=64),
        "functions.decide: ack_deadline_s 64 is below timeout_s 60 + 5",
    ),
    "a deadline that Pub/Sub refuses": (
        _retry("decide", ack_deadline_s=601),
        "functions.decide.trigger.subscription.ack_deadline_s: Input should be less than or equal to 600",
    ),
    "too few attempts for a dead letter": (
        _retry("decide", max_delivery_attempts=4),
        "max_delivery_attempts: Input should be greater than or equal to 5",
    ),
    "retries that shrink": (_retry("decide", min_backoff_s=20, max_backoff_s=10), "min_backoff_s 20 is above"),
    "no subscription": (
        lambda data: data["functions"]["decide"]["trigger"].pop("subscription"),
        "functions.decide.trigger.subscription: Field required",
    ),
    "a schedule elsewhere than in India": (_trigger("sweep", time_zone="UTC"), "functions.sweep.trigger.time_zone"),
    "a schedule without a zone": (_trigger("decide", schedule="* * * * *"), "schedule and time_zone Asia/Kolkata"),
    "a topic with two readers": (
        _trigger("fan_out", topic="snapshot.taken"),
        "functions.fan_out: topic snapshot.taken already pushes to decide",
    ),
    "a topic without a reader": (
        _function("decide", publishes=["nobody.hears"]),
        "functions.decide: publishes nobody.hears, which no function listens to",
    ),
    "two that share an account": (
        _twin_account,
        "functions.decide and jobs.decide: would share the service account qs-decide",
    ),
    "a secret that is none": (_granted("decide", secrets=["unknown-one"]), "secret unknown-one is not among"),
    "a bucket that is none": (_granted("decide", objects={"tenants": "read"}), "functions.decide.permissions.objects"),
    "too many instances at rest": (_function("decide", min_instances=9), "min_instances 9 is above max_instances 4"),
    "memory that Cloud Run refuses": (_function("decide", memory_mb=4097), "Cloud Run takes 256 to 4096 with 1 CPU"),
    "a lock on nothing": (
        lambda data: data["buckets"]["audit"].pop("retention_days"),
        "buckets.audit: retention_locked_in_prod without retention_days",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_map_that_breaks_a_rule_is_refused_with_the_row_and_the_rule(tmp_path: Path, name: str) -> None:
    change, expected = REFUSED[name]
    data = json.loads(MAP.read_text(encoding="utf-8"))
    change(data)
    path = tmp_path / "functions.json"
    path.write_text(json.dumps(data))
    with pytest.raises(BadInput) as raised:
        load_map(path)
    assert expected in str(raised.value)


def test_every_broken_row_is_told_at_once(tmp_path: Path) -> None:
    data = json.loads(MAP.read_text(encoding="utf-8"))
    _function("decide", concurrency=3)(data)
    _function("fan_out", min_instances=9)(data)
    path = tmp_path / "functions.json"
    path.write_text(json.dumps(data))
    with pytest.raises(BadInput, match=r"functions\.decide: .*; functions\.fan_out: "):
        load_map(path)


def test_a_row_that_stands_twice_or_no_json_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "functions.json"
    with pytest.raises(BadInput, match="cannot be read"):
        load_map(path)
    path.write_text("{,}")
    with pytest.raises(BadInput, match="not the map's JSON"):
        load_map(path)
    path.write_text('{"functions": {"decide": {}, "decide": {}}}')
    with pytest.raises(BadInput, match="decide stands there twice"):
        load_map(path)
