"""The command line: one JSON document on stdout, errors that help on stderr, exit codes, commands that are thin."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.app.kills import kill_off
from quantsentinel.cli.bench import judged
from quantsentinel.cli.main import app, run_command
from quantsentinel.cli.options import open_live
from quantsentinel.cli.output import Answer, Table, as_text, cell, rupees_text, show
from quantsentinel.errors import BadInput

HEAVY = ("numpy", "polars", "scipy", "pydantic", "httpx", "lightgbm", "google.cloud.firestore", "sqlite3")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands run in a folder of their own, with no QS_ variable set."""
    monkeypatch.chdir(tmp_path)
    for name in ("QS_CONFIG", "QS_STATE", "QS_MARKETDATA", "QS_UPSTOX_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """Runs a command with --json; its exit code is checked, its stdout must be one JSON document."""
    assert run_command([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    """Runs a command that must be refused as bad input; the error, with an empty stdout."""
    assert run_command([*arguments, "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    said: dict[str, str] = json.loads(captured.err.splitlines()[-1])
    return said


def test_the_help_loads_nothing_heavy() -> None:
    probe = (
        "import sys; from quantsentinel.cli.main import run_command; run_command(['--help']); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "simulate" in run.stdout
    assert run.stderr.strip() == "[]"


def test_every_command_of_the_contract_is_there() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {group.name: {command.name for command in group.typer_instance.registered_commands if group.typer_instance}
              for group in app.registered_groups if group.typer_instance}  # fmt: skip
    assert names >= {"doctor", "demo", "run", "simulate", "replay", "explain", "bench"}
    assert {"config", "chain", "snapshot", "rules", "signal", "tenants", "kill"} <= set(groups)


@pytest.mark.parametrize(
    "arguments", [["nope"], ["chain", "check"], ["simulate", "--seed", "x"], ["kill", "on", "master"]]
)
def test_a_wrong_command_line_exits_2_and_says_how(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Usage" in captured.err


def test_doctor_passes_on_a_covered_day_and_names_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "doctor", "--date", "2025-08-29")
    checks = {check["name"]: check for check in found["checks"]}
    assert found["ok"] is True
    assert checks["state folder"]["status"] == "ok"
    assert "09:15 to 15:30" in checks["session"]["found"]


def test_doctor_warns_45_days_before_the_rule_book_ends_and_fails_past_it(capsys: pytest.CaptureFixture[str]) -> None:
    end = date.fromisoformat(answer(capsys, "config", "validate")["coverage_end"])
    for days, status, code in ((-46, "ok", 0), (-45, "ok", 0), (-44, "warn", 0), (0, "warn", 0), (1, "fail", 1)):
        day = date.fromordinal(end.toordinal() + days).isoformat()
        checks = answer(capsys, "doctor", "--date", day, code=code)["checks"]
        assert next(check["status"] for check in checks if check["name"] == "rule book") == status


def test_doctor_fails_when_upstox_is_the_feed_and_its_token_is_absent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QS_FEED", "upstox")
    assert answer(capsys, "doctor", "--date", "2025-08-29", code=1)["ok"] is False
    monkeypatch.setenv("QS_UPSTOX_TOKEN", "sesame")
    assert run_command(["doctor", "--date", "2025-08-29"]) == 0
    assert "sesame" not in capsys.readouterr().out


def test_a_secret_never_prints(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QS_UPSTOX_TOKEN", "sesame")
    shown = answer(capsys, "config", "show")
    assert shown["settings"]["upstox_token"] == "****"
    assert shown["from"]["upstox_token"] == "QS_UPSTOX_TOKEN"
    assert "sesame" not in json.dumps(shown)


def test_wrong_settings_are_refused_with_every_mistake(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QS_POLL_INTERVAL_S", "1")
    monkeypatch.setenv("QS_COLOUR", "red")
    said = refused(capsys, "config", "show")
    assert "QS_COLOUR" in said["what"]
    assert "QS_POLL_INTERVAL_S" in said["what"]


def test_rules_show_tells_value_status_and_source_of_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys, "rules", "show", "--date", "2025-08-29", "--kind", "lot")["rows"]
    lots = {row["id"]: row for row in rows}
    nifty = next(row for row in lots.values() if row["values"]["underlying"] == "NIFTY")
    assert nifty["values"]["units"] == 75
    assert nifty["status"] == "confirmed"
    assert all(row["source"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rules", "show", "--kind", "colour"), "no kind of row"),
        (("rules", "show", "--date", "29.8.2025"), "not a date"),
        (("simulate", "--date", "2025-08-30", "--out", "x.parquet"), "not a session"),
        (("simulate", "--date", "2025-08-29", "--out", "x.parquet", "--underlying", "DAX"), "unknown underlying"),
        (("simulate", "--date", "2025-08-29", "--out", "no/such/x.parquet"), "does not exist"),
        (("chain", "check", "absent.parquet"), "absent.parquet"),
        (("replay", "--data", "absent.parquet"), "absent.parquet"),
        (("explain", "sig-1"), "no state"),
        (("snapshot", "list"), "no state"),
        (("bench",), "no benchmark"),
        (("tenants", "add", "a b", "--capital", "1", "--relation", "self"), "tenant id"),
        (("tenants", "add", "acme", "--capital", "lots", "--relation", "self"), "no amount"),
        (("tenants", "set", "acme", "--name", "x"), "no tenant"),
        (("kill", "on", "everything", "--why", "x"), "no such scope"),
    ],
)
def test_bad_input_exits_2_and_says_what_where_and_what_to_do(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused(capsys, *arguments)
    assert said in f"{error['where']} {error['what']}"
    assert error["where"] or error["fix"]


def test_a_tenant_is_added_changed_paused_and_listed_without_its_secret(capsys: pytest.CaptureFixture[str]) -> None:
    tenant = ("tenants", "add", "acme", "--capital", "5,00,000", "--relation", "self")
    made = answer(capsys, *tenant, "--webhook", "https://example.com/hook")
    assert made["webhook_secret"].startswith("whsec_")
    answer(capsys, "tenants", "set", "acme", "--limit", "max_positions=2", "--underlying", "nifty")
    answer(capsys, "tenants", "pause", "acme")
    (line,) = answer(capsys, "tenants", "list")
    account = line["account"]
    assert (account["status"], account["capital"], account["underlyings"]) == ("paused", "500000.00", ["NIFTY"])
    assert account["limits"]["max_positions"] == 2
    assert line["channels"][0]["secret"] == "****"
    assert made["webhook_secret"] not in json.dumps(line)


def test_a_kill_switch_goes_on_is_listed_and_goes_off(capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, "kill", "on", "symbol:NIFTY", "--why", "drill")
    (switch,) = answer(capsys, "kill", "list")
    assert (switch["scope"], switch["why"]) == ("symbol:NIFTY", "drill")
    assert answer(capsys, "kill", "off", "symbol:NIFTY")["released"] is True
    assert answer(capsys, "kill", "list") == []


def test_one_account_cannot_release_the_master_however_it_calls_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(capsys, "kill", "on", "master", "--why", "drill", "--who", "asha")
    me = pwd.getpwuid(os.getuid()).pw_name
    for name in ("asha", "ben"):
        monkeypatch.setenv("LOGNAME", name)
        word = answer(capsys, "kill", "off", "master", "--ack", "looked")
        assert (word["released"], [ack["who"] for ack in word["state"]["acks"]]) == (False, [me])
    assert run_command(["kill", "off", "master", "--ack", "looked", "--who", "ben"]) == 2
    assert "No such option" in capsys.readouterr().err
    assert kill_off(open_live(None, None), "master", who=f"not-{me}", ack="looked too").released
    assert answer(capsys, "kill", "list") == []


def test_a_failed_gate_exits_1_after_its_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    (folder / "one.py").write_text("def rows():\n    return [dict(name='slow', unit='ms', ours=9.0, budget=5.0)]\n")
    found = answer(capsys, "bench", "--folder", str(folder), code=1)
    assert found["missed"] == ["slow"]
    assert found["rows"][0]["unit"] == "ms"


def test_a_table_says_unknown_money_and_time_as_people_do(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2025, 8, 29, 4, 0, tzinfo=UTC)
    assert [cell(value) for value in (None, True, moment)] == ["–", "yes", "2025-08-29 09:30:00"]
    assert rupees_text(Decimal("-0.004")) == "₹0.00"
    assert rupees_text(Decimal("-1234567.891")) == "−₹12,34,567.89"
    show(Answer({}, [Table("T", ("a", "b"), [("x", 1.5)])], ["done"]), as_json=False)
    assert "1.5" in capsys.readouterr().out


def test_json_holds_times_in_utc_and_money_as_text() -> None:
    moment = datetime.fromisoformat("2025-08-29T09:30:00+05:30")
    assert json.loads(as_text({"at": moment, "paid": Decimal("1.50"), "file": Path("a/b")})) == {
        "at": "2025-08-29T04:00:00Z",
        "paid": "1.50",
        "file": "a/b",
    }


@pytest.mark.parametrize(
    ("row", "met"),
    [
        ({"ours": 4.0, "budget": 5.0}, True),
        ({"ours": 6.0, "budget": 5.0}, False),
        ({"ours": 1.0, "peer_name": "loop", "peer": 9.0, "min_ratio": 10.0}, False),
        ({"ours": 1.0, "peer_name": "loop", "peer": 11.0, "min_ratio": 10.0, "budget": 2.0}, True),
        ({"ours": 1.0, "min_ratio": 10.0}, False),  # a ratio that was asked and not measured
        ({"ours": 4.0, "peer": 1.0}, None),
    ],
)
def test_a_figure_is_met_by_its_budget_and_by_its_distance_from_the_peer(row: dict[str, Any], met: bool | None) -> None:
    assert judged({"name": "x", "unit": "ms", **row})["met"] is met


@pytest.mark.parametrize("row", [{"ours": 1.0, "budget": "<= 5 ms"}, {"ours_ms": 1.0}, {"ours": None}])
def test_a_figure_that_nobody_can_judge_is_an_error(row: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        judged({"name": "x", "unit": "ms", **row})
