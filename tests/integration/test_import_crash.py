"""A real `qs import`, killed with SIGKILL while it writes: no half file, and the next run completes it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

DAYS = 60


def a_year_of_bars(folder: Path) -> Path:
    lines = ["datetime,open,high,low,close,volume"]
    for day in range(DAYS):
        opened = datetime(2024, 1, 1, 9, 15) + timedelta(days=day)
        for step in range(4):
            lines.append(f"{opened + timedelta(minutes=15 * step):%d-%m-%Y %H:%M},100,101,99,100.5,0")
    path = folder / "nifty_15min.csv"
    path.write_text("\n".join(lines))
    return path


def command(file: Path, lake: Path) -> list[str]:
    program = "import sys; from quantsentinel.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
    return [sys.executable, "-c", program, "import", str(file), "--out", str(lake), "--json"]


def parts(lake: Path) -> dict[str, bytes]:
    return {str(path.relative_to(lake)): path.read_bytes() for path in lake.rglob("*.parquet")}


def test_a_killed_import_leaves_no_half_file_and_is_completed(tmp_path: Path) -> None:
    file, lake = a_year_of_bars(tmp_path), tmp_path / "lake"
    running = subprocess.Popen(command(file, lake), stdout=subprocess.DEVNULL)
    while running.poll() is None and len(list(lake.rglob("*.parquet"))) < 5:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    left = parts(lake)
    assert sum(pl.read_parquet(lake / name, hive_partitioning=False).height for name in left) == 4 * len(left)
    subprocess.run(command(file, lake), check=True, stdout=subprocess.DEVNULL)
    subprocess.run(command(file, tmp_path / "whole"), check=True, stdout=subprocess.DEVNULL)
    assert parts(lake) == parts(tmp_path / "whole")
    assert len(parts(lake)) == DAYS
    assert not list((lake / ".incoming").iterdir())
