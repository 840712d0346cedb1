"""What a day came to, read back from the stores: nothing here is kept twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from quantsentinel.app.deliver import SWITCHED
from quantsentinel.app.platform import Platform
from quantsentinel.canonical import digest
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Json
from quantsentinel.stores.snapshots import StoredSnapshot

SIGNAL_STATES = ("created", "updated", "withdrawn", "expired", "closed")


@dataclass(frozen=True, slots=True)
class DayStatistics:
    """Counts over everything in a state folder; the part of a replay's report that is the same on every run.

    `deliveries` are those of signals, by their state; `notices` those of switches that changed.
    """

    snapshots: Mapping[str, Any]
    cycles: int
    opportunities: int
    signals: Mapping[str, int]
    refusals_by: Mapping[str, int]
    deliveries: Mapping[str, int]
    notices: Mapping[str, int]
    decision_digest: str


def statistics(platform: Platform) -> DayStatistics:
    """Reads every stored decision once, one object at a time."""
    cycles = platform.documents.query("cycles")
    decided = [document.data for document in cycles if document.data["state"] == "decided"]
    told = _all_deliveries(platform)
    return DayStatistics(
        snapshots=_snapshot_counts(platform),
        cycles=len(decided),
        opportunities=sum(int(cycle["eligible"]) for cycle in decided),
        signals=_signal_counts(platform),
        refusals_by=_counted(
            refusal["first"]["guard"] for row in decision_rows(platform) for refusal in row["refusals"]
        ),
        deliveries=_counted(item["state"] for item in told if item["signal_state"] != SWITCHED),
        notices=_counted(item["state"] for item in told if item["signal_state"] == SWITCHED),
        decision_digest=decision_digest(platform),
    )


def batches(platform: Platform) -> list[Json]:
    """Every applied batch, in the order in which its cycle was decided, then by underlying and number."""
    found = [document.data for document in platform.documents.query("batches")]
    return sorted(found, key=lambda item: (item["decided_at"], item["underlying"], item["batch"]))


def decision_digest(platform: Platform) -> str:
    """sha256 over the canonical decisions of all cycles and tenants in order; no wall time, no run id, no latency."""
    return digest([[item["cycle_id"], item["batch"], item["digest"]] for item in batches(platform)])


def decision_rows(platform: Platform) -> Iterable[Json]:
    """One row per tenant and cycle, in order."""
    for batch in batches(platform):
        for key in batch["objects"]:
            data = platform.objects.get(key)
            yield from json.loads(data or b"[]")


def snapshots(platform: Platform) -> list[dict[str, Any]]:
    """Accepted and refused snapshots with the guard that refused them."""
    return [_snapshot_line(platform, stored) for stored in platform.snapshots.stored()]


def signals(platform: Platform) -> list[Json]:
    """Every signal event of every tenant, by time."""
    registry = platform.tenants
    found = [data for tenant in registry.ids() for data in registry.store(tenant).signals()]
    return sorted(found, key=lambda item: (item["decided_at"], item["tenant_id"], item["signal_id"], item["sequence"]))


def refusals(platform: Platform) -> list[Json]:
    """Every recorded refusal of every tenant, by time. Repetitions share one record with a count."""
    registry = platform.tenants
    found = [data for tenant in registry.ids() for data in registry.store(tenant).refused.all()]
    return sorted(found, key=lambda item: (item["decided_at"], item["tenant_id"]))


def _snapshot_line(platform: Platform, stored: StoredSnapshot) -> dict[str, Any]:
    line: dict[str, Any] = {
        "key": stored.key,
        "underlying": stored.underlying,
        "at": stored.at,
        "outcome": "accepted" if stored.accepted else "refused",
    }
    if not stored.accepted:
        finding = json.loads(platform.snapshots.read_quarantine(stored.key))
        line |= {name: finding[name] for name in ("guard", "measured", "limit", "unit", "detail")}
    return line


def _snapshot_counts(platform: Platform) -> dict[str, Any]:
    lines = snapshots(platform)
    refused = [line["guard"] for line in lines if line["outcome"] == "refused"]
    return {
        "read": len(lines),
        "accepted": len(lines) - len(refused),
        "refused": len(refused),
        "refused_by": _counted(refused),
    }


def _signal_counts(platform: Platform) -> dict[str, int]:
    counts = Counter(item["state"] for item in signals(platform))
    return {state: counts.get(state, 0) for state in SIGNAL_STATES}


def _all_deliveries(platform: Platform) -> list[Json]:
    registry = platform.tenants
    return [data for tenant in registry.ids() for data in registry.store(tenant).deliveries()]


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
