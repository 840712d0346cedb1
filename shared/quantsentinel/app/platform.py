"""What every use case stands on, assembled in `wiring`: ports, desk, stores, and a small cache of market views."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from datetime import date
from typing import Any, TypeVar

from quantsentinel.desk import Desk
from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.quotes import QuoteMask, quote_mask
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.earlier import Breadth, of_day
from quantsentinel.market.history import History, ParticipantOi
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.opportunity.broker_margin import with_broker_margins
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import market_pass
from quantsentinel.ports import BrokerMargin, Bus, Channel, Clock, Documents, MarketFeed, Objects
from quantsentinel.stores.inbox import Inbox
from quantsentinel.stores.kills import KillBoard
from quantsentinel.stores.margins import MarginStore
from quantsentinel.stores.outbox import Outbox
from quantsentinel.stores.snapshots import SnapshotStore
from quantsentinel.stores.tenants import TenantRegistry

T = TypeVar("T")
KEPT_SAMPLES = 50_000
"""The newest durations: a process may live for weeks."""
HISTORY_SESSIONS = 520
"""Two years of daily bars: the scan ranges' EWMA(0.995) needs 500 for 2 % (260 missed it by 11 % in March 2022);
the forecast's EWMA(0.94) forgets far earlier."""


class Timings:
    """Durations by name in milliseconds, for the report and the logs; never part of a decision."""

    def __init__(self) -> None:
        self.samples: dict[str, deque[float]] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.samples.setdefault(name, deque(maxlen=KEPT_SAMPLES)).append(1000 * (time.perf_counter() - started))

    def summary(self) -> dict[str, dict[str, float]]:
        """`{name: {p50, p95, n}}`."""
        return {name: _quantiles(sorted(values)) for name, values in sorted(self.samples.items())}


def _quantiles(values: list[float]) -> dict[str, float]:
    def at(share: float) -> float:
        return round(values[min(len(values) - 1, int(share * len(values)))], 3)

    return {"p50": at(0.50), "p95": at(0.95), "n": len(values)}


class Recent:
    """The last few used values by key: a process that stored a snapshot does not decode it again.

    Shared by the threads of a process; two that miss the same key at once both make it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[object, object] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, key: object, value: object) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)

    def get(self, key: object, make: Callable[[], T]) -> T:
        with self._lock:
            found = self._values.get(key, _ABSENT)
            if found is not _ABSENT:
                self._values.move_to_end(key)
        if found is _ABSENT:
            found = make()
            self.keep(key, found)
        return found  # type: ignore[return-value]  # keys are namespaced by the caller


_ABSENT = object()


@dataclass(frozen=True)
class Platform:
    documents: Documents
    objects: Objects
    bus: Bus
    clock: Clock
    desk: Desk
    owner: str
    """Names this process in leases."""
    feeds: Mapping[str, MarketFeed] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    timings: Timings = field(default_factory=Timings)
    recent: Recent = field(default_factory=lambda: Recent(16))
    """Of the newest cycles: snapshots, masks, histories, views."""
    lasting: Recent = field(default_factory=lambda: Recent(32))
    """What stays the same all session; apart, so that no cycle pushes it out."""
    margin_broker: BrokerMargin | None = None
    """Whose margin figures decisions prefer to the estimate; only where it is decided live."""
    followed: tuple[str, ...] = ()
    """The underlyings that this installation polls."""
    poll_interval_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    @property
    def snapshots(self) -> SnapshotStore:
        return SnapshotStore(self.documents, self.objects)

    @property
    def tenants(self) -> TenantRegistry:
        return TenantRegistry(self.documents)

    @property
    def kills(self) -> KillBoard:
        return KillBoard(self.documents)

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.documents, self.clock, self.owner)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.documents, self.bus, self.clock)

    def snapshot(self, key: str) -> Snapshot:
        return self.recent.get(("snapshot", key), lambda: self.snapshots.get_snapshot(key))

    def mask(self, snapshot: Snapshot) -> QuoteMask:
        """The firewall's, where this process judged the snapshot; else worked out again, to the same result."""
        key = ("mask", snapshot.digest, self.desk.digest)
        return self.recent.get(key, lambda: quote_mask(snapshot, self.desk.rules))

    def keep_mask(self, snapshot: Snapshot, mask: QuoteMask) -> None:
        self.recent.keep(("mask", snapshot.digest, self.desk.digest), mask)

    def history(self, key: str) -> History:
        return self.recent.get(("history", key), lambda: self.snapshots.get_history(key))

    def daily_before(self, underlying: str, session: date) -> tuple[DailyBar, ...]:
        """Daily bars strictly before `session`, the newest `HISTORY_SESSIONS`."""

        def read() -> tuple[DailyBar, ...]:
            bars = self.snapshots.get_daily(underlying)
            return tuple(bar for bar in bars if bar.day < session)[-HISTORY_SESSIONS:]

        return self.lasting.get(("daily", underlying, session), read)

    def participants_before(self, session: date) -> ParticipantOi | None:
        """Participant open interest of the evening before `session`; None when that evening is not on file, whatever
        older ones are: positions of last week say nothing of today's sign."""
        evenings = self.lasting.get(("participants", session), self.snapshots.get_participants)
        return of_day(evenings, self._day_before(session))

    def breadth_before(self, session: date) -> Breadth | None:
        """Breadth of the session before; None when that day is not on file."""
        days = self.lasting.get(("breadth", session), self.snapshots.get_breadth)
        return of_day(days, self._day_before(session))

    def _day_before(self, session: date) -> date | None:
        try:
            return self.desk.rules.previous_session(session).day
        except RuleGap:
            return None

    def view_of(self, cycle: Mapping[str, Any]) -> MarketView:
        """The view that a cycle was decided on, from its document."""
        return self.view(cycle["snapshot_key"], cycle["history_key"], cycle.get("margins_key", ""))

    def view(self, snapshot_key: str, history_key: str, margins_key: str = "") -> MarketView:
        """The market view: a pure function of three digests and of the margins that a broker named, so any process may
        compute it instead of loading it."""
        if margins_key:
            return self.recent.get(
                ("view", snapshot_key, history_key, margins_key, self.desk.digest),
                lambda: with_broker_margins(
                    self.view(snapshot_key, history_key), MarginStore(self.objects).get(margins_key)
                ),
            )

        def compute() -> MarketView:
            snapshot, history = self.snapshot(snapshot_key), self.history(history_key)
            with self.timings.measure("market_pass"):
                return market_pass(snapshot, history, self.desk, self.mask(snapshot))

        return self.recent.get(("view", snapshot_key, history_key, self.desk.digest), compute)
