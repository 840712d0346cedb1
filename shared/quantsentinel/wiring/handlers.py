"""Which function handles which topic, and the one place where an exception's branch becomes a policy."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from quantsentinel.app.log_line import log as log
from quantsentinel.app.platform import Platform
from quantsentinel.canonical import sha256
from quantsentinel.contracts.events import (
    CYCLE_DECIDED,
    KILL_CHANGED,
    SIGNAL_ISSUED,
    SNAPSHOT_TAKEN,
    TENANT_BATCH,
    CycleDecided,
    KillChanged,
    SignalIssued,
    SnapshotTaken,
    TenantBatch,
    Tick,
    parse,
)
from quantsentinel.contracts.self_test import ASKED, Asked
from quantsentinel.errors import BadInput, Broken, QuantsentinelError, StaleData, Unavailable
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Put
from quantsentinel.stores.expiring import FIELD, expiry
from quantsentinel.wiring import use_cases
from quantsentinel.wiring.identity import identity

Data = Mapping[str, Any]
DROPPED_KEPT = timedelta(days=30)
DROPPED_CHARACTERS = 20_000
"""Of a dropped event's data; our own events have at most 8 kB."""


@dataclass(frozen=True, slots=True)
class Function:
    """One row of `terraform/functions.json`: its topic, its message and its use case."""

    name: str
    topic: str
    message: type[Any]
    use_case: Callable[[Platform, Any], None]


FUNCTIONS: tuple[Function, ...] = (
    Function("poll_market", "tick.poll_market", Tick, use_cases.poll_market),
    Function("decide", SNAPSHOT_TAKEN, SnapshotTaken, use_cases.decide),
    Function("fan_out", CYCLE_DECIDED, CycleDecided, use_cases.fan_out),
    Function("serve_tenants", TENANT_BATCH, TenantBatch, use_cases.serve_tenants),
    Function("deliver", SIGNAL_ISSUED, SignalIssued, use_cases.deliver),
    Function("announce", KILL_CHANGED, KillChanged, use_cases.announce),
    Function("sweep", "tick.sweep", Tick, use_cases.sweep),
    Function("heartbeat", "tick.heartbeat", Tick, use_cases.heartbeat),
)
BY_NAME = {function.name: function for function in FUNCTIONS}


@dataclass(frozen=True, slots=True)
class Handled:
    """`status` is the HTTP answer: 2xx acknowledges, anything else has the bus deliver again."""

    status: int
    severity: str
    text: str
    error: BaseException | None = None


def handle(platform: Platform, name: str, event_id: str, data: Data) -> Handled:
    """Runs one function on one event and turns what it raised into what the bus should do."""
    try:
        _run(platform, name, event_id, data)
    except QuantsentinelError as error:
        return _settled(platform, name, event_id, data, error)
    except Exception as error:  # the last line of defence: never acknowledge what we did not understand
        return Handled(500, "ERROR", "".join(traceback.format_exception(error)), error)
    return Handled(204, "DEBUG", "done")


def _run(platform: Platform, name: str, event_id: str, data: Data) -> None:
    where = f"{name} {event_id}"
    if event_id.startswith(ASKED):
        from quantsentinel.app.self_test_answers import answer_asked

        answer_asked(platform, parse(Asked, data, where), identity(name))
        return
    function = BY_NAME[name]
    function.use_case(platform, parse(function.message, data, where))


def _settled(platform: Platform, name: str, event_id: str, data: Data, error: QuantsentinelError) -> Handled:
    if isinstance(error, BadInput):
        try:
            record(platform, name, event_id, data, error)
        except Unavailable as away:
            return Handled(503, "WARNING", f"again later: {error} could not be written down: {away}", away)
        return Handled(204, "WARNING", f"dropped: {error}", error)
    if isinstance(error, StaleData):
        return Handled(204, "NOTICE", f"stood aside: {error}", error)
    if isinstance(error, Unavailable):
        return Handled(503, "INFO", f"again later: {error}", error)
    return Handled(500, "CRITICAL" if isinstance(error, Broken) else "ERROR", str(error), error)


def record(platform: Platform, name: str, event_id: str, data: Data, error: QuantsentinelError) -> None:
    """A dropped event is acknowledged only after it has been written down."""
    now = platform.clock.now()
    body = {
        "function": name,
        "event_id": event_id,
        # As text: what is no event of ours need not be a value that the store takes.
        "data": json.dumps(data, ensure_ascii=False, default=str)[:DROPPED_CHARACTERS],
        "what": str(error),
        "at": now.isoformat(),
        FIELD: expiry(now + DROPPED_KEPT),
    }
    key = sha256(f"{name}:{event_id}".encode()).removeprefix("sha256:")
    platform.documents.commit([Put(f"dropped/{key}", body)])
