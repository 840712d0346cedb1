"""Updates: an entry that may still be entered gets new terms when its zone, target or stop moved beyond tolerance.

The same package only: other strikes under a live key would be a second position, because the first is assumed taken.
They are refused `live_entry` until it ends.
"""

from __future__ import annotations

from dataclasses import replace

from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import Book, Position, without_position
from quantsentinel.portfolio.budget import budget_of
from quantsentinel.portfolio.confirmed import remarked
from quantsentinel.portfolio.sizing import size
from quantsentinel.portfolio.terms import terms_at
from quantsentinel.risk.castle import judge
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.risk.ladder import rungs
from quantsentinel.signals.follow import Stage, held, is_unanswered, priced_again
from quantsentinel.signals.issue import offer
from quantsentinel.signals.signal import SignalEvent, SignalState
from quantsentinel.units import rupees
from quantsentinel.verdict import Verdicts, first_stop


def update(facts: TenantFacts, switched: Verdicts) -> Stage:
    """The facts with the revised book, and an `updated` signal for each revision. Lots never change."""
    events: list[SignalEvent] = []
    for position in facts.book.positions:
        fresh = _revision_of(facts, position)
        if fresh is None:
            continue
        asked = _facts(facts, position, fresh)
        verdicts = judge(asked, switched)
        if first_stop(verdicts) is not None:
            continue
        after = _revised(facts, position, asked)
        spent = rupees(facts.book.entered_loss + after.max_loss - position.max_loss)
        facts = facts.holding(replace(held(facts.book, after), entered_loss=spent))
        events.append(offer(asked, after, SignalState.UPDATED, verdicts))
    return facts, tuple(events)


def _revision_of(facts: TenantFacts, position: Position) -> Opportunity | None:
    """The same package as priced on this snapshot, when it may still be entered and has moved beyond tolerance."""
    if not is_unanswered(position, facts.as_of.decided_at):
        return None
    minutes = (facts.as_of.decided_at - position.updated_at).total_seconds() / 60
    if minutes < facts.desk.policy.updates.min_minutes_between_updates:
        return None
    fresh = priced_again(facts, position)
    return fresh if fresh is not None and fresh.is_eligible and _has_moved(facts, position, fresh) else None


def _has_moved(facts: TenantFacts, position: Position, fresh: Opportunity) -> bool:
    policy, scale = facts.desk.policy.updates, max(abs(position.entry_zone[1]), position.tick)
    zone = abs(fresh.entry_zone[1] - position.entry_zone[1]) > policy.zone_share * scale
    target = abs(fresh.target - position.target) > policy.level_share * scale
    return zone or target or abs(fresh.stop - position.stop) > policy.level_share * scale


def _facts(facts: TenantFacts, position: Position, fresh: Opportunity) -> Facts:
    """As if the entry were judged anew at its lots, on a book without it. Lots never change: what would be sized
    smaller now (a lower rung or knob, less depth) is not offered again at what it was."""
    book = _without(facts.book, position)
    budget = budget_of(book, facts.account)
    bounds = size(fresh, budget, facts.desk, rungs(facts))
    fits = bounds.lots >= position.lots
    sizing = replace(bounds, lots=position.lots, binding="held") if fits else replace(bounds, lots=0)
    return Facts(facts, book, budget, fresh, sizing, terms_at(fresh, position.lots, facts.desk))


def _without(book: Book, position: Position) -> Book:
    """The book without a position, its loss so far kept as realised, so that judging it anew forgives nothing."""
    kept = without_position(book.positions, position.signal_id)
    lost = position.mark.pnl if position.mark else rupees(0)
    spent = position.max_loss if position.opened_on == book.session else rupees(0)
    realised, entered = rupees(book.realised + min(lost, rupees(0))), rupees(book.entered_loss - spent)
    return replace(book, positions=kept, realised=realised, entered_loss=entered)


def _revised(facts: TenantFacts, position: Position, asked: Facts) -> Position:
    """New terms for who has not entered yet; the worse of both for what the book assumes."""
    fresh, terms = asked.opportunity, asked.terms
    after = replace(
        position,
        opportunity_id=fresh.opportunity_id,
        entry_price=max(position.entry_price, terms.limit_price),
        entry_charges=max(position.entry_charges, terms.entry_charges),
        entry_zone=fresh.entry_zone,
        valid_until=fresh.valid_until,
        target=fresh.target,
        stop=fresh.stop,
        time_stop=min(position.time_stop, fresh.time_stop),
        max_loss=max(position.max_loss, rupees(terms.bounded_loss)),
        margin=max(position.margin, terms.funds),
        sequence=position.sequence + 1,
        updated_at=facts.as_of.decided_at,
    )
    return remarked(after, facts.desk)  # the next entry of this cycle must not spend what this one lost by it
