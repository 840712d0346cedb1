"""When the system pulls a switch over the market by itself, and what lets go of it again (`definitions.md` §8).

    watches/{scope, `~` for `:`}    {recent, clean_since, fresh_left}; there only while something is being watched

Repeated quarantines pull `symbol:<U>` until 15 clean minutes; failing polls, one after another, `broker:<source>` until
5; a feed that stopped `stale_data:<U>` until 3 fresh snapshots (a first one after the gap is not fresh). What a person
pulled, or must look at, is let alone: only the rule's own switch is released by the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from quantsentinel.app.platform import Platform
from quantsentinel.errors import BadInput, Unavailable
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import contract_for
from quantsentinel.ports import Create, Delete, Document, Event, Update, Write
from quantsentinel.risk.kill_state import KillState, Rearm, check_scope
from quantsentinel.risk.switches.stale_data import FRESH_TO_REARM
from quantsentinel.stores.kills import Change
from quantsentinel.stores.snapshots import parse_time

WHO = "market watch"


@dataclass
class Told:
    """What goes into the poller's own commit, and what is published after it."""

    writes: list[Write] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def add(self, change: Change | None) -> None:
        if change is not None:
            self.writes += change.writes
            self.events.append(change.event)


# --- Chains that are wrong ---
def chain_refused(platform: Platform, underlying: str, guard: str) -> None:
    """Counts a quarantined chain, unless it was only late or a repetition; enough of them pull the symbol."""
    policy = platform.desk.policy.switches
    scope = f"symbol:{underlying}"
    if guard in policy.not_anomalies or not _is_scope(scope):
        return
    window = timedelta(minutes=policy.anomaly_window_minutes)
    _went_wrong(platform, scope, f"chains quarantined by {guard}", window, policy.anomaly_quarantines)


def chain_accepted(platform: Platform, underlying: str, source: str, previous: datetime | None) -> Told:
    """What an accepted chain says about the watches over its underlying. `previous` is when the one before it was."""
    told, now = Told(), platform.clock.now()
    scopes = (f"symbol:{underlying}", f"stale_data:{underlying}")
    found = platform.documents.get_many([_path(scope) for scope in scopes])
    symbol, stale = (found.get(_path(scope)) for scope in scopes)
    if symbol is None and stale is None:
        return told
    in_time = _is_in_time(platform, source, previous, now)
    if symbol is not None:
        clean = _clean_minutes(platform, symbol.data if in_time else {}, now)
        _count_clean(platform, told, scopes[0], symbol, clean)
    if stale is not None and in_time:
        _count_fresh(platform, told, scopes[1], stale)
    elif stale is not None:
        told.writes.append(_write(scopes[1], stale, {"fresh_left": FRESH_TO_REARM}))
    return told


def _count_clean(platform: Platform, told: Told, scope: str, watch: Document, clean: float | None) -> None:
    """`clean` are the minutes since the first accepted chain after the last wrong one; None begins to count."""
    limit = platform.desk.policy.switches.anomaly_clean_minutes
    if clean is None:
        data = {"recent": watch.data["recent"], "clean_since": platform.clock.now().isoformat()}
        told.writes.append(_write(scope, watch, data))
    elif clean >= limit:
        told.writes.append(Delete(watch.path))
        why = f"{limit:g} clean minutes of session time"
        told.add(platform.kills.rearmed(scope, Rearm.CLEAN_MINUTES, why, platform.clock.now()))


def _count_fresh(platform: Platform, told: Told, scope: str, watch: Document) -> None:
    left = int(watch.data["fresh_left"]) - 1
    if left > 0:
        told.writes.append(_write(scope, watch, {"fresh_left": left}))
        return
    told.writes.append(Delete(watch.path))
    why = f"{FRESH_TO_REARM} fresh snapshots"
    told.add(platform.kills.rearmed(scope, Rearm.FRESH_SNAPSHOTS, why, platform.clock.now()))


def _clean_minutes(platform: Platform, data: Mapping[str, Any], now: datetime) -> float | None:
    """Of session time; None where the count begins now. A stream that broke has not been clean."""
    session = platform.desk.rules.session(now.astimezone(IST).date())
    if not data.get("clean_since") or session is None:
        return None
    return session.minutes_between(parse_time(data["clean_since"]), now)


def _is_in_time(platform: Platform, source: str, previous: datetime | None, now: datetime) -> bool:
    """Whether the chain came within its contract's gap of the one before it, or of the open. Unknown is no."""
    try:
        session = platform.desk.rules.session(now.astimezone(IST).date())
        limit_s = contract_for(source).max_gap_s
    except BadInput:
        return False
    if session is None:
        return False
    return 60.0 * session.minutes_between(max(previous or session.open, session.open), now) <= limit_s


# --- A feed that stopped ---
def feed_stopped(platform: Platform, underlying: str, limit_s: float) -> Told:
    """The heartbeat's switch: announced once, released by the poller after fresh snapshots."""
    scope, told = f"stale_data:{underlying}", Told()
    why = f"no accepted chain for more than {limit_s:g} s of session time"
    change = platform.kills.pulled(_pulled(scope, why, platform.clock.now(), Rearm.FRESH_SNAPSHOTS))
    if change is not None:
        told.add(change)
        told.writes.append(_write(scope, _watch(platform, scope), {"fresh_left": FRESH_TO_REARM}))
    return told


# --- A broker that does not answer ---
def poll_failed(platform: Platform, source: str, error: Unavailable | BadInput) -> None:
    """Counts polls that failed one after another; enough of them pull the broker."""
    policy, scope = platform.desk.policy.switches, f"broker:{source}"
    if not _is_scope(scope):
        return
    window = timedelta(minutes=policy.outage_window_minutes)
    _went_wrong(platform, scope, f"polls of {source} fail: {type(error).__name__}", window, policy.outage_failures)


def poll_answered(platform: Platform, source: str) -> None:
    """Ends a row of failures; the switch goes after its clean minutes."""
    scope = f"broker:{source}"
    watch = _watch(platform, scope) if _is_scope(scope) else None
    if watch is None:
        return
    policy, now, told = platform.desk.policy.switches, platform.clock.now(), Told()
    since = watch.data.get("clean_since")
    if since is None:
        told.writes.append(_write(scope, watch, {"recent": [], "clean_since": now.isoformat()}))
    elif now - parse_time(since) >= timedelta(minutes=policy.outage_clean_minutes):
        told.writes.append(Delete(watch.path))
        why = f"{policy.outage_clean_minutes:g} clean minutes"
        told.add(platform.kills.rearmed(scope, Rearm.CLEAN_MINUTES, why, now))
    _commit(platform, told)


# --- What they share ---
def _pulled(scope: str, why: str, now: datetime, rearm: Rearm) -> KillState:
    return KillState(scope, WHO, why, now, rearm=rearm)


def _is_scope(scope: str) -> bool:
    """A name that a payload brought need not be one of ours."""
    try:
        check_scope(scope)
    except BadInput:
        return False
    return True


def _went_wrong(platform: Platform, scope: str, why: str, window: timedelta, most: int) -> None:
    """Notes the time; `most` of them inside the window, this one included, pull the switch until clean minutes."""
    now, before = platform.clock.now(), _watch(platform, scope)
    past: Sequence[str] = before.data["recent"] if before else ()
    recent = [*(text for text in past if parse_time(text) > now - window), now.isoformat()]
    told = Told([_write(scope, before, {"recent": recent, "clean_since": None})])
    if len(recent) >= most:
        told.add(platform.kills.pulled(_pulled(scope, why, now, Rearm.CLEAN_MINUTES)))
    _commit(platform, told)


def _path(scope: str) -> str:
    return f"watches/{scope.replace(':', '~')}"


def _watch(platform: Platform, scope: str) -> Document | None:
    return platform.documents.get(_path(scope))


def _write(scope: str, before: Document | None, data: Mapping[str, Any]) -> Write:
    return Create(_path(scope), data) if before is None else Update(before.path, data, before.version)


def _commit(platform: Platform, told: Told) -> None:
    if told.writes:
        platform.documents.commit(told.writes)
        platform.outbox.publish(told.events)
