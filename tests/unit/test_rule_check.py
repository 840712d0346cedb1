"""A book that could answer wrongly, or not at all, is found out; and one day is resolved whole, with its gaps named."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.rule_check import LINES, Problem, check_rules
from quantsentinel.market.rule_day import day_rules
from quantsentinel.market.rule_rows import Row, RuleRows
from quantsentinel.market.rule_schema import KINDS
from quantsentinel.market.rulebook import RuleBook, load_rules

RULES = load_rules()
TODAY = date(2026, 11, 20)
FIRST = date(2026, 10, 1)
NSE = ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50")


def book_with(kind: str, row_id: str, **changes: object) -> RuleBook:
    """The package's book with one row changed, or without it when nothing is."""
    rows = []
    for row in RULES.rows.of(kind):
        values = {name: value for name, value in changes.items() if name in row.values}
        header = {name: value for name, value in changes.items() if name not in row.values}
        if row.id != row_id:
            rows.append(row)
        elif changes:
            rows.append(replace(row, values={**row.values, **values}, **header))
    return RuleBook(RuleRows({**RULES.rows.by_kind, kind: tuple(rows)}, "changed"))


def errors(book: RuleBook, today: date = TODAY) -> list[Problem]:
    return [problem for problem in check_rules(book, today, FIRST) if problem.severity == "error"]


def test_the_book_of_the_package_has_no_error() -> None:
    assert not errors(RULES)
    assert set(LINES) == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "row_id", "changes", "check", "said"),
    [
        ("hours", "hours.2025-12-08", {"until": date(2026, 8, 10)}, "overlap", "both answer from 2026-08-03"),
        ("hours", "hours.2025-12-08", {"until": date(2026, 7, 30)}, "gap", "nothing from 2026-07-31"),
        ("hours", "hours.2026-08-03", {"close": time(9, 0)}, "clock", "do not ascend"),
        ("lot", "lot.nifty.65.2026-01", {"expiry_until": date(2026, 3, 1)}, "overlap", "lot NIFTY"),
        ("lot", "lot.nifty.65", {"expiry_until": date(2026, 12, 7)}, "answer", "no lot row for underlying NIFTY"),
        ("lot", "lot.nifty.65", {}, "coverage", "covered only until 2026-02-28"),
        ("tick", "tick.index-options", {"source": ""}, "source", "says nothing"),
        ("tick", "tick.index-options", {"source": "Not found"}, "source", "was not found"),
        ("tick", "tick.index-options", {"until": date(2026, 11, 1)}, "coverage", "covered only until 2026-11-01"),
        ("special_session", "special.2024-03-02", {"windows": [[time(10), time(9)]]}, "clock", "windows"),
    ],
)
def test_a_broken_book_is_found_out(kind: str, row_id: str, changes: dict[str, object], check: str, said: str) -> None:
    found = [problem for problem in errors(book_with(kind, row_id, **changes)) if problem.check == check]
    assert any(said in problem.what for problem in found), found


def test_what_the_book_itself_refuses_is_a_notice() -> None:
    notices = [problem for problem in check_rules(RULES, TODAY, date(2024, 11, 18)) if problem.check == "answer"]
    assert {problem.severity for problem in notices} == {"notice"}
    assert [problem.days for problem in notices if "banknifty.with-weeklies" in problem.what] == [2]


def test_lines_that_end_soon_are_told_before() -> None:
    soon = [p for p in check_rules(RULES, TODAY, FIRST) if p.check == "coverage"]
    assert [problem.severity for problem in soon] == ["notice"]
    assert "lot NIFTY" in soon[0].rows
    assert [p.severity for p in check_rules(RULES, date(2027, 1, 4), FIRST) if p.check == "coverage"] == ["error"]


# --- One day ----------------------------------------------------------------------------------------------------------
def test_a_day_is_resolved_with_hours_contracts_lots_and_settlement() -> None:
    rules = day_rules(RULES, "NIFTY", TODAY)
    assert rules.fact("session").value == "09:15–15:40"
    assert rules.fact("freeze_quantity").adverse
    assert [(part.expiry, part.cycle) for part in rules.contracts[:3]] == [
        (date(2026, 11, 23), "monthly"),
        (date(2026, 12, 1), "weekly"),
        (date(2026, 12, 8), "weekly"),
    ]
    december = rules.contracts[2]
    assert december.last_trade is not None
    assert december.settles is not None
    assert (december.last_trade.time(), december.settles.time()) == (time(15, 30), time(15, 30))
    assert december.lot.value == 65
    assert not rules.gaps


def test_a_day_past_the_book_names_every_gap_and_answers_nothing() -> None:
    rules = day_rules(RULES, "NIFTY", date(2027, 1, 4))
    assert not rules.contracts
    assert any("no holiday list for 2027" in gap for gap in rules.gaps)
    assert all(fact.value is None for fact in rules.facts)


def test_a_closed_day_says_why() -> None:
    assert day_rules(RULES, "NIFTY", date(2026, 11, 24)).fact("session").value == "closed (holiday)"
    assert day_rules(RULES, "NIFTY", date(2026, 11, 21)).fact("session").value == "closed (weekend)"


def test_an_unknown_underlying_is_refused() -> None:
    with pytest.raises(BadInput, match="unknown underlying 'DAX'"):
        day_rules(RULES, "DAX", TODAY)


# --- Facts of the exchange's own files --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("underlying", "on", "monthlies"),
    [
        ("BANKNIFTY", date(2025, 1, 2), ["2025-01-30", "2025-02-27", "2025-03-27"]),
        ("FINNIFTY", date(2025, 1, 2), ["2025-01-30", "2025-02-27", "2025-03-27"]),
        ("MIDCPNIFTY", date(2025, 7, 1), ["2025-07-31", "2025-08-28", "2025-09-30"]),
        ("NIFTYNXT50", date(2024, 12, 2), ["2024-12-27", "2025-01-31", "2025-02-28"]),
    ],
)
def test_the_weekday_is_the_one_that_was_listed_on_the_day(underlying: str, on: date, monthlies: list[str]) -> None:
    cycles = RULES.cycles(underlying, on)
    assert [day.isoformat() for day, cycle in cycles.items() if cycle == "monthly"] == monthlies


@pytest.mark.parametrize(
    ("underlying", "expiry", "on", "lot"),
    [
        ("BANKNIFTY", date(2025, 1, 30), date(2025, 1, 15), 15),
        ("BANKNIFTY", date(2025, 2, 27), date(2025, 1, 15), 30),
        ("FINNIFTY", date(2025, 1, 30), date(2025, 1, 15), 25),
        ("MIDCPNIFTY", date(2025, 12, 30), date(2025, 11, 14), 140),
        ("MIDCPNIFTY", date(2026, 1, 27), date(2025, 11, 14), 120),
        ("NIFTYNXT50", date(2025, 2, 27), date(2025, 1, 15), 25),
    ],
)
def test_lots_of_every_index_changed_as_the_futures_show(underlying: str, expiry: date, on: date, lot: int) -> None:
    assert RULES.lot(underlying, expiry, on).value == lot


@pytest.mark.parametrize(("level", "points"), [(14_999.0, 0.05), (15_000.0, 0.10), (24_500.0, 0.10), (58_000.0, 0.20)])
def test_the_tick_of_index_futures_goes_by_the_level(level: float, points: float) -> None:
    assert RULES.futures_tick("NIFTY", level, date(2025, 8, 29)).value == points
    assert RULES.futures_tick("NIFTY", level, date(2025, 4, 11)).value == 0.05


def test_long_dated_strikes_widened_at_the_end_of_2025() -> None:
    steps = [RULES.strike_step_long_dated("NIFTY", day).value for day in (date(2025, 12, 30), date(2025, 12, 31))]
    assert steps == [1000.0, 1500.0]


# --- Properties -------------------------------------------------------------------------------------------------------
days = st.dates(date(2024, 12, 1), date(2026, 12, 31))


@given(on=days, underlying=st.sampled_from(NSE))
def test_every_contract_ends_on_a_session_and_has_one_lot(on: date, underlying: str) -> None:
    for expiry in RULES.expiries(underlying, on):
        ends = RULES.final_expiry(underlying, expiry)
        assert RULES.is_trading_day(ends)
        assert RULES.lot(underlying, expiry, on).value > 0
        settles = RULES.settlement(underlying, expiry)
        assert settles.window_start < settles.observed_at
        assert settles.window_start < RULES.last_trade(underlying, expiry)


@given(on=days, seed=st.randoms(use_true_random=False))
def test_no_answer_depends_on_the_order_of_the_rows(on: date, seed: object) -> None:
    shuffled: dict[str, tuple[Row, ...]] = {}
    for kind, rows in RULES.rows.by_kind.items():
        order = list(rows)
        seed.shuffle(order)  # type: ignore[attr-defined]  # Hypothesis types its generator as an object
        shuffled[kind] = tuple(order)
    other = RuleBook(RuleRows(shuffled, "shuffled"))
    assert day_rules(other, "NIFTY", on).contracts == day_rules(RULES, "NIFTY", on).contracts


@given(on=st.dates(date(2024, 1, 1), date(2026, 12, 31)))
def test_every_day_is_a_session_or_closed_or_a_gap(on: date) -> None:
    try:
        session = RULES.session(on)
    except RuleGap:
        assert RULES.unverified_days(on, on) == (on,)
        return
    if session is not None:
        assert session.open < session.close
        assert session.open.date() == on
        assert RULES.previous_session(on + timedelta(days=1)).day == on
