"""`qs drift`: the monitored series and the alarms, for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quantsentinel.app.kills import kill_off
from quantsentinel.cli.main import run_command
from tests.relation_days import days, opened, remember, trade
from tests.unit.test_vix_relation import market


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """India VIX and the index of a made-up market; from session 880 on the VIX counts trading days."""
    folder = tmp_path_factory.mktemp("drift")
    data = market()
    rows = ["Date ,Open ,High ,Low ,Close ,Prev. Close ,Change ,% Change "]
    for place, bar in enumerate(data.vix):
        factor = 0.8309 if place >= 880 else 1.0
        prices = (factor * value for value in (bar.open, bar.high, bar.low, bar.close, bar.previous))
        rows.append(",".join([f"{bar.day:%d-%b-%Y}", *(f"{price:.4f}" for price in prices), "0", "0"]))
    vix, index = folder / "vix.csv", folder / "nifty_daily.csv"
    vix.write_text("\n".join(rows))
    bars = [f"{bar.day},{bar.open},{bar.high},{bar.low},{bar.close}" for bar in data.index]
    index.write_text("\n".join(["date,open,high,low,close", *bars]))
    return vix, index


def test_a_recent_change_is_listed_with_its_cause_and_fails_the_command(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    vix, index = files
    code = run_command(["drift", "relations", "--vix", str(vix), "--index", str(index), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert code == 1
    found = [alarm for alarm in answer["alarms"] if alarm["relation"] == "vix_link"]
    assert [(alarm["since"], alarm["cause"]) for alarm in found] == [(str(market().vix[880].day), "√(252/365)")]
    assert {item["relation"] for item in answer["series"]} == {"vix_link", "vix_close"}
    assert len(answer["series"][0]["values"]) == len(market().vix) - 1


def test_people_see_the_same_as_tables(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    vix, index = files
    assert run_command(["drift", "relations", "--vix", str(vix), "--index", str(index)]) == 1
    shown = capsys.readouterr().out
    assert "definition_changed" in shown
    assert "√(252/365)" in shown


def test_the_state_of_a_running_system_shows_its_series_and_who_has_not_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform, clock = opened(tmp_path / "state")
    command = ["drift", "relations", "--state", str(tmp_path / "state"), "--json"]
    remember(platform, days(12))
    assert run_command(command) == 0
    assert json.loads(capsys.readouterr().out)["learning"] == ["nse_site NIFTY: sessions 12 of 20 before any is judged"]
    remember(platform, days(22)[12:])
    trade(platform, clock, days(23)[-1], vendor_iv=100.0)
    assert run_command(command) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [(item["underlying"], item["open"]) for item in answer["raised"]] == [("NIFTY", True)]
    assert {item["source"] for item in answer["series"]} == {"nse_site NIFTY"}
    assert answer["learning"] == []
    assert kill_off(platform, "symbol:NIFTY", who="risk desk", ack="looked at it").released
    assert run_command(command[:-1]) == 1, "still a recent one"
    assert "acknowledged" in capsys.readouterr().out


def test_a_state_in_which_no_session_was_read_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened(tmp_path / "state")
    assert run_command(["drift", "relations", "--state", str(tmp_path / "state"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["series"], answer["learning"]) == ([], ["no session was read in this state yet"])


def test_the_fit_is_shown_as_the_file_holds_it(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    vix, index = files
    window = ["--first", "2015-01-01", "--last", "2017-06-30"]
    assert run_command(["drift", "fit", "--vix", str(vix), "--index", str(index), *window, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (len(answer["move"]), len(answer["scale"])) == (14, 7)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["relations"], "nothing to look at"),
        (["relations", "--vix", "VIX"], "neither chains nor India VIX with daily bars"),
        (["relations", "--data", "nowhere"], "no such file or folder"),
        (["relations", "--state", "nowhere"], "no state in this folder"),
        (["fit", "--vix", "VIX"], "needs India VIX and the index"),
        (["power"], "needs India VIX and the index"),
        (["power", "--vix", "VIX", "--index", "INDEX", "--out", "nowhere/page.md"], "the folder does not exist"),
    ],
)
def test_a_question_without_what_it_needs_is_bad_input(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    names = {"VIX": str(files[0]), "INDEX": str(files[1])}
    assert run_command(["drift", *(names.get(word, word) for word in arguments)]) == 2
    assert complaint in " ".join(capsys.readouterr().err.split())
