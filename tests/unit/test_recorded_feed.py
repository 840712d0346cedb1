"""Recordings are told apart by content and played by a clock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quantsentinel.adapters.brokers.recorded import RecordedFeed, open_recording
from quantsentinel.errors import BadInput
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.parsers import parse
from quantsentinel.market.parsers.nse_rows import COLUMNS
from tests.chains import AT, chain, rules

MINUTE = timedelta(minutes=1)
BAR = DailyBar(date(2025, 8, 28), 24_695.8, 24_702.65, 24_481.6, 24_500.9)


@dataclass
class Hand:
    at: datetime

    def now(self) -> datetime:
        return self.at


def day_file(folder: Path) -> Path:
    path = folder / "day.parquet"
    write_day_file(path, [chain(at=AT + step * MINUTE) for step in range(3)], {"NIFTY": [BAR]})
    return path


def nse_row(stamp: str, strike: int, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys(COLUMNS, 1.0)
    values |= {"Fetch_Time": "29-Aug-2025 10:59:20", "Symbol": "NIFTY", "Expiry_Date": "02-Sep-2025"}
    return values | {"Strike_Price": strike, "collection_timestamp": stamp} | changes


def test_a_day_file_gives_back_its_snapshots_and_its_daily_history(tmp_path: Path) -> None:
    recording = open_recording(day_file(tmp_path))
    assert recording.underlyings == ("NIFTY",)
    assert recording.schedule("NIFTY") == [AT + step * MINUTE for step in range(3)]
    assert parse(recording.raw("NIFTY", 2), rules()).digest == chain(at=AT + 2 * MINUTE).digest
    assert recording.daily_history == {"NIFTY": (BAR,)}


def test_the_feed_returns_the_newest_snapshot_collected_by_now_once(tmp_path: Path) -> None:
    clock = Hand(AT - timedelta(seconds=1))
    feed = RecordedFeed(open_recording(day_file(tmp_path)), clock)
    assert feed.poll("NIFTY") is None
    clock.at = AT
    first = feed.poll("NIFTY")
    assert first is not None
    assert first.collected_at == AT
    assert feed.poll("NIFTY") is None
    clock.at = AT + 10 * MINUTE
    last = feed.poll("NIFTY")
    assert last is not None
    assert last.collected_at == AT + 2 * MINUTE
    with pytest.raises(BadInput, match="It holds NIFTY"):
        feed.poll("SENSEX")


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_rows_are_cut_at_their_collection_times_even_when_shuffled(tmp_path: Path, suffix: str) -> None:
    rows = [nse_row("20250829_110001", 24_500), nse_row("20250829_110106", 24_500), nse_row("20250829_110001", 24_550)]
    path = tmp_path / f"rows.{suffix}"
    frame = pl.DataFrame(rows)
    frame.write_parquet(path) if suffix == "parquet" else frame.write_csv(path)
    recording = open_recording(path)
    assert recording.schedule("NIFTY") == [
        datetime(2025, 8, 29, 5, 30, 1, tzinfo=UTC),
        datetime(2025, 8, 29, 5, 31, 6, tzinfo=UTC),
    ]
    assert [len(parse(recording.raw("NIFTY", index), rules())) for index in range(2)] == [4, 2]


def test_rows_without_a_collection_time_use_their_fetch_time(tmp_path: Path) -> None:
    row = nse_row("", 24_500)
    del row["collection_timestamp"]
    pl.DataFrame([row]).write_parquet(tmp_path / "rows.parquet")
    assert open_recording(tmp_path).schedule("NIFTY") == [datetime(2025, 8, 29, 5, 29, 20, tzinfo=UTC)]


def test_a_folder_is_merged_and_what_is_no_chain_is_listed(tmp_path: Path) -> None:
    day_file(tmp_path)
    pl.DataFrame([nse_row("20250829_105901", 24_500)]).write_parquet(tmp_path / "rows.parquet")
    (tmp_path / "notes.json").write_text(json.dumps({"a": 1}))
    recording = open_recording(tmp_path)
    assert recording.schedule("NIFTY")[0] == datetime(2025, 8, 29, 5, 29, 1, tzinfo=UTC)
    assert len(recording.schedule("NIFTY")) == 4
    assert recording.skipped == ("notes.json: no option chain in the JSON",)


def test_a_saved_upstox_payload_takes_its_time_from_its_name(tmp_path: Path) -> None:
    row = {"underlying_key": "NSE_INDEX|Nifty 50", "expiry": "2025-09-02"}
    body = json.dumps({"status": "success", "data": [row]})
    named = tmp_path / "NIFTY_20250829_110001.json"
    named.write_text(body)
    raw = open_recording(named).raw("NIFTY", 0)
    assert (raw.collected_at, raw.parser) == (datetime(2025, 8, 29, 5, 30, 1, tzinfo=UTC), "upstox_v2")
    unnamed = tmp_path / "chain.json"
    unnamed.write_text(body)
    with pytest.raises(BadInput, match="carries no time"):
        open_recording(unnamed)


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("cut.parquet", b"PAR1 and no more", "unreadable"),
        ("other.csv", b"a,b\n1,2\n", "no known chain layout"),
        ("cut.json", b'{"records": {', "not JSON"),
        ("cut.json.gz", b"\x1f\x8b\x08", "ends early"),
        ("prev.csv", b"strikePrice,expiryDate,CE_OI\n1,2,3\n", "neither the file nor its name"),
    ],
)
def test_a_named_file_that_is_no_chain_says_why(tmp_path: Path, name: str, body: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(BadInput, match=message):
        open_recording(tmp_path / name)


def test_a_missing_path_and_an_empty_folder_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        open_recording(tmp_path / "none.parquet")
    with pytest.raises(BadInput, match="no option chain found"):
        open_recording(tmp_path)
