"""Scheduled events: when they happen, when the market can answer, and whether the calendar knows all of them.

An event outside trading hours is felt at the next open: a Fed statement after midnight in India, an American inflation
figure in its evening. Days on which a class of events has no row are not days without that event.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST, at_ist
from quantsentinel.market.rule_rows import OVERLAY_FIX, Row
from quantsentinel.market.rulebook import RuleBook

MONTHLY_EXPIRY = "monthly_expiry"
"""Not a row: it follows from the rules of listing, at the start of the settlement window."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ScheduledEvent:
    """`felt_at` is the first moment from `at` on at which the market trades; None where no session is known for it."""

    name: str
    at: datetime
    felt_at: datetime | None
    standing: str
    row_id: str
    source: str
    verified_on: date | None


@lru_cache(maxsize=8)
def scheduled(rules: RuleBook) -> tuple[ScheduledEvent, ...]:
    """Every event of every row, by time. A book's rows never change, so its calendar is worked out once."""
    found = [_event(rules, row, at) for row in rules.rows.of("events") for at in row.values["times"]]
    return tuple(sorted(found, key=lambda event: (event.at, event.name)))


def _event(rules: RuleBook, row: Row, at: datetime) -> ScheduledEvent:
    day = at.astimezone(IST).date()
    return ScheduledEvent(
        name=row.values["event"],
        at=at.astimezone(IST),
        felt_at=felt_at(rules, at),
        standing=row.values["standing"],
        row_id=row.id,
        source=row.cite(day).source,
        verified_on=row.values["verified_on"],
    )


def felt_at(rules: RuleBook, at: datetime) -> datetime | None:
    """`at` itself inside a session, else the next open; None where the rules know no session."""
    try:
        session = rules.session(at.astimezone(IST).date())
        if session is None or at >= session.close:
            session = rules.next_session(at.astimezone(IST).date())
    except RuleGap:
        return None
    return next(max(at.astimezone(IST), start) for start, end in session.windows if at < end)


def require_covered(rules: RuleBook, names: Iterable[str], start: datetime, end: datetime) -> None:
    """Raises `RuleGap` unless every class of events has rows for every day of [start, end]."""
    for name in names:
        _require_class(rules, name, start.astimezone(IST).date(), end.astimezone(IST).date())


@lru_cache(maxsize=1024)
def _require_class(rules: RuleBook, name: str, first: date, last: date) -> None:
    day = first
    while day <= last:
        row = rules.rows.pick("events", day, event=name)
        day = row.end + DAY


def felt_between(rules: RuleBook, names: Iterable[str], start: datetime, end: datetime) -> tuple[ScheduledEvent, ...]:
    """Events of these classes that are felt in [start, end], by time.

    Raises `RuleGap` where the calendar does not cover the span, or an event in it is felt at an unknown time.
    """
    wanted = frozenset(names)
    require_covered(rules, sorted(wanted), start, end)
    found = []
    for event in scheduled(rules):
        if event.name not in wanted or event.at > end:
            continue
        if event.felt_at is None:
            raise RuleGap(f"no session after {event.name} of {event.at}", where=event.row_id, fix=OVERLAY_FIX)
        if start <= event.felt_at <= end:
            found.append(event)
    return tuple(found)


def monthly_expiries(rules: RuleBook, underlying: str, start: datetime, end: datetime) -> tuple[ScheduledEvent, ...]:
    """Settlement windows of monthly contracts that begin in [start, end]. Raises `RuleGap` for an uncovered day."""
    last = end.astimezone(IST).date()
    listed = rules.cycles(underlying, start.astimezone(IST).date())
    found = []
    for expiry, cycle in listed.items():
        if cycle == "weekly" or expiry > last + 7 * DAY:
            continue
        settlement = rules.settlement(underlying, expiry)
        if start <= settlement.window_start <= end:
            row = settlement.row
            found.append(_expiry_event(settlement.window_start, row.id, row.source))
    return tuple(found)


def _expiry_event(at: datetime, row_id: str, source: str) -> ScheduledEvent:
    return ScheduledEvent(MONTHLY_EXPIRY, at, at, "official", row_id, source, None)


def listed(
    rules: RuleBook, underlying: str, first: date, last: date
) -> tuple[tuple[ScheduledEvent, ...], tuple[str, ...]]:
    """(every event of [first, last] by its own time, with monthly expiries of `underlying`; the calendar's gaps)."""
    start, end = at_ist(first, time()), at_ist(last + DAY, time())
    found = [event for event in scheduled(rules) if start <= event.at < end]
    gaps: list[str] = []
    for name in sorted({row.values["event"] for row in rules.rows.of("events")}):
        try:
            require_covered(rules, [name], start, end - DAY)
        except RuleGap as gap:
            gaps.append(str(gap))
    try:
        for index in range((last - first).days + 1):
            found += monthly_expiries(rules, underlying, start + index * DAY, start + (index + 1) * DAY)
    except RuleGap as gap:
        gaps.append(str(gap))
    return tuple(sorted(found, key=lambda event: (event.at, event.name))), tuple(dict.fromkeys(gaps))


# --- Which stocks concern which index ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Reach:
    """Which stocks of the book's lists move an index: `full` as much as the index's own news (heavy members, every
    stock of its sector), `part` less (other members). `known` are all stocks that any list of the day names."""

    full: frozenset[str]
    part: frozenset[str]
    known: frozenset[str]


@lru_cache(maxsize=64)
def reach(rules: RuleBook, underlying: str, on: date) -> Reach:
    """Raises `RuleGap` for an index or a day without a list of members."""
    row = rules.rows.pick("members", on, underlying=underlying)
    sector = row.values["sector"]
    peers = rules.rows.pick("sector", on, sector=sector).values["stocks"] if sector else []
    full = frozenset([*row.values["heavy"], *peers, *(row.values["stocks"] if sector else [])])
    return Reach(full, frozenset(row.values["stocks"]) - full, known_stocks(rules, on))


def known_stocks(rules: RuleBook, on: date) -> frozenset[str]:
    """Every stock that a list of members or of a sector names on a day."""
    lists = [*rules.rows.of("members"), *rules.rows.of("sector")]
    return frozenset(stock for each in lists if each.holds(on) for stock in each.values["stocks"])
