"""kill -9 between any two writes of the real flow: the same decisions, the same signals, nothing lost or left over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from emulators.webhook_sink import Received, WebhookSink
from quantsentinel.adapters.channels.webhook import new_secret
from tests.conftest import ROOT
from tests.flow import NIFTY, day_file

pytestmark = pytest.mark.slow

STATE = ("digest", "signals", "deliveries", "cycles", "outbox", "inbox_undone", "waiting", "dead", "chain")
Survey = tuple[list[dict[str, Any]], tuple[Received, ...]]


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """What every run left, and every webhook that any of them sent (on the path of its run)."""
    folder = tmp_path_factory.mktemp("flow-crash")
    data = day_file(folder, NIFTY, range(2), expiries=2)
    secret = new_secret()
    with WebhookSink([secret]) as sink:
        arguments = [str(folder / "runs"), str(data), sink.url, secret]
        command = [sys.executable, "-m", "tests.integration.flow_crash", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1_800, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return [json.loads(line) for line in done.stdout.splitlines()], sink.deliveries


def once(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [run for run in runs if len(run["kills"]) == 1]


def test_the_peaceful_run_issues_and_delivers_signals(survey: Survey) -> None:
    peaceful = survey[0][0]
    assert peaceful["kills"] == []
    assert peaceful["signals"]
    assert [state for _, state in peaceful["deliveries"]] == ["sent"] * len(peaceful["signals"])
    assert [state for _, state in peaceful["cycles"]] == ["decided", "decided"]


def test_every_write_boundary_of_poll_decide_fan_out_serve_and_deliver_was_killed_at(survey: Survey) -> None:
    kills = [run["kills"][0] for run in once(survey[0])]
    assert kills == list(range(1, len(kills) + 1))
    assert len(kills) > 100, "two snapshots on their whole way pass more than a hundred boundaries"
    assert all(run["starts"] == 2 for run in once(survey[0]))
    assert sum(run["starts"] == 3 for run in survey[0]) > 10


def test_a_run_killed_once_ends_with_the_decisions_signals_and_deliveries_of_the_peaceful_one(survey: Survey) -> None:
    runs = survey[0]
    expected = {part: runs[0][part] for part in STATE}
    wrong = {str(run["kills"]): part for run in once(runs) for part in STATE if run[part] != expected[part]}
    assert wrong == {}


def test_a_run_killed_twice_leaves_nothing_half_done(survey: Survey) -> None:
    """Two restarts may take longer than the minute in which a decision may be acted on, so decisions may be late."""
    twice = [run for run in survey[0] if len(run["kills"]) == 2]
    left = ("outbox", "inbox_undone", "waiting", "dead", "chain")
    expected = {part: survey[0][0][part] for part in left}
    wrong = {str(run["kills"]): part for run in twice for part in left if run[part] != expected[part]}
    assert twice
    assert wrong == {}


def test_each_signal_arrives_and_only_a_kill_between_post_and_commit_repeats_it_under_the_same_id(
    survey: Survey,
) -> None:
    runs, received = survey
    assert all(one.verified for one in received)
    repeats = 0
    for run in once(runs):
        mine = [one for one in received if one.path == f"/{run['run']}"]
        ids = Counter(one.id for one in mine)
        assert set(ids) == {f"{signal}.{sequence}" for signal, sequence, _ in run["signals"]}
        assert ids.total() - len(ids) <= 1
        assert len({one.body for one in mine}) == len(ids), "a repeated id carries the same bytes"
        repeats += ids.total() - len(ids)
    assert 0 < repeats <= 2 * len(runs[0]["signals"]), "only the commit that records the sending leaves that window"
