"""The rule book checked against itself: overlaps, gaps, missing sources, rows that have run out.

An `error` is a book that could answer wrongly, or cannot answer where it must. A `notice` is what the book itself knows
to be weak: it answers with the adverse candidate, or refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations, pairwise
from typing import Any, Literal

from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.rule_rows import Row
from quantsentinel.market.rule_schema import COVERAGE_KEYS, KINDS
from quantsentinel.market.rulebook import RuleBook

LINES: Mapping[str, tuple[str, ...]] = {
    **COVERAGE_KEYS,
    "charge": (*COVERAGE_KEYS["charge"], "index"),
    "underlying": ("underlying",),
    "special_session": (),
    "expiry_weekday": ("underlying", "cycle"),
    "expiry_alias": ("underlying", "listed"),
    "strike_step_long_dated": ("underlying",),
    "futures_tick": ("exchange",),
    "pre_open": (),
    "cash_hours": (),
    "members": ("underlying",),
    "sector": ("sector",),
    "tax_note": (),
}
"""By which fields the rows of a kind answer the same question."""
RANGES: Mapping[str, tuple[str, str]] = {
    "lot": ("expiry_from", "expiry_until"),
    "expiry_weekday": ("expiry_from", "expiry_until"),
    "futures_tick": ("level_from", "level_to"),
}
"""Rows of these kinds may hold on the same day, for different ranges."""
SOON = timedelta(days=45)
MIN_SOURCE = 5
NOT_FOUND = "not found"


@dataclass(frozen=True, slots=True)
class Problem:
    """`rows` are the ids it is about; `days` how many sessions it touches, where that can be said."""

    check: str
    severity: Literal["error", "notice"]
    what: str
    rows: tuple[str, ...] = ()
    days: int = 0


def check_rules(book: RuleBook, today: date, first: date) -> tuple[Problem, ...]:
    """Every check; sessions of [first, the last covered day] are asked every question that entries need."""
    return (
        *_overlaps(book),
        *_breaks(book),
        *_sources(book),
        *_clocks(book),
        *_running_out(book, today),
        *_without_adverse(book, today),
        *_sweep(book, first),
    )


def _lines(book: RuleBook) -> Iterator[tuple[str, tuple[Any, ...], list[Row]]]:
    for kind in KINDS:
        grouped: dict[tuple[Any, ...], list[Row]] = {}
        for row in book.rows.of(kind):
            grouped.setdefault(tuple(row.values[name] for name in LINES[kind]), []).append(row)
        for key, rows in grouped.items():
            yield kind, key, sorted(rows, key=lambda row: row.effective)


def _overlaps(book: RuleBook) -> Iterator[Problem]:
    for kind, key, rows in _lines(book):
        if kind == "holidays":
            continue
        for one, other in combinations(rows, 2):
            if one.end >= other.effective and other.end >= one.effective and _same_range(kind, one, other):
                what = f"{kind} {_named(key)}: both answer from {max(one.effective, other.effective)}"
                yield Problem("overlap", "error", what, (one.id, other.id))
    days = [(day, row.id) for row in book.rows.of("holidays") for day in row.values["dates"]]
    for (one_day, one_id), (other_day, other_id) in combinations(days, 2):
        if one_day == other_day:
            yield Problem("overlap", "error", f"holiday {one_day} twice", (one_id, other_id))


def _same_range(kind: str, one: Row, other: Row) -> bool:
    if kind not in RANGES:
        return True
    start, end = RANGES[kind]

    def below(low: Row, high: Row) -> bool:
        """Whether the range of `low` ends before that of `high` starts; the upper end of a level is open."""
        until, begins = low.values[end], high.values[start]
        return until is not None and (until <= begins if kind == "futures_tick" else until < begins)

    return not below(one, other) and not below(other, one)


def _breaks(book: RuleBook) -> Iterator[Problem]:
    """Days between two rows of one line. What is traded must have none."""
    traded = book.underlyings(entries=True)
    for kind, key, rows in _lines(book):
        if kind in RANGES or kind in ("holidays", "special_session", "expiry_alias"):
            continue
        needed = kind in COVERAGE_KEYS and rows[0].values.get("underlying", traded[0]) in traded
        for before, after in pairwise(rows):
            if before.end + timedelta(days=1) < after.effective:
                what = f"{kind} {_named(key)}: nothing from {before.end + timedelta(days=1)} to {after.effective}"
                yield Problem("gap", "error" if needed else "notice", what, (before.id, after.id))


def _named(key: tuple[Any, ...]) -> str:
    return " ".join(str(part) for part in key)


def _rows(book: RuleBook) -> Iterator[Row]:
    for kind in KINDS:
        yield from book.rows.of(kind)


def _sources(book: RuleBook) -> Iterator[Problem]:
    for row in _rows(book):
        if len(row.source.strip()) < MIN_SOURCE:
            yield Problem("source", "error", f"{row.kind}: the source says nothing", (row.id,))
        elif row.status == "confirmed" and NOT_FOUND in row.source.split(";")[0].lower():
            yield Problem("source", "error", f"{row.kind}: confirmed, yet its source was not found", (row.id,))


def _clocks(book: RuleBook) -> Iterator[Problem]:
    """Times of a row in the order of the day."""
    orders = {
        "hours": ("open", "expiring_close", "close"),
        "settlement": ("window_start", "observed_at"),
        "pre_open": ("entry_open", "entry_close", "match_end", "continuous_open"),
        "cash_hours": ("open", "continuous_close", "auction_open", "auction_close"),
    }
    for kind, names in orders.items():
        for row in book.rows.of(kind):
            clocks = [row.values[name] for name in names if row.values[name] is not None]
            if clocks != sorted(clocks):
                yield Problem("clock", "error", f"{kind}: {', '.join(names)} do not ascend", (row.id,))
    for row in book.rows.of("special_session"):
        clocks = [clock for window in row.values["windows"] for clock in window]
        if clocks != sorted(set(clocks)):
            yield Problem("clock", "error", "special_session: its windows do not ascend", (row.id,))


def _running_out(book: RuleBook, today: date) -> Iterator[Problem]:
    """Lines that entries need and whose last day is past, or near: those that end together are one problem."""
    ends: dict[date, list[str]] = {}
    for line, end in sorted(book.coverage().items()):
        ends.setdefault(end, []).append(line)
    for end, lines in sorted(ends.items()):
        if end < today:
            yield Problem("coverage", "error", f"covered only until {end}: nothing is decided after it", tuple(lines))
        elif end < today + SOON:
            yield Problem("coverage", "notice", f"covered until {end}: load the next rows before", tuple(lines))


def _without_adverse(book: RuleBook, today: date) -> Iterator[Problem]:
    """Unconfirmed rows in force that name no worse candidate: their own value must then be the worse one."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in _rows(book):
        if row.holds(today) and row.is_usable(today) and row.is_adverse(today) and not row.adverse:
            found.setdefault((row.kind, row.status_on(today)), []).append(row.id)
    for (kind, status), ids in found.items():
        yield Problem("adverse", "notice", f"{kind}: {status}, its own value serves as the worse candidate", tuple(ids))


def _sweep(book: RuleBook, first: date) -> Iterator[Problem]:
    """Every question of every covered session. A refusal of a row that is known to be unverified is a notice."""
    found: dict[str, int] = {}
    for day in book.unverified_days(first, book.coverage_end()):
        found[f"session on {day} is unverified"] = 1
    for session in book.sessions(first, book.coverage_end()):
        for underlying in book.underlyings(entries=True):
            for gap in _gaps(book, underlying, session.day):
                found[gap] = found.get(gap, 0) + 1
    for gap, days in sorted(found.items()):
        yield Problem("answer", "notice" if "is unverified" in gap else "error", gap, days=days)


def _gaps(book: RuleBook, underlying: str, day: date) -> Iterator[str]:
    for ask in (book.tick, book.strike_step, book.freeze_quantity):
        try:
            ask(underlying, day)
        except RuleGap as gap:
            yield _undated(gap, day)
    try:
        for expiry in book.expiries(underlying, day):
            book.lot(underlying, expiry, day)
            book.settlement(underlying, expiry)
            book.last_trade(underlying, expiry)
    except RuleGap as gap:
        yield _undated(gap, day)


def _undated(gap: RuleGap, day: date) -> str:
    """The gap without the day asked about, so that the same one is counted."""
    return str(gap).replace(f", asked for {day}", "").replace(f" on {day}", "")
