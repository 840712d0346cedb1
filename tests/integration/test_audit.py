"""The audit chains over a running day: sealed after the close, verified where they are stored and as an export, and
whole whatever races for the head."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from quantsentinel.app.audit import export_lines, root_of, seal_session, verify_state
from quantsentinel.app.heartbeat import heartbeat
from quantsentinel.app.kills import kills
from quantsentinel.app.platform import Recent
from quantsentinel.app.serve_tenants import serve_tenants
from quantsentinel.audit.chain import append, plain_record, verify
from quantsentinel.audit.export import verify_export
from quantsentinel.audit.roots import seal
from quantsentinel.contracts.events import Tick
from quantsentinel.errors import BadInput, Broken
from quantsentinel.ports import Delete, Json, Put
from quantsentinel.settings import Settings
from quantsentinel.stores.audit_roots import AuditRoots
from quantsentinel.stores.relations import RelationStore
from quantsentinel.wiring.local import open_local
from quantsentinel.wiring.replay import ReplayRequest, replay
from tests.flow import ACME, BOTH, DAY, NIFTY, ZEN, Flow, day_file, flow
from tests.integration.test_flow_order import PATIENCE_S, Held, by_hand

AFTER_CLOSE = timedelta(hours=8)


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Flow]:
    """Two tenants' day, over and sealed."""
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(3)), (ACME, ZEN)) as running:
        running.finish()
        running.clock.advance_to(running.stage.schedule[0][0] + AFTER_CLOSE)
        seal_session(running.platform)
        yield running


def problems(running: Flow) -> dict[str, tuple[int, str]]:
    found = verify_state(running.platform)
    return {one.tenant: (one.problem.seq, one.problem.what) for one in found.chains if one.problem is not None}


def path(seq: int, tenant: str = "acme") -> str:
    return f"tenants/{tenant}/audit/{seq:09d}"


def last(running: Flow, tenant: str = "acme") -> int:
    return running.platform.tenants.store(tenant).book()[0].audit_seq


# --- two writers ---
def test_of_two_writers_that_continue_the_same_head_one_wins_and_the_other_decides_again(tmp_path: Path) -> None:
    with by_hand(tmp_path, BOTH, range(1)) as day:
        batches = [day.batch(name) for name in BOTH]
        held = Held(day.platform.documents, f"tenants/{ZEN.tenant_id}/book/current", parties=2)
        platforms = [replace(day.platform, documents=held, owner=name, recent=Recent(4)) for name in BOTH]
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(serve_tenants, *pair) for pair in zip(platforms, batches, strict=True)]:
                done.result(timeout=PATIENCE_S)
        records = list(day.platform.tenants.store(ZEN.tenant_id).audit_records())
        assert len(held.attempts) == 3, "both continued the genesis record, and the one that lost wrote again"
        assert [record.seq for record in records] == [0, 1, 2]
        assert {record.body["cycle_id"] for record in records[1:]} == {batch.cycle.cycle_id for batch in batches}
        assert verify(records, tenant=ZEN.tenant_id) is None


# --- what a record says ---
def test_a_record_names_row_desk_machine_refusals_and_until_when_it_is_kept(sealed: Flow) -> None:
    records = list(sealed.platform.tenants.store("acme").audit_records())
    assert records[0].body["kind"] == "genesis"
    for record in records[1:]:
        body = record.body
        assert body["retain_until"] == (DAY + timedelta(days=1827)).isoformat()
        assert body["desk"] == sealed.platform.desk.digest
        assert body["code_version"] == sealed.platform.desk.code_version
        assert body["environment"].startswith("sha256:")
    counted = {name: count for record in records[1:] for name, count in record.body["refusals"].items()}
    stored = [item for data in sealed.platform.tenants.store("acme").refused.all() for item in data["refusals"]]
    assert counted == {item["refusal_id"]: item["count"] for item in stored}
    assert counted


# --- the day's root ---
def test_the_close_is_sealed_once_over_every_tenants_head(sealed: Flow) -> None:
    root = root_of(sealed.platform, DAY)
    stored = {
        name: sealed.platform.tenants.store(name).audit_record(last(sealed, name)) for name in ("acme", ZEN.tenant_id)
    }
    assert {head.tenant: head.hash for head in root.heads} == {name: item.hash for name, item in stored.items() if item}
    sealed.clock.advance(60.0)
    seal_session(sealed.platform)
    assert root_of(sealed.platform, DAY) == root
    assert verify_state(sealed.platform).holds
    with pytest.raises(BadInput, match="no root of 2025-08-30"):
        root_of(sealed.platform, DAY + timedelta(days=1))


def test_a_replay_ends_sealed(tmp_path: Path) -> None:
    data = day_file(tmp_path, NIFTY, range(1), expiries=2)
    replay(ReplayRequest(data=(data,), tenants=(ACME,), state=tmp_path / "replayed"))
    found = verify_state(open_local(Settings(state=tmp_path / "replayed", sync="normal")))
    assert [header.on for header in found.roots] == [DAY]
    assert [(one.records - 1, one.sealed_on) for one in found.chains] == [(found.chains[0].sealed_seq, DAY)]


def test_a_second_different_root_of_a_day_is_refused(sealed: Flow) -> None:
    root = root_of(sealed.platform, DAY)
    roots = AuditRoots(sealed.platform.objects)
    roots.put(root)
    with pytest.raises(Broken, match="another root"):
        roots.put(seal(DAY, root.header.sealed_at, root.heads[:1], None))
    assert roots.get(DAY) == root


def test_nothing_is_sealed_before_the_close(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(1)), (ACME,)) as running:
        running.play()
        seal_session(running.platform)
        assert DAY not in AuditRoots(running.platform.objects).days()


def test_the_heartbeat_seals_after_the_close_and_its_trouble_keeps_nothing_else_from_its_turn(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2)), (ACME, ZEN)) as running:
        running.finish()
        running.platform.documents.commit([Delete(path(last(running)))])
        running.clock.advance_to(running.stage.schedule[0][0] + AFTER_CLOSE)
        with pytest.raises(Broken, match="acme: record 2, its last, is missing"):
            heartbeat(running.platform, Tick(at=running.clock.now()))
        assert [head.tenant for head in root_of(running.platform, DAY).heads] == [ZEN.tenant_id]
        assert [item.session for item in RelationStore(running.platform.documents).readings("NIFTY")] == [DAY]
        heartbeat(running.platform, Tick(at=running.clock.now()))
        assert AuditRoots(running.platform.objects).days() == [DAY]


def rewritten(running: Flow) -> None:
    """Every record of acme after the first written anew, every hash right."""
    store = running.platform.tenants.store("acme")
    chain = [store.audit_record(0)]
    for record in list(store.audit_records())[1:]:
        chain.append(append({**record.body, "code_version": "another"}, chain[-1]))
        running.platform.documents.commit([Put(path(record.seq), plain_record(chain[-1]))])


def cut_off(running: Flow) -> None:
    """The last record of acme removed, and the book made to agree."""
    seq, store = last(running), running.platform.tenants.store("acme")
    running.platform.documents.commit([Delete(path(seq)), Put(store.book_path, _with(running, audit_seq=seq - 1))])


def _with(running: Flow, **changes: object) -> Json:
    document = running.platform.documents.get("tenants/acme/book/current")
    assert document is not None
    return {**document.data, **changes}


@pytest.mark.parametrize(("spoil", "where"), [(rewritten, 1), (cut_off, 2)])
def test_a_chain_that_lost_what_was_sealed_pages_at_the_next_close_and_halts_its_tenant(
    sealed: Flow, spoil: Callable[[Flow], None], where: int
) -> None:
    spoil(sealed)
    sealed.clock.advance_to(sealed.clock.now() + timedelta(days=3))
    with pytest.raises(Broken, match="acme: record"):
        seal_session(sealed.platform)
    assert [state.scope for state in kills(sealed.platform) if "audit" in state.why] == ["tenant:acme"]
    assert len(verify_state(sealed.platform).roots) == 2, "the others' chains are sealed all the same"
    assert problems(sealed)["acme"][0] >= where
    assert set(problems(sealed)) == {"acme"}


# --- verified where it is stored ---
def change(running: Flow) -> None:
    record = running.platform.tenants.store("acme").audit_record(1)
    assert record is not None
    body = {**record.body, "row_digest": "sha256:0"}
    running.platform.documents.commit([Put(path(1), plain_record(replace(record, body=body)))])


def remove(running: Flow) -> None:
    running.platform.documents.commit([Delete(path(1))])


def exchange(running: Flow) -> None:
    first, second = (running.platform.documents.get(path(seq)) for seq in (1, 2))
    assert first is not None
    assert second is not None
    running.platform.documents.commit([Put(path(1), second.data), Put(path(2), first.data)])


def insert(running: Flow) -> None:
    """A record more at the end than the book knows of."""
    store = running.platform.tenants.store("acme")
    head = store.audit_record(last(running))
    running.platform.documents.commit([store.audit_write(append({"kind": "decision"}, head))])


def foreign(running: Flow) -> None:
    """Another tenant's whole chain in the place of one's own."""
    for record in running.platform.tenants.store(ZEN.tenant_id).audit_records():
        running.platform.documents.commit([Put(path(record.seq), plain_record(record))])


@pytest.mark.parametrize(
    ("spoil", "seq", "what"),
    [
        (change, 1, "not what was hashed"),
        (remove, 1, "the book ends with record"),
        (exchange, 1, "expected record 1, found 2"),
        (foreign, 0, "the chain is that of 'zen-capital'"),
        (rewritten, None, "was made over another record"),
        (cut_off, None, "cut off: the root of"),
        (insert, None, "the book ends with record"),
    ],
)
def test_what_was_done_to_a_stored_chain_is_named(
    sealed: Flow, spoil: Callable[[Flow], None], seq: int | None, what: str
) -> None:
    assert problems(sealed) == {}
    expected = {rewritten: last(sealed), cut_off: last(sealed), insert: last(sealed) + 1}.get(spoil, seq)
    spoil(sealed)
    assert problems(sealed)["acme"][0] == expected
    assert what in problems(sealed)["acme"][1]


def test_a_changed_decision_row_is_named_by_the_record_that_digests_it(sealed: Flow) -> None:
    records = sealed.platform.tenants.store("acme").audit_records()
    record = next(item for item in records if "object" in item.body and "row" not in item.body)
    rows = json.loads(sealed.platform.objects.get(record.body["object"]) or b"")
    for row in rows:
        row["equity"] = "0.00"
    sealed.platform.objects.put(record.body["object"], json.dumps(rows).encode())
    assert problems(sealed)["acme"] == (record.seq, f"its row in {record.body['object']} is gone or was changed")


# --- an export ---
def test_an_export_holds_all_that_its_verification_needs_and_nobody_elses_data(sealed: Flow) -> None:
    lines = list(export_lines(sealed.platform, "acme"))
    found = verify_export(lines)
    assert found.problem is None
    assert (found.records, found.sealed_seq, found.unsealed) == (last(sealed) + 1, last(sealed), 0)
    assert found.sealed == root_of(sealed.platform, DAY).header
    assert ZEN.tenant_id.encode() not in b"".join(lines)


def rows_of(lines: Sequence[bytes]) -> int:
    return sum(line.startswith(b'{"kind":"row"') for line in lines)


def test_every_record_of_an_export_comes_with_its_row(sealed: Flow) -> None:
    lines = list(export_lines(sealed.platform, "acme"))
    carried = sum("row" in record.body for record in sealed.platform.tenants.store("acme").audit_records())
    assert rows_of(lines) + carried == last(sealed)
    bare = list(export_lines(sealed.platform, "acme", with_rows=False))
    assert rows_of(bare) == 0
    assert verify_export(bare).problem is None


def test_there_is_no_export_of_a_stranger_or_of_a_chain_without_its_end(sealed: Flow) -> None:
    with pytest.raises(BadInput, match="no tenant"):
        list(export_lines(sealed.platform, "stranger"))
    sealed.platform.documents.commit([Delete(path(last(sealed)))])
    with pytest.raises(Broken, match="last record is missing"):
        list(export_lines(sealed.platform, "acme"))
