"""A plan with something wrong in it: `negative/<slug>.json` says what to change in the real one.

    {"changes": [{"type": "google_storage_bucket", "where": {"name": "-raw$"}, "set": {"versioning.0.enabled": false}}],
     "says": "does not match"}

A change finds the first resource of `type`, by address, whose values match every expression of `where`, and sets its
values by path (`+` appends), or removes the whole resource, or adds one. What is set stands in `planned_values` and in
`resource_changes`, as it would after a change of the configuration.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Plan = dict[str, Any]


class Spoiled:
    """A copy of a plan to which patches are made that touch different resources.

    Reading a plan is nearly all that a trial costs, so that scenarios share one wherever their patches keep apart.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = copy.deepcopy(plan)
        self._paths: set[tuple[str, str]] = set()
        self.touched: dict[str, tuple[str, ...]] = {}
        """By patch: the addresses of what was changed, added or removed."""

    def takes(self, name: str, changes: list[dict[str, Any]]) -> bool:
        """Whether each change found a resource of its own, and says nothing of what another one cuts off above or below
        it (a step that fails ends its scenario); nothing is changed otherwise."""
        paths = {(change.get("type", ""), path) for change in changes for path in change.get("set", {})}
        if any(_nested(one, other) for one in paths for other in self._paths):
            return False
        taken = {address for addresses in self.touched.values() for address in addresses}
        found: list[dict[str, Any] | None] = []
        for change in changes:
            one = None if "add" in change else _found(self.plan, change, taken)
            if one is None and "add" not in change:
                return False
            found.append(one)
            taken |= {one["address"]} if one else set()
        self._paths |= paths
        self.touched[name] = tuple(
            _add(self.plan, change["add"]) if one is None else _apply(self.plan, change, one)
            for change, one in zip(changes, found, strict=True)
        )
        return True


def spoiled(plan: Plan, patches: Mapping[str, list[dict[str, Any]]]) -> list[Spoiled]:
    """As few plans as hold all patches. Raises `LookupError` for a patch that the plan has no resource for."""
    plans: list[Spoiled] = []
    for name, changes in patches.items():
        if any(one.takes(name, changes) for one in plans):
            continue
        plans.append(Spoiled(plan))
        if not plans[-1].takes(name, changes):
            raise LookupError(f"{name}: the plan holds nothing that it could be tried on: {changes}")
    return plans


def load_patch(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    unknown = set(content) - {"changes", "says"}
    if unknown or not content["changes"]:
        raise ValueError(f"{path.name}: holds changes and says; not {sorted(unknown)}")
    return content


def managed(plan: Plan) -> Iterator[dict[str, Any]]:
    """The planned resources: address, type and values each."""

    def walk(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield from (one for one in module.get("resources", []) if one["mode"] == "managed")
        for child in module.get("child_modules", []):
            yield from walk(child)

    return walk(plan["planned_values"]["root_module"])


def _nested(one: tuple[str, str], other: tuple[str, str]) -> bool:
    (kind, path), (other_kind, other_path) = one, other
    return kind == other_kind and (f"{path}.".startswith(f"{other_path}.") or f"{other_path}.".startswith(f"{path}."))


# --- One change -------------------------------------------------------------------------------------------------------
def _apply(plan: Plan, change: dict[str, Any], resource: dict[str, Any]) -> str:
    address: str = resource["address"]
    if change.get("remove"):
        _remove(plan["planned_values"]["root_module"], address)
        plan["resource_changes"] = [one for one in plan["resource_changes"] if one["address"] != address]
        return address
    twin = next(one for one in plan["resource_changes"] if one["address"] == address)
    for path, value in change["set"].items():
        # What is set is no longer known only after the apply.
        twin["change"]["after_unknown"].pop(path.split(".")[0], None)
        for values in (resource["values"], twin["change"]["after"]):
            _set(values, path.split("."), copy.deepcopy(value))
        if value in ([], None):
            # terraform-compliance fills what a plan leaves out from the configuration, where it would not stand either.
            _configured(plan, address)["expressions"].pop(path.split(".")[0], None)
    return address


def _configured(plan: Plan, address: str) -> dict[str, Any]:
    *modules, kind, name = re.sub(r"\[[^\]]*\]", "", address).split(".")
    module = plan["configuration"]["root_module"]
    for step in modules[1::2]:
        module = module["module_calls"][step]["module"]
    found: dict[str, Any] = next(one for one in module["resources"] if one["address"] == f"{kind}.{name}")
    return found


def _found(plan: Plan, change: Mapping[str, Any], taken: set[str]) -> dict[str, Any] | None:
    where = change.get("where", {})
    found = [
        one
        for one in managed(plan)
        if one["type"] == change["type"]
        and one["address"] not in taken
        and all(re.search(wanted, _get(one["values"], path)) for path, wanted in where.items())
    ]
    return min(found, key=lambda one: str(one["address"]), default=None)


def _add(plan: Plan, new: Mapping[str, Any]) -> str:
    address = f"{new['type']}.{new['name']}"
    row = {"address": address, "mode": "managed", "type": new["type"], "name": new["name"]}
    row["provider_name"] = "registry.terraform.io/hashicorp/google"
    plan["planned_values"]["root_module"].setdefault("resources", []).append(row | {"values": dict(new["values"])})
    change = {"actions": ["create"], "before": None, "after": dict(new["values"]), "after_unknown": {}}
    plan["resource_changes"].append(row | {"change": change})
    return address


def _remove(module: dict[str, Any], address: str) -> None:
    module["resources"] = [one for one in module.get("resources", []) if one["address"] != address]
    for child in module.get("child_modules", []):
        _remove(child, address)


def _get(values: Any, path: str) -> str:
    for step in path.split("."):
        values = values[int(step)] if isinstance(values, list) and len(values) > int(step) else _of(values, step)
    return "" if values is None else str(values)


def _of(values: Any, step: str) -> Any:
    return values.get(step) if isinstance(values, dict) else None


def _set(values: Any, path: list[str], value: Any) -> None:
    step, rest = path[0], path[1:]
    if step == "+":
        values.append(value)
    elif rest:
        _set(values[int(step)] if isinstance(values, list) else values[step], rest, value)
    elif isinstance(values, list):
        values[int(step)] = value
    else:
        values[step] = value
