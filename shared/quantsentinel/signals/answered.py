"""What a tenant's own words end: a closed entry is acknowledged as closed, a skipped one as expired."""

from __future__ import annotations

from dataclasses import replace

from quantsentinel.portfolio.answers import AnswerKind
from quantsentinel.portfolio.book import ClosedEntry, Position
from quantsentinel.portfolio.confirmed import Applied, apply_answers, pending
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, receipt
from quantsentinel.signals.follow import Stage, follow_up
from quantsentinel.signals.signal import SignalEvent, SignalState
from quantsentinel.signals.why import why_answered
from quantsentinel.verdict import Outcome


def take_answers(facts: TenantFacts) -> Stage:
    """The facts with both books after the tenant's answers about the view's underlying, each applied once."""
    waiting = pending(facts.book, facts.as_of.answers, facts.view.underlying)
    if not waiting:
        return facts, ()
    book, done = apply_answers(facts.book, waiting, facts.desk)
    facts = facts.holding(book)
    events: list[SignalEvent] = []
    for applied in done:
        if applied.ended is not None:
            facts, event = _ended(facts, applied, applied.ended)
            events.append(event)
    return facts, tuple(events)


def _ended(facts: TenantFacts, applied: Applied, position: Position) -> tuple[TenantFacts, SignalEvent]:
    """Its key cools down from now on."""
    answer = applied.answer
    closed = {**facts.book.closed, str(position.key): ClosedEntry(position.n, facts.as_of.decided_at)}
    facts = facts.holding(replace(facts.book, closed=closed))
    state = SignalState.CLOSED if answer.kind is AnswerKind.CLOSED else SignalState.EXPIRED
    reading = Reading(answer.price, None, "points", f"{answer.by} at {answer.at.isoformat()}")
    evidence = receipt(f"answer_{answer.kind.value}", Outcome.PASSED, reading, answer)
    after = replace(position, sequence=position.sequence + 1)
    event = follow_up(facts, after, state, why_answered(answer), evidence)
    if state is SignalState.CLOSED:
        event = replace(event, exit_price=answer.price, pnl=applied.pnl)
    return facts, event
