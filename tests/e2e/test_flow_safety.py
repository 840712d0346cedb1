"""Kill switches, isolation of tenants, the audit chain and explanations, over the whole flow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from quantsentinel.app.explain import explain
from quantsentinel.app.kills import kill_off, kill_on, kills
from quantsentinel.app.listing import refusals
from quantsentinel.app.tenants import TenantRequest, set_tenant
from quantsentinel.audit.chain import Record, verify
from quantsentinel.canonical import plain_bytes
from quantsentinel.errors import Conflict
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.codec import encode_book
from quantsentinel.ports import Create, Put
from quantsentinel.risk.castle import GUARDS
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.wiring.replay import TenantPlan
from tests.flow import ACME, BOTH, NIFTY, ZEN, Flow, day_file, flow

WHO = {"who": "risk desk", "why": "a test of the switch"}


def book_of(running: Flow) -> Book:
    return running.platform.tenants.store("acme").book()[0]


def first_guards(running: Flow, tenant: str = "acme") -> list[set[str]]:
    """Per cycle, the guards that refused."""
    return [{refusal["first"]["guard"] for refusal in row["refusals"]} for row in running.rows(tenant)]


# --- kill switches ---
@pytest.mark.parametrize(
    ("scope", "guard"),
    [("master", "master"), ("tenant:acme", "tenant_kill"), ("symbol:NIFTY", "symbol_anomaly")],
)
def test_a_kill_switch_stops_entries_from_the_next_cycle_on(tmp_path: Path, scope: str, guard: str) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(5)), (ZEN, ACME)) as running:
        kill_on(running.platform, "symbol:BANKNIFTY", **WHO)
        running.play(1)
        before = running.signals("created")
        assert before
        assert guard not in first_guards(running)[0]
        kill_on(running.platform, scope, **WHO)
        running.play(2)
        assert running.signals("created") == before
        assert all(guards == {guard} for guards in first_guards(running)[1:])
        words = [kill_off(running.platform, scope, who=who, ack="the drill is over") for who in ("asha", "ben")]
        assert [word.released for word in words] == ([False, True] if scope == "master" else [True, False])
        running.finish()
        assert all(guard not in guards for guards in first_guards(running)[3:])


def test_a_kill_switch_survives_a_restart(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(4))) as running:
        kill_on(running.platform, "master", **WHO)
        running.play(1)
        again = running.restarted()
        assert [(state.scope, state.why) for state in kills(again.platform)] == [("master", WHO["why"])]
        again.finish()
        assert again.signals() == []
        assert len(first_guards(again)) == 4
        assert all(guards == {"master"} for guards in first_guards(again))


def test_the_day_goes_on_after_a_restart_as_if_there_had_been_none(tmp_path: Path) -> None:
    data = day_file(tmp_path, NIFTY, range(5))
    with flow(tmp_path / "whole", data) as whole:
        whole.finish()
        expected = whole.rows("acme")
    with flow(tmp_path / "cut", data) as cut:
        cut.play(2)
        assert cut.restarted().finish().rows("acme") == expected


def test_positions_are_still_closed_under_the_master_kill(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(4), gap_from=2), (ZEN,)) as running:
        running.play(2)
        entered = running.signals("created")
        kill_on(running.platform, "master", **WHO)
        running.finish()
        closed = running.signals("closed")
        book, _ = running.platform.tenants.store(ZEN.tenant_id).book()
        assert closed
        assert running.signals("created") == entered
        assert not {item["signal_id"] for item in closed} & {position.signal_id for position in book.positions}
        assert {f"{item['signal_id']}.{item['sequence']}" for item in closed} <= {one.id for one in running.accepted()}


def test_a_kill_withdraws_what_may_still_be_entered(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(3))) as running:
        running.play(1)
        entered = {item["signal_id"] for item in running.signals("created")}
        kill_on(running.platform, "tenant:acme", **WHO)
        running.finish()
        assert entered
        assert {item["signal_id"] for item in running.signals("withdrawn")} == entered


# --- isolation ---
def killed(running: Flow) -> None:
    kill_on(running.platform, "tenant:zen-capital", **WHO)


def broken(running: Flow) -> None:
    nowhere = Endpoint(
        "webhook", "http://127.0.0.1:9/", running.platform.tenants.store("zen-capital").endpoints()[0].secret
    )
    set_tenant(running.platform, TenantRequest("zen-capital", endpoints=(nowhere,)))


def untouched(running: Flow) -> None:
    """The neighbour as it was seeded."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes], list[str]]:
    """The day, and the decisions and webhook bodies of `acme` without a neighbour."""
    folder = tmp_path_factory.mktemp("alone")
    data = day_file(folder, NIFTY, range(5))
    with flow(folder / "state", data) as running:
        running.finish()
        assert running.signals("created")
        return data, [plain_bytes(row) for row in running.rows("acme")], [one.body for one in running.accepted()]


NEIGHBOURS = {
    "with other capital": (ZEN, untouched),
    "killed": (ZEN, killed),
    "paused": (replace(ZEN, paused=True), untouched),
    "with a broken endpoint": (ZEN, broken),
    "that goes first in the batch": (TenantPlan("aaa-first", "First", 300_000_000), untouched),
}


@pytest.mark.parametrize(("neighbour", "change"), NEIGHBOURS.values(), ids=NEIGHBOURS.keys())
def test_a_neighbour_changes_no_byte_of_a_tenants_decisions(
    alone: tuple[Path, list[bytes], list[str]], tmp_path: Path, neighbour: TenantPlan, change: object
) -> None:
    data, rows, bodies = alone
    assert callable(change)
    with flow(tmp_path / "state", data, (ACME, neighbour)) as running:
        change(running)
        running.finish()
        assert [plain_bytes(row) for row in running.rows("acme")] == rows
        assert [one.body for one in running.accepted() if one.path == "/acme"] == bodies
        assert len(running.rows(neighbour.tenant_id)) == len(rows)
        assert not any(neighbour.tenant_id in one.body for one in running.accepted() if one.path == "/acme")


def test_a_signal_id_that_reaches_a_second_tenant_fails_in_the_database(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(1)), (ACME, ZEN)) as running:
        running.finish()
        document = next(item for item in running.signals("created") if item["tenant_id"] == "acme")
        owner = f"signal_owners/{document['signal_id']}"
        stolen = Create(f"tenants/zen-capital/signals/{document['signal_id']}-001", dict(document))
        before = running.platform.tenants.store("zen-capital").signals()
        with pytest.raises(Conflict, match="signal_owners"):
            running.platform.documents.commit([stolen, Create(owner, {"tenant_id": "zen-capital"})])
        assert running.platform.tenants.owner(document["signal_id"]) == "acme"
        assert running.platform.tenants.store("zen-capital").signals() == before


# --- audit ---
def test_the_audit_chain_holds_for_every_tenant_and_shows_tampering(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, BOTH, range(3)), (ACME, ZEN)) as running:
        running.finish()
        for tenant in running.platform.tenants.ids():
            records = list(running.platform.tenants.store(tenant).audit_records())
            assert len(records) > 2
            assert verify(records) is None
            for number, record in enumerate(records):
                forged = Record(record.seq, record.previous, {**record.body, "row_digest": "sha256:0"}, record.hash)
                found = verify([*records[:number], forged, *records[number + 1 :]])
                assert found is not None
                assert found.seq == record.seq
            assert verify([*records[:1], *records[2:]]) is not None


def test_every_signal_stands_in_the_audit_chain_of_its_tenant(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(3)), (ACME, ZEN)) as running:
        running.finish()
        for tenant in running.platform.tenants.ids():
            records = list(running.platform.tenants.store(tenant).audit_records())
            told = {item["id"] for record in records for item in record.body.get("row", {}).get("signals", [])}
            mine = [item for item in running.signals() if item["tenant_id"] == tenant]
            assert told == {f"{item['signal_id']}.{item['sequence']}" for item in mine}
            assert told


# --- explain ---
VERDICT = {"guard", "version", "outcome", "measured", "limit", "unit", "input_hash"}


def test_a_signal_is_explained_with_every_verdict_cost_line_digest_and_rule_row(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2))) as running:
        running.finish()
        signal = running.signals("created")[0]
        story = json.loads(json.dumps(explain(running.platform, signal["signal_id"])))
        snapshot = running.platform.snapshot(story["snapshot_key"])
    assert {verdict["guard"] for verdict in story["verdicts"]} >= GUARDS
    assert all(set(verdict) >= VERDICT for verdict in story["verdicts"])
    assert all(verdict["outcome"] in ("passed", "limited") for verdict in story["verdicts"])
    assert {"net_ev", "cost_ratio", "win_probability"} <= {verdict["guard"] for verdict in story["verdicts"]}
    assert story["cost_lines"]
    assert story["rule_rows"]
    assert story["snapshot"] == snapshot.digest
    assert story["tenant_id"] == "acme"


def test_a_refusal_is_explained_with_the_guard_that_stopped_it_and_all_others(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2))) as running:
        running.finish()
        for record in refusals(running.platform):
            for refusal_id in record["refusal_ids"]:
                story = json.loads(json.dumps(explain(running.platform, refusal_id)))
                assert {verdict["guard"] for verdict in story["verdicts"]} >= GUARDS
                assert all(set(verdict) >= VERDICT for verdict in story["verdicts"])
                assert story["first"] == next(v for v in story["verdicts"] if v["outcome"] in ("blocked", "unknown"))
                assert story["cost_lines"]
                assert story["rule_rows"]
                assert story["snapshot"].startswith("sha256:")
        assert refusals(running.platform)


def test_a_position_of_an_underlying_that_is_no_longer_followed_is_still_marked_and_gets_no_new_entries(
    tmp_path: Path,
) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(4))) as running:
        running.play(2)
        held = book_of(running)
        assert held.positions
        set_tenant(running.platform, TenantRequest("acme", underlyings=("BANKNIFTY",)))
        running.finish()
        after = book_of(running)
        assert {item.signal_id for item in after.positions} <= {item.signal_id for item in held.positions}
        assert all(item.mark.at > held.positions[0].mark.at for item in after.positions if item.mark)


def unreadable(running: Flow) -> None:
    path = running.platform.tenants.store("aaa-first").book_path
    running.platform.documents.commit([Put(path, {"schema": "of another time"})])


def yet_to_come(running: Flow) -> None:
    store = running.platform.tenants.store("aaa-first")
    ahead = Book(session=date(2099, 1, 1))
    running.platform.documents.commit([Put(store.book_path, encode_book(ahead))])


@pytest.mark.parametrize(("spoil", "halted"), [(unreadable, ["tenant:aaa-first"]), (yet_to_come, [])])
def test_a_tenant_whose_pass_fails_is_left_out_and_its_neighbour_gets_its_own_decisions(
    tmp_path: Path, alone: tuple[Path, list[bytes], list[str]], spoil: Callable[[Flow], None], halted: list[str]
) -> None:
    data, decisions, bodies = alone
    with flow(tmp_path / "state", data, (TenantPlan("aaa-first", "First", 5_000_000), ACME)) as running:
        spoil(running)
        running.finish()
        assert [plain_bytes(row) for row in running.rows("acme")] == decisions
        assert [one.body for one in running.accepted() if one.path == "/acme"] == bodies
        told = [one.id for one in running.accepted() if one.path == "/aaa-first"]
        assert told == ["kill-tenant-aaa-first-1-aaa-first.1" for _ in halted], "it hears that it is halted"
        assert not running.rows("aaa-first")
        assert [state.scope for state in kills(running.platform)] == halted
