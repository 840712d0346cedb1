"""Poll one underlying: raw payloads stored, parsed, judged by the firewall, stored or quarantined, announced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from quantsentinel.app.market_watch import chain_accepted, chain_refused, poll_answered, poll_failed
from quantsentinel.app.platform import Platform
from quantsentinel.canonical import canonical, short_id
from quantsentinel.contracts.events import Predecessor, SnapshotTaken, Tick
from quantsentinel.errors import BadInput, RuleGap, StaleData, Unavailable
from quantsentinel.features.strike_flow import opening_of
from quantsentinel.features.summary import summary_row
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.firewall import Firewall, IntegrityContext, check
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.earlier import Opening
from quantsentinel.market.history import History, SummaryRow, decode_row
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.ports import Document, RawSnapshot
from quantsentinel.stores.snapshots import parse_time

BEAT_S = 60.0
"""The scheduler's grain."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll came to. `refused_by` is the first guard that failed; empty when accepted."""

    underlying: str
    at: datetime
    accepted: bool
    refused_by: str = ""
    measured: Any = None
    limit: Any = None
    unit: str = ""
    detail: str = ""
    key: str = ""
    cycle_id: str = ""


def poll_market(platform: Platform, feed: str, underlying: str) -> Polled | None:
    """One poll of `underlying` from `feed`. None when the feed has nothing new.

    Raises `Unavailable`/`RateLimited` from the feed, `Conflict` when another poller moved the pointer first.
    """
    source = platform.feeds[feed]
    try:
        raw = source.poll(underlying)
    except (Unavailable, BadInput) as error:
        poll_failed(platform, source.source, error)
        raise
    poll_answered(platform, source.source)
    return None if raw is None else ingest(platform, raw)


def ingest(platform: Platform, raw: RawSnapshot) -> Polled:
    """Everything after the poll; also used for payloads that were stored earlier."""
    platform.snapshots.put_raw(raw)
    now = platform.clock.now()
    try:
        snapshot = parse(raw, platform.desk.rules)
    except BadInput as error:
        refusal = Polled(raw.underlying, raw.collected_at, False, "schema", error.what, error.fix, "", str(error))
        return _quarantine(platform, raw, refusal, {})
    before = platform.snapshots.latest(raw.underlying)
    with platform.timings.measure("firewall"):
        firewall = _judge(platform, raw.underlying, snapshot, before, now)
    _remember(platform, snapshot)
    if not firewall.accepted:
        return _quarantine(platform, raw, _refused(snapshot, raw, firewall), {"verdicts": firewall.verdicts})
    return _accept(platform, before, firewall)


def _judge(platform: Platform, asked: str, snapshot: Snapshot, before: Document | None, now: datetime) -> Firewall:
    """`asked` is the underlying that was polled: a chain of another one must not pass as its own."""
    previous = platform.snapshot(before.data["snapshot_key"]) if before else None
    context = IntegrityContext(
        underlying=asked,
        contract=contract_for(snapshot.source),
        rules=platform.desk.rules,
        decided_at=now,
        previous=previous,
        last_seen=platform.snapshots.get_seen(snapshot.underlying) if _without_clock(snapshot) else None,
        previous_quotes=platform.mask(previous) if previous else None,
    )
    return check(snapshot, context)


def _without_clock(snapshot: Snapshot) -> bool:
    return contract_for(snapshot.source).clock == "receipt"


def _remember(platform: Platform, snapshot: Snapshot) -> None:
    """A source without an exchange clock proves that it is alive by what changed since it was last seen."""
    if _without_clock(snapshot):
        platform.snapshots.put_seen(snapshot)


def _refused(snapshot: Snapshot, raw: RawSnapshot, firewall: Firewall) -> Polled:
    first = firewall.first_stop
    assert first is not None
    return Polled(
        snapshot.underlying,
        raw.collected_at,
        False,
        first.guard,
        first.measured,
        first.limit,
        first.unit,
        first.detail,
    )


def _quarantine(platform: Platform, raw: RawSnapshot, refusal: Polled, findings: Mapping[str, Any]) -> Polled:
    reason = {
        "guard": refusal.refused_by,
        "measured": refusal.measured,
        "limit": refusal.limit,
        "unit": refusal.unit,
        "detail": refusal.detail,
        **findings,
    }
    key = platform.snapshots.quarantine(raw, platform.clock.now(), reason)
    chain_refused(platform, raw.underlying, refusal.refused_by)
    return replace(refusal, key=key)


def _accept(platform: Platform, before: Document | None, firewall: Firewall) -> Polled:
    """Stores the judged snapshot: what only the one before it could tell is in its column `masked`."""
    snapshot = firewall.snapshot
    accepted_at = platform.clock.now()
    history = _history(platform, snapshot, before)
    store = platform.snapshots
    snapshot_key, history_key = store.put_snapshot(snapshot), store.put_history(history)
    platform.recent.keep(("snapshot", snapshot_key), snapshot)
    platform.recent.keep(("history", history_key), history)
    platform.keep_mask(snapshot, firewall.quotes)
    cycle_id = short_id("cyc", snapshot.underlying, snapshot.digest, history.digest)
    same_session = before is not None and before.data["session"] == history.session.isoformat()
    taken = SnapshotTaken(
        cycle_id=cycle_id,
        underlying=snapshot.underlying,
        session=history.session,
        snapshot_key=snapshot_key,
        history_key=history_key,
        accepted_at=accepted_at,
        previous=Predecessor(cycle_id=before.data["cycle_id"], decided_at=before.data["accepted_at"])
        if before is not None and same_session
        else None,
    )
    row = summary_row(snapshot, firewall, platform.desk)
    pointer = {
        "cycle_id": cycle_id,
        "session": history.session,
        "source": snapshot.source,
        "snapshot_key": snapshot_key,
        "history_key": history_key,
        "accepted_at": accepted_at,
        "row": canonical(row),
    }
    event = taken.to_event()
    outbox = platform.outbox
    write = store.pointer_write(snapshot.underlying, before, pointer)
    previous = parse_time(before.data["accepted_at"]) if before else None
    told = chain_accepted(platform, snapshot.underlying, snapshot.source, previous)
    platform.documents.commit([write, *told.writes, *outbox.writes([event])])
    outbox.publish([event, *told.events])
    return Polled(snapshot.underlying, snapshot.received_at, True, key=snapshot_key, cycle_id=cycle_id)


def _history(platform: Platform, snapshot: Snapshot, before: Document | None) -> History:
    session = snapshot.received_at.astimezone(IST).date()
    rows: tuple[SummaryRow, ...] = ()
    opening: Opening | None = None
    if before is not None and before.data["session"] == session.isoformat():
        past = platform.history(before.data["history_key"])
        rows = (*past.rows, decode_row(before.data["row"]))
        opening = past.opening if past.rows else _opening(platform, before)
    others = {}
    names = [name for name in platform.desk.rules.underlyings() if name != snapshot.underlying]
    for name, document in platform.snapshots.latest_of(names).items():
        row = decode_row(document.data["row"])
        if parse_time(document.data["accepted_at"]) <= platform.clock.now():
            others[name] = row
    return History(
        underlying=snapshot.underlying,
        session=session,
        rows=rows,
        daily=platform.daily_before(snapshot.underlying, session),
        others=others,
        participants=platform.participants_before(session),
        opening=opening,
        breadth=platform.breadth_before(session),
        neighbours=_neighbours(platform, names, session),
    )


def _neighbours(platform: Platform, names: Sequence[str], session: date) -> dict[str, tuple[DailyBar, ...]]:
    """As many daily bars of the other underlyings as their moving together is judged on."""
    newest = platform.desk.policy.scenarios.sessions + 1
    found = {name: platform.daily_before(name, session)[-newest:] for name in names}
    return {name: bars for name, bars in found.items() if bars}


def _opening(platform: Platform, before: Document) -> Opening:
    """The day's first accepted snapshot by strike: the only one before this one."""
    first = platform.snapshot(before.data["snapshot_key"])
    return opening_of(first, platform.mask(first))


def poll_tick(platform: Platform, tick: Tick) -> None:
    """One scheduler beat: polls every followed underlying every `poll_interval_s` until the minute is over.

    Outside a session nothing is polled: the beat comes every minute of the day, the rule book knows the sessions.
    Scheduler's finest grain is a minute, so a finer interval loops here. Raises `StaleData` for an old beat; the first
    `Unavailable` after every underlying had its turn; what a source refused for good (`BadInput`) when the beat is
    over, so that one underlying's refusal keeps no other from being polled.
    """
    age = (platform.clock.now() - tick.at).total_seconds()
    if age > BEAT_S:
        raise StaleData(f"beat of {age:.0f} s ago, limit {BEAT_S:.0f} s", where="poll_market")
    refused: list[BadInput] = []
    while in_session(platform.desk.rules, platform.clock.now()):
        trouble = [error for name in platform.followed if (error := _poll_one(platform, name)) is not None]
        for error in trouble:
            if isinstance(error, Unavailable):
                raise error
        refused += [error for error in trouble if isinstance(error, BadInput)]
        elapsed = (platform.clock.now() - tick.at).total_seconds()
        if elapsed + platform.poll_interval_s >= BEAT_S:
            break
        platform.sleep(platform.poll_interval_s)
    if refused:
        raise refused[0]


def in_session(rules: RuleBook, now: datetime) -> bool:
    """Whether an index session is open, or ended less than a beat ago. Unknown (no rule for the day) is no."""
    try:
        session = rules.session(now.astimezone(IST).date())
    except RuleGap:
        return False
    return session is not None and any(
        start <= now <= end + timedelta(seconds=BEAT_S) for start, end in session.windows
    )


def _poll_one(platform: Platform, underlying: str) -> Unavailable | BadInput | None:
    """One underlying's failure must not keep the others from being polled."""
    try:
        for feed in platform.feeds:
            poll_market(platform, feed, underlying)
    except (Unavailable, BadInput) as error:
        return error
    return None
