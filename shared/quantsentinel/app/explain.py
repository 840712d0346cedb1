"""Why a signal was issued or an opportunity refused: every verdict, cost line, digest and rule row."""

from __future__ import annotations

import json
import re
from typing import Any

from quantsentinel.app.platform import Platform
from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput
from quantsentinel.ports import Json
from quantsentinel.stores.tenants import TenantStore

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def explain(platform: Platform, id: str) -> dict[str, Any]:
    """The whole story of a signal, a refusal or a cycle. Raises `BadInput` for an id that is none of them."""
    is_id = _ID.fullmatch(id) is not None
    found = (_signal(platform, id) or _refusal(platform, id) or _cycle(platform, id)) if is_id else None
    if found is None:
        raise BadInput(f"nothing is called {id!r}", where="explain", fix="`qs signal list [--refused]` prints the ids")
    return found


def _signal(platform: Platform, id: str) -> dict[str, Any] | None:
    owner = platform.tenants.owner(id)
    if owner is None:
        return None
    steps = [data for data in platform.tenants.store(owner).signals() if data["signal_id"] == id]
    created = steps[0]["event"]
    opportunity = created["opportunity"]
    return {
        "kind": "signal",
        "id": id,
        "tenant_id": owner,
        "state": steps[-1]["state"],
        "why": created["why"],
        "decided_at": created["decided_at"],
        "cycle_id": created["cycle_id"],
        "snapshot": created["snapshot_digest"],
        "snapshot_key": steps[0]["snapshot_key"],
        "verdicts": created["receipts"],
        "cost_lines": opportunity["economics"]["cost_lines"],
        "economics": {key: value for key, value in opportunity["economics"].items() if key != "cost_lines"},
        "terms": created["terms"],
        "sizing": created["sizing"],
        "legs": opportunity["package"]["legs"],
        "rule_rows": opportunity["rule_rows"],
        "steps": [_step(data) for data in steps],
        "audit": _recorded(platform.tenants.store(owner), created["cycle_id"]),
    }


def _step(data: Json) -> dict[str, Any]:
    event = data["event"]
    return {name: event[name] for name in ("state", "sequence", "decided_at", "why", "exit_price", "pnl")}


def _recorded(store: TenantStore, cycle_id: str) -> dict[str, Any] | None:
    """The record of the tenant's audit chain that holds the decision."""
    record = store.audit_of_cycle(cycle_id)
    return {"seq": record.seq, "hash": record.hash, "row_digest": record.body["row_digest"]} if record else None


def _refusal(platform: Platform, id: str) -> dict[str, Any] | None:
    """Verdicts from the stored decision row; legs, costs and rule rows from the view that was offered."""
    record = platform.tenants.refusal(id)
    if record is None:
        return None
    rows = json.loads(platform.objects.get(record["object"]) or b"[]")
    row = next(item for item in rows if item["tenant"] == record["tenant_id"])
    refusal = next(item for item in row["refusals"] if item["id"] == id)
    return {
        "kind": "refusal",
        "id": id,
        "tenant_id": record["tenant_id"],
        "first": refusal["first"],
        "verdicts": [*row["switches"], *refusal["verdicts"]],
        "sizing": refusal["sizing"],
        "family": refusal["family"],
        "expiry": refusal["expiry"],
        "decided_at": row["decided_at"],
        "cycle_id": row["cycle"],
        "snapshot": row["inputs"]["snapshot"],
        "snapshot_key": record["snapshot_key"],
        "repeated": next(item["count"] for item in record["refusals"] if item["refusal_id"] == id),
        "audit": _recorded(platform.tenants.store(record["tenant_id"]), row["cycle"]),
        **_offered(platform, row["cycle"], refusal["opportunity"]),
    }


def _offered(platform: Platform, cycle_id: str, opportunity_id: str) -> dict[str, Any]:
    document = platform.documents.get(f"cycles/{cycle_id}")
    if document is None:
        return {}
    view = platform.view_of(document.data)
    found = next((item for item in view.opportunities if item.opportunity_id == opportunity_id), None)
    if found is None:
        return {}
    offer = canonical(found)
    return {
        "legs": offer["package"]["legs"],
        "cost_lines": offer["economics"]["cost_lines"],
        "economics": {key: value for key, value in offer["economics"].items() if key != "cost_lines"},
        "rule_rows": offer["rule_rows"],
    }


def _cycle(platform: Platform, id: str) -> dict[str, Any] | None:
    document = platform.documents.get(f"cycles/{id}")
    return {"kind": "cycle", "id": id, **document.data} if document else None
