"""One market pass per accepted snapshot; `cycle.decided` announces it."""

from __future__ import annotations

from quantsentinel.app.broker_margins import ask_margins, margin_record
from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import CycleDecided, SnapshotTaken
from quantsentinel.errors import BadInput, StaleData
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.ports import Create, Json
from quantsentinel.stores.inbox import Claim, run_once
from quantsentinel.stores.views import view_rows

NEVER_APPLIED = frozenset({"late", "dropped"})
"""States of a cycle that no tenant will see."""


def decide(platform: Platform, taken: SnapshotTaken) -> None:
    """Twice equals once: the cycle id is a digest of snapshot and history.

    Raises `BadInput` when the rules do not cover the snapshot, `StaleData` when it is handled more than
    `max_handling_s` after it was accepted.
    """
    run_once(platform.inbox, f"decide:{taken.cycle_id}", taken.event_id, lambda claim: _decide(platform, taken, claim))


def _decide(platform: Platform, taken: SnapshotTaken, claim: Claim) -> None:
    delay = (platform.clock.now() - taken.accepted_at).total_seconds()
    limit = platform.desk.policy.age.max_handling_s
    if delay > limit:
        _end(platform, taken, claim, {"state": "late", "measured": delay, "limit": limit, "unit": "s"})
        raise StaleData(f"snapshot accepted {delay:.0f} s ago, limit {limit:.0f} s", where=f"decide {taken.cycle_id}")
    try:
        priced = platform.view(taken.snapshot_key, taken.history_key)
    except BadInput as error:
        _end(platform, taken, claim, {"state": "dropped", "what": str(error)})
        raise
    margins = ask_margins(platform, taken, priced)
    view = platform.view(taken.snapshot_key, taken.history_key, margins)
    with platform.timings.measure("view_rows"):
        rows_key = _store_rows(platform, taken, view)
    decided = CycleDecided(
        cycle_id=taken.cycle_id,
        underlying=taken.underlying,
        session=taken.session,
        snapshot_key=taken.snapshot_key,
        history_key=taken.history_key,
        desk_digest=platform.desk.digest,
        view_digest=view.digest,
        decided_at=taken.accepted_at,
        eligible=sum(opportunity.is_eligible for opportunity in view.opportunities),
        previous=taken.previous,
        margins_key=margins,
    )
    event = decided.to_event()
    cycle = {**event.data, "state": "decided", "rows_key": rows_key, "entries_refused": view.entries_refused}
    cycle |= margin_record(platform, margins)
    outbox = platform.outbox
    create = Create(f"cycles/{taken.cycle_id}", cycle)
    platform.documents.commit([create, *outbox.writes([event]), claim.complete_write({"state": "decided"})])
    outbox.publish([event])


def _end(platform: Platform, taken: SnapshotTaken, claim: Claim, cycle: Json) -> None:
    """A cycle that will never be applied says so: the one after it must not wait for it."""
    platform.documents.commit(
        [Create(f"cycles/{taken.cycle_id}", cycle), claim.complete_write({"state": cycle["state"]})]
    )


def _store_rows(platform: Platform, taken: SnapshotTaken, view: MarketView) -> str:
    key = f"views/{taken.underlying}/{taken.session.isoformat()}/{taken.cycle_id}.parquet"
    platform.objects.put_if_absent(key, view_rows(view))
    return key
