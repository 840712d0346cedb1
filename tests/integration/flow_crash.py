"""kill -9 at every write boundary of the real flow: `python -m tests.integration.flow_crash DIR DATA URL SECRET`.

Poll, decide, fan out, serve and deliver two snapshots for one tenant on the embedded profile, once in peace, then
killed at each boundary and started again on the same state. Webhooks go to URL/<name of the run>, which another process
answers. Prints one JSON line a run.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars  # noqa: F401  # once here instead of in every child: importing starts no thread

from quantsentinel.adapters.brokers.recorded import RecordedFeed, open_recording
from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app.listing import decision_digest, signals
from quantsentinel.app.platform import Platform
from quantsentinel.audit.chain import verify
from quantsentinel.settings import Settings
from quantsentinel.stores.snapshots import parse_time
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.wiring.local import STATE_FILE, open_local
from quantsentinel.wiring.replay import (
    FEED,
    ReplayRequest,
    Stage,
    drain,
    merged_schedule,
    play,
    seed_tenants,
    set_up,
)
from tests.crash import run_to_the_end, start_child
from tests.flow import ZEN

RUN = "which-run"
SWEPT_AFTER_S = 120.0
"""Later than any entry that a dead process left behind: the sweeper beats every minute of the day."""
TWICE_EVERY = 9
"""Every so many boundaries, a run is killed at that boundary and again after its restart."""


def seed(data: Path, url: str, secret: str, folder: Path, start: int) -> None:
    """The state before the first poll."""
    stage = set_up(ReplayRequest((data,), (ZEN,), folder / "state"))
    endpoint = Endpoint("webhook", url, secret)
    seed_tenants(stage.platform, stage.clock, (ZEN,), stage.schedule[0][0], endpoint)


def run(data: Path, folder: Path, start: int) -> None:
    """Everything that is left to do in `folder`; the clock resumes at the newest snapshot that was accepted."""
    recording = open_recording(data)
    schedule = merged_schedule(recording)
    settings = Settings(state=folder / "state", sync="normal")
    accepted = open_local(settings).snapshots.latest("NIFTY")
    done = parse_time(accepted.data["accepted_at"]) if accepted else None
    clock = VirtualClock(done or schedule[0][0])
    platform = open_local(settings, clock, {FEED: RecordedFeed(recording, clock)})
    stage = Stage(platform, clock, schedule)
    settle(stage)
    for at, underlying in schedule:
        if done is None or at > done:
            play(stage, at, underlying)
            settle(stage)
    drain(platform, clock, clock.now() + timedelta(hours=24))
    # This clock began at the newest snapshot: what the dead process wrote after it is found by a later sweep.
    clock.advance(SWEPT_AFTER_S)
    settle(stage)
    drain(platform, clock, clock.now() + timedelta(hours=24))


def settle(stage: Stage) -> None:
    """Relays what a dead process left in the outbox, and delivers what is due now."""
    stage.platform.outbox.sweep(0)
    drain(stage.platform, stage.clock, stage.clock.now())


def found(folder: Path, kills: tuple[int, ...], starts: int) -> dict[str, object]:
    """What a run left, without times and versions."""
    platform = open_local(Settings(state=folder / "state", sync="normal"))
    store = platform.tenants.store(ZEN.tenant_id)
    return {
        "run": folder.name,
        "kills": kills,
        "starts": starts,
        "digest": decision_digest(platform),
        "signals": [[item["signal_id"], item["sequence"], item["state"]] for item in signals(platform)],
        "deliveries": sorted(
            [d["delivery_id"], d["state"]] for d in platform.tenants.store(ZEN.tenant_id).deliveries()
        ),
        "cycles": sorted([item.id, item.data["state"]] for item in platform.documents.query("cycles")),
        "outbox": [item.id for item in platform.documents.query("outbox")],
        "inbox_undone": [i.data["key"] for i in platform.documents.query("inbox") if i.data["status"] != "completed"],
        "chain": verify(store.audit_records()) is None,
        **waiting(platform),
    }


def waiting(platform: Platform) -> dict[str, object]:
    assert isinstance(platform.bus, SqliteBus)
    return {"waiting": platform.bus.backlog(), "dead": len(platform.bus.dead_letters())}


def runs(root: Path, data: Path, url: str, secret: str) -> Iterator[tuple[Path, tuple[int, ...], int]]:
    """(folder, kills, starts) of the peaceful run, of one killed at each boundary, and of some killed twice."""

    seeded = root / "seeded"
    seeded.mkdir(parents=True)
    start_child(partial(seed, data, f"{url}/{RUN}", secret), seeded, 0, 0)

    def one(name: str, kills: tuple[int, ...]) -> tuple[Path, int, int]:
        ending, boundaries = run_to_the_end(partial(started_from, seeded, data), root / name, kills)
        return root / name, ending.starts, boundaries

    folder, starts, boundaries = one("peaceful", ())
    yield folder, (), starts
    for number in range(1, boundaries + 1):
        folder, starts, _ = one(f"once-{number}", (number,))
        yield folder, (number,), starts
    for number in range(1, boundaries + 1, TWICE_EVERY):
        kills = (number, 1 + (7 * number) % (boundaries // 2))
        folder, starts, _ = one(f"twice-{number}", kills)
        yield folder, kills, starts


def started_from(seeded: Path, data: Path, folder: Path, start: int) -> None:
    if start == 0:
        copy(seeded / "state", folder)
    run(data, folder, start)


def copy(seeded: Path, folder: Path) -> None:
    """The seeded state as the state of this run, its webhooks going to the run's own path."""
    shutil.copytree(seeded, folder / "state")
    with sqlite3.connect(folder / "state" / STATE_FILE) as connection:
        connection.execute("UPDATE documents SET data = replace(data, ?, ?)", (f"/{RUN}", f"/{folder.name}"))
    connection.close()


if __name__ == "__main__":
    for folder, kills, starts in runs(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]):
        sys.stdout.write(json.dumps(found(folder, kills, starts)) + "\n")
        sys.stdout.flush()
