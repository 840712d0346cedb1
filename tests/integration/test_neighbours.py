"""Whatever happens to one tenant's documents, its neighbours in the same batch are served, told and sealed as ever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.adapters.channels.webhook import new_secret
from quantsentinel.app.announce import BATCH
from quantsentinel.app.audit import seal_session, verify_state
from quantsentinel.app.kills import kill_on, kills
from quantsentinel.app.poll_market import poll_tick
from quantsentinel.app.risk_book import risk_book
from quantsentinel.app.serve_tenants import serve_tenants
from quantsentinel.app.tenant_commit import settled
from quantsentinel.contracts.events import KillChanged, Tick
from quantsentinel.errors import BadInput, Broken, Conflict
from quantsentinel.ports import Documents, Put, Write
from quantsentinel.risk.kill_state import Rearm
from quantsentinel.stores.audit_roots import AuditRoots
from quantsentinel.wiring.replay import drain
from tests.flow import ACME, DAY, NIFTY, ZEN, Flow, day_file, flow
from tests.integration.test_audit import AFTER_CLOSE
from tests.integration.test_flow_order import ByHand


class Contested:
    """Documents in which somebody else is first at one path, once."""

    def __init__(self, inner: Documents, path: str) -> None:
        self._inner, self._path, self.refused = inner, path, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def commit(self, writes: Sequence[Write]) -> None:
        if not self.refused and any(write.path == self._path for write in writes):
            self.refused += 1
            raise Conflict("somebody was first", where=self._path)
        self._inner.commit(writes)


def put(running: Flow, path: str, **changes: Any) -> None:
    """Part of a document replaced, or a new one of these parts alone."""
    documents = running.platform.documents
    before = documents.get(path)
    documents.commit([Put(path, {**(before.data if before else {}), **changes})])


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Flow]:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2), expiries=2), (ACME, ZEN)) as found:
        yield found


def test_after_a_neighbours_conflict_each_audit_record_names_the_object_that_holds_its_row(running: Flow) -> None:
    day = ByHand(running)
    contested = Contested(day.platform.documents, "tenants/acme/book/current")
    batch = day.batch("NIFTY")
    serve_tenants(replace(day.platform, documents=contested), batch)
    assert (contested.refused, batch.tenants) == (1, ("acme", ZEN.tenant_id))
    for tenant in batch.tenants:
        done = settled(day.platform, day.platform.tenants.store(tenant), batch.cycle.cycle_id)
        assert done is not None
        assert json.loads(done.row)["tenant"] == tenant


def test_a_settlement_value_that_cannot_be_read_settles_nothing_and_stops_nobody(running: Flow) -> None:
    put(running, "settlements/NIFTY/expiries/2025-09-02", expiry="2025-09-02", value="far")
    running.play(1)
    assert [len(running.rows(tenant)) for tenant in ("acme", ZEN.tenant_id)] == [1, 1]
    assert running.signals("created"), "a day without an entry would prove nothing"


@pytest.mark.parametrize("readings", [[{"name": "half"}], "none", None])
def test_readings_that_cannot_be_read_stop_entries_and_never_the_cycle(running: Flow, readings: Any) -> None:
    put(running, "health/NIFTY", readings=readings)
    running.play(1)
    assert len(running.rows("acme")) == 1
    assert running.signals("created") == []


def test_a_long_reason_in_another_script_is_told_to_fifty_tenants_at_once(running: Flow) -> None:
    state = kill_on(running.platform, "master", who="आशा", why="अभ्यास " * 200)
    drain(running.platform, running.clock, running.clock.now())
    changed = KillChanged(
        scope="master", number=1, on=True, who=state.who, why=state.why[:1000], at=state.at, rearm=state.rearm.value
    )
    many = tuple(f"{number:02d}-a-tenant-with-the-longest-name-of-all" for number in range(BATCH))
    assert changed.model_copy(update={"tenants": many}).to_event().data["why"]
    assert len(running.accepted()) == 2


@pytest.mark.parametrize("channels", [{"webhook": {"url": "elsewhere"}}, "none", 7])
def test_a_notice_reaches_the_neighbours_of_a_tenant_whose_channels_cannot_be_read(
    running: Flow, channels: Any
) -> None:
    put(running, "tenants/acme", channels=channels)
    kill_on(running.platform, "master", who="asha", why="drill")
    drain(running.platform, running.clock, running.clock.now())
    assert [one.path for one in running.accepted()] == [f"/{ZEN.tenant_id}"]
    assert running.bus().backlog() == {}


def test_a_head_that_is_no_record_is_left_out_of_the_root_and_its_tenant_halted(running: Flow) -> None:
    running.finish()
    running.clock.advance_to(running.stage.schedule[0][0] + AFTER_CLOSE)
    head = running.platform.tenants.store("acme").book()[0].audit_seq
    running.platform.documents.commit([Put(f"tenants/acme/audit/{head:09d}", {"seq": head})])
    with pytest.raises(Broken, match="acme"):
        seal_session(running.platform)
    root = AuditRoots(running.platform.objects).get(DAY)
    assert root is not None
    assert [item.tenant for item in root.heads] == [ZEN.tenant_id]
    assert [(one.scope, one.rearm) for one in kills(running.platform)] == [("tenant:acme", Rearm.ACKNOWLEDGED)]
    wrong = {one.tenant: one.problem for one in verify_state(running.platform).chains}
    assert [name for name, problem in wrong.items() if problem] == ["acme"]


def test_an_account_that_cannot_be_read_is_named_and_in_no_sum(running: Flow) -> None:
    put(running, "tenants/acme", capital="much")
    found = risk_book(running.platform)
    assert [item.tenant_id for item in found.tenants] == [ZEN.tenant_id]
    assert list(found.unreadable) == ["acme"]


def test_an_endpoint_that_is_away_keeps_a_notice_of_its_own_waiting_and_nobody_elses(running: Flow) -> None:
    address = "http://127.0.0.1:1/hook"
    away = {"webhook": {"channel": "webhook", "address": address, "secret": new_secret()}}
    put(running, "tenants/acme", channels=away)
    kill_on(running.platform, "master", who="asha", why="drill")
    drain(running.platform, running.clock, running.clock.now())
    assert [one.path for one in running.accepted()] == [f"/{ZEN.tenant_id}"]
    assert running.bus().backlog() == {"announce": 1}
    drain(running.platform, running.clock, running.clock.now() + timedelta(hours=1))
    assert [one.path for one in running.accepted()] == [f"/{ZEN.tenant_id}"]
    (line,) = running.platform.tenants.store("acme").deliveries()
    assert (line["state"], line["attempts"] > 3) == ("retrying", True)


@dataclass
class Refusing:
    """A source that refuses one underlying for good, and has nothing new of the others."""

    refused: str
    source: str = "upstox"
    asked: list[str] = field(default_factory=list)

    def poll(self, underlying: str) -> None:
        self.asked.append(underlying)
        if underlying == self.refused:
            raise BadInput("HTTP 400", where=underlying)


def test_an_underlying_that_its_source_refuses_keeps_no_other_from_being_polled(running: Flow) -> None:
    running.play(1)
    feed, waited = Refusing("NIFTY"), []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        running.clock.advance(seconds)

    followed = ("NIFTY", "BANKNIFTY")
    platform = replace(running.platform, feeds={"f": feed}, followed=followed, poll_interval_s=15.0, sleep=sleep)
    with pytest.raises(BadInput, match="NIFTY: HTTP 400"):
        poll_tick(platform, Tick(at=running.clock.now()))
    assert feed.asked == ["NIFTY", "BANKNIFTY"] * 4
    assert waited == [15.0] * 3
