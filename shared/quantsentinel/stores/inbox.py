"""Handling an event twice equals handling it once: one document per event key, leased while it is worked on.

    inbox/{sha256(key)}    {key, status, owner, attempt, lease_until, payload_hash, result, expire_at}

The key comes from meaning (`decide:<cycle id>`). Completion is a write that the handler commits together with its own
state, so a crash leaves both or neither; a handler that lost its lease loses the whole batch by the version.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from quantsentinel.errors import Broken, Conflict, Unavailable
from quantsentinel.ports import Clock, Create, Document, Documents, Json, Update
from quantsentinel.stores.expiring import FIELD, expiry

LEASE_S = 20.0
"""Longer than the slowest call of a handler that asks for no longer one, and short enough that the event of a process
that died is taken over within a cycle's age limit: at the bus's second or third asking. A failure gives the lease up
at once."""
KEEP = timedelta(days=7)
"""Pub/Sub keeps an unacknowledged message for at most seven days."""

_log = logging.getLogger(__name__)


class Claim:
    """The right to handle one event, until `lease_until`."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.closing = False
        """Whether the completing write was handed out."""

    @property
    def key(self) -> str:
        return str(self._document.data["key"])

    @property
    def attempt(self) -> int:
        """1 at the first claim; counts claims, not deliveries."""
        return int(self._document.data["attempt"])

    def complete_write(self, result: Json) -> Update:
        """To be committed in the same batch as what the handler changes."""
        self.closing = True
        return self._update({"status": "completed", "result": dict(result)})

    def release_write(self, now: datetime) -> Update:
        """Gives the lease up, so that the next delivery need not wait for its end."""
        return self._update({"status": "released", "lease_until": _text(now)})

    def _update(self, changes: Json) -> Update:
        return Update(self._document.path, {**self._document.data, **changes}, self._document.version)


class Inbox:
    """`owner` names the process in the leases it takes."""

    def __init__(self, documents: Documents, clock: Clock, owner: str, lease_s: float = LEASE_S) -> None:
        self._documents = documents
        self._clock = clock
        self._owner = owner
        self._lease = timedelta(seconds=lease_s)

    def claim(self, key: str, payload_hash: str, lease_s: float | None = None) -> Claim | None:
        """The right to handle `key` now, or None when that has been done; a slow handler asks for a longer lease.

        Raises `Unavailable` while somebody else holds a live lease, and `Broken` when the key was first seen with
        another payload: two different events share one identity.
        """
        path = _path(key)
        lease = self._lease if lease_s is None else timedelta(seconds=lease_s)
        try:
            self._documents.commit([Create(path, self._lease_data(key, payload_hash, lease, attempt=1))])
        except Conflict:
            found = self._documents.get(path)
            if found is None:
                raise Unavailable("the entry went away between two reads", where=path) from None
            return self._taken(found, key, payload_hash, lease)
        return self._mine(path)

    def _taken(self, found: Document, key: str, payload_hash: str, lease: timedelta) -> Claim | None:
        if found.data["payload_hash"] != payload_hash:
            raise Broken(
                f"{key} came with payload {payload_hash}, before with {found.data['payload_hash']}",
                where="inbox",
                fix="Two events share one id: find who publishes the second",
            )
        if found.data["status"] == "completed":
            return None
        lease_until = datetime.fromisoformat(found.data["lease_until"])
        if found.data["status"] == "claimed" and lease_until > self._clock.now():
            raise Unavailable(f"{key} is being handled by {found.data['owner']} until {lease_until}", where="inbox")
        data = self._lease_data(key, payload_hash, lease, attempt=int(found.data["attempt"]) + 1)
        self._documents.commit([Update(found.path, data, found.version)])
        return self._mine(found.path)

    def _mine(self, path: str) -> Claim:
        """The entry as it was just written, for its version."""
        document = self._documents.get(path)
        if document is None or document.data["owner"] != self._owner:
            raise Unavailable("the lease was taken over", where=path)
        return Claim(document)

    def release(self, claim: Claim) -> None:
        """After a failure. A lease that is already somebody else's is left alone."""
        self._documents.commit([claim.release_write(self._clock.now())])

    def complete(self, claim: Claim, result: Json) -> None:
        """For a handler that changes no state of its own."""
        self._documents.commit([claim.complete_write(result)])

    def _lease_data(self, key: str, payload_hash: str, lease: timedelta, attempt: int) -> dict[str, object]:
        now = self._clock.now()
        return {
            "key": key,
            "status": "claimed",
            "owner": self._owner,
            "attempt": attempt,
            "lease_until": _text(now + lease),
            "payload_hash": payload_hash,
            "result": None,
            FIELD: expiry(now + KEEP),
        }


def run_once(inbox: Inbox, key: str, payload_hash: str, work: Callable[[Claim], None]) -> bool:
    """Runs `work` unless `key` was completed before; returns whether it ran.

    `work` commits `claim.complete_write(…)` with its own writes; when it never asked for that write, the claim is
    completed here. When it raises, the lease is released and the exception passes on.
    """
    claim = inbox.claim(key, payload_hash)
    if claim is None:
        return False
    try:
        work(claim)
        if not claim.closing:
            inbox.complete(claim, {})
    except Exception:
        _give_up(inbox, claim)
        raise
    return True


def _give_up(inbox: Inbox, claim: Claim) -> None:
    try:
        inbox.release(claim)
    except Unavailable as error:
        # Completed before the failure, stolen, or the store is away: then the lease ends by itself.
        _log.info("lease of %s not released: %s", claim.key, error)


def _path(key: str) -> str:
    return f"inbox/{hashlib.sha256(key.encode()).hexdigest()}"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
