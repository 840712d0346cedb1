"""Scheduled events: their days, when they are felt, where the calendar ends; and which stocks move which index."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.calendar import IST
from quantsentinel.market.events import (
    MONTHLY_EXPIRY,
    felt_at,
    felt_between,
    known_stocks,
    listed,
    monthly_expiries,
    reach,
    require_covered,
    scheduled,
)
from quantsentinel.market.rule_rows import RuleRows, rows_from
from quantsentinel.market.rulebook import RuleBook, load_rules

RULES = load_rules()
NAMES = ("fomc", "rbi_mpc", "union_budget", "us_cpi")
ROW = """[[events]]
id = "events.x"
effective = 2026-01-01
until = 2026-12-31
event = "x"
standing = "official"
verified_on = 2026-01-01
times = [2026-02-06T10:00:00+05:30, 2026-04-08T10:00:00+05:30]
tags = ["P"]
source = "a made-up row"
"""


def ist(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


def without(kind: str, *ids: str) -> RuleBook:
    rows = {name: tuple(row for row in found if row.id not in ids) for name, found in RULES.rows.by_kind.items()}
    assert len(rows[kind]) == len(RULES.rows.of(kind)) - len(ids)
    return RuleBook(RuleRows(rows, "sha256:test"))


def days_of(name: str, year: int) -> list[str]:
    return [f"{event.at:%m-%d}" for event in scheduled(RULES) if event.name == name and event.at.year == year]


def test_rbi_statements_stand_on_the_days_they_were_made_and_not_on_those_that_packages_list() -> None:
    assert days_of("rbi_mpc", 2025) == ["02-07", "04-09", "06-06", "08-06", "10-01", "12-05"]
    assert days_of("rbi_mpc", 2026) == ["02-06", "04-08", "06-05", "08-05", "10-07", "12-04"]
    assert all(event.at.hour == 10 for event in scheduled(RULES) if event.name == "rbi_mpc")


def test_fed_days_are_eight_a_year_and_no_hobby_list_s_december_16() -> None:
    assert [len(days_of("fomc", year)) for year in (2024, 2025, 2026)] == [8, 8, 8]
    assert days_of("fomc", 2026)[-2:] == ["10-28", "12-10"]


def test_every_american_time_is_two_in_the_afternoon_or_half_past_eight_in_new_york() -> None:
    york = {event.at.astimezone(ZoneInfo("America/New_York")).strftime("%H:%M") for event in scheduled(RULES)
            if event.name in ("fomc", "us_cpi")}  # fmt: skip
    assert york == {"14:00", "08:30"}


@pytest.mark.parametrize(
    ("at", "felt"),
    [
        ("2026-12-04T10:00", "2026-12-04T10:00"),
        ("2026-12-10T00:30", "2026-12-10T09:15"),
        ("2025-10-24T18:00", "2025-10-27T09:15"),
        ("2026-02-01T11:00", "2026-02-01T11:00"),
        ("2026-02-02T15:30", "2026-02-03T09:15"),
        ("2025-08-26T20:00", "2025-08-28T09:15"),
    ],
    ids=["in the session", "at night", "over a weekend", "Budget Sunday", "at the close", "over a holiday"],
)
def test_an_event_is_felt_at_the_next_moment_the_market_trades(at: str, felt: str) -> None:
    assert felt_at(RULES, ist(at)) == ist(felt)


def test_where_no_session_is_known_an_event_has_no_time_at_which_it_is_felt() -> None:
    assert felt_at(RULES, ist("2027-01-28T00:30")) is None
    wide = RuleBook(RuleRows({**RULES.rows.by_kind, "events": RULES.rows.of("events")}, "sha256:wide"))
    with pytest.raises(RuleGap, match="no session after fomc"):
        felt_between(wide, ["fomc"], ist("2027-01-27T10:00"), ist("2027-01-29T10:00"))


def test_events_of_a_span_are_those_felt_in_it_both_ends_included() -> None:
    found = felt_between(RULES, NAMES, ist("2026-12-04T10:00"), ist("2026-12-11T09:15"))
    assert [event.name for event in found] == ["rbi_mpc", "fomc", "us_cpi"]
    assert felt_between(RULES, NAMES, ist("2026-12-04T10:01"), ist("2026-12-10T09:14")) == ()


@pytest.mark.parametrize("name", NAMES)
def test_days_without_a_row_are_not_days_without_an_event(name: str) -> None:
    require_covered(RULES, [name], ist("2024-01-01T10:00"), ist("2026-12-31T10:00"))
    for day in ("2023-12-31T10:00", "2028-01-03T10:00"):
        with pytest.raises(RuleGap, match="events"):
            require_covered(RULES, [name], ist(day), ist(day))


def test_a_hole_between_two_rows_is_found_inside_a_span() -> None:
    holed = without("events", "events.us-cpi.2025")
    require_covered(holed, ["us_cpi"], ist("2024-12-01T10:00"), ist("2024-12-31T10:00"))
    with pytest.raises(RuleGap, match="event us_cpi on 2025-01-01"):
        require_covered(holed, ["us_cpi"], ist("2024-12-01T10:00"), ist("2026-01-05T10:00"))


def test_a_monthly_expiry_is_an_event_from_the_start_of_its_settlement_window() -> None:
    found = monthly_expiries(RULES, "NIFTY", ist("2026-11-20T10:00"), ist("2026-11-30T10:00"))
    assert [(event.name, event.at) for event in found] == [(MONTHLY_EXPIRY, ist("2026-11-23T15:15"))]
    assert monthly_expiries(RULES, "NIFTY", ist("2025-09-02T10:00"), ist("2025-09-02T16:00")) == ()


def test_the_listing_holds_every_event_of_its_days_and_says_where_the_calendar_ends() -> None:
    found, gaps = listed(RULES, "NIFTY", date(2026, 12, 1), date(2027, 1, 31))
    assert [event.name for event in found] == ["rbi_mpc", "fomc", "us_cpi", MONTHLY_EXPIRY, "fomc"]
    assert [event.standing for event in found][-1] == "tentative"
    assert len(gaps) == 3
    assert listed(RULES, "NIFTY", date(2026, 12, 1), date(2026, 12, 31))[1] == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("+05:30", ""), "dates with a time and an offset"),
        (("2026-02-06T10", "2026-05-06T10"), "times must ascend"),
        (("2026-04-08", "2027-04-08"), "outside the row's own days"),
        (("official", "certain"), "unknown standing 'certain'"),
        (("times = [", "times = [1, "), "dates with a time and an offset"),
    ],
)
def test_a_row_of_events_that_could_mislead_is_refused(change: tuple[str, str], problem: str) -> None:
    assert len(rows_from([("x.toml", ROW)]).of("events")) == 1
    with pytest.raises(BadInput, match=problem):
        rows_from([("x.toml", ROW.replace(*change))])


def test_a_bank_moves_its_index_in_full_and_nifty_by_its_weight() -> None:
    nifty, banks = (reach(RULES, name, date(2025, 8, 29)) for name in ("NIFTY", "BANKNIFTY"))
    assert "HDFCBANK" in nifty.full & banks.full
    assert "INDUSINDBK" in nifty.part & banks.full
    assert "RBLBANK" in banks.full - nifty.full - nifty.part
    assert "TITAN" in nifty.part - banks.full - banks.part
    assert "ACME" not in known_stocks(RULES, date(2025, 8, 29))


def test_lists_of_members_are_dated_and_an_index_without_one_is_not_guessed_at() -> None:
    before, after = (reach(RULES, "NIFTY", day) for day in (date(2025, 9, 29), date(2025, 9, 30)))
    assert "INDIGO" in after.part - before.part - before.full
    assert len(reach(RULES, "BANKNIFTY", date(2026, 1, 5)).full) > 14
    for name, day in (("FINNIFTY", date(2025, 8, 29)), ("NIFTY", date(2027, 1, 4))):
        with pytest.raises(RuleGap, match="members"):
            reach(RULES, name, day)


def test_events_outside_the_span_of_days_asked_for_are_not_looked_for() -> None:
    at = ist("2025-08-29T12:00")
    assert felt_between(RULES, NAMES, at, at + timedelta(days=4)) == ()
