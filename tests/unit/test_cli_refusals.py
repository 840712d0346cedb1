"""What a person gets wrong at the command line is refused with what, where and what to do, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.cli.main import run_command
from quantsentinel.cli.output import Answer, Markup, Table, console, show
from quantsentinel.ports import Put
from quantsentinel.settings import Settings
from quantsentinel.wiring.local import open_local
from tests.conftest import ROOT

CLI = ROOT / "shared" / "quantsentinel" / "cli"
GOOD_TENANT = ("tenants", "add", "acme", "--capital", "500000", "--relation", "self")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("QS_CONFIG", "QS_STATE", "QS_UPSTOX_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command with --json."""
    code = run_command([*arguments, "--json"])
    said = capsys.readouterr()
    return code, said.out, said.err


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, _ = outcome(capsys, *arguments)
    assert code == 0
    return json.loads(out)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--capital", "1e400"), "capital 1E+400"),
        (("--limit", "max_positions=inf"), "max_positions = inf"),
        (("--limit", "max_positions=2.5"), "max_positions = 2.5"),
        (("--webhook", "http://example.com"), "webhook address"),
        (("--webhook", "ftp://example.com"), "webhook address"),
        (("--webhook", "https://example.com", "--webhook-secret", "sesame"), "webhook secret"),
        (("--webhook", "https://example.com", "--webhook-secret", "sésame"), "webhook secret"),
        (("--telegram", "@everyone"), "Telegram chat"),
    ],
)
def test_a_tenant_with_a_bad_value_is_not_added(
    arguments: tuple[str, ...], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = outcome(capsys, *GOOD_TENANT, *arguments)
    assert (code, out) == (2, "")
    said = json.loads(err)
    assert what in said["what"]
    assert said["fix"]
    assert "sesame" not in err
    assert listed(capsys, "tenants", "list") == []


def test_a_project_takes_no_webhook_inside_a_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QS_PROFILE", "google")
    monkeypatch.setenv("QS_PROJECT", "nowhere")
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    code, _, err = outcome(capsys, *GOOD_TENANT, "--webhook", "https://10.0.0.5/hook")
    assert (code, "webhook address" in json.loads(err)["what"]) == (2, True)


@pytest.mark.parametrize("scope", ["tenant:nobody", "symbol:DOGE", "symbol:", "everything"])
def test_a_kill_switch_on_nothing_is_refused(scope: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(capsys, "kill", "on", scope, "--why", "a drill")[:2] == (2, "")
    assert listed(capsys, "kill", "list") == []


def test_an_underlying_may_be_killed_in_small_letters(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, "kill", "on", "symbol:nifty", "--why", "a drill")["scope"] == "symbol:NIFTY"
    assert listed(capsys, "kill", "off", "symbol:nifty")["released"] is True


def test_a_time_that_cannot_be_read_names_its_own_option(capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(outcome(capsys, "kill", "on", "master", "--why", "a drill", "--until", "10:00")[2])
    assert said["where"] == "--until"


@pytest.mark.parametrize(
    "arguments",
    [("tenants", "list"), ("kill", "list"), ("run", "--feed", "simulator", "--beats", "1")],
)
def test_a_state_folder_that_is_a_file_is_bad_input(
    arguments: tuple[str, ...], empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "taken").write_text("a file")
    code, out, err = outcome(capsys, *arguments, "--state", "taken")
    assert (code, out) == (2, "")
    assert "Traceback" not in err


@pytest.mark.parametrize("speed", ["nan", "inf", "0", "-1"])
def test_a_speed_that_no_clock_can_run_at_is_refused(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = outcome(capsys, "run", "--feed", "simulator", "--beats", "1", "--speed", speed)
    assert code == 2
    assert json.loads(err.splitlines()[-1])["what"].startswith("speed")


@pytest.mark.parametrize("out", ["day.csv", "folder.parquet", "missing/day.parquet"])
def test_a_day_is_simulated_only_into_a_parquet_file(
    out: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "folder.parquet").mkdir()
    assert outcome(capsys, "simulate", "--date", "2025-08-29", "--out", out)[:2] == (2, "")
    assert [path.name for path in empty_folder.iterdir()] == ["folder.parquet"]


def test_a_refused_replay_leaves_no_state_folder_and_keeps_the_last_one(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(capsys, "replay", "--data", "nothing.parquet")[0] == 2
    assert outcome(capsys, "run", "--feed", "nothing.parquet", "--beats", "1")[0] == 2
    assert list((empty_folder / ".qs" / "replays").iterdir()) == []
    assert not (empty_folder / ".qs" / "last").exists()


def test_a_policy_overlay_that_is_no_policy_is_refused_with_every_mistake(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "policy.toml").write_text('forecast = 1\nunknown = "x"\n')
    monkeypatch.setenv("QS_POLICY_OVERLAY", "policy.toml")
    code, _, err = outcome(capsys, "config", "validate")
    assert code == 2
    assert "forecast" in json.loads(err)["what"]
    assert "unknown" in json.loads(err)["what"]


def test_settings_take_underlyings_in_small_letters_and_validate_refuses_unknown_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QS_UNDERLYINGS", "nifty, BankNifty")
    assert listed(capsys, "config", "show")["settings"]["underlyings"] == ["NIFTY", "BANKNIFTY"]
    monkeypatch.setenv("QS_UNDERLYINGS", "NIFTY,DOGE")
    assert "DOGE" in outcome(capsys, "config", "validate")[2]


@pytest.mark.parametrize("id", ["nope", "", "../../x", "a b"])
def test_an_id_that_names_nothing_is_told_so(id: str, capsys: pytest.CaptureFixture[str]) -> None:
    listed(capsys, "tenants", "list")
    code, _, err = outcome(capsys, "explain", id, "--state", ".qs/state")
    assert code == 2
    assert "nothing is called" in json.loads(err)["what"]


def test_doctor_fails_on_a_day_whose_holidays_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "doctor", "--date", "2023-05-05")
    assert code == 1
    assert [check["name"] for check in json.loads(out)["checks"] if check["status"] == "fail"] == ["session"]


def test_brackets_in_what_people_named_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("[red]x[/red]", "[[holidays]]", Markup("[bold]ours[/]"))]
    show(Answer({}, [Table("t", ("a", "b", "c"), rows)], ["dir/[red]day.parquet"]), as_json=False)
    page = capsys.readouterr().out
    for text in ("[red]x[/red]", "[[holidays]]", "dir/[red]day.parquet"):
        assert text in page
    assert "[bold]" not in page


def test_no_line_of_a_command_shows_markup(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (GOOD_TENANT, ("tenants", "list"), ("doctor", "--date", "2025-08-29"), ("config", "validate")):
        assert run_command(arguments) == 0
    for module in sorted(CLI.glob("*.py")):
        marked = [line for line in module.read_text(encoding="utf-8").splitlines() if "[bold" in line]
        assert all("Markup(" in line or "out.print(" in line for line in marked), module.name
    assert "[/]" not in capsys.readouterr().out


@pytest.mark.parametrize("place", ["taken", "taken/inside"])
def test_a_place_that_cannot_be_written_is_said_in_a_line(
    place: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "taken").write_text("a file")
    code, out, err = outcome(capsys, "demo", "--out", place)
    assert (code, out) == (3, "")
    assert json.loads(err)["where"].startswith("taken")


def test_a_narrow_terminal_folds_cells_and_loses_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("quantsentinel.cli.output.PIPED_WIDTH", 60)
    console.cache_clear()
    ids = [f"sig-{letter * 20}" for letter in "abcd"]
    show(Answer({}, [Table("t", ("first", "second", "third", "why"), [(*ids[:3], "because " * 8)])]), as_json=False)
    page = capsys.readouterr().out
    console.cache_clear()
    assert [page.count(letter * 5) > 0 for letter in "abc"] == [True] * 3
    assert sum(page.count(letter) for letter in "abc") >= 60
    assert page.count("because") == 8


def test_the_installation_takes_as_many_own_accounts_as_were_declared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QS_OWN_ACCOUNTS", "1")
    other = ("tenants", "add", "other", "--capital", "500000", "--relation")
    assert outcome(capsys, *GOOD_TENANT)[0] == 0
    code, _, err = outcome(capsys, *other, "spouse")
    assert (code, json.loads(err)["what"]) == (2, "1 self or family accounts exist already")
    assert outcome(capsys, *other, "third_party")[0] == 0
    assert outcome(capsys, "tenants", "set", "other", "--relation", "self")[0] == 2
    assert outcome(capsys, "tenants", "add", "more", "--capital", "500000", "--relation", "cousin")[0] == 2
    assert [item["account"]["tenant_id"] for item in listed(capsys, "tenants", "list")] == ["acme", "other"]


def test_a_tenant_that_cannot_be_read_hides_no_other_and_fails_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    for tenant_id in ("acme", "other", "zen"):
        added = ("tenants", "add", tenant_id, "--capital", "500000", "--relation", "third_party")
        assert outcome(capsys, *added)[0] == 0
    documents = open_local(Settings()).documents
    for tenant_id, change in (("acme", {"schema": 99}), ("zen", {"channels": {"webhook": "secret-address"}})):
        found = documents.get(f"tenants/{tenant_id}")
        assert found is not None
        documents.commit([Put(found.path, {**found.data, **change})])
    code, out, _ = outcome(capsys, "tenants", "list")
    read, *broken = json.loads(out)
    assert (code, read["account"]["tenant_id"]) == (1, "other")
    assert [item["tenant_id"] for item in broken] == ["acme", "zen"]
    assert "account schema 99" in broken[0]["unreadable"]
    assert "channels" in broken[1]["unreadable"]
    assert run_command(["tenants", "list"]) == 1
    said = capsys.readouterr().out
    assert "UNREADABLE: acme" in said
    assert "secret-address" not in out + said
