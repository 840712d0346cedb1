"""The embedded profile: one SQLite file, one directory, one process; no account, no Docker, no Java."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from quantsentinel.adapters.embedded.bus import NO_FAULTS, SqliteBus
from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.embedded.faults import Faults
from quantsentinel.adapters.embedded.objects import FolderObjects
from quantsentinel.app.platform import Platform
from quantsentinel.errors import BadInput, QuantsentinelError
from quantsentinel.ports import BrokerMargin, Clock, Delivery, MarketFeed
from quantsentinel.settings import Settings
from quantsentinel.wiring.channels import Channels
from quantsentinel.wiring.desk import desk_of
from quantsentinel.wiring.fitted import with_fitted
from quantsentinel.wiring.handlers import FUNCTIONS, handle, log

STATE_FILE = "quantsentinel.sqlite"


def open_local(
    settings: Settings,
    clock: Clock | None = None,
    feeds: Mapping[str, MarketFeed] | None = None,
    faults: Faults = NO_FAULTS,
    margin_broker: BrokerMargin | None = None,
) -> Platform:
    """A platform on `settings.state`, its bus subscribed to every function.

    `clock` defaults to wall time plus the configured offset. `margin_broker` only where the day is today: a broker
    knows no contract of a recorded one.
    """
    clock = clock or SystemClock(settings.clock_offset_s)
    make_state_folder(settings.state)
    database = Database(settings.state / STATE_FILE, sync=settings.sync)
    bus = SqliteBus(database, clock, faults=faults)
    documents = SqliteDocuments(database, clock)
    objects = FolderObjects(settings.state / "objects", sync=settings.sync)
    platform = Platform(
        documents=documents,
        objects=objects,
        bus=bus,
        clock=clock,
        desk=with_fitted(desk_of(settings), settings, documents, objects),
        owner=f"{socket.gethostname()}-{os.getpid()}",
        feeds=feeds or {},
        margin_broker=margin_broker,
        channels=Channels(settings, local_profile=True),
        followed=settings.underlyings,
        poll_interval_s=settings.poll_interval_s,
    )
    for function in FUNCTIONS:
        bus.subscribe(function.topic, function.name, _handler(platform, function.name))
    return platform


def make_state_folder(state: Path) -> None:
    """The folder, there and writable. Raises `BadInput` when it cannot be."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(state, os.W_OK | os.X_OK) else "not writable"
    except OSError as error:
        why = str(error.strerror)
    if why:
        fix = "Name a folder that can be written, with --state or QS_STATE"
        raise BadInput(f"the state folder cannot be used: {why}", where=str(state), fix=fix)


def _handler(platform: Platform, name: str) -> Callable[[Delivery], None]:
    """Runs the function as its HTTP edge would; an answer other than 2xx raises, so that the bus delivers again."""

    def run(delivery: Delivery) -> None:
        handled = handle(platform, name, delivery.event.id, delivery.event.data)
        if handled.severity in {"WARNING", "ERROR", "CRITICAL"}:
            log(handled.severity, handled.text, function=name, event_id=delivery.event.id, attempt=delivery.attempt)
        if handled.status >= 300:
            raise handled.error or QuantsentinelError(handled.text, where=name)

    return run
