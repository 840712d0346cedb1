"""Wire messages between functions. Ids come from meaning, so that a repeated event is the same event."""

from __future__ import annotations

import base64
import binascii
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from quantsentinel.errors import BadInput
from quantsentinel.ports import Event

SNAPSHOT_TAKEN = "snapshot.taken"
CYCLE_DECIDED = "cycle.decided"
TENANT_BATCH = "tenant.batch"
SIGNAL_ISSUED = "signal.issued"
KILL_CHANGED = "kill.changed"
TICK = "tick"

MAX_EVENT_BYTES = 8 * 1024


class _Message(BaseModel, ABC):
    model_config = ConfigDict(extra="forbid", frozen=True)
    topic: ClassVar[str]

    @property
    @abstractmethod
    def event_id(self) -> str:
        """From meaning, the same for every repetition of the event."""

    def to_event(self) -> Event:
        """The event of this message. Raises `BadInput` above 8 kB: ids and digests travel, not data."""
        data = self.model_dump(mode="json")
        if len(json.dumps(data, ensure_ascii=False).encode()) > MAX_EVENT_BYTES:
            raise BadInput(f"event larger than {MAX_EVENT_BYTES} bytes", where=self.topic, fix="Send ids, store data")
        return Event(id=self.event_id, topic=self.topic, data=data, attributes={"event_id": self.event_id})


class Predecessor(BaseModel):
    """The cycle before this one of the same underlying."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    cycle_id: str
    decided_at: AwareDatetime


class SnapshotTaken(_Message):
    """An accepted snapshot and its history are stored; `accepted_at` becomes the cycle's `decided_at`."""

    topic: ClassVar[str] = SNAPSHOT_TAKEN
    cycle_id: str
    underlying: str
    session: date
    snapshot_key: str
    history_key: str
    accepted_at: AwareDatetime
    previous: Predecessor | None = None

    @property
    def event_id(self) -> str:
        return f"{SNAPSHOT_TAKEN}:{self.cycle_id}"


class CycleDecided(_Message):
    """The market pass of one accepted snapshot is done; the view is a pure function of the three digests
    and of the stored margin answers."""

    topic: ClassVar[str] = CYCLE_DECIDED
    cycle_id: str
    underlying: str
    session: date
    snapshot_key: str
    history_key: str
    desk_digest: str
    view_digest: str
    decided_at: AwareDatetime
    eligible: int
    previous: Predecessor | None = None
    margins_key: str = ""
    """Where the broker's margin figures are that the view stands on; empty where none was asked."""

    @property
    def event_id(self) -> str:
        return f"{CYCLE_DECIDED}:{self.cycle_id}"


def all_batches(cycle_id: str, count: int) -> str:
    """All batches of a cycle in one name."""
    return f"{cycle_id}.*{count}"


def _batches(name: str) -> Iterator[str]:
    cycle_id, _, count = name.partition(".*")
    return (f"{cycle_id}.{number}" for number in range(int(count))) if count.isdecimal() else iter((name,))


class TenantBatch(_Message):
    """Up to 100 tenants to be served in one cycle; `after` names the batches that have to be applied before.

    `<cycle>.*<n>` stands for all n batches of a cycle: a hundred of them, one by one, would not fit into an event.
    """

    topic: ClassVar[str] = TENANT_BATCH
    cycle: CycleDecided
    batch: int
    tenants: tuple[str, ...] = Field(max_length=100)
    after: tuple[str, ...] = ()

    @property
    def predecessors(self) -> tuple[str, ...]:
        """The batches that `after` names, one by one."""
        return tuple(name for item in self.after for name in _batches(item))

    @property
    def batch_id(self) -> str:
        return f"{self.cycle.cycle_id}.{self.batch}"

    @property
    def event_id(self) -> str:
        return f"{TENANT_BATCH}:{self.batch_id}"


class SignalIssued(_Message):
    """One step of one signal, committed in the tenant's book, to be delivered on the tenant's channels."""

    topic: ClassVar[str] = SIGNAL_ISSUED
    tenant_id: str
    signal_id: str
    sequence: int
    state: str
    valid_until: AwareDatetime

    @property
    def event_id(self) -> str:
        return f"{SIGNAL_ISSUED}:{self.signal_id}.{self.sequence}"


class KillChanged(_Message):
    """A kill switch went on or off, or a person said a word about it. `number` counts the changes of its scope.

    `tenants` are those to be told; None asks the handler to find and to split them.
    """

    topic: ClassVar[str] = KILL_CHANGED
    scope: str
    number: int
    on: bool
    who: str
    why: str
    at: AwareDatetime
    until: AwareDatetime | None = None
    rearm: str = ""
    tenants: tuple[str, ...] | None = Field(default=None, max_length=100)
    batch: int = 0

    @property
    def notice_id(self) -> str:
        """Of the change itself, the same for every tenant that is told."""
        return f"kill-{self.scope.replace(':', '-')}-{self.number}"

    @property
    def event_id(self) -> str:
        part = ""
        if self.tenants is not None:
            part = f":{self.tenants[0]}" if len(self.tenants) == 1 else f":{self.batch}"
        return f"{KILL_CHANGED}:{self.scope}:{self.number}{part}"


class Tick(_Message):
    """The scheduler's beat for a function that polls or sweeps."""

    topic: ClassVar[str] = TICK
    at: AwareDatetime
    underlying: str = ""

    @property
    def event_id(self) -> str:
        return f"{TICK}:{self.underlying}:{self.at.isoformat()}"


class Envelope(BaseModel):
    """A delivery as the transport brought it; `attempt` is 0 where the transport does not tell."""

    model_config = ConfigDict(frozen=True)
    event_id: str
    data: dict[str, Any]
    attributes: dict[str, str] = Field(default_factory=dict)
    subscription: str = ""
    attempt: int = 0
    published_at: datetime | None = None


def parse(message: type[Any], data: Mapping[str, Any], where: str) -> Any:
    """`data` as `message`, every error at once as `BadInput`."""
    try:
        return message.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise BadInput("; ".join(lines), where=where, fix="The event is dropped and recorded") from None


def parse_push(headers: Mapping[str, str], body: bytes) -> Envelope:
    """One parser for the two ways a push arrives: a CloudEvent (binary or structured) and a raw Pub/Sub push.

    Raises `BadInput` for anything else; the body of the message must be JSON.
    """
    lowered = {key.lower(): value for key, value in headers.items()}
    outer = _json_object(body, "push body")
    if "ce-id" in lowered:
        return _from_wrapped(outer, fallback_id=lowered["ce-id"])
    if "specversion" in outer:
        inner = outer.get("data", {})
        if not isinstance(inner, dict):
            raise BadInput("structured CloudEvent whose data is not an object", where="push body")
        return _from_wrapped(inner, fallback_id=str(outer.get("id", "")))
    return _from_wrapped(outer, fallback_id="")


def _from_wrapped(outer: dict[str, Any], fallback_id: str) -> Envelope:
    message = outer.get("message")
    if not isinstance(message, dict):
        raise BadInput("no `message` in the push body", where="push body", fix="Send a Pub/Sub push or a CloudEvent")
    attributes = message.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise BadInput("attributes that are no object", where="push body")
    named = {str(key): str(value) for key, value in attributes.items()}
    fields = {
        "event_id": named.get("event_id") or str(message.get("messageId") or fallback_id),
        "data": _json_object(_decoded(message.get("data", "")), "message data"),
        "attributes": named,
        "subscription": str(outer.get("subscription", "")),
        "attempt": outer.get("deliveryAttempt") or 0,
        "published_at": message.get("publishTime"),
    }
    envelope: Envelope = parse(Envelope, fields, "push body")
    return envelope


def _decoded(data: Any) -> bytes:
    try:
        return base64.b64decode(str(data), validate=True)
    except binascii.Error:
        raise BadInput("message data is not base64", where="push body") from None


def _json_object(body: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise BadInput("not JSON", where=where) from None
    if not isinstance(value, dict):
        raise BadInput(f"expected a JSON object, got {type(value).__name__}", where=where)
    return value
