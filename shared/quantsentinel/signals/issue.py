"""New entries: every ranked opportunity in turn on a running book, so that no two of them spend the same budget.

A refusal holds every verdict that was asked for: switches, hard rules and, where those made it an offer, all walls."""

from __future__ import annotations

from quantsentinel.accounts.account import Mode
from quantsentinel.canonical import short_id
from quantsentinel.errors import Broken
from quantsentinel.frozen import evolve
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.budget import budget_of
from quantsentinel.portfolio.fills import with_paper_fill
from quantsentinel.portfolio.marks import mark_position
from quantsentinel.portfolio.sizing import Sizing, size
from quantsentinel.portfolio.terms import terms_at
from quantsentinel.risk.castle import judge
from quantsentinel.risk.cut import AMOUNTS, cut
from quantsentinel.risk.facts import Facts, TenantFacts, key_of
from quantsentinel.risk.ladder import rungs
from quantsentinel.risk.shared_verdicts import of_offer
from quantsentinel.signals.signal import Refusal, SignalEvent, SignalState, signal_id_of
from quantsentinel.signals.why import why_enter
from quantsentinel.units import counted, rupees
from quantsentinel.verdict import Outcome, Verdict, Verdicts, first_stop


def enter(facts: TenantFacts, switched: Verdicts) -> tuple[TenantFacts, tuple[SignalEvent, ...], tuple[Refusal, ...]]:
    """The facts with the book after all entries, the created signals, and a refusal for every other opportunity.

    A tenant that did not subscribe to the underlying is offered nothing, so nothing is refused.
    """
    if facts.view.underlying not in facts.account.underlyings:
        return facts, (), ()
    created: list[SignalEvent] = []
    refused: list[Refusal] = []
    book, budget, ladder = facts.book, budget_of(facts.book, facts.account), rungs(facts)
    for opportunity in facts.view.opportunities:
        if not opportunity.is_eligible:
            refused.append(_ruled_out(facts, opportunity, switched))
            continue
        sizing = size(opportunity, budget, facts.desk, ladder)
        asked = Facts(facts, book, budget, opportunity, sizing, terms_at(opportunity, max(sizing.lots, 1), facts.desk))
        asked, verdicts, stop = _judged(asked, switched)
        if stop is not None:
            refused.append(_refusal(facts, opportunity, stop, verdicts, asked.sizing))
            continue
        position = _position(asked, _mode(facts, verdicts))
        book = _entered(book, position)
        budget = budget_of(book, facts.account)
        created.append(offer(asked, position, SignalState.CREATED, verdicts))
    after = facts.holding(book) if created else facts
    return after, tuple(created), tuple(refused)


def _judged(asked: Facts, switched: Verdicts) -> tuple[Facts, Verdicts, Verdict | None]:
    """The offer as it may be entered, or as it was sized with what stops it: an amount cuts lots before it refuses."""
    verdicts = judge(asked, switched)
    stop = first_stop(verdicts)
    if stop is None or stop.guard not in AMOUNTS:
        return asked, verdicts, stop
    fewer = cut(asked, verdicts.said)
    if fewer is None:
        return asked, verdicts, stop
    if fewer.sizing.lots < 1:
        too_much = "at 1 lot"
    else:
        again = judge(fewer, switched)
        other = first_stop(again)
        if other is None:
            return fewer, again, None
        too_much = f"at {counted(fewer.sizing.lots, 'lot')} by {other.guard}"
    told = f"{stop.detail}; refused at {counted(asked.sizing.lots, 'lot')}, and {too_much}"
    refused = verdicts.retold(stop.guard, told)
    return asked, refused, first_stop(refused)


def _ruled_out(facts: TenantFacts, opportunity: Opportunity, switched: Verdicts) -> Refusal:
    """A hard rule fails for every tenant alike: there is no offer for sizing and walls to judge."""
    verdicts = Verdicts(switched.decision, (*switched.said, *opportunity.verdicts))
    stop = first_stop(verdicts)
    if stop is None:
        raise Broken("an opportunity without hard-rule verdicts", where=opportunity.opportunity_id)
    return _refusal(facts, opportunity, stop, verdicts, None)


def _mode(facts: TenantFacts, verdicts: Verdicts) -> Mode:
    """Paper when a guard limits the signal or the tenant chose it."""
    return Mode.PAPER if Outcome.LIMITED in [verdict.outcome for verdict in verdicts.said] else facts.account.mode


def _position(facts: Facts, mode: Mode) -> Position:
    """Assumed filled at the worse end of the zone, and marked at once: its spread and charges count from now."""
    tenant, opportunity, terms = facts.tenant, facts.opportunity, facts.terms
    ended = facts.book.closed.get(str(facts.key))
    n = 1 if ended is None else ended.n + 1
    position = Position(
        signal_id=signal_id_of(tenant.account.tenant_id, tenant.view.session, facts.key, n),
        n=n,
        opportunity_id=opportunity.opportunity_id,
        package=opportunity.package,
        lot=opportunity.lot,
        lots=terms.lots,
        tick=opportunity.tick,
        freeze_units=opportunity.freeze_units,
        entry_price=terms.limit_price,
        entry_charges=terms.entry_charges,
        entry_zone=opportunity.entry_zone,
        opened_at=tenant.as_of.decided_at,
        valid_until=opportunity.valid_until,
        target=opportunity.target,
        stop=opportunity.stop,
        time_stop=opportunity.time_stop,
        max_loss=rupees(terms.bounded_loss),
        max_profit=terms.max_profit,
        margin=terms.funds,
        mode=mode.value,
        sequence=1,
        updated_at=tenant.as_of.decided_at,
    )
    position = with_paper_fill(position, tenant.view, tenant.as_of.decided_at)
    return mark_position(position, tenant.view, tenant.desk, tenant.as_of.decided_at)


def _entered(book: Book, position: Position) -> Book:
    spent = rupees(book.entered_loss + position.max_loss)
    return evolve(book, positions=(*book.positions, position), entered_loss=spent)


def offer(facts: Facts, position: Position, state: SignalState, verdicts: Verdicts) -> SignalEvent:
    """A created or updated event; `position` already carries its sequence number."""
    tenant = facts.tenant
    return SignalEvent(
        signal_id=position.signal_id,
        tenant_id=tenant.account.tenant_id,
        state=state,
        sequence=position.sequence,
        supersedes=position.sequence - 1 or None,
        session=tenant.view.session,
        mode=Mode(position.mode),
        decided_at=tenant.as_of.decided_at,
        valid_until=position.valid_until,
        why=of_offer(facts, _why),
        cycle_id=tenant.as_of.cycle_id,
        snapshot_digest=tenant.view.snapshot_digest,
        position=position,
        opportunity=facts.opportunity,
        terms=facts.terms,
        sizing=facts.sizing,
        receipts=verdicts,
        distribution_mode=tenant.desk.distribution.mode,
        registration=tenant.desk.distribution.registration,
    )


def _why(facts: Facts) -> str:
    """The same for every tenant."""
    return why_enter(facts.opportunity, facts.tenant.view)


def _refusal(
    tenant: TenantFacts, opportunity: Opportunity, stop: Verdict, verdicts: Verdicts, sizing: Sizing | None
) -> Refusal:
    key = key_of(opportunity)
    return Refusal(
        refusal_id=short_id("ref", tenant.account.tenant_id, tenant.as_of.cycle_id, opportunity.opportunity_id),
        tenant_id=tenant.account.tenant_id,
        opportunity_id=opportunity.opportunity_id,
        underlying=key.underlying,
        family=key.family,
        expiry=key.expiry,
        decided_at=tenant.as_of.decided_at,
        cycle_id=tenant.as_of.cycle_id,
        snapshot_digest=tenant.view.snapshot_digest,
        first=stop,
        verdicts=verdicts,
        sizing=sizing,
    )
