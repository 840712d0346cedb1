"""Daily bars from the three layouts that exist, and from files that are none of them."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.bars import DailyBar, read_daily_bars
from quantsentinel.market.parsers.payload import MAX_BYTES

PLAIN = "date,adj close,close,high,low,open,volume\n2025-08-28,2,24500.9,24702.65,24481.6,24695.8,1\n"
BAR = DailyBar(date(2025, 8, 28), 24_695.8, 24_702.65, 24_481.6, 24_500.9)


def written(folder: Path, text: str, name: str = "nifty_daily.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_plain_dates_in_any_column_order(tmp_path: Path) -> None:
    assert read_daily_bars(written(tmp_path, PLAIN), "NIFTY") == (BAR,)


def test_a_stamp_of_18_30_utc_is_the_next_indian_day(tmp_path: Path) -> None:
    text = "timestamp,open,high,low,close,volume\n2025-08-27 18:30:00,24695.8,24702.65,24481.6,24500.9,1\n"
    assert read_daily_bars(written(tmp_path, text, "nifty_daily.csv.gz"), "NIFTY") == (BAR,)


def test_three_header_rows_of_an_export(tmp_path: Path) -> None:
    text = "Price,Close,High,Low,Open,Volume\nTicker,^NSEI,^NSEI,^NSEI,^NSEI,^NSEI\nDate,,,,,\n"
    text += "2025-08-28,24500.9,24702.65,24481.6,24695.8,0\n"
    assert read_daily_bars(written(tmp_path, text, "nsei_1d.csv"), "NIFTY") == (BAR,)


def test_a_folder_gives_the_file_that_names_the_underlying(tmp_path: Path) -> None:
    written(tmp_path, PLAIN)
    written(tmp_path, PLAIN.replace("24500.9", "24600"), "banknifty_daily.csv")
    written(tmp_path, PLAIN, "nifty50_reliance_daily.csv")
    assert read_daily_bars(tmp_path, "NIFTY") == (BAR,)
    assert read_daily_bars(tmp_path, "BANKNIFTY")[0].close == 24_600
    with pytest.raises(BadInput, match="0 daily files of FINNIFTY"):
        read_daily_bars(tmp_path, "FINNIFTY")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,open,high,low\n", r"missing columns \['close'\]"),
        (PLAIN + PLAIN.splitlines()[1] + "\n", "stand twice: 2025-08-28"),
        (PLAIN.replace("24500.9", "0"), "impossible bar"),
        (PLAIN.replace("24500.9", "n/a"), "row 2: not a daily bar"),
        (PLAIN.splitlines()[0] + "\n", "no daily bar"),
        ("", "missing columns"),
        (PLAIN.replace("24500.9", "2.45e4"), "'2.45e4' is no plain number"),
        (PLAIN.replace("24500.9", "24_500.9"), "'24_500.9' is no plain number"),
        (PLAIN.replace("24500.9", "२४५००"), "is no plain number"),
        (PLAIN.replace("24500.9", "inf"), "'inf' is no plain number"),
        (PLAIN.replace("24500.9", ""), "an empty cell"),
        (PLAIN.replace("24500.9", "24,500.9"), "row 2: not a daily bar"),
        (PLAIN.replace("adj close", "close"), "columns stand twice: close"),
        (PLAIN.replace("2025-08-28", "9999-12-31 23:00"), "row 2: not a daily bar"),
        (PLAIN + '"' + "9" * 200_000, "cannot be read: field larger"),
    ],
)
def test_a_file_that_is_not_daily_bars_says_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_daily_bars(written(tmp_path, text), "NIFTY")


def test_a_small_file_that_unpacks_into_a_huge_one_is_refused_before_it_does(tmp_path: Path) -> None:
    path = tmp_path / "nifty_daily.csv.gz"
    path.write_bytes(gzip.compress(b"0" * (MAX_BYTES["csv"] + 1), compresslevel=1))
    with pytest.raises(BadInput, match="bytes unpacked"):
        read_daily_bars(path, "NIFTY")


@pytest.mark.parametrize(
    "body",
    [b"", b"no gzip at all", gzip.compress(PLAIN.encode(), mtime=0)[:-9]],
    ids=["nothing", "text", "cut_short"],
)
def test_a_damaged_gzip_is_bad_input(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "nifty_daily.csv.gz"
    path.write_bytes(body)
    with pytest.raises(BadInput):
        read_daily_bars(path, "NIFTY")


def test_a_missing_path_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        read_daily_bars(tmp_path / "none.csv", "NIFTY")


@pytest.mark.marketdata
def test_two_real_sources_agree_on_the_closes_of_two_years(marketdata: Path) -> None:
    yahoo = {bar.day: bar.close for bar in read_daily_bars(marketdata / "daily/nifty_2016_2026", "NIFTY")}
    broker = {bar.day: bar.close for bar in read_daily_bars(marketdata / "daily/stocks_2023_2026", "NIFTY")}
    days = [day for day in yahoo.keys() & broker.keys() if day.year in (2024, 2025)]
    apart = [day for day in days if abs(yahoo[day] / broker[day] - 1) > 1e-3]
    assert len(days) > 480
    assert len(apart) <= 5, f"a shift by a day would part nearly all: {sorted(apart)[:5]}"
    assert len(read_daily_bars(marketdata / "daily/nifty_2007_2025", "NIFTY")) == 4306
