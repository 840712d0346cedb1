"""A cycle's batches name those that they follow, also when a tenant more makes a batch more."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app.fan_out import BATCH, fan_out
from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import CycleDecided, Predecessor, TenantBatch, all_batches
from quantsentinel.ports import MAX_BATCH_WRITES, Put
from quantsentinel.settings import Settings
from quantsentinel.wiring.local import open_local

NOW = datetime(2025, 8, 29, 4, tzinfo=UTC)
BEFORE = Predecessor(cycle_id="cyc-" + 20 * "b", decided_at=NOW)
CYCLE = CycleDecided(
    cycle_id="cyc-" + 20 * "a",
    underlying="NIFTY",
    session=date(2025, 8, 29),
    snapshot_key=f"snapshots/NIFTY/2025-08-29/093000-{16 * 'a'}.parquet",
    history_key=f"history/NIFTY/2025-08-29/{32 * 'a'}.json",
    desk_digest="sha256:" + 64 * "a",
    view_digest="sha256:" + 64 * "a",
    decided_at=NOW,
    eligible=1,
    previous=BEFORE,
)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return open_local(Settings(state=tmp_path / "state", sync="normal"), VirtualClock(NOW))


def fanned(platform: Platform, tenants: int, before: int | None) -> list[TenantBatch]:
    """The batches of a cycle for so many tenants, of which the cycle before had so many batches."""
    puts = [Put(f"tenants/{number:040d}", {"served": ["NIFTY"]}) for number in range(tenants)]
    for start in range(0, len(puts), MAX_BATCH_WRITES):
        platform.documents.commit(puts[start : start + MAX_BATCH_WRITES])
    if before is not None:
        platform.documents.commit([Put(f"fan_outs/{BEFORE.cycle_id}", {"batches": before})])
    published: list[Any] = []
    object.__setattr__(platform.bus, "publish_all", published.extend)
    fan_out(platform, CYCLE)
    return [TenantBatch.model_validate(event.data) for event in published]


def names(count: int) -> tuple[str, ...]:
    return tuple(f"{BEFORE.cycle_id}.{number}" for number in range(count))


@pytest.mark.parametrize("before", [None, 3])
def test_as_many_batches_as_before_follow_one_each(platform: Platform, before: int | None) -> None:
    batches = fanned(platform, 2 * BATCH + 1, before)
    assert [batch.predecessors for batch in batches] == [(name,) for name in names(3)]


@pytest.mark.parametrize("before", [0, 1, 4])
def test_another_number_of_batches_follows_all_of_them(platform: Platform, before: int) -> None:
    batches = fanned(platform, BATCH + 1, before)
    assert [batch.predecessors for batch in batches] == [names(before)] * 2


def test_a_tenant_more_makes_a_batch_more_also_with_ten_thousand(platform: Platform) -> None:
    batches = fanned(platform, 150 * BATCH + 1, 150)
    assert len(batches) == 151
    assert {batch.predecessors for batch in batches} == {names(150)}


def test_a_batch_may_be_named_by_itself_or_with_all_of_its_cycle() -> None:
    batch = TenantBatch(cycle=CYCLE, batch=0, tenants=("acme",), after=("cyc-1.0", all_batches("cyc-2", 2)))
    assert batch.predecessors == ("cyc-1.0", "cyc-2.0", "cyc-2.1")
