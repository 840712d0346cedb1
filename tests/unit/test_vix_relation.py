"""India VIX against its printed chain and against the index, on made-up sessions."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.app.relation_power import CHANGES, WAYS, Data, Way, false_alarms, power, splice_days, study
from quantsentinel.errors import BadInput
from quantsentinel.integrity.vix_relation import close_readings, fit_vix_change, link_readings, packaged_model
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.vix import VixBar, read_vix

HEADER = "Date ,Open ,High ,Low ,Close ,Prev. Close ,Change ,% Change "
SESSIONS = 900


@cache
def market() -> Data:
    """A VIX that follows an index: the log change is -1.2 of the index's standardised return plus 2.5 % of noise."""
    random = np.random.default_rng(5)
    days = [day for k in range(1300) if (day := date(2015, 1, 1) + timedelta(days=k)).weekday() < 5][:SESSIONS]
    level, vol, vix, index = 10_000.0, 15.0, [], []
    for day in days:
        unit = vol / 100 / math.sqrt(252)
        path = level * np.exp(unit * np.cumsum(random.normal(0, 0.25, 16)))
        index.append(DailyBar(day, float(path[0]), float(path.max()), float(path.min()), float(path[-1])))
        pull = 0.02 * math.log(15.0 / vol)
        close = vol * math.exp(pull - 0.03 * math.log(path[-1] / level) / unit + 0.025 * random.standard_normal())
        vix.append(VixBar(day, vol, max(vol, close) * 1.01, min(vol, close) * 0.99, close, vol))
        level, vol = float(path[-1]), close
    model = fit_vix_change(vix, index, days[0], days[599])
    return Data(tuple(vix), tuple(index), tuple(days), model)


def test_the_fit_finds_the_fall_of_the_vix_with_the_index() -> None:
    model = market().model
    assert model.move[1] + model.move[11] + model.move[12] == pytest.approx(-0.03, abs=0.012)


def test_made_up_sessions_raise_less_than_one_alarm_a_year() -> None:
    found = study(market())
    assert false_alarms(found, date(2015, 1, 1), date(2019, 1, 1)).a_year < 1


@pytest.mark.parametrize("way", WAYS)
def test_a_vix_by_trading_days_is_seen_within_two_sessions_every_way(way: Way) -> None:
    of = study(market())
    days = splice_days(market(), [2017, 2018], 4)
    found = power(of, days, "×√(252/365)", CHANGES["×√(252/365)"], way)
    assert found.in_time == len(days) == 8
    assert found.interval[0] < found.rate <= found.interval[1]


def test_a_small_change_that_hides_in_consistent_rows_is_not_seen_and_that_is_said() -> None:
    days = splice_days(market(), [2017, 2018], 4)
    assert power(study(market()), days, "×1.02", lambda value, usual: value * 1.02, "silent").in_time == 0


@settings(max_examples=15)
@given(st.integers(10, SESSIONS - 1))
def test_readings_of_truncated_sessions_equal_those_of_the_full_run(cut: int) -> None:
    data = market()
    whole = close_readings(data.vix, data.index, data.model)
    part = close_readings(data.vix[:cut], data.index[:cut], data.model)
    assert [r.session for r in part] == [r.session for r in whole[: cut - 1]]
    assert np.allclose([r.value for r in part], [r.value for r in whole[: cut - 1]], rtol=0, atol=1e-12)
    assert np.allclose([(r.expected, r.scale) for r in part], [(r.expected, r.scale) for r in whole[: cut - 1]])
    assert link_readings(data.vix[:cut]) == link_readings(data.vix)[: cut - 1]


@settings(max_examples=15)
@given(st.floats(0.01, 100))
def test_another_level_of_the_index_changes_no_reading(factor: float) -> None:
    data = market()
    scaled = [DailyBar(b.day, *(factor * v for v in (b.open, b.high, b.low, b.close))) for b in data.index[:120]]
    plain = close_readings(data.vix[:120], data.index[:120], data.model)
    moved = close_readings(data.vix[:120], scaled, data.model)
    assert np.allclose([(r.value, r.expected, r.scale) for r in moved], [(r.value, r.expected, r.scale) for r in plain])


@settings(max_examples=15)
@given(st.floats(0.01, 100))
def test_a_vix_rescaled_from_its_first_session_on_breaks_no_link(factor: float) -> None:
    bars = [VixBar(b.day, *(factor * v for v in (b.open, b.high, b.low, b.close, b.previous))) for b in market().vix]
    assert all(abs(reading.value or 0.0) < 1e-9 for reading in link_readings(bars))


def test_a_session_that_is_missing_makes_the_link_unknown_and_not_broken() -> None:
    data = market()
    bars = (*data.vix[:10], *data.vix[11:20])
    unknown = [reading.session for reading in link_readings(bars, data.sessions) if reading.value is None]
    assert unknown == [data.vix[11].day]


def test_the_packaged_model_was_fitted_before_2019() -> None:
    assert packaged_model().last == date(2018, 12, 31)


def test_a_fit_on_too_few_sessions_or_none_in_common_is_bad_input() -> None:
    data = market()
    with pytest.raises(BadInput, match="99 sessions, 250 are needed"):
        fit_vix_change(data.vix[:100], data.index, data.vix[0].day, data.vix[-1].day)
    with pytest.raises(BadInput, match="no two sessions in common"):
        close_readings(data.vix[:5], data.index[5:], data.model)
    with pytest.raises(BadInput, match="14 coefficients"):
        replace(data.model, move=(1.0,))


def test_a_vix_file_is_read_by_day_and_rows_of_zeros_are_named(tmp_path: Path) -> None:
    rows = ["03-JAN-2012,2,3,1,2.5,2,0,0", "02-JAN-2012,2,3,1,2,2,0,0", "04-JAN-2012,0,0,0,2.5,0,0,0"]
    file = tmp_path / "vix.csv.gz"
    file.write_bytes(gzip.compress("\n".join([HEADER, *rows]).encode()))
    found = read_vix(file)
    assert [bar.day.day for bar in found.bars] == [2, 3]
    assert found.left_out == ("2012-01-04: not a bar",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "missing columns date"),
        ("Date,Open\n", "missing columns high, low, close, prev. close"),
        (HEADER, "no row"),
        (f"{HEADER}\n2012-01-02,1,1,1,1,1,0,0", "row 2: not a row of India VIX"),
        (f"{HEADER}\n02-JAN-2012,x,1,1,1,1,0,0", "row 2: not a row of India VIX"),
        (f"{HEADER}\n02-JAN-2012,1,1\n", "row 2: not a row of India VIX"),
        (f"{HEADER}\n02-JAN-2012,1,1,1,1,1\n02-JAN-2012,1,1,1,1,1", "days stand twice: 2012-01-02"),
    ],
)
def test_a_wrong_vix_file_is_bad_input(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "vix.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=complaint):
        read_vix(file)
