"""Is what runs well? One check each of what a deployment must keep: read on the ports, the same in both profiles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from quantsentinel.app.check import FAIL, OK, WARN, Check, failed, token_life
from quantsentinel.app.fitted_check import fitted
from quantsentinel.app.kills import kills
from quantsentinel.app.platform import Platform
from quantsentinel.app.session_relations import closed_session
from quantsentinel.errors import Conflict, QuantsentinelError, RuleGap
from quantsentinel.market.calendar import IST
from quantsentinel.ports import Create, Delete, Where
from quantsentinel.stores.audit_roots import AuditRoots
from quantsentinel.stores.outbox import COLLECTION as OUTBOX
from quantsentinel.stores.snapshots import parse_time
from quantsentinel.stores.token_board import TokenBoard

BEAT_LATE = timedelta(minutes=3)
"""The scheduler beats every minute."""
OUTBOX_LATE, OUTBOX_STUCK = timedelta(minutes=3), timedelta(minutes=15)
"""The sweep relays what is older than 30 s, every minute."""
SEAL_LATE = timedelta(hours=3)
DROPPED_LOOKED_BACK = timedelta(days=1)


def checked(name: str, ask: Callable[[], Check]) -> Check:
    """A check that cannot be made is one that failed: unknown means no."""
    try:
        return ask()
    except QuantsentinelError as error:
        return failed(name, error)


def health(platform: Platform, *, write: bool = False) -> list[Check]:
    """Every check of the platform; `write` also creates and deletes one document."""
    asks: dict[str, Callable[[Platform], Check]] = {
        "heartbeat": heartbeat,
        "outbox": outbox,
        "dropped events": dropped,
        "audit roots": sealed,
        "kill switches": switches,
        "token countdown": token,
        "fitted parts": fitted,
    }
    found = [checked("documents", lambda: documents(platform, write=write))]
    if found[0].status == FAIL:  # each of the others would wait for the same deadline
        return found
    return [*found, *(checked(name, lambda ask=ask: ask(platform)) for name, ask in asks.items())]  # type: ignore[misc]  # mypy cannot infer a lambda's default


def documents(platform: Platform, *, write: bool) -> Check:
    """Readable; with `write`, created and deleted too."""
    path = f"doctor/{platform.owner}"
    platform.documents.get(path)
    if not write:
        return Check("documents", OK, "can be read", "--write also creates and deletes one")
    try:
        platform.documents.commit([Create(path, {"at": platform.clock.now().isoformat()})])
    except Conflict as conflict:
        return Check("documents", FAIL, f"{path}: {conflict.what}", "Run it once more; two doctors met")
    platform.documents.commit([Delete(path)])
    return Check("documents", OK, "can be read, created and deleted")


def heartbeat(platform: Platform) -> Check:
    """In a session every followed underlying has a beat of the last minutes that says `alive`."""
    beats = {document.id: document.data for document in platform.documents.query("heartbeats")}
    now = platform.clock.now()
    if not _in_session(platform, now):
        last = max((beat["at"] for beat in beats.values()), default="none yet")
        return Check("heartbeat", OK, f"no session now; the last beat: {last}")
    late = [name for name in platform.followed if name not in beats or now - parse_time(beats[name]["at"]) > BEAT_LATE]
    stale = [name for name in platform.followed if name in beats and beats[name]["state"] != "alive"]
    if late:
        fix = "Look at the logs of poll_market and heartbeat; `qs doctor` names what of them is missing"
        return Check("heartbeat", FAIL, f"none of the last minutes for {', '.join(late)}", fix)
    if stale:
        return Check(
            "heartbeat", FAIL, f"the feed stopped for {', '.join(stale)}", "Is the broker up, the token valid?"
        )
    return Check("heartbeat", OK, f"alive: {', '.join(sorted(beats))}")


def outbox(platform: Platform) -> Check:
    """What was committed is published within a minute and a half."""
    oldest = platform.documents.query(OUTBOX, order_by="created_at", limit=1)
    if not oldest:
        return Check("outbox", OK, "empty")
    age = platform.clock.now() - parse_time(oldest[0].data["created_at"])
    status = FAIL if age > OUTBOX_STUCK else WARN if age > OUTBOX_LATE else OK
    fix = "The sweep does not relay: look at its logs and its topic" if status != OK else ""
    return Check("outbox", status, f"its oldest event waits {age.total_seconds():.0f} s", fix)


def dropped(platform: Platform) -> Check:
    """Events that no function could ever read are written down: each is somebody's mistake."""
    since = (platform.clock.now() - DROPPED_LOOKED_BACK).isoformat()
    found = platform.documents.query("dropped", [Where("at", ">=", since)])
    if not found:
        return Check("dropped events", OK, "none since yesterday")
    names = ", ".join(sorted({str(document.data["function"]) for document in found}))
    return Check("dropped events", WARN, f"{len(found)} since yesterday, by {names}", "Read `dropped/` for the reasons")


def sealed(platform: Platform) -> Check:
    """The last session's root over all audit chains exists."""
    now = platform.clock.now()
    session = closed_session(platform.desk.rules, now)
    if session is None or not platform.tenants.ids():
        return Check("audit roots", OK, "nothing to seal yet")
    if AuditRoots(platform.objects).has(session):
        return Check("audit roots", OK, f"sealed up to {session}")
    today = platform.desk.rules.session(session)
    late = today is None or now - today.close > SEAL_LATE
    fix = f"`qs audit root --seal --on {session}`"
    return Check("audit roots", FAIL if late else WARN, f"the session of {session} is not sealed", fix)


def switches(platform: Platform) -> Check:
    """Switches that are on are no fault, and nobody should be surprised by them."""
    found = [state.scope for state in kills(platform)]
    if not found:
        return Check("kill switches", OK, "none is on")
    return Check("kill switches", WARN, f"on: {', '.join(found)}", "`qs kill list` says why, `qs kill off` releases")


def token(platform: Platform) -> Check:
    """The broker's token as the poller saw it."""
    life = TokenBoard(platform.documents).life()
    if life is None:
        return Check("token countdown", OK, "no broker token was seen yet")
    return token_life("token countdown", life, platform.clock.now())


def _in_session(platform: Platform, now: datetime) -> bool:
    try:
        session = platform.desk.rules.session(now.astimezone(IST).date())
    except RuleGap:
        return False
    return session is not None and session.is_open(now)
