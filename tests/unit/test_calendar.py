"""Sessions, holidays and expiries, against the exchange's own files where there are any."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.errors import RuleGap
from quantsentinel.market.calendar import IST
from quantsentinel.market.rulebook import load_rules

RULES = load_rules()


def ist(day: date, clock: str) -> datetime:
    return datetime.combine(day, datetime.strptime(clock, "%H:%M").time(), tzinfo=IST)


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2025, 8, 29), "15:30"),
        (date(2026, 7, 31), "15:30"),
        (date(2026, 8, 3), "15:40"),
        (date(2026, 12, 4), "15:40"),
    ],
)
def test_the_close_moves_with_the_rule_of_the_day(day: date, close: str) -> None:
    session = RULES.session(day)
    assert session is not None
    assert (session.open, session.close, session.adverse) == (ist(day, "09:15"), ist(day, close), False)


def test_an_unconfirmed_later_close_is_not_used() -> None:
    session = RULES.session(date(2026, 12, 7))
    assert session is not None
    assert session.close == ist(session.day, "15:40")  # one package says 15:45
    assert session.adverse


@pytest.mark.parametrize("day", [date(2025, 8, 27), date(2026, 1, 15), date(2026, 11, 24), date(2025, 8, 30)])
def test_holidays_and_weekends_have_no_session(day: date) -> None:
    assert RULES.session(day) is None
    assert not RULES.is_trading_day(day)


@pytest.mark.parametrize(
    ("day", "kind", "minutes"),
    [
        (date(2024, 1, 20), "special", 375.0),
        (date(2024, 3, 2), "special", 105.0),
        (date(2024, 5, 18), "special", 105.0),
        (date(2025, 2, 1), "special", 375.0),
        (date(2026, 2, 1), "special", 375.0),
        (date(2024, 11, 1), "muhurat", 60.0),
        (date(2025, 10, 21), "muhurat", 60.0),
    ],
)
def test_special_sessions_open_on_days_that_a_weekday_calendar_misses(day: date, kind: str, minutes: float) -> None:
    session = RULES.session(day)
    assert session is not None
    assert (session.kind, session.minutes) == (kind, minutes)


def test_a_session_with_two_windows_is_closed_between_them() -> None:
    session = RULES.session(date(2024, 3, 2))
    assert session is not None
    assert [session.is_open(ist(session.day, at)) for at in ("09:15", "10:00", "11:00", "11:30", "12:30")] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_a_day_of_unknown_hours_is_refused_and_passed_over() -> None:
    muhurat = date(2026, 11, 8)
    with pytest.raises(RuleGap, match=r"special\.2026-11-08 is unverified"):
        RULES.session(muhurat)
    assert RULES.previous_session(date(2026, 11, 9)).day == date(2026, 11, 6)
    assert RULES.unverified_days(date(2026, 11, 1), date(2026, 11, 30)) == (muhurat,)


@pytest.mark.parametrize("day", [date(2023, 12, 29), date(2027, 1, 4)])
def test_a_year_without_a_holiday_list_is_refused(day: date) -> None:
    with pytest.raises(RuleGap, match=f"no holiday list for {day.year}"):
        RULES.session(day)


def test_next_and_previous_sessions_jump_over_a_long_weekend() -> None:
    assert RULES.next_session(date(2025, 8, 14)).day == date(2025, 8, 18)
    assert RULES.previous_session(date(2025, 8, 18)).day == date(2025, 8, 14)
    with pytest.raises(RuleGap):
        RULES.next_session(date(2026, 12, 31))


@given(st.integers(0, 600), st.integers(0, 600), st.integers(0, 600))
def test_trading_minutes_add_up(one: int, two: int, three: int) -> None:
    session = RULES.session(date(2024, 3, 2))
    assert session is not None
    a, b, c = (ist(session.day, "08:00") + timedelta(minutes=minute) for minute in sorted((one, two, three)))
    assert session.minutes_between(a, c) == session.minutes_between(a, b) + session.minutes_between(b, c)
    assert session.minutes_between(a, c) <= session.minutes


@pytest.mark.marketdata
def test_every_day_of_2024_that_has_bars_is_a_session(marketdata: Path) -> None:
    bars = pl.read_csv(
        marketdata / "bars/index_1min_2024/NIFTY_data__NIFTY_2024.csv.gz", schema_overrides={"Date": pl.String}
    )
    days = {datetime.strptime(day, "%Y%m%d").date() for day in bars["Date"].unique()}
    assert len(days) > 150
    sessions = {session.day for session in RULES.sessions(date(2024, 1, 1), max(days))}
    assert days <= sessions
    assert len(sessions - days) <= 8  # ordinary days that the file lacks


@pytest.mark.marketdata
def test_sessions_to_july_2026_are_the_days_on_which_nse_computed_volatility(marketdata: Path) -> None:
    path = marketdata / "daily/india_vix_span_oi_2012_2026/data__volatility.csv.gz"
    rows = pl.read_csv(path, infer_schema_length=9000).filter(pl.col("symbol") == "NIFTY")
    days = {date.fromisoformat(text) for text in rows["date"] if text >= "2024"}
    assert len(days) > 600
    sessions = {session.day for session in RULES.sessions(date(2024, 1, 1), max(days))}
    assert days <= sessions
    assert all(day.weekday() >= 5 for day in sessions - days)  # weekend sessions are not in that file


NIFTY_2026_SHIFTED = {
    date(2026, 3, 3): date(2026, 3, 2),
    date(2026, 4, 14): date(2026, 4, 13),
    date(2026, 10, 20): date(2026, 10, 19),
    date(2026, 11, 10): date(2026, 11, 9),
    date(2026, 3, 31): date(2026, 3, 30),
    date(2026, 11, 24): date(2026, 11, 23),
}
"""india-facts.md §2.2."""
NSE_MONTHLIES_2026 = [
    "01-27",
    "02-24",
    "03-30",
    "04-28",
    "05-26",
    "06-30",
    "07-28",
    "08-25",
    "09-29",
    "10-27",
    "11-23",
    "12-29",
]


@pytest.mark.parametrize(("plain", "shifted"), NIFTY_2026_SHIFTED.items())
def test_an_expiry_on_a_holiday_moves_to_the_trading_day_before(plain: date, shifted: date) -> None:
    assert RULES.final_expiry("NIFTY", plain) == shifted
    assert shifted in RULES.expiries("NIFTY", shifted)
    assert plain not in RULES.expiries("NIFTY", shifted)


@pytest.mark.parametrize(
    ("underlying", "monthlies"), [("BANKNIFTY", NSE_MONTHLIES_2026), ("FINNIFTY", NSE_MONTHLIES_2026)]
)
def test_the_monthlies_of_2026_are_those_of_the_circulars(underlying: str, monthlies: list[str]) -> None:
    expected = [date.fromisoformat(f"2026-{day}") for day in monthlies]
    assert [RULES.expiries(underlying, day.replace(day=1))[0] for day in expected] == expected


def test_sensex_moves_its_thursdays_off_holidays() -> None:
    plain = {
        date(2026, 1, 15): date(2026, 1, 14),
        date(2026, 3, 26): date(2026, 3, 25),
        date(2026, 5, 28): date(2026, 5, 27),
    }
    assert {day: RULES.final_expiry("SENSEX", day) for day in plain} == plain


@pytest.mark.marketdata
def test_every_nifty_expiry_since_2024_was_listed_the_day_before(marketdata: Path) -> None:
    name = "calendar/nse_rules/docs__source_evidence__nse_rules__nse_actual_expiry_calendar.parquet"
    rows = pl.read_parquet(marketdata / name).filter(pl.col("actual_expiry_date") >= "2024-01-05")
    expiries = [date.fromisoformat(day) for day in rows["actual_expiry_date"]]
    assert len(expiries) > 130
    missing = [day for day in expiries if day not in RULES.expiries("NIFTY", RULES.previous_session(day).day)]
    assert missing == []
    lots = {day: RULES.lot("NIFTY", day, RULES.previous_session(day).day).value for day in expiries}
    assert lots == dict(zip(expiries, rows["market_lot"], strict=True))


@pytest.mark.marketdata
@pytest.mark.parametrize("underlying", ["NIFTY", "BANKNIFTY"])
@pytest.mark.parametrize("day", [date(2025, 8, 27), date(2025, 8, 29)])
def test_listed_expiries_are_those_of_the_chain(marketdata: Path, underlying: str, day: date) -> None:
    name = f"chains/nse_1min_2025-08/{underlying}_option_chain_1min_{day:%Y%m%d}.parquet"
    listed = pl.read_parquet(marketdata / name, columns=["Expiry_Date"])["Expiry_Date"].unique()
    covered = sorted(d for d in (datetime.strptime(text, "%d-%b-%Y").date() for text in listed) if d.year <= 2026)
    assert list(RULES.expiries(underlying, day)) == covered


@pytest.mark.marketdata
@pytest.mark.parametrize("day", [date(2025, 7, 21), date(2025, 8, 1)])
@pytest.mark.parametrize("underlying", ["NIFTY", "BANKNIFTY"])
def test_listed_expiries_follow_the_move_from_thursday_to_tuesday(marketdata: Path, underlying: str, day: date) -> None:
    path = marketdata / f"chains/daily_2025-07/data__{underlying}_{day}.csv"
    with path.open(newline="") as file:
        names = {value for row in csv.DictReader(file) for name, value in row.items() if name == "expiryDate"}
    listed = {datetime.strptime(text, "%d-%b-%Y").date() for text in names}
    ours = set(RULES.expiries(underlying, day))
    assert len(listed) >= 4
    assert {d for d in listed if d.year <= 2026} <= ours
    assert day == date(2025, 8, 1) or ours == {d for d in listed if d.year <= 2026}  # later files list only some


@pytest.mark.marketdata
def test_lots_and_expiries_are_those_of_the_exchange_file_of_november_2025(marketdata: Path) -> None:
    day, seen = date(2025, 11, 14), 0
    archive = zipfile.ZipFile(marketdata / "chains/fno_eod_2025-11-14/nse_data__fo14112025.zip")
    for row in list(csv.reader(io.StringIO(archive.read("op14112025.csv").decode())))[1:]:
        if row[0].strip() != "OPTIDX" or row[1].strip() not in {"NIFTY", "BANKNIFTY"} or not int(row[11]):
            continue
        expiry = datetime.strptime(row[2].strip(), "%d/%m/%Y").date()
        assert int(row[10]) / int(row[11]) == RULES.lot(row[1].strip(), expiry, day).value
        assert expiry in RULES.expiries(row[1].strip(), day) or expiry.year > 2026
        seen += 1
    assert seen > 400


def test_a_contract_listed_before_the_holiday_list_ends_on_the_shifted_day() -> None:
    listed = date(2026, 3, 31)
    assert listed in RULES.expiries("NIFTY", date(2025, 8, 29))
    assert RULES.last_trade("NIFTY", listed) == ist(date(2026, 3, 30), "15:30")
    assert RULES.last_trade("NIFTY", date(2026, 3, 26)) == ist(date(2026, 3, 30), "15:30")  # as listed in July 2025


@pytest.mark.parametrize(
    ("expiry", "method", "window", "observed", "last"),
    [
        (date(2025, 9, 2), "vwap_last_30_min", "15:00", "15:30", "15:30"),
        (date(2026, 11, 23), "closing_auction", "15:15", "15:35", "15:40"),
        (date(2026, 12, 29), "vwap_last_30_min", "15:00", "15:30", "15:30"),
    ],
)
def test_settlement_follows_the_regime_of_the_expiry(
    expiry: date, method: str, window: str, observed: str, last: str
) -> None:
    settlement = RULES.settlement("NIFTY", expiry)
    assert (settlement.method, settlement.window_start) == (method, ist(expiry, window))
    assert settlement.observed_at == ist(expiry, observed)
    assert RULES.last_trade("NIFTY", expiry) == ist(expiry, last)


def test_an_expiry_in_an_uncovered_year_is_left_out_and_refused() -> None:
    assert max(RULES.expiries("NIFTY", date(2026, 12, 15))).year == 2026
    with pytest.raises(RuleGap, match="2029"):
        RULES.last_trade("NIFTY", date(2029, 12, 24))


def test_a_holiday_that_was_not_announced_yet_shifts_nothing() -> None:
    assert date(2026, 3, 31) in RULES.expiries("NIFTY", date(2025, 12, 11))
    assert date(2026, 3, 30) in RULES.expiries("NIFTY", date(2025, 12, 12))
