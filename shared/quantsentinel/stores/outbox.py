"""State and the events that tell of it, in one batch: what was committed is published, at the latest by the sweep.

    outbox/{event id}    {event, created_at}, or {events, created_at} under the first one's id

An entry goes away once its events are published, and has no other end: an unpublished event must never expire. A crash
between publishing and removing it publishes twice, which every subscriber can take (`inbox`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from quantsentinel.ports import MAX_BATCH_WRITES, Bus, Clock, Create, Delete, Documents, Event, Json, Where

COLLECTION = "outbox"


class Outbox:
    def __init__(self, documents: Documents, bus: Bus, clock: Clock) -> None:
        self._documents = documents
        self._bus = bus
        self._clock = clock

    def writes(self, events: Sequence[Event]) -> list[Create]:
        """To be committed in the batch of the state that the events tell of."""
        now = self._clock.now()
        return [entry(event, now) for event in events]

    def together(self, events: Sequence[Event]) -> list[Create]:
        """The same as one entry, where every write counts. To be published as `together`."""
        if len(events) < 2:
            return self.writes(events)
        data = {"events": [_plain(event) for event in events], "created_at": _text(self._clock.now())}
        return [Create(_path(events[0].id), data)]

    def publish(self, events: Sequence[Event], together: Sequence[Event] = ()) -> None:
        """After that commit: publishes and removes the entries. Raises `Unavailable`; then the sweep relays them."""
        if events or together:
            self._bus.publish_all([*together, *events])
            self._remove([_path(event.id) for event in (*together[:1], *events)])

    def sweep(self, older_than_s: float, *, limit: int = MAX_BATCH_WRITES) -> int:
        """Publishes up to `limit` entries left by a crash or an outage, oldest first; returns how many."""
        cutoff = _text(self._clock.now() - timedelta(seconds=older_than_s))
        where = [Where("created_at", "<=", cutoff)]
        left = self._documents.query(COLLECTION, where, order_by="created_at", limit=limit)
        if left:
            self._bus.publish_all([event for document in left for event in _events(document.data)])
            self._remove([document.path for document in left])
        return len(left)

    def _remove(self, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), MAX_BATCH_WRITES):
            self._documents.commit([Delete(path) for path in paths[start : start + MAX_BATCH_WRITES]])


def entry(event: Event, now: datetime) -> Create:
    """One event's entry, for a process without a bus: the sweep publishes it."""
    return Create(_path(event.id), {"event": _plain(event), "created_at": _text(now)})


def _path(event_id: str) -> str:
    return f"{COLLECTION}/{quote(event_id, safe=':')}"


def _plain(event: Event) -> dict[str, Any]:
    attributes, data = dict(event.attributes), dict(event.data)
    return {"id": event.id, "topic": event.topic, "data": data, "attributes": attributes}


def _events(entry: Json) -> list[Event]:
    return [_event(plain) for plain in entry.get("events") or [entry["event"]]]


def _event(plain: dict[str, Any]) -> Event:
    return Event(plain["id"], plain["topic"], plain["data"], plain["attributes"])


def _text(moment: datetime) -> str:
    """Fixed width, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
