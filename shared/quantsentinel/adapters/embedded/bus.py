"""At-least-once delivery in one SQLite file: acknowledged after the handler returned, due times from the clock.

A handler that raises is asked again after 10 s, doubled up to 600 s (`RateLimited` may ask for longer); after 100
attempts the message lies among the dead letters, where it can be read and redriven. Nothing is ever dropped.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.faults import Faults
from quantsentinel.adapters.embedded.message_table import (
    BACK_OFF_MAX_S,
    MAX_ATTEMPTS,
    DeadLetter,
    Holder,
    Message,
    MessageTable,
    back_off_s,
    microseconds,
    moment,
)
from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Clock, Delivery, Event, Handler

_log = logging.getLogger(__name__)
NO_FAULTS = Faults()


@dataclass(frozen=True, slots=True)
class _Subscription:
    handler: Handler
    workers: int


class SqliteBus:
    """One process's view of the bus. Messages go to subscriptions that exist when they are published, as on Pub/Sub.

    Subscriptions outlive the process, so a command that only publishes reaches the process that listens.
    """

    def __init__(self, database: Database, clock: Clock, *, faults: Faults = NO_FAULTS) -> None:
        self._table = MessageTable(database)
        self._clock = clock
        self._faults = faults
        self._holder = Holder(database)
        self._subscriptions: dict[str, _Subscription] = {}
        self._published = threading.Condition()

    # --- publishing ---
    def publish(self, event: Event) -> None:
        self.publish_all([event])

    def publish_all(self, events: Sequence[Event]) -> None:
        """All of them in one transaction."""
        now_us = self._now_us()
        rows = [
            (name, event, self._faults.rank(tag), now_us + self._faults.delay_us(tag))
            for event in events
            for name in self._table.subscriptions(event.topic)
            for copy in range(self._faults.copies(f"{name}|{event.id}"))
            for tag in [f"{name}|{event.id}|{copy}"]
        ]
        if not rows:
            return
        self._table.add(rows)
        with self._published:
            self._published.notify_all()

    # --- consuming ---
    def subscribe(self, topic: str, name: str, handler: Handler, *, workers: int = 1) -> None:
        """Every event of `topic` from now on goes to `handler`; `workers` threads of `serve` share them."""
        if workers < 1:
            raise BadInput(f"{workers} workers", where=f"subscription {name}", fix="At least 1")
        self._table.subscribe(topic, name)
        self._subscriptions[name] = _Subscription(handler, workers)

    def run_due(self, limit: int | None = None) -> int:
        """Delivers what is due, one after another by due time, at most `limit`; returns how many it delivered.

        Messages that a handler publishes on the way, and what a dead process had held, are delivered too.
        """
        self._recover()
        delivered = 0
        while (limit is None or delivered < limit) and self._deliver_one(tuple(self._subscriptions)):
            delivered += 1
        return delivered

    def drain(self) -> int:
        """Delivers until nothing is due."""
        return self.run_due()

    def next_due(self) -> datetime | None:
        """When this process's next message is due, a dead process's included; None when nothing waits for it."""
        self._recover()
        due_us = self._table.next_due(tuple(self._subscriptions))
        return None if due_us is None else moment(due_us)

    def serve(self, stop: threading.Event, *, poll_s: float = 0.1) -> None:
        """Delivers in threads until `stop` is set; what another process publishes is seen within `poll_s`.

        Returns when every handler has finished. An error of the bus itself ends all threads and is raised here.
        """
        workers = [name for name, item in self._subscriptions.items() for _ in range(item.workers)]
        if not workers:
            raise BadInput("no subscription to serve", where="bus", fix="Subscribe first")
        self._recover()
        with ThreadPoolExecutor(len(workers), thread_name_prefix="bus") as pool:
            futures = [pool.submit(self._work, name, stop, poll_s) for name in workers]
        for future in futures:
            future.result()

    def _work(self, name: str, stop: threading.Event, poll_s: float) -> None:
        try:
            while not stop.is_set():
                try:
                    if self._deliver_one((name,)):
                        continue
                    self._recover()
                except Unavailable as error:
                    _log.warning("bus: %s", error)
                with self._published:
                    self._published.wait(poll_s)
        except BaseException:
            stop.set()
            raise

    # --- inspection ---
    def backlog(self) -> dict[str, int]:
        """Messages not yet acknowledged, by subscription."""
        return self._table.backlog()

    def dead_letters(self) -> list[DeadLetter]:
        return self._table.dead_letters()

    def redrive(self, letter: DeadLetter) -> bool:
        """Delivers a dead letter again, from attempt 1; False when it is no longer there."""
        found = self._table.redrive(letter.seq, self._now_us())
        with self._published:
            self._published.notify_all()
        return found

    def close(self) -> None:
        self._holder.close()

    # --- one delivery ---
    def _deliver_one(self, names: Sequence[str]) -> bool:
        now_us = self._now_us()
        due_us = self._table.next_due(names) if names else None
        if due_us is None or due_us > now_us:  # a read: an idle poll takes no write lock
            return False
        message = self._table.take(names, now_us, self._holder.name)
        if message is None:
            return False
        if message.attempt > MAX_ATTEMPTS:  # the process died in every one of them
            self._table.bury(message.seq, now_us, "the process ended during the handler")
            return True
        self._handle(message)
        return True

    def _handle(self, message: Message) -> None:
        delivery = Delivery(message.event, message.attempt, message.subscription)
        try:
            self._subscriptions[message.subscription].handler(delivery)
        except Exception as error:
            self._failed(message, error)
        except BaseException:  # Ctrl-C is no attempt
            self._table.release(message.seq)
            raise
        else:
            self._acknowledge(message)

    def _acknowledge(self, message: Message) -> None:
        if self._faults.drops_ack(f"{message.seq}|{message.event.id}|{message.attempt}"):
            due_us = self._now_us() + int(1e6 * back_off_s(message.attempt))
            self._table.nack(message.seq, due_us, "acknowledgement lost on purpose")
        else:
            self._table.ack(message.seq)

    def _failed(self, message: Message, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        expected = isinstance(error, Unavailable)
        _log.log(
            logging.INFO if expected else logging.ERROR,
            "%s: attempt %d of %s failed: %s",
            message.subscription,
            message.attempt,
            message.event.id,
            text,
            exc_info=None if expected else error,
        )
        if message.attempt >= MAX_ATTEMPTS:
            self._table.bury(message.seq, self._now_us(), text)
            return
        delay_s = back_off_s(message.attempt)
        if isinstance(error, RateLimited):
            delay_s = min(BACK_OFF_MAX_S, max(delay_s, error.retry_after_s))
        self._table.nack(message.seq, self._now_us() + int(1e6 * delay_s), text)

    def _recover(self) -> None:
        """Frees what consumers held that are no longer there."""
        for name in self._table.holders():
            if name != self._holder.name and self._holder.is_gone(name):
                self._table.release_all(name)

    def _now_us(self) -> int:
        return microseconds(self._clock.now())
