"""`qs simulate` and `qs chain` over a simulated file, and over a file with a repeated snapshot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.cli.main import run_command
from quantsentinel.market.dayfile import read_day_file, write_day_file


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("day") / "nifty.parquet"
    arguments = ["simulate", "--date", "2025-08-29", "--seed", "7", "--underlying", "NIFTY", "--out", str(file)]
    assert run_command(arguments) == 0
    return file


@pytest.fixture(scope="module")
def repeated(day: Path) -> Path:
    """The first five snapshots, the third of them twice."""
    whole = read_day_file(day)
    first = [whole.snapshot("NIFTY", index) for index in range(5)]
    file = day.with_name("repeated.parquet")
    write_day_file(file, [*first[:3], _later(first[2]), *first[3:]], {})
    return file


def _later(snapshot: Any) -> Any:
    """The same quotes and exchange times, received half a minute later."""
    from dataclasses import replace
    from datetime import timedelta

    late = tuple(replace(part, received_at=part.received_at + timedelta(seconds=30)) for part in snapshot.slices)
    return replace(snapshot, slices=late)


def _run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> Any:
    capsys.readouterr()
    assert run_command([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_one_simulated_snapshot_is_accepted_and_the_exit_code_says_so(
    day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _run(capsys, "chain", "check", str(day), "--at", "10:15", code=0)
    (line,) = found["snapshots"]
    assert (line["outcome"], line["underlying"]) == ("accepted", "NIFTY")
    assert line["at"].startswith("2025-08-29T04:4")
    assert found["summary"] == {
        "file": str(day), "snapshots": 1, "accepted": 1, "refused": 0, "refused_by": {},
    }  # fmt: skip


def test_a_repeated_snapshot_is_refused_with_guard_measured_and_limit_and_exits_1(
    repeated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _run(capsys, "chain", "check", str(repeated), code=1)
    outcomes = [line["outcome"] for line in found["snapshots"]]
    assert outcomes == ["accepted"] * 3 + ["refused"] + ["accepted"] * 2
    bad = found["snapshots"][3]
    assert bad["guard"] in {"repeated_snapshot", "monotone_time"}
    assert bad["measured"] is not None
    assert bad["limit"] is not None
    assert found["summary"]["refused_by"] == {bad["guard"]: 1}


def test_the_chain_is_shown_around_the_money(day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _run(capsys, "chain", "show", str(day), "--at", "12:00", "--strikes", "6", code=0)
    strikes = [row["strike"] for row in found["rows"]]
    assert len(strikes) == 6
    assert strikes == sorted(strikes)
    middle = found["rows"][3]
    assert middle["call_ask"] >= middle["call_bid"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--underlying", "BANKNIFTY"), "no BANKNIFTY in the file"),
        (("--at", "noon"), "not a time"),
    ],
)
def test_a_question_that_the_file_cannot_answer_is_refused(
    arguments: tuple[str, ...], said: str, day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run_command(["chain", "check", str(day), *arguments, "--json"]) == 2
    assert said in json.loads(capsys.readouterr().err)["what"]


def test_a_truncated_file_is_refused_not_guessed_at(day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = day.with_name("cut.parquet")
    cut.write_bytes(day.read_bytes()[:5000])
    assert run_command(["chain", "check", str(cut), "--json"]) == 2
    assert "cut.parquet" in json.loads(capsys.readouterr().err)["where"]


def test_an_underlying_in_small_letters_and_a_name_with_brackets_are_read(
    day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = day.with_name("[red]dåy 1.parquet")
    file.write_bytes(day.read_bytes())
    found = _run(capsys, "chain", "check", str(file), "--at", "10:15", "--underlying", "nifty", code=0)
    assert found["summary"]["accepted"] == 1
