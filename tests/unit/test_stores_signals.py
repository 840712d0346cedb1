"""Steps of signals: alone in a document, several beside the audit record, found by id wherever they stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.errors import BadInput, Conflict
from quantsentinel.ports import Create, Json
from quantsentinel.stores.signals import MOST_BESIDE, SignalRecords


class Acme:
    """One tenant's signals on a state file."""

    def __init__(self, folder: Path) -> None:
        clock = VirtualClock(datetime(2025, 8, 29, 5, tzinfo=UTC))
        self.documents = SqliteDocuments(Database(folder / "state.db", sync="normal"), clock)
        self.signals = SignalRecords(self.documents, "tenants/acme")
        self.cycle = 0

    def decided(self, *steps: Json) -> list[str]:
        """Commits a cycle's steps; the paths that it wrote, the audit document's among them."""
        writes, beside = self.signals.writes(steps)
        self.cycle += 1
        writes.append(Create(f"tenants/acme/audit/{self.cycle:09d}", {"seq": self.cycle, **beside}))
        self.documents.commit(writes)
        return [write.path for write in writes]


@pytest.fixture
def acme(tmp_path: Path) -> Acme:
    return Acme(tmp_path)


def step(name: str, sequence: int = 1, tenant: str = "acme") -> Json:
    return {"signal_id": f"sig-{name}", "sequence": sequence, "tenant_id": tenant}


def names(steps: Sequence[Json]) -> list[str]:
    return [f"{one['signal_id'].removeprefix('sig-')}{one['sequence']}" for one in steps]


def test_a_step_alone_has_a_document_and_several_stand_beside_the_audit_record(acme: Acme) -> None:
    alone = acme.decided(step("a"))
    assert alone == ["signal_owners/sig-a", "tenants/acme/signals/sig-a-001", "tenants/acme/audit/000000001"]
    several = acme.decided(step("a", 2), step("c"), step("b"))
    assert several == ["signal_owners/sig-c", "signal_owners/sig-b", "tenants/acme/audit/000000002"]
    assert names(acme.signals.all()) == ["a1", "a2", "b1", "c1"]
    assert names(list(acme.signals.beside())) == ["a2", "c1", "b1"]
    for one in acme.signals.all():
        assert acme.signals.of(one["signal_id"], one["sequence"]) == one


def test_more_steps_than_an_audit_document_should_hold_get_their_own(acme: Acme) -> None:
    steps = [step(f"{number:02d}", 2) for number in range(MOST_BESIDE + 2)]
    assert len(acme.decided(*steps)) == 3
    assert acme.signals.all() == steps
    assert acme.signals.of("sig-09", 2) == steps[9]


def test_nothing_is_found_under_another_number(acme: Acme) -> None:
    acme.decided(step("a"), step("b"))
    acme.decided(step("c"))
    for name, sequence in (("a", 2), ("c", 2), ("d", 1)):
        with pytest.raises(BadInput, match=f"no event {sequence} of sig-{name}"):
            acme.signals.of(f"sig-{name}", sequence)


def test_a_signal_of_another_tenant_or_of_a_claimed_id_is_not_written(acme: Acme) -> None:
    with pytest.raises(Conflict, match="signal of zen"):
        acme.signals.writes([step("a"), step("b", tenant="zen")])
    acme.decided(step("a"), step("b"))
    zen = SignalRecords(acme.documents, "tenants/zen")
    with pytest.raises(Conflict, match="signal_owners/sig-b"):
        acme.documents.commit(zen.writes([step("b", tenant="zen"), step("c", tenant="zen")])[0])
    assert zen.all() == []
