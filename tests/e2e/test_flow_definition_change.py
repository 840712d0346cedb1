"""A vendor's vol that changes its unit between two sessions: polled, read in the evening, no entry the next morning."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from functools import cache
from pathlib import Path

import pytest

from quantsentinel.app.heartbeat import heartbeat
from quantsentinel.app.kills import kill_off, kills
from quantsentinel.contracts.events import Tick
from quantsentinel.market.calendar import IST
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.simulator.config import default_config
from quantsentinel.simulator.day import SimulatedDay, simulate_day
from quantsentinel.stores.relations import RelationStore, SessionReading
from tests.flow import ZEN, Flow, few_expiries, flow

BEFORE, CHANGED, AFTER = date(2025, 8, 26), date(2025, 8, 28), date(2025, 8, 29)
A_DAY = 4


@cache
def simulated(day: date) -> SimulatedDay:
    return simulate_day("NIFTY", day, 7, load_rules(), replace(default_config("NIFTY"), interval_s=60.0))


def session(day: date, vendor: float = 1.0) -> list[Snapshot]:
    made = [few_expiries(snapshot, 4) for snapshot in simulated(day).snapshots[:A_DAY]]
    return [replace(one, columns={**one.columns, "vendor_iv": vendor * one.vendor_iv}) for one in made]


def close(running: Flow, day: date) -> None:
    """The beat after the session."""
    running.clock.advance_to(datetime.combine(day, time(15, 40), IST))
    heartbeat(running.platform, Tick(at=running.clock.now()))


def remember(running: Flow) -> None:
    """Twenty-one evenings that read what the first session's did."""
    store = RelationStore(running.platform.documents)
    (found,) = store.readings("NIFTY")
    past = load_rules().sessions(date(2025, 7, 1), date(2025, 8, 25))[-21:]
    readings = [SessionReading("NIFTY", item.day, found.snapshots, found.measured) for item in past]
    running.platform.documents.commit([store.create_reading(item) for item in readings])


def guards(running: Flow, cycles: slice) -> list[set[str]]:
    return [{refusal["first"]["guard"] for refusal in row["refusals"]} for row in running.rows(ZEN.tenant_id)[cycles]]


@pytest.mark.parametrize("vendor", [1.0, 100.0], ids=["as before", "in per cent"])
def test_entries_stop_on_the_morning_after_a_changed_definition_until_a_person_looks(
    tmp_path: Path, vendor: float
) -> None:
    data = tmp_path / "days.parquet"
    write_day_file(data, [*session(BEFORE), *session(CHANGED, vendor), *session(AFTER, vendor)], {})
    with flow(tmp_path / "state", data, (ZEN,)) as running:
        assert all(polled.accepted for polled in running.play(A_DAY))
        close(running, BEFORE)
        remember(running)
        assert all(polled.accepted for polled in running.play(A_DAY)), "no guard judges a vendor's vol"
        close(running, CHANGED)
        switches = kills(running.platform)
        assert [state.scope for state in switches] == (["symbol:NIFTY"] if vendor > 1 else [])
        assert all("vendor_iv" in state.why and "since 2025-08-28" in state.why for state in switches)
        running.play(2)
        assert (guards(running, slice(-2, None)) == [{"symbol_anomaly"}] * 2) is (vendor > 1)
        assert kill_off(running.platform, "symbol:NIFTY", who="desk", ack="looked").released is (vendor > 1)
        running.finish()
        close(running, AFTER)
        assert all("symbol_anomaly" not in found for found in guards(running, slice(-2, None)))
        assert not kills(running.platform), "acknowledged once is acknowledged"
