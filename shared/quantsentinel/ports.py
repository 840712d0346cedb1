"""What the domain needs from the outside: three pieces of infrastructure and five small things.

Two real implementations of each of `Documents`, `Objects` and `Bus` pass one contract suite (`tests/contracts/`).
Retry belongs to the bus alone: no adapter and no use case retries on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Literal, Protocol

from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.raw import Payload as Payload
from quantsentinel.market.raw import RawSnapshot as RawSnapshot

Json = Mapping[str, Any]


# --- Documents --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Document:
    """A stored document. `version` is opaque; `created_at` cannot be written by any client."""

    path: str
    data: Json
    version: str
    created_at: datetime
    updated_at: datetime

    @property
    def id(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Create:
    """Fails with `Conflict` when the document exists."""

    path: str
    data: Json


@dataclass(frozen=True, slots=True)
class Update:
    """Replaces the whole document; fails with `Conflict` when it is absent or its version differs."""

    path: str
    data: Json
    version: str


@dataclass(frozen=True, slots=True)
class Put:
    """Replaces or creates without a precondition: only for values that do not depend on what was there."""

    path: str
    data: Json


@dataclass(frozen=True, slots=True)
class Delete:
    """Removes a document; absent is fine."""

    path: str


Write = Create | Update | Put | Delete
Operator = Literal["==", "<", "<=", ">", ">=", "array_contains"]
MAX_BATCH_WRITES = 500


@dataclass(frozen=True, slots=True)
class Where:
    """`field` is a top-level key of the document; documents without it never match."""

    field: str
    op: Operator
    value: Any


class Documents(Protocol):
    """JSON documents at slash paths with an even number of segments (`tenants/acme/book/current`).

    Data is JSON: None, bool, int, float, str, list, dict; times are ISO-8601 text. At most 1 MiB a document.
    """

    def get(self, path: str) -> Document | None: ...

    def get_many(self, paths: Sequence[str]) -> dict[str, Document]:
        """The documents that exist, by path."""
        ...

    def commit(self, writes: Sequence[Write]) -> None:
        """All or nothing, at most `MAX_BATCH_WRITES`, each path once. Raises `Conflict` naming the path that failed."""
        ...

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> list[Document]:
        """Documents directly in `collection` (`tenants`, `tenants/acme/signals`); without `order_by`, by path."""
        ...


# --- Objects ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ObjectInfo:
    key: str
    generation: int
    size: int


class Objects(Protocol):
    """A versioned bucket."""

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """True when this call created it, False when the key exists already (whatever its content)."""
        ...

    def put(self, key: str, data: bytes) -> int:
        """A new live generation; older ones stay readable by number."""
        ...

    def get(self, key: str, generation: int | None = None) -> bytes | None:
        """The live generation, or an older one; None when there is none."""
        ...

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """Live objects by key."""
        ...


# --- Bus --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Event:
    """`id` comes from meaning (`cycle.decided:<cycle id>`), so a republished event is the same. `data` is JSON."""

    id: str
    topic: str
    data: Json
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as a subscriber gets it: `attempt` starts at 1 (0 when the transport does not tell)."""

    event: Event
    attempt: int
    subscription: str


Handler = Callable[[Delivery], None]
"""Returns to acknowledge; raises `Unavailable` to be asked again later."""


class Bus(Protocol):
    """At least once, unordered. Returns once the events are stored; raises `Unavailable` when that is not certain."""

    def publish(self, event: Event) -> None: ...

    def publish_all(self, events: Sequence[Event]) -> None:
        """Many in as few round trips as possible; when it raises, some may have been published."""
        ...


# --- The rest ---------------------------------------------------------------------------------------------------------
class Clock(Protocol):
    def now(self) -> datetime:
        """Timezone-aware, UTC."""
        ...


class Secrets(Protocol):
    """Where rotated secrets are kept. What is read is a file or a variable of the settings, never this port."""

    def add(self, name: str, value: str) -> str:
        """The newest version from now on, older ones stay; returns what it is called.

        Raises `BadInput` when there is no such secret, `Unavailable` when it is not certain that it was stored.
        """
        ...

    def newest(self, name: str) -> datetime | None:
        """When the newest usable version was added; None when the secret has none."""
        ...


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Where a broker will send the token once its account holder approves, and until when that can be."""

    notifier_url: str
    ends_at: datetime


class BrokerLogin(Protocol):
    """A broker's access tokens. Raises `Unavailable`/`RateLimited` when it is away, `BadInput` when it says no."""

    def request(self, client_id: str, client_secret: str) -> TokenRequest: ...

    def owner(self, token: str) -> str:
        """The account that a token opens."""
        ...

    def check_reads(self, token: str) -> None:
        """Returns when market data can be read with it."""
        ...


class MarketFeed(Protocol):
    """Where chains come from. A call may return None: nothing new at this tick."""

    source: str

    def poll(self, underlying: str) -> RawSnapshot | None:
        """Raises `Unavailable`/`RateLimited` when the source is out of reach, `BadInput` when it refuses for good."""
        ...


@dataclass(frozen=True, slots=True)
class MarginOrder:
    """`units` + buys, - sells; `price` in points a unit."""

    instrument: Instrument
    units: int
    price: float


@dataclass(frozen=True, slots=True)
class BrokerFigure:
    """What a broker asks for a set of orders, rupees, as it was told at `at`.

    `total` is its own final sum, after the benefit of hedges; `premium` the part of it that is net premium (paid > 0),
    which is no margin. `parts` are its own lines by its own names.
    """

    broker: str
    at: datetime
    total: float
    premium: float
    parts: Mapping[str, float]

    @property
    def margin(self) -> float:
        """What stays blocked beside the premium: compares with an estimate of today's margin."""
        return self.total - self.premium


class BrokerMargin(Protocol):
    """A broker's margin calculator for orders on top of nothing: positions held elsewhere do not enter."""

    name: str

    def figure(self, orders: Sequence[MarginOrder]) -> BrokerFigure:
        """Raises `Unavailable`/`RateLimited` when there is no figure now, `BadInput` when it refuses for good."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel sends: rendered, addressed, keyed. `id` is stable over retries."""

    id: str
    kind: str
    sequence: int
    address: str
    body: bytes
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    status: int
    reference: str = ""


class Channel(Protocol):
    """One attempt to deliver one message; no retry inside.

    Raises `Unavailable` (try again), `RateLimited` (after a while) or `BadInput` (never again: the endpoint is gone).
    """

    name: str

    def send(self, message: Message) -> Sent: ...
