"""Fitted parts from the fit to the desk: offered, promoted by a person, run by those whose settings name them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app.check import FAIL, OK, WARN
from quantsentinel.app.fitted_check import fitted as fitted_check
from quantsentinel.app.kills import kill_off, kill_on
from quantsentinel.app.models import promote, registry_of, rollback
from quantsentinel.app.platform import Platform
from quantsentinel.cli.main import run_command
from quantsentinel.errors import BadInput, Broken, QuantsentinelError
from quantsentinel.integrity.relation_alarm import Alarm
from quantsentinel.ports import Put
from quantsentinel.settings import Settings, settings_from
from quantsentinel.stores.relations import RaisedAlarm, RelationStore
from quantsentinel.volatility.artefact import Artefact
from quantsentinel.volatility.fit_history import FitHistory
from quantsentinel.volatility.offer import artefact_of
from quantsentinel.volatility.parameters import served, with_parts
from quantsentinel.volatility.refit import refit
from quantsentinel.wiring.local import open_local
from tests.fit_days import made_up

LATER = datetime(2027, 6, 1, 4, 0, tzinfo=UTC)
"""Both packaged parts are due."""


@pytest.fixture(scope="module")
def history() -> FitHistory:
    return made_up()


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return opened(tmp_path)


def opened(folder: Path, at: datetime = LATER, **settings: Any) -> Platform:
    return open_local(Settings(state=folder / "state", sync="normal", **settings), VirtualClock(at))


@pytest.fixture(scope="module")
def fitted(history: FitHistory) -> Artefact:
    return artefact_of(refit("clock", history, served()), history, served(), "1.0")


@pytest.fixture
def clock(platform: Platform, fitted: Artefact) -> str:
    """A clock that learned to July 2026, so that the packaged one is older."""
    return offered(platform, fitted, trained="2016-01-01..2026-07-31")


def offered(platform: Platform, found: Artefact, *, trained: str, **card: Any) -> str:
    """The same with another span: named anew, as its bytes are others."""
    other = replace(found, table={**found.table, "trained": trained}, card={**found.card, **card})
    assert registry_of(platform).offer(other, platform.clock.now())
    return other.digest


# --- What fits learn from ---
def test_the_history_that_was_handed_over_last_is_read_and_checked(platform: Platform, history: FitHistory) -> None:
    registry = registry_of(platform)
    with pytest.raises(BadInput, match="no history to fit on"):
        registry.history()
    registry.put_history(history.until(date(2024, 1, 5)), LATER)
    digest = registry.put_history(history, LATER)
    assert registry.history() == history
    key = f"models/volatility/history/{digest.removeprefix('sha256:')}.json"
    platform.objects.put(key, history.until(date(2024, 1, 5)).encoded)
    with pytest.raises(Broken, match="the content's digest is"):
        registry.history()


# --- Promotion ---
def test_a_promotion_is_a_persons_and_the_one_before_comes_back(platform: Platform, clock: str) -> None:
    made = promote(platform, clock, "asha", "yearly")
    assert (made.number, made.digest, made.before, made.who, made.why) == (1, clock, "", "asha", "yearly")
    assert registry_of(platform).in_force("clock") == clock
    back = rollback(platform, "clock", "ravi", "the fills got worse")
    assert (back.number, back.kind, back.digest, back.before) == (2, "rollback", "", clock)
    assert [change.kind for change in registry_of(platform).changes()] == ["promote", "rollback"]
    with pytest.raises(BadInput, match="no clock was promoted"):
        rollback(platform, "clock", "ravi", "again")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"trained": "2016-01-01..2026-07-31", "beats_rule": False}, "did not beat the rule"),
        ({"trained": "2016-01-01..2026-05-26"}, "learned to 2026-05-26, what is in force to 2026-05-27"),
        ({"trained": "2016-01-01..2026-08-03"}, "spot_close v2"),
    ],
)
def test_a_promotion_is_refused_with_its_reason(
    platform: Platform, clock: str, changed: dict[str, Any], expected: str
) -> None:
    digest = offered(platform, registry_of(platform).artefact(clock), **{"note": expected, **changed})
    with pytest.raises(BadInput, match=expected):
        promote(platform, digest, "asha", "yearly")
    assert registry_of(platform).in_force("clock") == ""
    assert registry_of(platform).changes() == []


def test_an_alarm_on_the_index_that_nobody_has_looked_at_keeps_a_part_from_being_promoted(
    platform: Platform, clock: str
) -> None:
    day = date(2020, 3, 2)
    alarm = Alarm("spot_basis", "nse_site", day, day, -0.3, 0.1, "log ratio")
    raised = RaisedAlarm("NIFTY", alarm, alarm.name, LATER)
    platform.documents.commit([RelationStore(platform.documents).create_alarm(raised)])
    kill_on(platform, "symbol:NIFTY", who="the watch", why=f"definition_changed {alarm.name}")
    with pytest.raises(BadInput, match=r"nse_site spot_basis 2020-03-02 on 2020-03-02: definition_changed"):
        promote(platform, clock, "asha", "yearly")
    kill_off(platform, "symbol:NIFTY", who="asha", ack="futures for spot in that file, mended")
    assert promote(platform, clock, "asha", "yearly").number == 1


def test_nothing_is_promoted_twice_unsaid_or_unknown(platform: Platform, clock: str) -> None:
    with pytest.raises(BadInput, match="says nothing"):
        promote(platform, clock, "asha", " ")
    promote(platform, clock, "asha", "yearly")
    for digest, expected in (
        (clock, "in force already"),
        ("sha256:" + "0" * 64, "nothing was offered"),
        ("x", "no digest"),
    ):
        with pytest.raises(BadInput, match=expected):
            promote(platform, digest, "asha", "yearly")


# --- The desk ---
def test_a_desk_runs_on_what_its_settings_name_once_it_is_promoted(
    tmp_path: Path, platform: Platform, clock: str
) -> None:
    with pytest.raises(BadInput, match=f"nobody promoted {clock}"):
        opened(tmp_path, volatility_clock=clock)
    promote(platform, clock, "asha", "yearly")
    named = opened(tmp_path, volatility_clock=clock).desk
    assert named.volatility.gaps.closed != served().gaps.closed
    assert named.volatility.forecast == served().forecast
    assert named.digest != platform.desk.digest == opened(tmp_path).desk.digest
    rollback(platform, "clock", "asha", "drill")
    assert opened(tmp_path, volatility_clock=clock).desk.digest == named.digest, (
        "an instance of the old release goes on"
    )


def _another(platform: Platform, clock: str) -> tuple[str, str]:
    return "volatility_forecast", clock


def _changed(platform: Platform, clock: str) -> tuple[str, str]:
    record = platform.documents.get(f"registry/volatility/artefacts/{clock.removeprefix('sha256:')}")
    assert record is not None
    text = str(record.data["artefact"]).replace("night", "knight")
    platform.documents.commit([Put(record.path, {**record.data, "artefact": text})])
    return "volatility_clock", clock


def _unknown(platform: Platform, clock: str) -> tuple[str, str]:
    return "volatility_clock", "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [(_another, "is a clock"), (_changed, "the content's digest is"), (_unknown, "nothing was offered")],
)
def test_a_named_part_that_cannot_serve_starts_nothing(
    tmp_path: Path, platform: Platform, clock: str, spoil: Callable[[Platform, str], tuple[str, str]], expected: str
) -> None:
    promote(platform, clock, "asha", "yearly")
    setting, digest = spoil(platform, clock)
    with pytest.raises(QuantsentinelError, match=expected):
        opened(tmp_path, **{setting: digest})


def test_the_parameters_of_an_older_decision_are_found_by_their_digest(platform: Platform, clock: str) -> None:
    promote(platform, clock, "asha", "yearly")
    registry = registry_of(platform)
    fitted = with_parts({"clock": registry.artefact(clock).table})
    assert registry.parameters(fitted.digest) == fitted
    assert registry.parameters(served().digest) == served()
    assert registry.parameters("sha256:" + "0" * 64) is None


def test_a_configuration_with_a_part_that_nobody_promoted_is_not_valid(
    tmp_path: Path, platform: Platform, clock: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("QS_VOLATILITY_CLOCK", clock)
    assert run_command(["config", "validate"]) == 2
    assert "nobody promoted" in capsys.readouterr().err
    promote(platform, clock, "asha", "yearly")
    assert run_command(["config", "validate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["desk"] == opened(tmp_path, volatility_clock=clock).desk.digest


def test_a_setting_that_is_no_digest_is_refused() -> None:
    with pytest.raises(BadInput, match="QS_VOLATILITY_CLOCK"):
        settings_from({"QS_VOLATILITY_CLOCK": "newest"})


def test_the_doctor_names_what_is_due_what_is_too_old_and_what_is_promoted_and_not_named(
    tmp_path: Path, platform: Platform, clock: str
) -> None:
    def status(at: datetime, **settings: str) -> str:
        return str(fitted_check(opened(tmp_path, at, **settings)).status)

    young = datetime(2025, 8, 29, tzinfo=UTC)
    assert status(young) == OK
    assert status(datetime(2027, 11, 25, tzinfo=UTC)) == OK
    assert status(datetime(2027, 11, 27, tzinfo=UTC)) == WARN, "half a year is left"
    assert status(datetime(2028, 5, 26, 12, tzinfo=UTC)) == WARN
    assert status(datetime(2028, 5, 27, tzinfo=UTC)) == FAIL, "two years after the packaged clock learned"
    promote(platform, clock, "asha", "yearly")
    assert status(young) == WARN
    assert status(young, volatility_clock=clock) == OK


# --- The command line ---
def test_the_commands_go_from_a_fit_to_a_promotion(
    tmp_path: Path, platform: Platform, history: FitHistory, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str, code: int = 0) -> dict[str, Any]:
        assert run_command([*arguments, "--state", str(tmp_path / "state"), "--json"]) == code
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    registry_of(platform).put_history(history, LATER)
    [part] = said("retrain", "--part", "forecast", code=0)["parts"]
    assert (part["beats_rule"], part["is_new"]) == (True, True)
    assert said("models", "show", part["digest"])["card"]["history"] == history.digest
    assert [row["digest"] for row in said("models", "list")["artefacts"]] == [part["digest"]]
    change = said("models", "promote", part["digest"], "--why", "five years", "--who", "asha")
    assert (change["part"], change["digest"]) == ("forecast", part["digest"])
    assert said("models", "list")["in_force"]["forecast"] == part["digest"]
    assert said("models", "rollback", "forecast", "--why", "drill")["digest"] == ""
    for refused in (["models", "rollback", "forecast", "--why", "drill"], ["retrain", "--part", "skew"]):
        assert run_command([*refused, "--state", str(tmp_path / "state")]) == 2
