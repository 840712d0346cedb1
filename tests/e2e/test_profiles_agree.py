"""One simulated day through Firestore, GCS and Pub/Sub, and through SQLite and a folder: the same decisions."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulators.function_map import load_map
from emulators.google_emulators import Google
from emulators.inventory import Subscribed, inventory
from emulators.provision import provision
from quantsentinel.adapters.brokers.recorded import RecordedFeed, open_recording
from quantsentinel.adapters.channels.webhook import new_secret
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app import listing
from quantsentinel.app.platform import Platform
from quantsentinel.app.poll_market import Polled, poll_market
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.rulebook import load_rules
from quantsentinel.ports import Bus, Event
from quantsentinel.settings import Settings
from quantsentinel.simulator.day import simulate_day
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.wiring.google import open_google
from quantsentinel.wiring.handlers import FUNCTIONS, handle
from quantsentinel.wiring.replay import FEED, ReplayRequest, TenantPlan, merged_schedule, replay, seed_tenants
from quantsentinel.wiring.sink import LoopbackSink
from tests.functions.uses import Recorder, granted, watch_google

pytestmark = [pytest.mark.emulators, pytest.mark.slow]
SNAPSHOTS = 8
PATIENCE_S = 180.0
# Created at the first snapshot (embedded) or now (Firestore): within the 14-day lock of the simulated day either way.
TENANTS = (
    TenantPlan("agree-large", "Large", 2_500_000, age=timedelta(0)),
    TenantPlan("agree-small", "Small", 500_000, age=timedelta(0), knob=50),
    TenantPlan("agree-paused", "Paused", 5_000_000, age=timedelta(0), paused=True),
)


@dataclass(frozen=True)
class Run:
    """What one profile made of the day."""

    polled: tuple[Polled, ...]
    cycles: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]
    signals: tuple[Mapping[str, Any], ...]
    sent: Mapping[str, int]
    rejected: int
    used: Mapping[str, set[str]] = field(default_factory=dict)
    """By function: what it touched of Google's."""


class Remembering:
    """A bus that knows what it was given: a pull that brings nothing does not prove that nothing is left."""

    def __init__(self, inner: Bus) -> None:
        self._inner = inner
        self.ids: set[str] = set()

    def publish(self, event: Event) -> None:
        self.publish_all([event])

    def publish_all(self, events: Sequence[Event]) -> None:
        self.ids |= {event.id for event in events}
        self._inner.publish_all(events)


def _run_of(platform: Platform, polled: list[Polled], sink: LoopbackSink) -> Run:
    return Run(
        polled=tuple(polled),
        cycles={document.id: document.data for document in platform.documents.query("cycles")},
        rows=tuple(listing.decision_rows(platform)),
        signals=tuple(listing.signals(platform)),
        sent=dict(sink.ids),
        rejected=sink.rejected,
    )


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = simulate_day("NIFTY", date(2025, 8, 29), 11, load_rules())
    path = tmp_path_factory.mktemp("day") / "day.parquet"
    write_day_file(path, found.snapshots[30 : 30 + SNAPSHOTS], {"NIFTY": found.daily})
    return path


@pytest.fixture(scope="module")
def embedded(day: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    polled: list[Polled] = []
    platforms: list[Platform] = []

    def watch(progress: Any) -> None:
        polled.append(progress.polled)
        platforms.append(progress.platform)

    with LoopbackSink(new_secret()) as sink:
        state = tmp_path_factory.mktemp("embedded") / "state"
        replay(ReplayRequest((day,), TENANTS, state, webhook=sink.url, webhook_secret=sink.secret), watch)
        return _run_of(platforms[-1], polled, sink)


@pytest.fixture(scope="module")
def google(day: Path, google_emulators: Google) -> Run:
    """In one process: the functions pull what the adapters published."""
    here = replace(google_emulators, project=f"{google_emulators.project}-agree")
    settings = Settings(profile="google", project=here.project, underlyings=("NIFTY",))
    pulled = [Subscribed(each.name, each.topic, 60, 3600, never_expires=True) for each in FUNCTIONS]
    provision(here, inventory([each.topic for each in FUNCTIONS], pulled, ["raw", "snapshots", "decisions"]))
    recording = open_recording(day)
    schedule = merged_schedule(recording)
    clock = VirtualClock(schedule[0][0])
    with pytest.MonkeyPatch.context() as patch, LoopbackSink(new_secret()) as sink:
        for name, value in here.environ.items():
            patch.setenv(name, value)
        watch_google(recorder := Recorder(), patch)
        platform = open_google(settings, clock, {FEED: RecordedFeed(recording, clock)})
        platform = replace(platform, bus=(bus := Remembering(platform.bus)))
        platform.snapshots.put_daily("NIFTY", recording.daily_history["NIFTY"])
        seed_tenants(platform, clock, TENANTS, schedule[0][0], Endpoint("webhook", sink.url, sink.secret))
        polled: list[Polled] = []
        served: set[str] = set()
        for at, underlying in schedule:
            clock.advance_to(at)
            found = recorder.under("poll_market", poll_market, platform, FEED, underlying)
            polled += [found] if found else []
            _serve_all(here, platform, bus, served, recorder)
        return replace(_run_of(platform, polled, sink), used=recorder.used)


def _serve_all(google: Google, platform: Platform, bus: Remembering, served: set[str], recorder: Recorder) -> None:
    """Until everything that was published, also meanwhile, has been handled; adds it to `served`."""
    deadline = time.monotonic() + PATIENCE_S
    while bus.ids - served:
        assert time.monotonic() < deadline, f"never delivered: {bus.ids - served}"
        served |= _serve(google, platform, recorder)


def _serve(google: Google, platform: Platform, recorder: Recorder) -> set[str]:
    """Every function handles what waits for it; returns the ids of those events."""
    served = set()
    for function in FUNCTIONS:
        url = f"http://{google.pubsub}/v1/projects/{google.project}/subscriptions/{function.name}"
        pulled = httpx.post(f"{url}:pull", json={"maxMessages": 100, "returnImmediately": True}, timeout=PATIENCE_S)
        for item in pulled.raise_for_status().json().get("receivedMessages", ()):
            message = item["message"]
            data = json.loads(base64.b64decode(message["data"]))
            event_id = message["attributes"]["event_id"]
            handled = recorder.under(function.name, handle, platform, function.name, event_id, data)
            assert handled.status == 204, handled
            served.add(event_id)
            httpx.post(f"{url}:acknowledge", json={"ackIds": [item["ackId"]]}, timeout=PATIENCE_S).raise_for_status()
    return served


def test_the_day_has_decisions_to_compare(embedded: Run) -> None:
    assert len(embedded.cycles) == SNAPSHOTS
    assert len(embedded.rows) == SNAPSHOTS * len(TENANTS)
    assert {item["state"] for item in embedded.signals} >= {"created"}
    assert any(row["refusals"] for row in embedded.rows)


def test_both_profiles_accept_the_same_snapshots_under_the_same_keys(embedded: Run, google: Run) -> None:
    assert google.polled == embedded.polled


def test_both_profiles_see_the_same_market_in_every_cycle(embedded: Run, google: Run) -> None:
    assert google.cycles == embedded.cycles


def _without_create_time(value: Any) -> Any:
    """Everything but what a tenant's create time went into: the database stamps it, and no client can set it.

    That is the account's digest, the measurement of the lock that counts from it, and the digests of guards' inputs.
    """
    if isinstance(value, Mapping):
        if value.get("guard") == "dry_run_lock":
            return {"guard": "dry_run_lock", "outcome": value["outcome"]}
        return {key: _without_create_time(item) for key, item in value.items() if key not in ("input_hash", "account")}
    if isinstance(value, list | tuple):
        # A message has its guards as rows: name, outcome, measured, …
        short = value[:2] if value and value[0] == "dry_run_lock" else value
        return [_without_create_time(item) for item in short]
    return value


def test_both_profiles_decide_the_same_for_every_tenant(embedded: Run, google: Run) -> None:
    assert _without_create_time(google.rows) == _without_create_time(embedded.rows)


def test_both_profiles_issue_the_same_signals(embedded: Run, google: Run) -> None:
    assert _without_create_time(google.signals) == _without_create_time(embedded.signals)


def test_both_profiles_deliver_every_signal_once(embedded: Run, google: Run) -> None:
    assert google.sent == embedded.sent
    assert set(google.sent.values()) == {1}
    assert google.rejected == embedded.rejected == 0


def test_no_function_touches_more_of_google_than_the_map_grants_it(google: Run) -> None:
    """`tests/functions/test_granted.py` also shows that none is granted more than it uses."""
    known = load_map()
    assert set(google.used) == {"poll_market", "decide", "fan_out", "serve_tenants", "deliver"}
    for name, used in google.used.items():
        assert used <= granted(known, name)[0], f"{name}: {sorted(used - granted(known, name)[0])}"
    assert "create objects of decisions" in google.used["serve_tenants"]
    assert "publish signal.issued" in google.used["serve_tenants"]
