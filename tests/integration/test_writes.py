"""How many documents a tenant's cycle writes, and that its refusals are found wherever they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from quantsentinel.app import listing
from quantsentinel.app.explain import explain
from quantsentinel.app.kills import kill_on
from quantsentinel.app.restore_check import BEGINNING, owners
from quantsentinel.app.serve_tenants import serve_tenants
from quantsentinel.app.tenants import TenantRequest, set_tenant
from quantsentinel.audit.chain import verify
from quantsentinel.contracts.events import SIGNAL_ISSUED
from quantsentinel.ports import Documents, Write
from tests.flow import NIFTY, ZEN
from tests.integration.test_flow_order import by_hand


class Noted:
    """Documents that note the paths of every commit that writes a book."""

    def __init__(self, inner: Documents) -> None:
        self._inner = inner
        self.commits: list[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def commit(self, writes: Sequence[Write]) -> None:
        if any(write.path.endswith("/book/current") for write in writes):
            self.commits.append([write.path for write in writes])
        self._inner.commit(writes)


def test_a_cycle_that_opens_a_signal_and_refuses_the_rest_writes_five_documents(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(1)) as day:
        noted = Noted(day.platform.documents)
        serve_tenants(replace(day.platform, documents=noted), day.batch("NIFTY"))
        [paths] = noted.commits
        assert len(day.running.signals("created")) == 1
        assert len(paths) == 5
        store = day.platform.tenants.store(ZEN.tenant_id)
        [record] = store.refused.all()
        assert record["refusal_ids"], "its refusals stand beside the audit record"
        for refusal_id in record["refusal_ids"]:
            assert day.platform.tenants.refusal(refusal_id) == record
            told = explain(day.platform, refusal_id)
            assert (told["kind"], told["id"]) == ("refusal", refusal_id)
        assert verify(store.audit_records(), tenant=ZEN.tenant_id) is None
        assert list(listing.refusals(day.platform)) == [record]


def test_a_cycle_that_opens_two_signals_writes_five_documents_too_and_each_is_found_by_its_id(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(1)) as day:
        wide = {"max_correlation": 1.0, "max_sector_loss": 1.0, "max_loss_per_day": 1.0, "max_positions": 2}
        set_tenant(day.platform, TenantRequest(ZEN.tenant_id, limits=wide))
        noted = Noted(day.platform.documents)
        serve_tenants(replace(day.platform, documents=noted), day.batch("NIFTY"))
        [paths] = noted.commits
        two = day.running.signals("created")
        assert (len(two), len(paths)) == (2, 5)
        store = day.platform.tenants.store(ZEN.tenant_id)
        for step in two:
            assert store.signal_event(step["signal_id"], 1) == step
            assert explain(day.platform, step["signal_id"])["sizing"] == step["event"]["sizing"]
        [record] = store.refused.all()
        assert explain(day.platform, record["refusal_ids"][0])["kind"] == "refusal"
        issued = [event.data["signal_id"] for event in day.shelf.events if event.topic == SIGNAL_ISSUED]
        assert sorted(issued) == sorted(step["signal_id"] for step in two)
        assert day.platform.documents.query("outbox") == []
        assert verify(store.audit_records(), tenant=ZEN.tenant_id) is None
        assert owners(day.platform, BEGINNING).found == "2 signals have their owner"


def test_a_cycle_that_only_refuses_keeps_a_record_of_its_own(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(1)) as day:
        noted = Noted(day.platform.documents)
        kill_on(day.platform, "master", who="asha", why="drill")
        serve_tenants(replace(day.platform, documents=noted), day.batch("NIFTY"))
        [paths] = noted.commits
        assert [path.split("/")[2] for path in paths] == ["book", "refusals", "audit"]
        [record] = day.platform.tenants.store(ZEN.tenant_id).refused.all()
        assert day.platform.tenants.refusal(record["refusal_ids"][-1]) == record
