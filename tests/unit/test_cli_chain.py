"""`qs simulate` and `qs chain` over a simulated file, and over a file with a repeated snapshot."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantsentinel.cli.main import run_command
from quantsentinel.integrity.firewall import GUARDS
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
    assert {name: found["summary"][name] for name in ("snapshots", "accepted", "refused", "refused_by")} == {
        "snapshots": 1, "accepted": 1, "refused": 0, "refused_by": {},
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


def test_check_shows_every_verdict_and_the_quotes_that_each_guard_masked(
    day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One quote of the second snapshot is crossed: it is named, and nothing else is."""
    whole = read_day_file(day)
    taken = whole.snapshot("NIFTY", 1)
    bid = taken.columns["bid"].copy()
    row = int(np.argmax(taken.columns["ask"] > 100))
    bid[row] = taken.columns["ask"][row] + 5.0
    file = day.with_name("crossed.parquet")
    write_day_file(file, [whole.snapshot("NIFTY", 0), replace(taken, columns={**taken.columns, "bid": bid})], {})
    found = _run(capsys, "chain", "check", str(file), code=0)["snapshots"]
    assert [len(line["verdicts"]) for line in found] == [len(GUARDS)] * 2
    assert "crossed" not in found[0]["masked"]
    crossed = found[1]["masked"]["crossed"]
    assert crossed["rows"] == 1
    assert crossed["examples"][0]["strike"] == taken.strike[row]
    assert crossed["examples"][0]["bid"] == bid[row]


@pytest.fixture(scope="module")
def shown(day: Path) -> Any:
    output = io.StringIO()
    with redirect_stdout(output):
        assert run_command(["chain", "show", str(day), "--at", "10:15", "--json"]) == 0
    return json.loads(output.getvalue())


def test_show_says_of_every_expiry_what_the_market_pass_sees(shown: Any) -> None:
    near = shown["expiries"][0]
    assert set(near) >= {
        "forward", "forward_stderr", "discount", "atm_vol", "straddle", "max_pain", "put_call_oi_ratio", "call_oi",
        "put_oi", "svi", "flags", "density", "tails", "dealer_gamma", "masked",
    }  # fmt: skip
    assert abs(near["forward"] - shown["features"]["forward_near"]) < 1e-3
    assert near["straddle"]["bid"] < near["straddle"]["ask"] < 0.1 * near["forward"]
    assert near["tails"]["left"][0] <= near["density"]["left_tail"] + 0.02
    assert near["tails"]["left"][1] >= near["density"]["left_tail"] - 0.02
    assert near["dealer_gamma"]["gross"] >= abs(near["dealer_gamma"]["us"])
    assert near["max_pain"] in {row["strike"] for row in shown["rows"]} or near["max_pain"] > 0


def test_show_stands_on_the_day_before_it_unless_it_is_asked_alone(
    day: Path, shown: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown["history"]["rows"] > 10
    assert shown["features"]["call_written"] is not None
    lone = _run(capsys, "chain", "show", str(day), "--at", "10:15", "--alone", code=0)
    assert lone["history"]["rows"] == 0
    assert lone["features"]["call_written"] is None
    assert lone["snapshot"] == shown["snapshot"]
    same = ("forward", "atm_vol", "max_pain", "put_call_oi_ratio", "tails")
    assert [[item[name] for name in same] for item in lone["expiries"]] == [
        [item[name] for name in same] for item in shown["expiries"]
    ]


def test_show_reads_the_lake_when_it_is_given_an_underlying(
    day: Path, shown: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QS_LAKE", str(tmp_path / "lake"))
    monkeypatch.chdir(tmp_path)
    assert run_command(["chain", "show", "NIFTY", "--at", "2025-08-29 10:15", "--json"]) == 2
    assert "qs import" in json.loads(capsys.readouterr().err)["fix"]
    assert run_command(["import", str(day), "--json"]) == 0
    found = _run(capsys, "chain", "show", "nifty", "--at", "2025-08-29 10:15", code=0)
    assert found["snapshot"] == shown["snapshot"]
    assert found["expiries"] == shown["expiries"]


def test_show_fits_into_a_hundred_columns(day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run_command(["chain", "show", str(day), "--at", "10:15", "--alone", "--expiry", "2025-09-02"]) == 0
    lines = capsys.readouterr().out.splitlines()
    tables = [line for line in lines if line.startswith("  ")]
    assert len(tables) > 20
    assert max(len(line.rstrip()) for line in tables) <= 100


def test_an_expiry_that_is_not_listed_is_refused_with_those_that_are(
    day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["chain", "show", str(day), "--at", "10:15", "--alone", "--expiry", "2025-09-03", "--json"]
    capsys.readouterr()
    assert run_command(arguments) == 2
    assert "2025-09-02" in json.loads(capsys.readouterr().err)["fix"]
