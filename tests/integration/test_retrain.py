"""Fits of the parts when they are due: judged, offered, and nobody's turn lost to another part's trouble."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app.models import registry_of
from quantsentinel.app.platform import Platform
from quantsentinel.app.retrain import due_on, retrain
from quantsentinel.cli.main import run_command
from quantsentinel.errors import BadInput
from quantsentinel.settings import Settings
from quantsentinel.volatility.fit_history import FitHistory
from quantsentinel.volatility.parameters import served
from quantsentinel.wiring.local import open_local
from tests.fit_days import made_up

LATER = datetime(2027, 6, 1, 4, 0, tzinfo=UTC)
"""Both packaged parts are due."""


@pytest.fixture(scope="module")
def history() -> FitHistory:
    return made_up()


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return opened(tmp_path, LATER)


def opened(folder: Path, at: datetime) -> Platform:
    return open_local(Settings(state=folder / "state", sync="normal"), VirtualClock(at))


def test_a_refit_is_offered_once_as_object_and_record_and_changes_no_desk(
    platform: Platform, history: FitHistory
) -> None:
    first, again = (retrain(platform, "clock", history) for _ in range(2))
    assert (first.is_new, again.is_new) == (True, False)
    assert first.digest == again.digest
    assert first.ok
    [key] = [info.key for info in platform.objects.list("models/")]
    assert key == f"models/volatility/clock/{first.digest.removeprefix('sha256:')}.json"
    found = registry_of(platform).artefact(first.digest)
    assert platform.objects.get(key) == found.encoded
    assert registry_of(platform).in_force("clock") == ""
    assert platform.desk.volatility == served()


def test_a_part_that_is_young_is_judged_and_not_fitted(tmp_path: Path, history: FitHistory) -> None:
    young = opened(tmp_path, datetime(2026, 6, 1, tzinfo=UTC))
    found = retrain(young, "clock", history, only_due=True)
    assert (found.digest, found.scores, found.due_on) == ("", (), date(2027, 5, 27))
    assert found.ok == (found.standing[0].candidate < found.standing[0].rule)
    assert registry_of(young).artefacts() == []


def test_a_part_that_is_due_and_has_nothing_newer_to_learn_from_says_so_and_is_judged(
    platform: Platform, history: FitHistory
) -> None:
    assert due_on(platform, "clock") <= LATER.date()
    found = retrain(platform, "clock", history, only_due=True)
    assert (found.digest, found.ok, len(found.standing)) == ("", False, 1)
    assert "clock is due since 2027-05-27, and its history ends 2025-01-10, not after" in found.lacks


@pytest.mark.parametrize("part", ["clock", "forecast"])
def test_a_history_of_nothing_is_called_too_short(platform: Platform, history: FitHistory, part: str) -> None:
    with pytest.raises(BadInput, match="0 sessions, needs 2268"):
        retrain(platform, part, history, date(1990, 1, 1))


def test_a_named_end_behind_a_definition_change_is_refused(platform: Platform, history: FitHistory) -> None:
    late = replace(history, vix={**history.vix, date(2008, 5, 2): 0.3}, events=history.events)
    newest = replace(history.daily[-1], day=date(2025, 10, 1))
    with pytest.raises(BadInput, match="spans monthly_expiry v2"):
        retrain(platform, "forecast", replace(late, daily=(*history.daily, newest)), date(2025, 10, 1))


def test_a_part_that_cannot_be_fitted_keeps_no_other_from_its_turn(
    tmp_path: Path,
    platform: Platform,
    history: FitHistory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry_of(platform).put_history(history, LATER)
    monkeypatch.setenv("QS_CLOCK_OFFSET_S", "2e8")
    assert run_command(["retrain", "--due", "--json", "--state", str(tmp_path / "state")]) == 1
    clock, forecast = json.loads(capsys.readouterr().out)["parts"]
    assert "its history ends 2025-01-10" in clock["lacks"]
    assert clock["standing"]
    assert forecast["lacks"] == ""
    assert [found.digest for found, _ in registry_of(platform).artefacts()] == [forecast["digest"]]
