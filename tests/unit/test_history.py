"""A history: what it holds comes back from its bytes, and what was not known yet is left out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from quantsentinel.adapters.brokers.recorded import RecordedFeed, open_recording
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.lake_evenings import lake_breadth, lake_participants
from quantsentinel.app.poll_market import poll_market
from quantsentinel.cli.main import run_command
from quantsentinel.errors import BadInput
from quantsentinel.features.strike_flow import opening_of
from quantsentinel.features.summary import summary_row
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.breadth import read_breadth
from quantsentinel.market.calendar import IST
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.earlier import Breadth
from quantsentinel.market.history import History, decode_history, known_at
from quantsentinel.settings import Settings
from quantsentinel.wiring.local import open_local
from tests.market_day import DAY, FORWARD, NOON, desk, evening, firewall, history, rules, snapshot

BEFORE = DAY - timedelta(days=1)


def full() -> History:
    first = snapshot(NOON - timedelta(minutes=30))
    row = summary_row(first, firewall(first), desk())
    return history(
        rows=(row, replace(row, received_at=NOON - timedelta(minutes=5))),
        others={"BANKNIFTY": row},
        participants=evening(50, -50),
        opening=opening_of(first, quote_mask(first, rules())),
        breadth=Breadth(BEFORE, datetime(2025, 8, 28, 20, tzinfo=IST), 640, 1723, 24),
    )


def test_a_history_comes_back_from_its_bytes_under_the_same_name() -> None:
    found = decode_history(full().encoded)
    assert found == full()
    assert found.digest == full().digest


def test_a_history_written_before_there_were_openings_keeps_its_name() -> None:
    raw = json.loads(full().encoded)
    del raw["opening"], raw["breadth"]
    older = json.dumps(raw, separators=(",", ":")).encode()
    found = decode_history(older)
    assert (found.opening, found.breadth) == (None, None)
    assert found.encoded == older


def test_everything_of_a_history_that_was_known_is_kept_as_it_is() -> None:
    past = full()
    assert known_at(past, NOON) is past


@pytest.mark.parametrize(
    ("minutes", "rows", "opening"), [(-30, 0, False), (-29, 1, True), (-5, 1, True), (-4, 2, True)]
)
def test_a_row_is_known_after_its_receipt(minutes: int, rows: int, opening: bool) -> None:
    found = known_at(full(), NOON + timedelta(minutes=minutes))
    assert len(found.rows) == rows
    assert (found.opening is not None) == opening


def test_a_file_is_known_from_its_hour_on_and_never_on_its_own_day() -> None:
    early = known_at(full(), datetime(2025, 8, 28, 19, 59, tzinfo=IST))
    assert (early.participants, early.breadth) == (None, None)
    assert all(bar.day < BEFORE for bar in early.daily)
    late = known_at(replace(full(), session=BEFORE), datetime(2025, 8, 28, 23, 0, tzinfo=IST))
    assert (late.participants, late.breadth) == (None, None)


def test_the_poller_carries_the_days_first_accepted_book_and_yesterdays_breadth(tmp_path: Path) -> None:
    taken = [snapshot(NOON + timedelta(minutes=k), forward=FORWARD + 4 * k) for k in range(3)]
    write_day_file(tmp_path / "day.parquet", taken, {})
    recording = open_recording(tmp_path / "day.parquet")
    clock = VirtualClock(NOON - timedelta(minutes=1))
    platform = open_local(Settings(state=tmp_path / "state"), clock, {"file": RecordedFeed(recording, clock)})
    platform.snapshots.put_breadth([Breadth(day, NOON, 1, 2, 3) for day in (BEFORE - timedelta(days=1), BEFORE)])
    found = []
    for at in recording.schedule("NIFTY"):
        clock.advance_to(at)
        polled = poll_market(platform, "file", "NIFTY")
        assert polled is not None
        assert polled.accepted, polled
        pointer = platform.snapshots.latest("NIFTY")
        assert pointer is not None
        found.append(platform.snapshots.get_history(pointer.data["history_key"]))
    assert [past.opening.snapshot if past.opening else None for past in found] == [None, *[taken[0].digest] * 2]
    assert [past.breadth.day if past.breadth else None for past in found] == [BEFORE] * 3


@pytest.mark.marketdata
def test_three_sources_agree_that_most_stocks_fell_on_28_august_2025(marketdata: Path) -> None:
    """NIFTY lost 0.85 % that day."""
    names = ("nse_cash_all_2025_2026/cm_bhavcopy_EQ_BE.parquet", "nifty50_stocks_2020_2025", "stocks_2023_2026")
    for name in names:
        day = next(item for item in read_breadth(marketdata / "daily" / name) if item.day == BEFORE)
        assert 0.24 < day.advances / (day.advances + day.declines) < 0.28
        assert day.available_at > datetime(2025, 8, 28, 15, 30, tzinfo=IST)


def test_a_folder_with_few_stocks_is_no_breadth(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("date,open,high,low,close\n2025-01-01,1,1,1,1\n")
    with pytest.raises(BadInput, match="1 stocks"):
        read_breadth(tmp_path)


@pytest.mark.marketdata
def test_the_lake_gives_back_the_evening_that_was_imported(
    marketdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QS_LAKE", str(tmp_path))
    file = marketdata / "daily/india_vix_span_oi_2012_2026/data__participant_oi.csv.gz"
    assert run_command(["import", str(file)]) == 0
    found = lake_participants(tmp_path, BEFORE)
    assert found is not None
    assert found.call_long["pro"] - found.call_short["pro"] < 0 < found.put_long["pro"] - found.put_short["pro"]
    assert lake_participants(tmp_path, DAY.replace(year=2027)) is None
    assert lake_breadth(tmp_path, BEFORE, BEFORE - timedelta(days=2)) is None
