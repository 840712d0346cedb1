"""Split the tenants of a decided cycle into batches of at most 100, each naming the batches it must follow."""

from __future__ import annotations

from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import CycleDecided, TenantBatch, all_batches
from quantsentinel.ports import Create
from quantsentinel.stores.inbox import Claim, run_once

BATCH = 100


def fan_out(platform: Platform, cycle: CycleDecided) -> None:
    """Entitled tenants, paused ones included: their open positions are still marked and closed."""
    run_once(
        platform.inbox, f"fan_out:{cycle.cycle_id}", cycle.event_id, lambda claim: _fan_out(platform, cycle, claim)
    )


def _fan_out(platform: Platform, cycle: CycleDecided, claim: Claim) -> None:
    tenants = platform.tenants.entitled(cycle.underlying)
    groups = [tuple(tenants[start : start + BATCH]) for start in range(0, len(tenants), BATCH)]
    after = _predecessors(platform, cycle, len(groups))
    batches = [
        TenantBatch(cycle=cycle, batch=number, tenants=group, after=after[number])
        for number, group in enumerate(groups)
    ]
    events = [batch.to_event() for batch in batches]
    outbox = platform.outbox
    record = Create(f"fan_outs/{cycle.cycle_id}", {"batches": len(groups), "tenants": len(tenants)})
    platform.documents.commit([record, *outbox.writes(events), claim.complete_write({"batches": len(groups)})])
    outbox.publish(events)


def _predecessors(platform: Platform, cycle: CycleDecided, batches: int) -> list[tuple[str, ...]]:
    """The same-numbered batch of the cycle before; all of its batches when their number differs."""
    if cycle.previous is None:
        return [()] * batches
    document = platform.documents.get(f"fan_outs/{cycle.previous.cycle_id}")
    before = int(document.data["batches"]) if document else None
    if before is None or before == batches:
        return [(f"{cycle.previous.cycle_id}.{number}",) for number in range(batches)]
    return [(all_batches(cycle.previous.cycle_id, before),)] * batches
