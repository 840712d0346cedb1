"""A process killed with -9 between any two writes loses nothing and doubles nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT

STATE = ("documents", "objects", "outside", "waiting", "dead", "inbox_undone")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The peaceful run, then one for every boundary, then one with two kills for every boundary."""
    folder = tmp_path_factory.mktemp("crash")
    command = [sys.executable, "-m", "tests.integration.crash_flow", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1_200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_peaceful_run_does_the_whole_flow(runs: list[dict[str, Any]]) -> None:
    peaceful = runs[0]
    assert peaceful["kills"] == []
    assert peaceful["documents"]["tenants/acme/book"] == [["current", {"cycles": [0, 1, 2]}]]
    assert peaceful["outside"] == ["signal.issued:0", "signal.issued:1", "signal.issued:2"]
    assert peaceful["documents"]["outbox"] == []
    assert len(peaceful["objects"]) == 6


def test_every_boundary_was_killed_at(runs: list[dict[str, Any]]) -> None:
    once = [run["kills"][0] for run in runs if len(run["kills"]) == 1]
    assert once == list(range(1, len(once) + 1))
    assert len(once) > 100, "a flow of this size passes far more than a hundred boundaries"
    assert all(run["starts"] == 2 for run in runs if len(run["kills"]) == 1)
    assert sum(run["starts"] == 3 for run in runs) > 100


def test_every_killed_run_ends_in_the_state_of_the_peaceful_one(runs: list[dict[str, Any]]) -> None:
    expected = {part: runs[0][part] for part in STATE}
    wrong = {str(run["kills"]): part for run in runs for part in STATE if run[part] != expected[part]}
    assert wrong == {}


def test_the_outside_world_hears_twice_at_most_what_a_kill_cut_off(runs: list[dict[str, Any]]) -> None:
    """A request that left before its record cannot be taken back: it repeats under the same id, once a kill at most."""
    assert runs[0]["outside_repeats"] == 0
    assert all(run["outside_repeats"] <= len(run["kills"]) for run in runs)
    assert any(run["outside_repeats"] for run in runs), "the survey reaches the window that at-least-once leaves"
