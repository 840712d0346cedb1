"""Every decision can be made again from what is stored, byte for byte; what cannot, says why."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from quantsentinel.app.platform import Platform
from quantsentinel.app.replay_decision import Difference, decided, first_difference, replay_decision, replayed
from quantsentinel.canonical import plain_bytes
from quantsentinel.cli.main import run_command
from quantsentinel.errors import BadInput, Broken
from quantsentinel.market.calendar import IST
from quantsentinel.ports import Put
from quantsentinel.settings import Settings
from quantsentinel.stores.snapshots import parse_time
from quantsentinel.wiring.local import open_local
from tests.flow import flow
from tests.two_days import DAYS, TENANTS, two_days
from tests.unit.test_market_pass_cpu import vector_features

MAIN = "import sys; from quantsentinel.cli.main import main; sys.exit(main())"
EVERY_QUARTER = range(0, 375, 15)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of two simulated days and six tenants."""
    folder = tmp_path_factory.mktemp("two days")
    with flow(folder / "state", two_days(folder, EVERY_QUARTER), TENANTS) as running:
        running.finish()
        assert running.signals("created")
        assert running.signals("closed")
    return folder / "state"


@pytest.fixture
def state(played: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    return Path(shutil.copytree(played, tmp_path / "copy"))


def opened(state: Path) -> Platform:
    """Another process's platform on that state: nothing remembered."""
    return open_local(Settings(state=state, sync="normal"))


def cycles(platform: Platform) -> list[str]:
    """By the time of their decision."""
    found = [item for item in platform.documents.query("cycles") if item.data["state"] == "decided"]
    return [item.id for item in sorted(found, key=lambda item: str(item.data["decided_at"]))]


def test_three_hundred_decisions_of_two_days_are_made_again_byte_for_byte_in_any_order(played: Path) -> None:
    platform = opened(played)
    shuffled = random.Random(5).sample(cycles(platform), 50)
    found = [one for cycle_id in shuffled for one in replay_decision(platform, cycle_id)]
    assert [one.difference for one in found if one.difference is not None] == []
    assert len(found) == 300
    assert {one.tenant for one in found} == {plan.tenant_id for plan in TENANTS}
    days = {parse_time(decided(platform, cycle_id).cycle["decided_at"]).astimezone(IST).date() for cycle_id in shuffled}
    assert days == set(DAYS)
    assert all(one.elsewhere == () for one in found)


def test_a_signal_is_replayed_through_each_of_its_steps_and_a_refusal_in_its_cycle(played: Path) -> None:
    platform = opened(played)
    store = platform.tenants.store("acme")
    signal_id = store.signals()[0]["signal_id"]
    steps = [item for item in store.signals() if item["signal_id"] == signal_id]
    again = replay_decision(platform, signal_id)
    assert [one.cycle_id for one in again] == list(dict.fromkeys(item["event"]["cycle_id"] for item in steps))
    refused = store.refused.all()[0]
    [one] = replay_decision(platform, refused["refusal_ids"][0])
    assert (one.tenant, one.cycle_id) == ("acme", refused["cycle_id"])
    assert all(item.chained and item.difference is None for item in [*again, one])


def test_a_cycle_is_replayed_for_one_tenant_when_asked(played: Path) -> None:
    platform = opened(played)
    [one] = replay_decision(platform, cycles(platform)[0], "zen")
    assert one.tenant == "zen"
    with pytest.raises(BadInput, match="stranger has no decision"):
        replay_decision(platform, cycles(platform)[0], "stranger")
    with pytest.raises(BadInput, match="nothing is called"):
        replay_decision(platform, "sig-of-nobody")
    signal_id = platform.tenants.store("acme").signals()[0]["signal_id"]
    with pytest.raises(BadInput, match="about acme, not zen"):
        replay_decision(platform, signal_id, "zen")


# --- what is not as it was ---
def rewrite(platform: Platform, cycle_id: str, change: Callable[[list[dict[str, object]]], None]) -> None:
    """The rows of a cycle's batch, changed in place."""
    [batch] = [item.data for item in platform.documents.query("batches") if item.data["cycle_id"] == cycle_id]
    [key] = batch["objects"]
    rows = json.loads(platform.objects.get(key) or b"")
    change(rows)
    platform.objects.put(key, plain_bytes(rows))


def test_a_row_that_was_changed_contradicts_the_chain(state: Path) -> None:
    platform = opened(state)
    first = cycles(platform)[0]
    rewrite(platform, first, lambda rows: rows[0].update(equity="1.00"))
    with pytest.raises(Broken, match=r"audit record 1 says"):
        replay_decision(platform, first, "acme")


def test_a_row_that_another_decision_would_have_made_differs_at_a_named_place(state: Path) -> None:
    platform = opened(state)
    stored = decided(platform, cycles(platform)[0])
    rows = {**stored.rows, "acme": {**stored.rows["acme"], "cycle": "cyc-other"}}
    store = platform.tenants.store("acme")
    record = store.audit_record(1)
    assert record is not None
    unchained = {**platform.documents.get(f"{store.root}/audit/000000001").data, "cycle_id": "elsewhere"}  # type: ignore[union-attr]  # it was just read
    platform.documents.commit([Put(f"{store.root}/audit/000000001", unchained)])
    found = replayed(replace(stored, rows=rows), "acme")
    assert not found.chained
    assert found.difference == Difference("cycle", "cyc-other", stored.cycle["cycle_id"])


def test_inputs_that_were_changed_or_lost_are_said_to_be(state: Path) -> None:
    platform = opened(state)
    first = cycles(platform)[0]
    [key] = [item.key for item in platform.objects.list("decisions/") if f"{first}/inputs/" in item.key]
    body = platform.objects.get(key) or b""
    platform.objects.put(key, body.replace(b"Acme", b"Acne"))
    with pytest.raises(Broken, match="does not match its address"):
        replay_decision(platform, first, "acme")
    (state / "objects" / key).unlink(missing_ok=True)
    stored = replace(decided(opened(state), cycles(platform)[1]), values={})
    with pytest.raises(Broken, match="no stored value is sha256:"):
        replayed(stored, "acme")


# --- another desk ---
def test_a_policy_that_changed_since_is_taken_from_the_store(played: Path) -> None:
    platform = opened(played)
    policy = platform.desk.policy
    other = policy.model_copy(update={"exits": policy.exits.model_copy(update={"cool_down_minutes": 1})})
    changed = replace(platform, desk=replace(platform.desk, policy=other, broker="zerodha"))
    assert all(one.difference is None for one in replay_decision(changed, cycles(platform)[0]))


def test_another_version_of_the_code_is_said_and_refused(played: Path) -> None:
    platform = opened(played)
    newer = replace(platform, desk=replace(platform.desk, code_version="99.0"))
    with pytest.raises(BadInput, match=r"code_version \(was 0.*, is 99.0\)"):
        replay_decision(newer, cycles(platform)[0])


def test_a_desk_that_is_not_on_file_is_refused(state: Path) -> None:
    platform = opened(state)
    for path in (state / "objects").rglob("desks/*.json"):
        path.unlink()
    newer = replace(platform, desk=replace(platform.desk, broker="zerodha"))
    with pytest.raises(BadInput, match="not on file"):
        replay_decision(newer, cycles(platform)[0])


# --- the command ---
def test_the_command_replays_on_a_cpu_with_fewer_features_to_the_same_bytes(played: Path) -> None:
    platform = opened(played)
    command = [sys.executable, "-c", MAIN, "replay-decision", cycles(platform)[1], "--state", str(played), "--json"]
    features = vector_features()
    fewer = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(features), "OPENBLAS_CORETYPE": "Nehalem"}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=fewer)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert [one["difference"] for one in found] == [None] * len(TENANTS)
    assert {name for one in found for name in one["elsewhere"]} == ({"cpu_features"} if features else set())


def test_the_command_says_identical_and_refuses_a_stranger(played: Path, capsys: pytest.CaptureFixture[str]) -> None:
    platform = opened(played)
    assert run_command(["replay-decision", cycles(platform)[0], "--tenant", "acme", "--state", str(played)]) == 0
    said = capsys.readouterr().out
    assert "identical" in said
    assert "1 decision made again, 0 not the same" in said
    assert run_command(["replay-decision", "cyc-nobody", "--state", str(played)]) == 2


# --- the first difference ---
@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": 1, "b": [1, 2]}, {"a": 1, "b": [1, 3]}, Difference("b[1]", 2, 3)),
        ({"a": None}, {}, Difference("a", None, None)),
        ({"a": [1]}, {"a": [1, None]}, Difference("a[1]", None, None)),
        ({"a": 1}, {"a": 1.0}, Difference("a", 1, 1.0)),
        ({"a": {"b": 1}}, {"a": [1]}, Difference("a", {"b": 1}, [1])),
        ([], {}, Difference("", [], {})),
    ],
)
def test_the_first_difference_is_named_by_its_path(was: object, now: object, expected: Difference | None) -> None:
    assert first_difference(was, now) == expected
