"""Snapshots survive Parquet, one at a time and as a day file; spoilt files say what is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, timedelta
from pathlib import Path

import polars as pl
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.codec import PAIR_COLUMNS, decode_snapshot, encode_snapshot
from quantsentinel.market.dayfile import read_day_file, write_day_file
from tests.chains import AT, chain

BARS = (
    DailyBar(date(2025, 8, 26), 24_900.0, 24_920.5, 24_690.0, 24_712.05),
    DailyBar(date(2025, 8, 28), 24_695.8, 24_702.65, 24_481.6, 24_500.9),
)


def test_a_snapshot_keeps_its_digest_through_parquet() -> None:
    snapshot = replace(chain(), spot=24_480.0, notes=("2027-06-29 left out: no holiday list for 2027",))
    again = decode_snapshot(encode_snapshot(snapshot))
    assert again.digest == snapshot.digest
    assert again.notes == snapshot.notes
    assert again.slices == snapshot.slices


def test_encoding_twice_gives_the_same_bytes() -> None:
    assert encode_snapshot(chain()) == encode_snapshot(chain())


def test_a_snapshot_without_an_exchange_clock_or_a_spot_survives() -> None:
    snapshot = chain(source="upstox", lag=None)
    again = decode_snapshot(encode_snapshot(snapshot))
    assert again.digest == snapshot.digest
    assert again.spot is None
    assert all(part.exchange_time is None for part in again.slices)


def test_a_truncated_object_is_bad_input() -> None:
    with pytest.raises(BadInput, match="not a Parquet file"):
        decode_snapshot(encode_snapshot(chain())[:-100])


def test_another_parquet_file_is_bad_input(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="metadata"):
        decode_snapshot((tmp_path / "a.parquet").read_bytes())
    with pytest.raises(BadInput, match="not a day file"):
        read_day_file(tmp_path / "a.parquet")


def test_a_day_file_keeps_every_snapshot_and_the_daily_bars(tmp_path: Path) -> None:
    nifty = [chain(at=AT + minute * timedelta(minutes=1)) for minute in range(3)]
    bank = [chain(underlying="BANKNIFTY", expiries=(date(2025, 9, 30),), forward=54_000.0)]
    path = tmp_path / "day.parquet"
    assert write_day_file(path, [*nifty, *bank], {"NIFTY": BARS}) == 4
    day = read_day_file(path)
    assert day.underlyings == ("BANKNIFTY", "NIFTY")
    assert [item.digest for item in day.snapshots("NIFTY")] == [item.digest for item in nifty]
    assert [item.digest for item in day.snapshots("BANKNIFTY")] == [item.digest for item in bank]
    assert day.schedule("NIFTY") == [item.received_at for item in nifty]
    assert day.daily == {"NIFTY": BARS}


def test_a_day_file_reads_as_a_plain_table(tmp_path: Path) -> None:
    snapshot = chain()
    write_day_file(tmp_path / "day.parquet", [snapshot], {})
    frame = pl.read_parquet(tmp_path / "day.parquet")
    assert set(PAIR_COLUMNS) < set(frame.columns)
    row = frame.row(5, named=True)
    assert row["underlying"] == "NIFTY"
    assert row["expiry"] == snapshot.expiries[0]
    assert row["collected_at"] == AT.astimezone(UTC)
    assert row["call_bid"] == snapshot.bid[10]
    assert row["put_ask"] == snapshot.ask[11]


def test_the_same_day_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_day_file(tmp_path / name, [chain()], {"NIFTY": BARS})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_truncated_day_file_and_an_unknown_underlying_are_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    write_day_file(path, [chain()], {})
    with pytest.raises(BadInput, match="It holds NIFTY"):
        read_day_file(path).schedule("SENSEX")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BadInput, match="not a readable day file"):
        read_day_file(path)


def test_a_day_without_snapshots_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no snapshot"):
        write_day_file(tmp_path / "day.parquet", [], {})
    assert not list(tmp_path.iterdir())
