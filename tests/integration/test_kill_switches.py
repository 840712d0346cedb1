"""Kill switches over the whole flow: what trips them, what lets go, who hears of it, and that positions still close."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quantsentinel.adapters.brokers.recorded import open_recording
from quantsentinel.app.announce import BATCH, announce, concerned_by
from quantsentinel.app.heartbeat import heartbeat
from quantsentinel.app.kills import kill_off, kill_on, kills
from quantsentinel.app.poll_market import ingest, poll_market
from quantsentinel.app.tenants import TenantRequest, set_tenant
from quantsentinel.contracts.events import KillChanged, Tick
from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.market.raw import Payload, RawSnapshot
from quantsentinel.ports import Create
from quantsentinel.risk.kill_state import Rearm
from quantsentinel.wiring.replay import drain
from tests.flow import ACME, NIFTY, ZEN, Flow, day_file, flow
from tests.relation_days import opened

NOTICES = "kill-"


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four snapshots, a minute apart."""
    return day_file(tmp_path_factory.mktemp("day"), NIFTY, range(24), expiries=2)


@pytest.fixture
def running(tmp_path: Path, minutes: Path) -> Iterator[Flow]:
    with flow(tmp_path / "state", minutes, (ACME, ZEN)) as found:
        yield found


def active(running: Flow) -> list[str]:
    """But for the second tenant's packages, which this market moves together."""
    scopes = [state.scope for state in kills(running.platform)]
    return [scope for scope in scopes if scope != f"correlation_cluster:{ZEN.tenant_id}"]


def stopped_by(running: Flow, guard: str, tenant: str = "acme") -> list[bool]:
    """Per cycle, whether this switch stopped entries."""
    rows = running.rows(tenant)
    return [any(item["guard"] == guard and item["outcome"] != "passed" for item in row["switches"]) for row in rows]


def notices(running: Flow, tenant: str = "acme") -> list[tuple[str, bool]]:
    """What the tenant's webhook took of switches: scope and whether on, in the order of arrival."""
    drain(running.platform, running.clock, running.clock.now())
    found = [one for one in running.accepted() if one.path == f"/{tenant}" and one.id.startswith(NOTICES)]
    bodies = [json.loads(one.body) for one in found]
    assert {body["type"] for body in bodies} <= {"switch.changed"}
    return [(body["data"]["scope"], body["data"]["on"]) for body in bodies]


def junk(running: Flow) -> None:
    """A chain that nobody can read."""
    now = running.clock.now()
    payload = Payload(b"not a chain", "application/json", now)
    assert not ingest(running.platform, RawSnapshot("NIFTY", "nse_site", "nse_json", now, (payload,))).accepted


@dataclass
class Feed:
    """A broker that fails, or has nothing new."""

    error: Exception | None
    source: str = "upstox"

    def poll(self, underlying: str) -> RawSnapshot | None:
        if self.error is not None:
            raise self.error
        return None


def poll(running: Flow, error: Exception | None = None) -> None:
    platform = replace(running.platform, feeds={"broker": Feed(error)})
    if error is None:
        assert poll_market(platform, "broker", "NIFTY") is None
        return
    with pytest.raises(type(error)):
        poll_market(platform, "broker", "NIFTY")


# --- Wrong chains ---
def test_three_wrong_chains_stop_the_symbol_until_fifteen_clean_minutes(running: Flow) -> None:
    running.play(2)
    for _ in range(3):
        assert active(running) == []
        junk(running)
    assert active(running) == ["symbol:NIFTY"]
    running.finish()
    assert stopped_by(running, "symbol_anomaly") == [False] * 2 + [True] * 15 + [False] * 7
    assert notices(running) == [("symbol:NIFTY", True), ("symbol:NIFTY", False)]
    assert active(running) == []
    assert not running.platform.documents.query("watches")


def test_a_wrong_chain_in_between_begins_the_clean_minutes_anew(running: Flow) -> None:
    running.play(1)
    for _ in range(3):
        junk(running)
    running.play(5)
    junk(running)
    running.play(14)
    assert active(running) == ["symbol:NIFTY"]
    running.play(2)
    assert active(running) == []


def test_wrong_chains_far_apart_or_chains_that_are_only_repeated_stop_nothing(running: Flow, minutes: Path) -> None:
    first = open_recording(minutes).raw("NIFTY", 0)
    for _ in range(4):
        running.play(1)
        refused = [ingest(running.platform, first).refused_by for _ in range(3)]
        assert set(refused) <= set(running.platform.desk.policy.switches.not_anomalies)
        junk(running)
        running.play(5)
    assert active(running) == []


def test_what_a_person_pulled_is_not_released_by_clean_minutes(running: Flow) -> None:
    running.play(1)
    for _ in range(3):
        junk(running)
    kill_on(running.platform, "symbol:NIFTY", who="risk desk", why="results day")
    running.finish()
    assert active(running) == ["symbol:NIFTY"]
    assert kill_off(running.platform, "symbol:NIFTY", who="risk desk", ack="over").released


# --- A broker that is away ---
@pytest.mark.parametrize(
    "error", [Unavailable("HTTP 502"), RateLimited("HTTP 429", retry_after_s=1), BadInput("HTTP 401")], ids=repr
)
def test_three_failed_polls_stop_the_broker_until_five_clean_minutes(running: Flow, error: Exception) -> None:
    running.play(1)
    poll(running, error)
    poll(running)
    for _ in range(2):
        poll(running, error)
        assert active(running) == []
    poll(running, error)
    assert active(running) == ["broker:upstox"]
    running.play(1)
    assert stopped_by(running, "broker_outage") == [False, True]
    for _ in range(5):
        poll(running)
        assert active(running) == ["broker:upstox"]
        running.clock.advance(60)
    poll(running)
    assert active(running) == []
    assert notices(running) == [("broker:upstox", True), ("broker:upstox", False)]


# --- A feed that stopped ---
def test_a_silent_feed_is_told_by_the_heartbeat_and_lets_go_after_three_fresh_snapshots(running: Flow) -> None:
    running.play(2)
    for seconds, on in ((120, []), (120, ["stale_data:NIFTY"]), (10, ["stale_data:NIFTY"])):
        running.clock.advance(seconds)
        heartbeat(running.platform, Tick(at=running.clock.now()))
        assert active(running) == on
    assert notices(running) == [("stale_data:NIFTY", True)]
    running.stage.schedule[2:6] = []
    running.play(4)
    assert stopped_by(running, "stale_data") == [False, False, True, True, True, False]
    assert active(running) == []
    assert notices(running)[1:] == [("stale_data:NIFTY", False)]


# --- Parameters that grew too old ---
def test_stale_parameters_are_told_by_the_heartbeat_until_newer_ones_are_promoted(tmp_path: Path) -> None:
    platform, clock = opened(tmp_path, datetime(2031, 1, 6, 5, tzinfo=UTC))
    for _ in range(2):
        heartbeat(platform, Tick(at=clock.now()))
    (state,) = kills(platform)
    assert (state.scope, state.rearm) == ("model_staleness:DESK", Rearm.PROMOTION)
    with pytest.raises(BadInput, match="newer parameters"):
        kill_off(platform, "model_staleness:DESK", who="asha", ack="please")
    served = platform.desk.volatility
    newer = replace(served, trained=dict.fromkeys(served.trained, "2011-01-03..2030-12-31"), digest="sha256:newer")
    promoted = replace(platform, desk=replace(platform.desk, volatility=newer))
    heartbeat(promoted, Tick(at=clock.now()))
    assert kills(platform) == ()


# --- A drawdown ---
def test_a_drawdown_is_listed_told_and_re_armed_by_a_person_alone(running: Flow) -> None:
    set_tenant(running.platform, TenantRequest("acme", limits={"max_drawdown": 0.000_001}))
    running.play(3)
    assert active(running) == ["strategy:acme"]
    assert stopped_by(running, "strategy_drawdown") == [False, True, True]
    assert stopped_by(running, "strategy_drawdown", "zen-capital") == [False] * 3
    assert notices(running) == [("strategy:acme", True)]
    assert notices(running, "zen-capital") == []
    again = running.restarted()
    again.play(1)
    assert stopped_by(again, "strategy_drawdown")[-1]
    with pytest.raises(BadInput, match="acknowledge"):
        kill_off(again.platform, "strategy:acme", who="acme's owner", ack="")
    set_tenant(again.platform, TenantRequest("acme", limits={"max_drawdown": 0.5}))
    assert kill_off(again.platform, "strategy:acme", who="acme's owner", ack="smaller size").released
    again.play(1)
    assert not stopped_by(again, "strategy_drawdown")[-1]
    assert "strategy_drawdown" not in again.platform.tenants.store("acme").book()[0].latched


def test_a_switch_with_two_levels_is_told_when_it_trips_and_when_it_lets_go(running: Flow) -> None:
    running.play(1)
    set_tenant(running.platform, TenantRequest("acme", limits={"max_margin_utilisation": 0.000_001}))
    running.play(1)
    assert active(running) == ["margin_utilisation:acme"]
    with pytest.raises(BadInput, match="below its lower level"):
        kill_off(running.platform, "margin_utilisation:acme", who="asha", ack="please")
    set_tenant(running.platform, TenantRequest("acme", limits={"max_margin_utilisation": 1.0}))
    running.play(1)
    assert active(running) == []
    assert notices(running) == [("margin_utilisation:acme", True), ("margin_utilisation:acme", False)]


# --- Everybody ---
def test_the_master_reaches_every_tenant_in_the_next_cycle_and_stays_after_a_restart(running: Flow) -> None:
    running.play(1)
    kill_on(running.platform, "master", who="asha", why="drill")
    running.play(1)
    again = running.restarted()
    again.play(1)
    for tenant in ("acme", "zen-capital"):
        assert stopped_by(again, "master", tenant) == [False, True, True]
        assert notices(again, tenant) == [("master", True)]
    assert [kill_off(again.platform, "master", who=who, ack="done").released for who in ("asha", "ben")] == [
        False,
        True,
    ]
    again.play(1)
    assert stopped_by(again, "master")[-1] is False


def test_an_announcement_that_comes_twice_is_sent_once_and_only_to_whom_it_concerns(running: Flow) -> None:
    kill_on(running.platform, "tenant:acme", who="asha", why="<b>drill</b>")
    assert notices(running) == [("tenant:acme", True)]
    (record,) = [item.data for item in running.platform.documents.query("announcements")]
    names = KillChanged.model_fields.keys() - {"tenants", "batch"}
    told = KillChanged(**{name: record[name] for name in names})
    for repeated in (told, told.model_copy(update={"tenants": ("acme",)})):
        announce(running.platform, repeated)
    assert notices(running) == [("tenant:acme", True)]
    assert notices(running, "zen-capital") == []


def test_many_tenants_are_told_in_batches_of_events_that_fit() -> None:
    tenants = tuple(f"{number:040d}" for number in range(BATCH))
    fields = {"scope": "master", "number": 1, "on": True, "who": "w" * 200, "why": "y" * 1000}
    changed = KillChanged(**fields, at="2025-08-29T05:00:00Z", tenants=tenants, batch=3)
    assert changed.to_event().id == "kill.changed:master:1:3"


@pytest.mark.parametrize(
    ("scope", "concerned"),
    [
        ("tenant:acme", ["acme"]),
        ("strategy:nobody", []),
        ("symbol:NIFTY", ["acme", "zen-capital"]),
        ("stale_data:DOGE", []),
        ("exchange:NSE", ["acme", "zen-capital"]),
        ("model_staleness:DESK", ["acme", "zen-capital"]),
    ],
)
def test_a_switch_concerns_whose_decisions_it_stops(running: Flow, scope: str, concerned: list[str]) -> None:
    assert concerned_by(running.platform, scope) == concerned


def test_an_unreadable_switch_stops_entries_and_never_the_cycle(running: Flow) -> None:
    running.platform.documents.commit([Create("kills/master", {"who": "half a docu"})])
    running.play(1)
    assert stopped_by(running, "master") == [True]
    assert running.signals("created") == []


def test_a_channel_that_is_away_makes_the_announcement_come_again_for_a_day_only(running: Flow) -> None:
    kill_on(running.platform, "tenant:acme", who="asha", why="drill")
    (record,) = [item.data for item in running.platform.documents.query("outbox")] or [None]
    assert record is None, "published at once"
    running.clock.advance(timedelta(hours=25).total_seconds())
    assert notices(running) == []
    (line,) = running.platform.tenants.store("acme").deliveries()
    assert line["state"] == "expired"
