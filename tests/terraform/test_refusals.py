"""What a person reads who writes something wrong: the resource and the rule, all of them in one plan."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.terraform_plan import WITHIN_S, initialised

pytestmark = pytest.mark.slow
Row = dict[str, Any]
IMAGE = "asia-south1-docker.pkg.dev/quantsentinel-test/quantsentinel/serve"
DIGEST = f"{IMAGE}@sha256:{'a' * 64}"
RETRY = {"ack_deadline_s": 65, "min_backoff_s": 10, "max_backoff_s": 600, "max_delivery_attempts": 100}


def _refusal(root: Path, values: Mapping[str, Any]) -> str:
    """What `terraform plan` says, on one line. Fails when it plans."""
    (root / "refused.tfvars.json").write_text(json.dumps(values), encoding="utf-8")
    command = ["terraform", f"-chdir={root}", "plan", "-input=false", "-no-color", "-var-file=refused.tfvars.json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    assert ran.returncode, "it was planned"
    return " ".join(ran.stderr.replace("│", " ").split())


# --- A function ---
def _row(**changes: Any) -> Row:
    trigger = {"kind": "pubsub", "topic": "snapshot.taken", "subscription": RETRY}
    row = {"description": "One market pass per accepted snapshot", "trigger": trigger, "memory_mb": 512, "cpu": 1}
    row |= {"timeout_s": 60, "concurrency": 2, "threads": 2, "min_instances": 1, "max_instances": 4}
    return row | {"permissions": {"secrets": []}} | changes


def _function(**changes: Any) -> Row:
    values = {"project_id": "quantsentinel-test", "project_number": "123456789012", "name": "decide", "row": _row()}
    return values | {"topic": "snapshot.taken", "image": DIGEST} | changes


FUNCTIONS: dict[str, tuple[Row, tuple[str, ...]]] = {
    "numbers that do not fit together": (
        _function(
            row=_row(
                concurrency=3,
                timeout_s=4000,
                cpu=3,
                memory_mb=128,
                min_instances=5,
                trigger={
                    "kind": "pubsub",
                    "topic": "snapshot.taken",
                    "subscription": {
                        "ack_deadline_s": 601,
                        "min_backoff_s": 20,
                        "max_backoff_s": 10,
                        "max_delivery_attempts": 4,
                    },
                },
            )
        ),
        (
            "functions.decide: concurrency must be 1 to threads (2)",
            "functions.decide: timeout_s must be 1 to 3600",
            "functions.decide: ack_deadline_s must be at least timeout_s + 5",
            "functions.decide: ack_deadline_s must be 10 to 600",
            "functions.decide: back-off must be 1 ≤ min_backoff_s ≤ max_backoff_s ≤ 600",
            "functions.decide: max_delivery_attempts must be 5 to 100",
            "functions.decide: cpu must be 1, 2, 4 or 8",
            "functions.decide: memory_mb must be at least 256",
            "functions.decide: min_instances must be 0 to max_instances",
        ),
    ),
    "a push without a subscription that the internet reaches": (
        _function(row=_row(trigger={"kind": "pubsub", "topic": "snapshot.taken", "ingress": "all"})),
        (
            "functions.decide: a pubsub trigger needs topic and subscription; without one it would have no retries and",
            "functions.decide: ingress must be all or internal, and only a named HTTP function may take all",
        ),
    ),
    "an http function for nobody, from a tag, with a secret in its environment": (
        _function(
            row=_row(trigger={"kind": "http"}),
            topic=None,
            image=f"{IMAGE}:latest",
            env={"QS_TELEGRAM_TOKEN": "123:abc"},
        ),
        (
            "functions.decide: an http trigger names its invokers",
            "image must be …@sha256:<64 hex digits>: a tag can be moved, a digest cannot",
            "A secret never stands in an environment variable: give QS_<SETTING>_FILE",
        ),
    ),
}


@pytest.mark.parametrize("case", FUNCTIONS)
def test_a_function_is_refused_by_its_name_and_every_rule_that_it_breaks(code: Path, case: str) -> None:
    values, rules = FUNCTIONS[case]
    said = _refusal(initialised(code / "modules" / "function"), values)
    for rule in rules:
        assert rule in said, said


# --- The map ---
def _two_readers(data: Row) -> None:
    data["functions"]["fan_out"]["trigger"]["topic"] = "snapshot.taken"


def _shared_account(data: Row) -> None:
    data["jobs"]["decide"] = data["jobs"]["check_deployment"]


def _unknown_names(data: Row) -> None:
    data["functions"]["decide"]["permissions"] = {
        "documents": "own",
        "objects": {"tenants": "own"},
        "secrets": ["none"],
    }
    data["functions"]["decide"]["publishes"] = ["nobody.hears"]
    data["functions"]["decide"]["image"] = "batch"


MAPS: dict[str, tuple[Callable[[Row], None], tuple[str, ...]]] = {
    "two that would share what each has alone": (
        lambda data: (_two_readers(data), _shared_account(data))[0],
        (
            "A topic has one reader: two functions of the map name the same trigger.topic",
            "A function and a job share the name, and so the service account, of decide: each has its own",
        ),
    ),
    "names that stand for nothing": (
        _unknown_names,
        (
            "A topic that nobody listens to is published: nobody.hears",
            "A permission names a secret that is not among the map's secrets",
            "A permission names a bucket that is not among the map's buckets (audit, decisions, models",
            "permissions.objects gives read, create or write",
            "permissions.documents must be none, read or write",
            "image must be serve for a function",
        ),
    ),
}


@pytest.mark.parametrize("case", MAPS)
def test_a_map_that_does_not_hold_together_is_refused_with_what_is_wrong(code: Path, case: str) -> None:
    change, rules = MAPS[case]
    data: Row = json.loads((code / "functions.json").read_text(encoding="utf-8"))
    change(data)
    indexes = json.loads((code / "indexes.json").read_text(encoding="utf-8"))
    values: Row = {"map": data, "indexes": indexes, "environment": "prod", "protected": False}
    values |= {"project_id": "quantsentinel-test", "project_number": "123456789012", "notification_emails": []}
    values |= {"serve_image": DIGEST, "batch_image": f"{IMAGE}:1.0", "operators": {"everybody": "allUsers"}}
    said = _refusal(initialised(code / "modules" / "platform"), values)
    for rule in (
        *rules,
        "prod is always protected: its data cannot be torn down",
        "batch_image must be …@sha256:<64 hex digits>",
        "notification_emails is empty: an alert that nobody gets is none",
        "operators names at least one",
    ):
        assert rule in said, said
