"""The rule book held against what exchanges and calendars recorded: every difference is named, or explained as known.

Reads the folder of real market data where there is one (`QS_MARKETDATA`), and pandas_market_calendars where installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantsentinel.cli.rule_tables import KNOWN, bars, chains, expiry_calendar, futures, listed_contracts, trading_days
from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.expiry import Cycle

if TYPE_CHECKING:
    from quantsentinel.market.rulebook import RuleBook

FIRST = date(2024, 1, 1)
"""Holidays are covered from here."""


@dataclass(slots=True)
class Comparison:
    """`compared` counts facts; `different` are those that contradict the book, `explained` known faults of the source
    with the reason, `unknown` what the book refuses to answer."""

    source: str
    compared: int = 0
    different: list[str] = field(default_factory=list)
    explained: dict[str, int] = field(default_factory=dict)
    unknown: int = 0
    left_out: str = ""

    def count(self, agrees: bool, what: str) -> None:
        self.compared += 1
        if agrees:
            return
        for pattern, reason in KNOWN.items():
            if re.match(pattern, f"{self.source}: {what}"):
                self.explained[reason] = self.explained.get(reason, 0) + 1
                return
        self.different.append(what)


def compare_all(book: RuleBook, folder: Path | None) -> Iterator[Comparison]:
    """Every comparison that this machine can make; one that it cannot says so in `left_out`."""
    checks: Mapping[str, Callable[[RuleBook, Path, Comparison], None]] = {
        "calendar/nse_rules": _expiry_calendar,
        "daily/india_vix_span_oi_2012_2026 (futures)": _futures,
        "chains/fno_eod_2025-11-14": _end_of_day,
        "chains": _chains,
        "daily": _days,
        "bars/index_1min_2024": _minutes,
    }
    for source, compare in checks.items():
        made = Comparison(source)
        if folder is None or not folder.is_dir():
            made.left_out = f"no market data at {folder or 'QS_MARKETDATA'}"
        elif not (folder / source.split(" ")[0]).is_dir():
            made.left_out = f"{folder} has no {source.split(' ')[0]}"
        else:
            compare(book, folder, made)
        yield made
    yield _calendar_library(book)


def _expiry_calendar(book: RuleBook, folder: Path, made: Comparison) -> None:
    last = book.coverage_end()
    for row in expiry_calendar(folder):
        if not FIRST <= row["scheduled"] <= last:
            continue
        ends, scheduled = row["actual"], row["scheduled"]
        ours = book.final_expiry("NIFTY", scheduled)
        made.count(ours == ends, f"{scheduled}: ends {ours}, theirs {ends}")
        cycle = book.cycles("NIFTY", ends).get(ends)
        made.count(_kind(cycle) == row["type"], f"{ends}: {cycle}, theirs {row['type']}")
        lot = book.lot("NIFTY", ends, ends).value
        made.count(lot == row["lot"], f"{ends}: lot {lot}, theirs {row['lot']}")


def _kind(cycle: Cycle | None) -> str | None:
    """Near its end a quarterly contract is the month's contract."""
    return "monthly" if cycle in ("quarterly", "half_yearly") else cycle


def _futures(book: RuleBook, folder: Path, made: Comparison) -> None:
    """Futures are listed for the three monthlies; what they imply for a lot is turnover over contracts and price."""
    for (symbol, day), contracts in futures(folder, FIRST).items():
        listed = _cycles(book, symbol, day)
        if listed is None:
            made.unknown += len(contracts)
            continue
        for expiry, lot in contracts:
            made.count(expiry in listed, f"{symbol} {day}: {expiry} is not listed by the book")
            if lot is not None and expiry in listed:
                ours = book.lot(symbol, expiry, day).value
                made.count(ours == lot, f"{symbol} {day} {expiry}: lot {ours}, theirs {lot}")


def _cycles(book: RuleBook, underlying: str, day: date) -> Mapping[date, Cycle] | None:
    try:
        return book.cycles(underlying, day)
    except RuleGap:
        return None


def _is_covered(book: RuleBook, expiry: date) -> bool:
    """Contracts of years without a holiday list are left out by the book itself."""
    return expiry.year <= book.coverage_end().year


def _end_of_day(book: RuleBook, folder: Path, made: Comparison) -> None:
    day = date(2025, 11, 14)
    for row in listed_contracts(folder):
        listed = book.cycles(row["symbol"], day)
        expiry = row["expiry"]
        if not _is_covered(book, expiry):
            made.unknown += 1
            continue
        made.count(expiry in listed, f"{row['symbol']} {day}: {expiry} is not listed by the book")
        step = book.strike_step(row["symbol"], day).value
        made.count(
            row["strike"] % step == 0, f"{row['symbol']} {expiry}: strike {row['strike']:g} off the step {step:g}"
        )
        if row["lot"] is not None:
            lot = book.lot(row["symbol"], expiry, day).value
            made.count(lot == row["lot"], f"{row['symbol']} {expiry}: lot {lot}, theirs {row['lot']:g}")


def _chains(book: RuleBook, folder: Path, made: Comparison) -> None:
    """Every contract of every chain on file; displayed sizes are whole lots."""
    for chain in chains(folder):
        name, day, expiry = chain.underlying, chain.day, chain.expiry
        if not _is_covered(book, expiry):
            made.unknown += 1
            continue
        where = f"{chain.file} {name} {day} {expiry}"
        made.count(expiry in book.cycles(name, day), f"{where}: not listed by the book")
        step = book.strike_step(name, day).value
        odd = sorted(strike for strike in chain.strikes if strike % step)
        made.count(not odd, f"{where}: strikes {odd[:5]} off the step {step:g}")
        if chain.sizes:
            lot = book.lot(name, expiry, day).value
            broken = sorted(size for size in chain.sizes if size % lot)
            made.count(not broken, f"{where}: sizes {broken[:5]} are no multiple of the lot {lot}")


def _days(book: RuleBook, folder: Path, made: Comparison) -> None:
    """Sessions on exactly the days that a daily file has a row for, between its first and last."""
    for name, days in trading_days(folder).items():
        first, last = max(FIRST, min(days)), min(max(days), book.coverage_end())
        for index in range((last - first).days + 1):
            day = first + timedelta(days=index)
            session = book.session(day)
            ours = session is not None
            if ours or day in days:
                made.count(ours == (day in days), f"{name} {day}: {_said(ours)}, theirs {_said(day in days)}")


def _said(is_open: bool) -> str:
    return "a session" if is_open else "none"


def _minutes(book: RuleBook, folder: Path, made: Comparison) -> None:
    """Windows of the minute bars: a new one after a break of more than half an hour."""
    for day, stamps in bars(folder).items():
        session = book.session(day)
        ours = [] if session is None else [(start.time(), end.time()) for start, end in session.windows]
        theirs = _windows(stamps)
        made.count(_near(ours, theirs), f"{day}: {_text(ours)}, theirs {_text(theirs)}")


def _windows(stamps: Iterable[datetime]) -> list[tuple[Any, Any]]:
    ordered = sorted(stamps)
    breaks = [(before, after) for before, after in pairwise(ordered) if after - before > timedelta(minutes=30)]
    starts = [ordered[0], *(after for _, after in breaks)]
    ends = [*(before for before, _ in breaks), ordered[-1]]
    return [(start.time(), (end + timedelta(minutes=1)).time()) for start, end in zip(starts, ends, strict=True)]


def _near(ours: list[tuple[Any, Any]], theirs: list[tuple[Any, Any]]) -> bool:
    """Within three minutes: bars of the first and last minute may be missing."""

    def minutes(clock: Any) -> int:
        return int(clock.hour) * 60 + int(clock.minute)

    return len(ours) == len(theirs) and all(
        abs(minutes(a) - minutes(b)) <= 3 for o, t in zip(ours, theirs, strict=True) for a, b in zip(o, t, strict=True)
    )


def _text(windows: list[tuple[Any, Any]]) -> str:
    return ", ".join(f"{a:%H:%M}-{b:%H:%M}" for a, b in windows) or "none"


@cache
def _library() -> Any:
    try:
        import pandas_market_calendars
    except ImportError:
        return None
    return pandas_market_calendars


def _calendar_library(book: RuleBook) -> Comparison:
    """Weekdays only: the library does not know weekend sessions, nor the derivatives' later close."""
    made = Comparison("pandas_market_calendars NSE")
    library = _library()
    if library is None:
        made.left_out = "pandas_market_calendars is not installed (`make setup` installs it)"
        return made
    days = {day.date() for day in library.get_calendar("NSE").valid_days(str(FIRST), str(book.coverage_end()))}
    for index in range((book.coverage_end() - FIRST).days + 1):
        day = FIRST + timedelta(days=index)
        if day in book.unverified_days(day, day):
            made.unknown += 1
            continue
        ours = book.session(day) is not None
        made.count(ours == (day in days), f"{day} {day:%A}: {_said(ours)}, theirs {_said(day in days)}")
    return made
