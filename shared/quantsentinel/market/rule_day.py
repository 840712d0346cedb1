"""What the rule book says about one underlying on one day: every fact resolved, with the row it stands on.

A fact that the book does not know is a line with its `gap`, so that one gap never hides the rest of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import at_ist, holidays
from quantsentinel.market.expiry import Cycle
from quantsentinel.market.rule_rows import Row, Ruled, RuleRow
from quantsentinel.market.rulebook import RuleBook


@dataclass(frozen=True, slots=True)
class Fact:
    """`value` is None with a `gap` where the book does not know it, or with neither where there is nothing to know (no
    pre-open). `adverse`: the row is not confirmed, the worse candidate stands."""

    name: str
    value: Any
    unit: str
    row: RuleRow | None = None
    adverse: bool = False
    gap: str = ""


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """One listed expiry. `ends` is the day it really expires on; times are IST; the lot is in units."""

    expiry: date
    cycle: Cycle
    ends: date | None
    last_trade: datetime | None
    window_start: datetime | None
    settles: datetime | None
    method: str
    lot: Fact
    gap: str = ""


@dataclass(frozen=True, slots=True)
class DayRules:
    """Everything in force for an underlying on a day."""

    underlying: str
    day: date
    facts: tuple[Fact, ...]
    contracts: tuple[ContractFacts, ...]

    def fact(self, name: str) -> Fact:
        return next(fact for fact in self.facts if fact.name == name)

    @property
    def gaps(self) -> tuple[str, ...]:
        """What the book does not know, each once."""
        found = [fact.gap for fact in self.facts] + [part.gap or part.lot.gap for part in self.contracts]
        return tuple(dict.fromkeys(gap for gap in found if gap))


def day_rules(book: RuleBook, underlying: str, day: date) -> DayRules:
    """Raises `BadInput` for an unknown underlying; a gap is a line, never an exception."""
    book.require_underlying(underlying)
    facts = [
        _session(book, day),
        _around(book, "pre_open", day, ("entry_open", "entry_close", "match_end", "continuous_open")),
        _around(book, "cash_hours", day, ("open", "continuous_close", "auction_open", "auction_close")),
        _fact("tick", "points", lambda: book.tick(underlying, day)),
        _fact("strike_step", "points", lambda: book.strike_step(underlying, day)),
        _fact("freeze_quantity", "units an order", lambda: book.freeze_quantity(underlying, day)),
        _fact("repo_rate", "annual fraction", lambda: book.repo_rate(day)),
    ]
    if any(row.values["underlying"] == underlying for row in book.rows.of("strike_step_long_dated")):
        facts.insert(5, _fact("strike_step_long_dated", "points", lambda: book.strike_step_long_dated(underlying, day)))
    facts.extend(_futures_ticks(book, underlying, day))
    listing, contracts = _listing(book, underlying, day)
    return DayRules(underlying, day, (*facts, listing), contracts)


def _fact(name: str, unit: str, ask: Callable[[], Ruled[Any]]) -> Fact:
    try:
        ruled = ask()
    except RuleGap as gap:
        return Fact(name, None, unit, gap=str(gap))
    return Fact(name, ruled.value, unit, ruled.row, ruled.adverse)


def _session(book: RuleBook, day: date) -> Fact:
    """The trading windows as text; what closes the day where there is no session."""
    try:
        session = book.session(day)
    except RuleGap as gap:
        return Fact("session", None, "IST", gap=str(gap))
    if session is None:
        why = "holiday" if day in holidays(book.rows, day.year) else "weekend"
        return Fact("session", f"closed ({why})", "IST")
    row = next(row for kind in ("hours", "special_session") for row in book.rows.of(kind) if row.id == session.row_id)
    windows = ", ".join(f"{start:%H:%M}–{end:%H:%M}" for start, end in session.windows)
    text = windows if session.kind == "normal" else f"{windows} ({session.kind})"
    return Fact("session", text, "IST", row.cite(day), session.adverse)


def _around(book: RuleBook, kind: str, day: date, names: tuple[str, ...]) -> Fact:
    """Clock times beside the continuous session; nothing where no row of the kind holds."""
    if not any(row.holds(day) for row in book.rows.of(kind)):
        return Fact(kind, None, "IST")
    try:
        row = book.rows.pick(kind, day)
    except RuleGap as gap:
        return Fact(kind, None, "IST", gap=str(gap))
    clocks: Mapping[str, time | None] = {name: row.get(name, day) for name in names}
    value = {name: f"{at_ist(day, clock):%H:%M}" for name, clock in clocks.items() if clock is not None}
    if "products" in row.values:
        value["products"] = ", ".join(row.get("products", day))
    return Fact(kind, value, "IST", row.cite(day), row.is_adverse(day))


def _futures_ticks(book: RuleBook, underlying: str, day: date) -> list[Fact]:
    """One line for each band of the index's level."""
    exchange = next(row for row in book.rows.of("underlying") if row.values["underlying"] == underlying)
    bands = [
        row
        for row in book.rows.of("futures_tick")
        if row.values["exchange"] == exchange.values["exchange"] and row.holds(day) and row.is_usable(day)
    ]
    return [
        Fact("futures_tick", row.get("points", day), _band(row), row.cite(day), row.is_adverse(day)) for row in bands
    ]


def _band(row: Row) -> str:
    low, high = row.values["level_from"], row.values["level_to"]
    if high is None:
        return f"points, index from {low}" if low else "points"
    return f"points, index {low} to {high}"


def _listing(book: RuleBook, underlying: str, day: date) -> tuple[Fact, tuple[ContractFacts, ...]]:
    try:
        row = book.rows.pick("listing", day, underlying=underlying)
        cycles = book.cycles(underlying, day)
    except RuleGap as gap:
        return Fact("listing", None, "contracts", gap=str(gap)), ()
    names = ("weeklies", "monthlies", "quarterlies", "half_yearlies")
    counts = {name: row.get(name, day) for name in names}
    contracts = tuple(_contract(book, underlying, day, expiry, cycle) for expiry, cycle in cycles.items())
    return Fact("listing", counts, "contracts", row.cite(day), row.is_adverse(day)), contracts


def _contract(book: RuleBook, underlying: str, day: date, expiry: date, cycle: Cycle) -> ContractFacts:
    lot = _fact("lot", "units", lambda: book.lot(underlying, expiry, day))
    try:
        ends, last = book.final_expiry(underlying, expiry), book.last_trade(underlying, expiry)
        settles = book.settlement(underlying, expiry)
    except RuleGap as gap:
        return ContractFacts(expiry, cycle, None, None, None, None, "", lot, str(gap))
    return ContractFacts(expiry, cycle, ends, last, settles.window_start, settles.observed_at, settles.method, lot)
