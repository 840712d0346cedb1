"""Everything a guard may see: one tenant in one cycle (`TenantFacts`), and one opportunity on top of it (`Facts`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from quantsentinel.accounts.account import Account
from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.market.calendar import Session
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.news import NewsItem
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.answers import Answer
from quantsentinel.portfolio.book import Book, EntryKey, Position
from quantsentinel.portfolio.budget import Budget
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.settlement import SettlementValue
from quantsentinel.portfolio.sizing import Sizing
from quantsentinel.portfolio.terms import Terms
from quantsentinel.risk.health import Health
from quantsentinel.risk.kill_state import KillState as KillState
from quantsentinel.risk.receipt import stamp
from quantsentinel.units import Rupees

Said = dict[Any, Any]
"""judge -> what it said, of one scope (`risk.shared_verdicts`)."""

_OF_A_BOOK = ("equity", "day_pnl", "is_marked")
"""What `TenantFacts` works out of a book."""
_KEYS: Memo[EntryKey] = Memo()
# Of shared answers. Keys are the identities of what a judge may read, which the memory holds, so that no other object
# gets its id(): equal inputs may differ in their text (1 and 1.0), and a receipt must not depend on what was asked
# before.
_CYCLES: Memo[tuple[Said, object]] = Memo(4)
_OFFERS: Memo[tuple[dict[tuple[int, bool], tuple[Said, Opportunity]], object]] = Memo(4)
"""Both few: each holds a view, a megabyte, and a batch has one."""
_SIZES: Memo[tuple[Said, object]] = Memo(512)


@dataclass(frozen=True, slots=True)
class AsOf:
    """When and under which switches a cycle is decided for a tenant; everything else is data.

    `kills` are the switches that are on, read for this decision, and the strategy's when a person released it;
    None (it is not known which are on) stops every entry.
    `previous_accepted_at` is the `decided_at` of the accepted snapshot before this one of the same underlying in this
    session, None for the session's first.
    `in_time` is False when the batch was handled more than `max_handling_s` after `decided_at`. `undelivered` names the
    offers (`<signal id>.<sequence>`) that expired undelivered on every channel. `answers` are the tenant's own words
    about its signals, oldest first; `news` what was published and is not over, None when it cannot be read; `health`
    the relation watch's last readings; `settlements` the exchange's values of what the tenant holds or has settled on
    a proxy.
    """

    decided_at: datetime
    cycle_id: str
    kills: tuple[KillState, ...] | None = ()
    previous_accepted_at: datetime | None = None
    in_time: bool = True
    undelivered: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    news: tuple[NewsItem, ...] | None = ()
    health: tuple[Health, ...] = ()
    settlements: tuple[SettlementValue, ...] = ()


@dataclass(frozen=True)
class TenantFacts:
    """What the switches see. `book` has been rolled to this session, marked on this snapshot and relieved of exits."""

    view: MarketView
    book: Book
    account: Account
    desk: Desk
    as_of: AsOf

    @worked_out
    def stamp(self) -> str:
        """Which decision this is; every receipt starts with it."""
        return stamp(self.account.tenant_id, self.as_of.cycle_id, self.view.snapshot_digest, self.as_of.decided_at)

    @worked_out
    def equity(self) -> Rupees:
        return self.book.equity(self.account.capital)

    @worked_out
    def day_pnl(self) -> Rupees:
        return self.book.day_pnl()

    @worked_out
    def is_marked(self) -> bool:
        """Whether equity is known: every position of either book has a mark, and every sum is a number."""
        book = self.book
        sums = (book.realised, book.confirmed_realised, book.settlement_pnl, book.confirmed_settlement_pnl)
        marks = [position.mark for position in (*book.positions, *book.confirmed)]
        return all(mark is not None and mark.pnl.is_finite() for mark in marks) and all(
            amount.is_finite() for amount in sums
        )

    def holding(self, book: Book) -> TenantFacts:
        """The same moment with another book."""
        return self._with(book, _OF_A_BOOK)

    def latched(self, book: Book) -> TenantFacts:
        """With a book that remembers more or less of its switches: that moves no money."""
        return self._with(book, ())

    def _with(self, book: Book, forgotten: tuple[str, ...]) -> TenantFacts:
        """What was worked out and does not depend on the book is kept."""
        made = object.__new__(TenantFacts)
        known = made.__dict__
        known.update(self.__dict__)
        known["book"] = book
        for name in forgotten:
            known.pop(name, None)
        return made

    def kill(self, scope: str) -> KillState | None:
        """The kill switch of a scope, when it is on at the decision."""
        if not self.as_of.kills:
            return None
        decided_at = self.as_of.decided_at
        return next((state for state in self.as_of.kills if state.scope == scope and state.is_on(decided_at)), None)

    @worked_out
    def gap(self) -> Gap:
        known = self.said_of_cycle
        found: Gap | None = known.get(snapshot_gap)
        if found is None:
            found = known[snapshot_gap] = snapshot_gap(self.view, self.desk, self.as_of)
        return found

    @worked_out
    def said_of_cycle(self) -> Said:
        """Shared with the tenants of the batch while no switch is on; one that is may concern some of them only."""
        view, desk, as_of = self.view, self.desk, self.as_of
        if as_of.kills:
            return {}
        seen = (view, desk, as_of.news, as_of.health)
        key = (*map(id, seen), as_of.decided_at, as_of.previous_accepted_at, as_of.kills is None)
        return _CYCLES.get(key, lambda: ({}, seen))[0]

    @worked_out
    def said_of_offers(self) -> dict[tuple[int, bool], tuple[Said, Opportunity]]:
        """What is said of each offer of the view; it holds the offers that its keys name."""
        seen = (self.view, self.desk)
        return _OFFERS.get((*map(id, seen), self.as_of.decided_at), lambda: ({}, seen))[0]


@dataclass(frozen=True)
class Facts:
    """What the walls see: `book` is the running book, with what this cycle has entered so far, `budget` what it leaves.

    `terms` are at the sized lots, at least one so that every wall has something to measure.
    """

    tenant: TenantFacts
    book: Book
    budget: Budget
    opportunity: Opportunity
    sizing: Sizing
    terms: Terms

    @worked_out
    def key(self) -> EntryKey:
        return key_of(self.opportunity)

    @worked_out
    def held(self) -> tuple[Position, ...]:
        """Of the running book."""
        return self.book.held

    @worked_out
    def said_of_offer(self) -> Said:
        offer, in_time = self.opportunity, self.tenant.as_of.in_time
        return self.tenant.said_of_offers.setdefault((id(offer), in_time), ({}, offer))[0]

    @worked_out
    def said_at_lots(self) -> Said:
        offer, terms, desk = self.opportunity, self.terms, self.tenant.desk
        return _SIZES.get((id(offer), id(terms), id(desk)), lambda: ({}, (offer, terms, desk)))[0]


def key_of(opportunity: Opportunity) -> EntryKey:
    """An opportunity's id names its package, so its key is worked out once for all tenants."""
    return _KEYS.get(opportunity.opportunity_id, lambda: EntryKey.of(opportunity.package))


@dataclass(frozen=True, slots=True)
class Gap:
    """Session time since the accepted snapshot before, in seconds, and the most the source's data contract allows.

    None where it is not known.
    """

    seconds: float | None
    limit_s: float | None

    @property
    def is_stale(self) -> bool | None:
        return None if self.seconds is None or self.limit_s is None else self.seconds > self.limit_s


def snapshot_gap(view: MarketView, desk: Desk, as_of: AsOf) -> Gap:
    """The first snapshot of a session is measured from the session's open. One before it that is later than the
    decision says nothing about the stream."""
    try:
        limit = contract_for(view.snapshot.source).max_gap_s
    except BadInput:
        limit = None
    session = session_of(view, desk)
    if session is None:
        return Gap(None, limit)
    since = as_of.previous_accepted_at or session.open
    if as_of.previous_accepted_at is not None and since > as_of.decided_at:
        return Gap(None, limit)
    return Gap(round(60.0 * session.minutes_between(since, as_of.decided_at), 3), limit)


def session_of(view: MarketView, desk: Desk) -> Session | None:
    """The rule book's session of the view's day; None when it is closed or not covered."""
    try:
        return desk.rules.session(view.session)
    except RuleGap:
        return None
