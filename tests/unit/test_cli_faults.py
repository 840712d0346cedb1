"""`qs chain faults`: JSON, exit codes, and the report's tables."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.app.clean_days import CleanTally
from quantsentinel.app.fault_report import FirewallReport, Trial
from quantsentinel.app.fault_score import recall_rates
from quantsentinel.app.fault_trial import Tally, Tried
from quantsentinel.app.judged_day import JudgedDay, Refused, basis_points
from quantsentinel.cli.fault_report import future_closes
from quantsentinel.cli.main import run_command
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.rulebook import load_rules
from quantsentinel.simulator.day import simulate_day
from quantsentinel.simulator.faults.registry import fault
from quantsentinel.verdict import Outcome, Verdict

DAY = date(2025, 9, 1)
EXPIRY = date(2025, 9, 30)
AT = datetime(2025, 9, 1, 9, 40, tzinfo=UTC)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("faults") / "day.parquet"
    write_day_file(file, simulate_day("NIFTY", DAY, 7, load_rules()).snapshots[:9], {})
    return file


def faults(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run_command(["chain", "faults", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_json_tells_each_severity_its_guard_and_the_targets(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ("--fault", "repeated", "--fault", "crossed", "--per-fault", 2, "--json")
    code, out, _ = faults(capsys, "--data", recording, *named)
    answer: dict[str, Any] = json.loads(out)
    assert (code, answer["passed"], answer["not_laid"]) == (0, True, [])
    assert [item["fault"] for item in answer["faults"]] == ["repeated", "crossed"]
    assert answer["faults"][0]["severities"][0]["caught_by"] == {"repeated_snapshot": 2}
    assert [(line["name"], line["count"], line["total"]) for line in answer["targets"]] == [
        ("chain faults noticed", 2, 2),
        ("quote faults noticed", 4, 4),
    ]


def test_people_get_tables(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = faults(capsys, "--data", recording, "--fault", "repeated", "--per-fault", 1)
    assert code == 0
    assert "repeated_snapshot" in out
    assert "chain faults noticed" in out


def test_a_trial_that_tried_nothing_fails(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = faults(capsys, "--data", recording, "--fault", "foreign_chain", "--json")
    assert (code, json.loads(out)["not_laid"]) == (1, ["foreign_chain"])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--fault", "flood"), "no fault 'flood'"),
        (("--underlying", "FINNIFTY"), "no chain of FINNIFTY"),
    ],
)
def test_what_is_not_there_is_bad_input(
    recording: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], what: str
) -> None:
    code, _, err = faults(capsys, "--data", recording, *arguments)
    assert code == 2
    assert what in err


def test_a_report_without_market_data_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = faults(capsys, "--report", tmp_path / "report.md", "--marketdata", tmp_path)
    assert code == 2
    assert "nse_1min_2025-08" in err.replace("\n", "")
    assert not (tmp_path / "report.md").exists()


def judged() -> JudgedDay:
    refusal = Verdict("lag", 1, Outcome.BLOCKED, 139.0, 120.0, "s", "sha256:0")
    tally = CleanTally("recorded", "NIFTY", DAY, chains=3, near_quotes=200, masked=1)
    tally.refused["lag"] += 1
    tally.near_masked["parity"] += 1
    forwards = {EXPIRY: [(AT, 24_568.5), (AT, 24_570.5), (datetime(2025, 9, 1, 9, 59, tzinfo=UTC), 30_000.0)]}
    return JudgedDay(tally, [Refused(AT, refusal)], forwards)


def test_the_report_explains_refusals_and_compares_forwards_with_futures() -> None:
    tallies = [Tally(fault("jump"), 5.0, True, (Tried(AT, True, "butterfly", 1, 0, 0),))]
    trial = Trial("Simulated", tallies, recall_rates(tallies))
    day = judged()
    text = FirewallReport("qs chain faults", (trial,), [day.tally], [day], {("NIFTY", EXPIRY): 24_568.5}).markdown()
    assert "| jump | quote | masked | 5 tolerances | 1/1 | butterfly |" in text
    assert "| lag | 1 | 15:10:00 | 139 | 120.0 | s | the exchange's time is outside" in text
    assert "| NIFTY | 2025-09-01 | 2025-09-30 | 24569.50 | 24568.50 | +0.41 |" in text
    assert "| parity | 1 | 0.50 % |" in text


def test_the_closing_forward_is_the_mean_of_fifteen_to_fifteen_twenty_eight() -> None:
    assert judged().closing_forward(EXPIRY) == 24_569.5
    assert basis_points(24_569.5, 24_568.5) == pytest.approx(0.40703, abs=1e-5)


def test_closes_of_one_session_are_read_by_contract(tmp_path: Path) -> None:
    file = tmp_path / "bhav.csv.gz"
    rows = ["date,symbol,expiry,close", "2025-09-01,NIFTY,2025-09-30,24568.5", "2025-09-02,NIFTY,2025-09-30,1.0"]
    file.write_bytes(gzip.compress("\n".join(rows).encode()))
    assert future_closes(file, DAY) == {("NIFTY", EXPIRY): 24_568.5}
