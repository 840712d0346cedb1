"""Which evening of participant open interest a session may use."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from quantsentinel.app.platform import Platform
from quantsentinel.costs.margin import span_volatility
from quantsentinel.market.bars import read_daily_bars
from quantsentinel.market.calendar import IST
from quantsentinel.market.history import ParticipantOi
from quantsentinel.settings import Settings
from quantsentinel.wiring.local import open_local


def evening(day: date) -> ParticipantOi:
    sides = dict.fromkeys(("client", "dii", "fii", "pro"), 1.0)
    return ParticipantOi(day, datetime(day.year, day.month, day.day, 20, 0, tzinfo=IST), sides, sides, sides, sides)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    opened = open_local(Settings(state=tmp_path / "state"))
    opened.snapshots.put_participants([evening(date(2025, 8, day)) for day in (22, 25, 26, 28)])
    return opened


def test_the_evening_of_the_session_before_counts_over_a_holiday(platform: Platform) -> None:
    """27 August 2025 was a holiday."""
    found = platform.participants_before(date(2025, 8, 28))
    assert found is not None
    assert found.day == date(2025, 8, 26)


def test_an_older_evening_never_stands_in_for_the_one_before(platform: Platform) -> None:
    assert platform.participants_before(date(2025, 9, 1)) is None


@pytest.mark.marketdata
def test_the_daily_bars_reach_as_far_as_the_scan_ranges_volatility_needs(platform: Platform, marketdata: Path) -> None:
    """March 2022: vols of 2020 still count in an EWMA(0.995)."""
    whole = read_daily_bars(marketdata / "daily/nifty_2016_2026", "NIFTY")
    platform.snapshots.put_daily("NIFTY", whole)
    used = [bar.close for bar in platform.daily_before("NIFTY", date(2022, 3, 1))]
    ever = [bar.close for bar in whole if bar.day < date(2022, 3, 1)]
    scan = platform.desk.rules.scan("NIFTY", date(2025, 8, 29))
    assert span_volatility(used, scan) == pytest.approx(span_volatility(ever, scan), rel=0.02)


def test_a_session_whose_predecessor_no_rule_covers_has_no_evening(platform: Platform) -> None:
    assert platform.participants_before(date(2024, 1, 1)) is None
