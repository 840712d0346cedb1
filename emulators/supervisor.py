"""`make dev`: starts the whole platform on this machine, ticks it as Cloud Scheduler would, and prints what happens.

One Ctrl-C ends everything; on Linux so does anything else that ends this process. `kill -USR1` shows what it is doing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from emulators.dev_platform import Dev, Options, running
from emulators.function_fleet import SERVE_PYTHON
from emulators.function_map import load_map
from emulators.interrupt import Interrupted, listen
from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import Tick
from quantsentinel.errors import QuantsentinelError, Unavailable
from quantsentinel.ports import Document, Event, Where
from quantsentinel.stores.snapshots import StoredSnapshot
from quantsentinel.wiring.google import open_google

BEAT_S = 60.0
LOOK_S = 1.0
TICKER_END_S = 15.0
"""More than the deadline of the one publication that it may be in."""
NOTE = "Firestore stamps a tenant's create time with wall time, so the 14-day lock is on: every signal here is `paper`."


def tick_forever(platform: Platform, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Cloud Scheduler's part: one beat a minute to every function that is triggered by one; a lost one is told."""
    topics = [row.topic for row in load_map().scheduled().values()]
    while not stop.is_set():
        now = platform.clock.now()
        for topic in topics:
            if stop.is_set():
                return
            try:
                platform.bus.publish(Event(f"{topic}:{now.isoformat()}", topic, Tick(at=now).model_dump(mode="json")))
            except Unavailable as error:
                say(f"lost beat {topic} of {now}: {error}")
        stop.wait(BEAT_S)


class Screen:
    """Prints each thing once, as it arrives; a look costs as much at the end of a day as at its start."""

    def __init__(self, dev: Dev, platform: Platform, say: Callable[[str], None]) -> None:
        self._dev = dev
        self._platform = platform
        self._say = say
        self._seen: set[str] = set()
        self._decided_at = ""

    def look(self) -> None:
        """One look at snapshots, cycles and both channels."""
        for stored in self._platform.snapshots.stored():
            if self._is_new(stored.key):
                self._say(f"snapshot  {stored.underlying} {stored.at} {self._outcome(stored)}")
        for cycle in self._cycles():
            if self._is_new(cycle.path):
                self._say(f"cycle     {cycle.id} {cycle.data['state']}, {cycle.data.get('eligible', 0)} eligible")
        for item in self._dev.sink.deliveries:
            if self._is_new(f"webhook {item.id} {item.attempt}"):
                mark = "verified" if item.verified else item.problem
                self._say(f"webhook   {item.type} {item.id}, signature {mark}")
        for message in self._dev.telegram.messages:
            if self._is_new(f"telegram {message.message_id}"):
                self._say("\n            ".join([f"telegram  to {message.chat_id}:", *message.plain.splitlines()]))

    def _is_new(self, key: str) -> bool:
        new = key not in self._seen
        self._seen.add(key)
        return new

    def _outcome(self, stored: StoredSnapshot) -> str:
        if stored.accepted:
            return "accepted"
        finding = json.loads(self._platform.snapshots.read_quarantine(stored.key))
        return f"refused: {finding['guard']} {finding['detail']}"

    def _cycles(self) -> list[Document]:
        """Those decided since the last look, and those that came too late."""
        query = self._platform.documents.query
        decided = query("cycles", [Where("decided_at", ">=", self._decided_at)], order_by="decided_at")
        self._decided_at = decided[-1].data["decided_at"] if decided else self._decided_at
        return [*decided, *query("cycles", [Where("state", "==", "late")])]


def serve(dev: Dev, seconds: float | None, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Ticks and prints for so long, or until `stop`, which it sets. Raises `Unavailable` when a function ended."""
    platform = open_google(dev.settings)
    ticker = threading.Thread(target=tick_forever, args=(platform, stop, say), daemon=True)
    ticker.start()
    screen, started = Screen(dev, platform, say), time.monotonic()
    try:
        while not stop.is_set() and (seconds is None or time.monotonic() - started < seconds):
            screen.look()
            for name, process in dev.processes.items():
                if process.poll() is not None:
                    tail = (dev.logs / f"{name}.log").read_text(errors="replace")[-2000:]
                    raise Unavailable(f"function {name} ended with {process.returncode}: {tail}", where="make dev")
            stop.wait(LOOK_S)
    finally:
        stop.set()
        ticker.join(TICKER_END_S)


def parse_options(arguments: list[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(prog="make dev", description=__doc__)
    parser.add_argument("--data", type=Path, help="a recording to replay; without it a day is simulated")
    parser.add_argument("--history", type=Path, help="daily bars for a recording that carries none")
    parser.add_argument("--underlying", action="append", help="repeatable; default NIFTY")
    parser.add_argument("--date", type=date.fromisoformat, default=date(2025, 8, 29), help="the simulated day")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--poll-s", type=float, default=5.0, help="below 60: a source without a clock has to move")
    parser.add_argument("--skip-minutes", type=float, default=30.0, help="how far into the session to start")
    parser.add_argument("--seconds", type=float, help="stop by itself after so long")
    given = parser.parse_args(arguments)
    return Options(
        data=given.data,
        history=given.history,
        underlyings=tuple(given.underlying or ["NIFTY"]),
        day=given.date,
        seed=given.seed,
        poll_s=given.poll_s,
        skip=timedelta(minutes=given.skip_minutes),
        seconds=given.seconds,
    )


def run(options: Options, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Until `stop` is set. Raises `Unavailable` when something did not start or ended by itself."""
    with suppress(Interrupted), tempfile.TemporaryDirectory(prefix="quantsentinel-dev-") as folder:
        say(f"starting emulators and {len(load_map().functions)} functions, logs in {folder}")
        if not SERVE_PYTHON.is_file():
            say("no .venv-serve here: the functions run in this environment, which holds more than a deployed one")
        with running(options, Path(folder), stop) as dev:
            say(f"ready: functions on {dict(dev.ports)}; webhook sink {dev.sink.url}; Ctrl-C ends it all\n{NOTE}")
            serve(dev, options.seconds, stop, say)


def main() -> None:
    options, stop = parse_options(), listen()
    try:
        run(options, stop, partial(print, flush=True))
    except QuantsentinelError as error:
        sys.exit(str(error))
    print("ended", flush=True)


if __name__ == "__main__":
    main()
