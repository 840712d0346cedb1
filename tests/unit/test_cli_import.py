"""`qs import`: says which importer read what, fails for a named file it cannot read, hands participants over."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.cli.main import run_command
from quantsentinel.settings import Settings
from quantsentinel.wiring.local import open_local
from tests.payloads import CASH, PARTICIPANTS, VIX, nse_rows, parquet, zipped


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any]:
    code = run_command([*(str(item) for item in arguments), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def test_a_folder_is_imported_and_what_nobody_knows_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "rows.parquet").write_bytes(parquet(nse_rows()))
    (data / "vix.csv").write_text(VIX)
    (data / "odd.csv").write_text("a,b\n1,2\n")
    (data / "SOURCE.txt").write_text("whence")
    code, found = run(capsys, "import", data, "--out", tmp_path / "lake")
    assert code == 0
    assert {item["document"]: (item["importer"], item["status"]) for item in found["files"]} == {
        "odd.csv": ("", "skipped"),
        "rows.parquet": ("nse_rows", "imported"),
        "vix.csv": ("vix", "imported"),
    }
    assert found["summary"]["by_dataset"] == {"chains": 6, "vix": 3}


def test_a_named_file_that_nobody_knows_fails_but_the_others_are_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vix.csv").write_text(VIX)
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    code, found = run(capsys, "import", tmp_path / "vix.csv", tmp_path / "odd.csv", "--out", tmp_path / "lake")
    assert (code, found["summary"]["by_status"]) == (1, {"imported": 1, "skipped": 1})
    assert run(capsys, "import", tmp_path / "none.csv")[0] == 2


def test_an_archive_is_fine_when_one_member_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(**{"cash.csv": CASH.encode(), "help.txt": b"words"}))
    code, found = run(capsys, "import", tmp_path / "a.zip", "--out", tmp_path / "lake")
    assert (code, [item["status"] for item in found["files"]]) == (0, ["imported", "skipped"])


def test_the_lake_is_read_by_chain_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.parquet").write_bytes(parquet(nse_rows()))
    run(capsys, "import", tmp_path / "rows.parquet", "--out", tmp_path / "lake")
    direct, imported = (run(capsys, "chain", "check", tmp_path / name)[1] for name in ("rows.parquet", "lake"))
    assert imported["snapshots"] == direct["snapshots"]
    assert len(imported["snapshots"]) == 1


def test_participants_reach_the_running_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, state = tmp_path / "fao_participant_oi_28082025.csv", tmp_path / "state"
    file.write_text(PARTICIPANTS)
    arguments = ("import", file, "--out", tmp_path / "lake", "--state", state, "--live")
    for _ in range(2):
        code, found = run(capsys, *arguments)
        assert (code, found["participant_evenings_in_state"]) == (0, 1)
    (evening,) = open_local(Settings(state=state)).snapshots.get_participants()
    assert (evening.day, evening.call_long["pro"]) == (date(2025, 8, 28), 5.0)
    (tmp_path / "vix.csv").write_text(VIX)
    assert run(capsys, "import", tmp_path / "vix.csv", "--out", tmp_path / "lake", "--live", "--state", state)[0] == 2
