"""One tenant's decision into the database: book, signals, refusals, audit and outbox in one atomic batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from quantsentinel.app.decision_inputs import environment
from quantsentinel.app.platform import Platform
from quantsentinel.app.waiting import NOTHING, Waiting
from quantsentinel.audit.chain import append
from quantsentinel.canonical import canonical, digest, plain_bytes, sha256, short_id
from quantsentinel.contracts.events import CycleDecided, SignalIssued
from quantsentinel.desk import Desk
from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Write
from quantsentinel.risk.tripped import turned
from quantsentinel.signals.card import telegram_html, webhook_data
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.signals.signal import Refusal, SignalEvent
from quantsentinel.stores.kills import Change
from quantsentinel.stores.tenants import TenantStore


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision still to be applied, or (`decision` None) the row of one that an earlier attempt applied.

    `row` holds the canonical bytes of the decision row: made once, hashed and stored as they are. `waiting` is what the
    cycles before left to be told.
    """

    store: TenantStore
    version: str | None
    decision: TenantDecision | None
    row: bytes
    waiting: Waiting = NOTHING


def settled(platform: Platform, store: TenantStore, cycle_id: str) -> Outcome | None:
    """The outcome of a cycle that was applied before: its audit record names the object that holds its row."""
    record = store.audit_of_cycle(cycle_id)
    if record is None:
        return None
    rows = json.loads(platform.objects.get(record.body["object"]) or b"[]")
    mine = [plain_bytes(row) for row in rows if row["tenant"] == store.tenant_id]
    if [sha256(row) for row in mine] != [record.body["row_digest"]]:
        raise Broken("the decision rows do not hold what the audit chain says", where=record.body["object"])
    return Outcome(store, None, None, mine[0])


def apply(platform: Platform, outcome: Outcome, cycle: CycleDecided, rows_key: str) -> None:
    """Commits what changed and publishes it. Raises `Conflict` when the book is not the one that was read."""
    decision = outcome.decision
    if decision is None or not decision.must_commit:
        return
    events = [_issued(event).to_event() for event in decision.events]
    writes = _writes(platform, outcome, cycle, rows_key)
    changes = _switched(platform, decision)
    told = [write for change in changes for write in change.writes]
    platform.documents.commit([*writes, *told, *platform.outbox.together(events)])
    platform.outbox.publish([change.event for change in changes], together=events)


def _switched(platform: Platform, decision: TenantDecision) -> list[Change]:
    """The tenant's switches that tripped or let go in this pass, as `qs kill list` shows them."""
    found = []
    for turn in turned(decision.book_before, decision.inputs, decision.switches):
        if turn.state is not None:
            found.append(platform.kills.pulled(turn.state))
        else:
            found.append(platform.kills.rearmed(turn.scope, turn.rearm, turn.why, decision.as_of.decided_at))
    return [change for change in found if change is not None]


def _writes(platform: Platform, outcome: Outcome, cycle: CycleDecided, rows_key: str) -> list[Write]:
    store, decision = outcome.store, outcome.decision
    assert decision is not None
    seq = decision.book_before.audit_seq + 1
    body = audit_body(platform.desk, outcome, cycle, rows_key)
    audit = append(body, store.audit_record(seq - 1))
    signals, beside = store.signalled.writes([_signal_document(event, cycle) for event in decision.events])
    writes = [store.book_write(replace(decision.book_after, audit_seq=seq), outcome.version), *signals]
    refused = _refused(store, decision.records, cycle, rows_key) if decision.records else None
    if refused is not None and decision.events:
        beside = {**beside, **store.refused.beside(refused)}
    elif refused is not None:
        writes.append(store.refused.write(short_id("rec", store.tenant_id, cycle.cycle_id), refused))
    return [*writes, store.audit_write(audit, beside)]


def audit_body(desk: Desk, outcome: Outcome, cycle: CycleDecided, rows_key: str) -> dict[str, Any]:
    """What the chain keeps of a decision: object and digest of its row, by which desk and on what machine it was made,
    how often each refusal came, the rows `before` it that were only counted, and the row itself where something was
    issued, ended or taken back."""
    decision = outcome.decision
    assert decision is not None
    body = {
        "kind": "decision",
        "cycle_id": cycle.cycle_id,
        "decided_at": cycle.decided_at,
        "object": rows_key,
        "row_digest": sha256(outcome.row),
        "desk": cycle.desk_digest,
        "code_version": desk.code_version,
        "environment": digest(environment()),
        "before": outcome.waiting.rows,
        "refusals": {refusal.refusal_id: refusal.count for refusal in decision.records},
        "retain_until": cycle.session + timedelta(days=desk.policy.audit.retention_days),
    }
    return {**body, "row": decision.row} if decision.events else body


def _signal_document(event: SignalEvent, cycle: CycleDecided) -> dict[str, Any]:
    """The event as data, and each channel's text, rendered once so that every attempt sends the same bytes."""
    return {
        "signal_id": event.signal_id,
        "tenant_id": event.tenant_id,
        "state": event.state.value,
        "sequence": event.sequence,
        "underlying": event.underlying,
        "family": event.family.value,
        "expiry": event.expiry.isoformat(),
        "mode": event.mode.value,
        "decided_at": event.decided_at.isoformat(),
        "valid_until": event.valid_until.isoformat(),
        "snapshot_key": cycle.snapshot_key,
        "event": canonical(event),
        "webhook": canonical(webhook_data(event)),
        "telegram": telegram_html(event),
    }


def _refused(store: TenantStore, records: Sequence[Refusal], cycle: CycleDecided, rows_key: str) -> dict[str, Any]:
    """All refusals that are due now share one record: who, the first guard, how often. `object` has every verdict."""
    return {
        "tenant_id": store.tenant_id,
        "cycle_id": cycle.cycle_id,
        "decided_at": cycle.decided_at.isoformat(),
        "underlying": cycle.underlying,
        "snapshot_key": cycle.snapshot_key,
        "object": rows_key,
        "refusal_ids": [refusal.refusal_id for refusal in records],
        "repeated": sum(refusal.count for refusal in records),
        "refusals": [_refusal_line(refusal) for refusal in records],
    }


def _refusal_line(refusal: Refusal) -> dict[str, Any]:
    first = refusal.first
    return {
        "refusal_id": refusal.refusal_id,
        "opportunity_id": refusal.opportunity_id,
        "family": refusal.family.value,
        "expiry": refusal.expiry.isoformat(),
        "count": refusal.count,
        "guard": first.guard,
        "outcome": first.outcome.value,
        "measured": first.measured,
        "limit": first.limit,
        "unit": first.unit,
    }


def _issued(event: SignalEvent) -> SignalIssued:
    return SignalIssued(
        tenant_id=event.tenant_id,
        signal_id=event.signal_id,
        sequence=event.sequence,
        state=event.state.value,
        valid_until=event.valid_until,
    )
