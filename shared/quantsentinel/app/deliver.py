"""Send one signal event on each of its tenant's channels, once each, until its deadline.

Retry belongs to the bus: a failed attempt gives its claim back and raises, so that the bus asks again later; past
`valid_until` the attempt is not made and the delivery ends as `expired`. The claim in the inbox keeps two handlers of
the same event from sending it twice; `webhook-id` stays the same over all attempts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import SignalIssued
from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Json, Message
from quantsentinel.stores.inbox import Claim
from quantsentinel.stores.tenants import Endpoint, TenantStore

LEASE_S = 60.0
"""Longer than a slow endpoint may take from connecting to its answer (45 s): a lease that ends sooner sends twice."""
OFFERS = frozenset({"created", "updated"})
"""States on which a tenant may enter."""
SWITCHED = "switched"
"""Of a notice (`app.announce`), which is delivered like a step of a signal."""
TESTED = "tested"
"""Of the notice that a self-test sends, to the tenant `SELF_TEST` alone (`app.self_test`)."""
SELF_TEST = "self-test"
TYPES = {
    "created": "signal.created",
    "updated": "signal.updated",
    "withdrawn": "signal.withdrawn",
    "expired": "signal.expired",
    "closed": "signal.closed",
    SWITCHED: "switch.changed",
    TESTED: "self_test.sent",
}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One delivery of one event on one channel."""

    store: TenantStore
    issued: SignalIssued
    endpoint: Endpoint
    stored: Json
    now: datetime

    @property
    def delivery_id(self) -> str:
        return f"{self.issued.signal_id}-{self.issued.sequence:03d}-{self.endpoint.channel}"

    def line(self, state: str, attempts: int, detail: str = "") -> dict[str, Any]:
        return {
            "delivery_id": self.delivery_id,
            "signal_id": self.issued.signal_id,
            "sequence": self.issued.sequence,
            "signal_state": self.issued.state,
            "tenant_id": self.store.tenant_id,
            "channel": self.endpoint.channel,
            "state": state,
            "attempts": attempts,
            "at": self.now.isoformat(),
            "valid_until": self.issued.valid_until.isoformat(),
            "detail": detail,
        }


def deliver(platform: Platform, issued: SignalIssued) -> None:
    """Raises `Unavailable` (the longest wait asked for) while a channel still has to be tried again."""
    store = platform.tenants.store(issued.tenant_id)
    stored = _tested(issued) if issued.state == TESTED else store.signal_event(issued.signal_id, issued.sequence)
    states = send(platform, store, issued, stored)
    if states and issued.state in OFFERS and all(state == "expired" for state in states):
        store.note_undelivered(f"{issued.signal_id}.{issued.sequence}")


def _tested(issued: SignalIssued) -> Json:
    """The self-test's notice. Raises `BadInput` when it is addressed to anybody else."""
    if issued.tenant_id != SELF_TEST:
        raise BadInput(f"a self-test for {issued.tenant_id}", where=issued.signal_id, fix=f"Only {SELF_TEST} gets them")
    body = {"id": issued.signal_id, "decided_at": issued.valid_until.isoformat(), "state": issued.state}
    return {"webhook": body, "telegram": "Self-test"}


def send(platform: Platform, store: TenantStore, issued: SignalIssued, stored: Json) -> list[str]:
    """`stored` (each channel's text) on every channel of the tenant, once each: the final state by channel.

    Raises `Unavailable` (the longest wait asked for) while a channel still has to be tried again.
    """
    trouble: list[Unavailable] = []
    states = []
    for endpoint in store.endpoints():
        attempt = _Attempt(store, issued, endpoint, stored, platform.clock.now())
        try:
            states.append(_deliver_once(platform, attempt))
        except Unavailable as error:
            trouble.append(error)
    if trouble:
        raise max(trouble, key=lambda error: error.retry_after_s if isinstance(error, RateLimited) else 0.0)
    return states


def _deliver_once(platform: Platform, attempt: _Attempt) -> str:
    """The delivery's final state. Raises `Unavailable` when it has none yet."""
    key = f"deliver:{attempt.delivery_id}"
    claim = platform.inbox.claim(key, attempt.delivery_id, LEASE_S)
    before = attempt.store.delivery(attempt.delivery_id)
    if claim is None:
        return str(before["state"]) if before else "sent"
    attempts = int(before["attempts"]) if before else 0
    if attempt.now > attempt.issued.valid_until:
        return _finish(platform, attempt, claim, attempt.line("expired", attempts, "past its deadline"))
    channel = platform.channels.get(attempt.endpoint.channel)
    if channel is None:
        detail = f"no {attempt.endpoint.channel} channel is configured"
        return _finish(platform, attempt, claim, attempt.line("failed", attempts, detail))
    try:
        sent = channel.send(_message(attempt))
    except Unavailable as error:
        line = attempt.line("retrying", attempts + 1, str(error))
        platform.documents.commit(
            [attempt.store.delivery_write(attempt.delivery_id, line), claim.release_write(attempt.now)]
        )
        raise
    except BadInput as error:
        return _finish(platform, attempt, claim, attempt.line("failed", attempts + 1, str(error)))
    return _finish(platform, attempt, claim, attempt.line("sent", attempts + 1, f"HTTP {sent.status}"))


def _finish(platform: Platform, attempt: _Attempt, claim: Claim, line: dict[str, Any]) -> str:
    write = attempt.store.delivery_write(attempt.delivery_id, line)
    platform.documents.commit([write, claim.complete_write({"state": line["state"]})])
    return str(line["state"])


def _message(attempt: _Attempt) -> Message:
    issued, endpoint = attempt.issued, attempt.endpoint
    if endpoint.channel == "telegram":
        body = str(attempt.stored["telegram"]).encode()
    else:
        body = webhook_body(issued, attempt.stored["webhook"])
    return Message(
        id=f"{issued.signal_id}.{issued.sequence}",
        kind=TYPES[issued.state],
        sequence=issued.sequence,
        address=endpoint.address,
        body=body,
        secret=endpoint.secret,
    )


def webhook_body(issued: SignalIssued, data: Mapping[str, Any]) -> bytes:
    """`{type, timestamp, data}`; the same bytes on every attempt."""
    body = {"type": TYPES[issued.state], "timestamp": data["decided_at"], "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
