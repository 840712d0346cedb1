"""India VIX out of a lake: by day, without rows that are unknown, and never two values for a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from quantsentinel.adapters.lake_vix import lake_vix
from quantsentinel.errors import BadInput
from quantsentinel.market.vix import VixBar


def put(root: Path, year: int, name: str, rows: list[tuple[object, ...]]) -> None:
    folder = root / "vix" / "underlying=INDIAVIX" / f"year={year}"
    folder.mkdir(parents=True, exist_ok=True)
    columns = ["day", "open", "high", "low", "close", "previous_close", "source"]
    pl.DataFrame(rows, schema=columns, orient="row").write_parquet(folder / name)


def test_sessions_come_by_day_and_unknown_ones_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, 2025, "part-b.parquet", [(date(2025, 1, 2), 14.0, 15.0, 13.0, 14.5, 14.1, "x")])
    put(tmp_path, 2024, "part-a.parquet", [(date(2024, 12, 31), 14.0, 15.0, 13.0, 14.1, 14.0, "x")])
    put(tmp_path, 2021, "part-c.parquet", [(date(2021, 2, 12), None, None, None, 23.0, None, "x")])
    assert lake_vix(tmp_path) == (
        VixBar(date(2024, 12, 31), 14.0, 15.0, 13.0, 14.1, 14.0),
        VixBar(date(2025, 1, 2), 14.0, 15.0, 13.0, 14.5, 14.1),
    )


def test_a_day_that_two_imports_agree_on_counts_once(tmp_path: Path) -> None:
    for name in ("part-a.parquet", "part-b.parquet"):
        put(tmp_path, 2025, name, [(date(2025, 1, 2), 14.0, 15.0, 13.0, 14.5, 14.1, name)])
    assert len(lake_vix(tmp_path)) == 1


def test_a_day_with_two_values_is_refused_and_an_empty_lake_is_empty(tmp_path: Path) -> None:
    assert lake_vix(tmp_path) == ()
    for close in (14.5, 14.6):
        put(tmp_path, 2025, f"part-{close}.parquet", [(date(2025, 1, 2), 14.0, 15.0, 13.0, close, 14.1, "x")])
    with pytest.raises(BadInput, match="two values for 2025-01-02"):
        lake_vix(tmp_path)
    (tmp_path / "vix/underlying=INDIAVIX/year=2025/part-broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="unreadable"):
        lake_vix(tmp_path)
