"""What a plan of Terraform would create, as the inventory that the emulators are asked for too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from emulators.inventory import Inventory, Subscribed, inventory

Plan = Mapping[str, Any]


def planned(plan: Plan) -> Inventory:
    """Of `terraform show -json`: topics, subscriptions, and buckets with versioning, without the project."""
    values = [resource["values"] for resource in _resources(plan, "google_pubsub_topic")]
    buckets = [resource["values"] for resource in _resources(plan, "google_storage_bucket")]
    return inventory(
        [value["name"] for value in values],
        [_subscribed(resource["values"]) for resource in _resources(plan, "google_pubsub_subscription")],
        [value["name"].partition("-qs-")[2] for value in buckets if value["versioning"][0]["enabled"]],
    )


def _resources(plan: Plan, kind: str) -> Iterator[Plan]:
    modules = [plan["planned_values"]["root_module"]]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        yield from (each for each in module.get("resources", []) if each["type"] == kind)


def _subscribed(values: Plan) -> Subscribed:
    push, retry, dead = (
        (values.get(block) or [None])[0] for block in ("push_config", "retry_policy", "dead_letter_policy")
    )
    found = {
        # A service's address is only known once it is there; what is written behind it is in `configuration`.
        "push_endpoint": push.get("push_endpoint", "https://unknown") if push else "",
        "min_backoff_s": _seconds(retry["minimum_backoff"]) if retry else 0,
        "max_backoff_s": _seconds(retry["maximum_backoff"]) if retry else 0,
        "dead_letter_topic": _last(dead["dead_letter_topic"]) if dead else "",
        "max_delivery_attempts": dead["max_delivery_attempts"] if dead else 0,
    }
    return Subscribed(
        values["name"],
        _last(values["topic"]),
        values["ack_deadline_seconds"],
        int(_seconds(values["message_retention_duration"])),
        never_expires=[block["ttl"] for block in values["expiration_policy"]] == [""],
        **found,
    )


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]
