"""What becomes of open positions: they expire undelivered, close, have their entry withdrawn, or are updated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from quantsentinel.accounts.account import Mode
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import Book, ClosedEntry, Position, Settled, with_position, without_position
from quantsentinel.portfolio.confirmed import end_confirmed, lapse
from quantsentinel.portfolio.exits import Exit, ExitReason, exit_of, last_hours, settled_exit
from quantsentinel.portfolio.marks import entry_price
from quantsentinel.portfolio.reconcile import compared
from quantsentinel.portfolio.settlement import corrected, far_legs_left, still_provisional, value_of
from quantsentinel.risk.castle import TRANSIENT
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, receipt
from quantsentinel.risk.walls.news_events import news
from quantsentinel.signals.signal import SignalEvent, SignalState
from quantsentinel.signals.why import why_close, why_expire, why_withdraw
from quantsentinel.units import rupees
from quantsentinel.verdict import Outcome, Verdict, Verdicts, first_stop

NOTICE = timedelta(hours=24)
"""Withdrawals, expiries and settlement notices are delivered within a day (`definitions.md` §3)."""

Stage = tuple[TenantFacts, tuple[SignalEvent, ...]]


def expire_undelivered(facts: TenantFacts) -> Stage:
    """An entry that reached no channel while it was valid cannot have been taken: it leaves the book. Each of its
    offers counts, the update as the first."""
    return _each(facts, _expired)


def close_positions(facts: TenantFacts) -> Stage:
    """Positions of the view's underlying at their target, stop, time stop, square-off or settlement.

    No switch is asked: closing is a reduction, and a reduction is always allowed. What a tenant still holds after its
    exit went out settles with its contract.
    """
    facts, events = _each(facts, _closed)
    book = corrected(_confirmed_settled(facts), facts.as_of.settlements, facts.desk)
    book = compared(still_provisional(book, facts.view.session, facts.desk), facts.as_of.decided_at)
    return (facts if book is facts.book else facts.holding(book)), events


def withdraw(facts: TenantFacts, switched: Verdicts) -> Stage:
    """Entries whose reason is gone while they may still be entered. It stays assumed (`signals.lifecycle`)."""
    tripped = next((verdict for verdict in switched.said if verdict.stops and verdict.guard not in TRANSIENT), None)

    def step(facts: TenantFacts, position: Position) -> tuple[Book, SignalEvent] | None:
        reason = _gone(facts, position, tripped) if is_unanswered(position, facts.as_of.decided_at) else None
        if reason is None:
            return None
        after = replace(position, sequence=position.sequence + 1, withdrawn=True, updated_at=facts.as_of.decided_at)
        event = follow_up(facts, after, SignalState.WITHDRAWN, why_withdraw(reason), reason)
        return held(facts.book, after), event

    return _each(facts, step)


def is_unanswered(position: Position, decided_at: datetime) -> bool:
    """The tenant may still enter on it: it was not withdrawn, has not run out, and he has not said that he took it."""
    return not position.withdrawn and position.taken_at is None and decided_at < position.valid_until


def follow_up(facts: TenantFacts, position: Position, state: SignalState, why: str, *receipts: Verdict) -> SignalEvent:
    """The event of a step that offers no entry; `position` already carries the step's sequence number."""
    return SignalEvent(
        signal_id=position.signal_id,
        tenant_id=facts.account.tenant_id,
        state=state,
        sequence=position.sequence,
        supersedes=position.sequence - 1,
        session=facts.view.session,
        mode=Mode(position.mode),
        decided_at=facts.as_of.decided_at,
        valid_until=facts.as_of.decided_at + NOTICE,
        why=why,
        cycle_id=facts.as_of.cycle_id,
        snapshot_digest=facts.view.snapshot_digest,
        position=position,
        opportunity=None,
        terms=None,
        sizing=None,
        receipts=Verdicts(facts.stamp, receipts),
        distribution_mode=facts.desk.distribution.mode,
        registration=facts.desk.distribution.registration,
    )


Step = Callable[[TenantFacts, Position], tuple[Book, SignalEvent] | None]


def _each(facts: TenantFacts, step: Step) -> Stage:
    """`step` over the positions of the view's underlying, the book running through."""
    events: list[SignalEvent] = []
    for position in facts.book.positions:
        if position.package.underlying != facts.view.underlying:
            continue
        done = step(facts, position)
        if done is not None:
            facts = facts.holding(done[0])
            events.append(done[1])
    return facts, tuple(events)


def _expired(facts: TenantFacts, position: Position) -> tuple[Book, SignalEvent] | None:
    offers = range(1, position.sequence + 1 - position.withdrawn)
    known = facts.as_of.undelivered
    unread = all(f"{position.signal_id}.{number}" in known for number in offers)
    if not unread or position.taken_at is not None or facts.as_of.decided_at < position.valid_until:
        return None
    after = replace(position, sequence=position.sequence + 1)
    reading = Reading("none", "at least one", "channels that delivered")
    evidence = receipt("undelivered", Outcome.PASSED, reading, position.signal_id)
    book = _ended(facts, position)
    if position.opened_on == book.session:
        book = replace(book, entered_loss=rupees(book.entered_loss - position.max_loss))
    return book, follow_up(facts, after, SignalState.EXPIRED, why_expire(), evidence)


def _closed(facts: TenantFacts, position: Position) -> tuple[Book, SignalEvent] | None:
    official = value_of(position, facts.as_of.settlements)
    found = exit_of(position, facts.desk, facts.as_of.decided_at, official)
    if found is None:
        return None
    after = replace(position, sequence=position.sequence + 1)
    evidence = _exit_receipt(facts, position, found)
    event = follow_up(facts, after, SignalState.CLOSED, why_close(position, found), evidence)
    last_trade = last_hours(position, facts.desk).last_trade
    ends = last_trade if last_trade > facts.as_of.decided_at else event.valid_until
    event = replace(event, exit_price=found.price, pnl=found.pnl, valid_until=ends)
    return _booked(_ended(facts, position), position, found, facts, official), event


def _booked(book: Book, position: Position, found: Exit, facts: TenantFacts, official: float | None) -> Book:
    """The assumed book realises it; a paper entry is the same in the confirmed one. A live one lapses: it is not known
    how it ended for the tenant, unless it settled. Of a calendar that nothing closed in time the far leg goes on."""
    book = replace(book, realised=rupees(book.realised + found.pnl))
    settled = found.reason is ExitReason.SETTLEMENT and not position.package.is_calendar
    in_confirmed = position.is_paper or (settled and position.taken_at is not None)
    if in_confirmed:
        confirmed = without_position(book.confirmed, position.signal_id)
        book = replace(book, confirmed=confirmed, confirmed_realised=rupees(book.confirmed_realised + found.pnl))
    elif not settled:
        book = lapse(book, position, facts.as_of.decided_at, found.pnl)
    return (
        _await_value(book, Settled(position, found.pnl, True, in_confirmed)) if settled and official is None else book
    )


def _confirmed_settled(facts: TenantFacts) -> Book:
    """What only the confirmed book still holds ends at settlement, like anything else; a calendar's far leg goes on."""
    book, assumed = facts.book, {position.signal_id for position in facts.book.positions}
    for position in book.confirmed:
        hours = last_hours(position, facts.desk)
        over = facts.as_of.decided_at >= hours.settlement.observed_at
        mine = position.package.underlying == facts.view.underlying
        if over and mine and position.signal_id not in assumed:
            official = value_of(position, facts.as_of.settlements)
            far = far_legs_left(position, official, facts.desk)
            if far is not None:
                book = replace(book, confirmed=with_position(book.confirmed, far))
                continue
            gained = settled_exit(position, hours, facts.desk, official).pnl
            book = end_confirmed(book, position, None, gained)
            book = book if official is not None else _await_value(book, Settled(position, gained, True, True))
    return book


def _await_value(book: Book, settled: Settled) -> Book:
    return replace(book, provisional=(*book.provisional, settled))


def _exit_receipt(facts: TenantFacts, position: Position, found: Exit) -> Verdict:
    reading = Reading(found.measured, found.limit, found.unit, found.note)
    name = f"exit_{found.reason.value}"
    return receipt(name, Outcome.PASSED, reading, position.signal_id, found.price, found.charges)


def _ended(facts: TenantFacts, position: Position) -> Book:
    """Without the position; its key cools down. What it spent of the day budget stays spent."""
    book = facts.book
    closed = {**book.closed, str(position.key): ClosedEntry(position.n, facts.as_of.decided_at)}
    return replace(book, positions=without_position(book.positions, position.signal_id), closed=closed)


def held(book: Book, position: Position) -> Book:
    """The book with this position in the place of the one with its id."""
    return replace(book, positions=with_position(book.positions, position))


def _gone(facts: TenantFacts, position: Position, tripped: Verdict | None) -> Verdict | None:
    """The receipt of why nobody should enter any more, or None."""
    if tripped is not None:
        return tripped
    if facts.view.entries_refused:
        reading = Reading(facts.view.entries_refused, "yes", "reason")
        return receipt("entries_allowed", Outcome.BLOCKED, reading, facts.view.entries_refused)
    return _published(facts) or _failed_rule(facts, position) or _left_zone(facts, position)


def _published(facts: TenantFacts) -> Verdict | None:
    """News that leaves no size. News that cannot be judged stops new entries only: it does not say that anything
    happened."""
    verdict = news(facts)
    return verdict if verdict.outcome is Outcome.BLOCKED else None


def _failed_rule(facts: TenantFacts, position: Position) -> Verdict | None:
    """The first hard rule that the same package fails on this snapshot, where it was priced again."""
    again = priced_again(facts, position)
    return None if again is None else first_stop(again.verdicts)


def priced_again(facts: TenantFacts, position: Position) -> Opportunity | None:
    """The same package on this snapshot, where it was priced. An opportunity's id names its package, so that tenants
    that hold it look for it once."""
    known, key = facts.said_of_cycle, (priced_again, position.opportunity_id)
    found: tuple[Opportunity | None] | None = known.get(key)
    if found is None:
        again = (item for item in facts.view.opportunities if item.package == position.package)
        found = known[key] = (next(again, None),)
    return found[0]


def _left_zone(facts: TenantFacts, position: Position) -> Verdict | None:
    """Entering now costs more than the zone's worst price and the policy's tolerance on top."""
    now, worst = entry_price(position, facts.view), position.entry_zone[1]
    tolerance = facts.desk.policy.updates.zone_share * max(abs(worst), position.tick)
    limit = round(worst + tolerance, 6)
    if now is None or now <= limit:
        return None
    reading = Reading(now, limit, "points", "the executable price has left the entry zone")
    return receipt("entry_zone", Outcome.BLOCKED, reading, position.signal_id, now, limit)
