"""Wall 8, event-conditional hedge: what spans a scheduled event must bear its move, either way.

Spanning is from the decision to the time stop. The package's own bought legs are its protection: with them, at the
settlement value after the move, it may lose at most the policy's share of the tenant's loss budget for one trade.
"""

from __future__ import annotations

from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.features.event_move import package_move
from quantsentinel.frozen import dataclass
from quantsentinel.market.events import ScheduledEvent, felt_between
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.marks import payoff
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, at, at_most, receipt
from quantsentinel.risk.shared_verdicts import of_offer
from quantsentinel.verdict import Outcome, Verdict

PROTECTION = "event_hedge.protection"
CHECKS = (PROTECTION,)

Span = tuple[ScheduledEvent, ...] | str


@dataclass(frozen=True, slots=True)
class Bearing:
    """`move` as a share of the forward, `worst` settlement value of the package after it, points per unit; None where
    not known."""

    move: float | None
    worst: float | None
    text: str


def event_hedge(facts: Facts) -> tuple[Verdict, ...]:
    """Measured is the loss at the sized lots after the move, in rupees, with all charges."""
    return (protection(facts),)


def protection(facts: Facts) -> Verdict:
    tenant = facts.tenant
    limit = float(facts.budget.trade_loss) * tenant.desk.policy.events.max_loss_of_trade_budget
    events = of_offer(facts, _spanned)
    if isinstance(events, str):
        return _unknown(facts, limit, f"the event calendar has a gap: {events}")
    if not events:
        return at_most(PROTECTION, (0.0, limit, "INR", "no event before the time stop"))
    if facts.terms.max_loss is None:
        reading = Reading(None, limit, "INR", f"unbounded over {_named(events)}")
        return receipt(PROTECTION, Outcome.BLOCKED, reading, None, limit)
    found = of_offer(facts, _bearing)
    if found.move is None or found.worst is None:
        return _unknown(facts, limit, f"the move of {found.text} is not known")
    detail = f"{found.text} {at(facts.terms.lots)}"
    reading = Reading(_loss(facts, found.worst), limit, "INR", detail)
    return at_most(PROTECTION, reading, found.move, found.worst)


def _loss(facts: Facts, worst: float) -> float:
    """Of a calendar its bounded loss, whatever the move: its legs do not settle together."""
    terms = facts.terms
    if facts.opportunity.package.is_calendar:
        return float(terms.bounded_loss)
    return (terms.limit_price - worst) * terms.lot * terms.lots + float(terms.charges)


def _unknown(facts: Facts, limit: float, detail: str) -> Verdict:
    return receipt(PROTECTION, Outcome.UNKNOWN, Reading(None, limit, "INR", detail), None, limit)


def _named(events: tuple[ScheduledEvent, ...]) -> str:
    return ", ".join(f"{event.name} {event.at:%d %b}" for event in events)


# --- The same for all tenants -----------------------------------------------------------------------------------------
def _spanned(facts: Facts) -> Span:
    """Events felt from the decision to the time stop, or the gap in the calendar."""
    desk = facts.tenant.desk
    start, end = facts.tenant.as_of.decided_at, facts.opportunity.time_stop
    try:
        return felt_between(desk.rules, desk.policy.events.required, start, end)
    except BadInput as gap:
        return str(gap)


def _bearing(facts: Facts) -> Bearing:
    events = of_offer(facts, _spanned)
    assert not isinstance(events, str)
    return bearing(facts.tenant.view, facts.opportunity, events, facts.tenant.desk)


def bearing(view: MarketView, opportunity: Opportunity, events: tuple[ScheduledEvent, ...], desk: Desk) -> Bearing:
    """The package at settlement after the events' move from its expiry's forward, the worse of both directions."""
    move = package_move(view.analytics, events, desk.policy.events)
    part = view.analytics.slice(opportunity.package.expiry)
    package = opportunity.package
    if move is None or part is None or part.forward is None:
        return Bearing(move, None, _named(events))
    levels = [part.forward * (1.0 - move), part.forward * (1.0 + move)]
    worst = min(payoff(package.legs, level) for level in levels)
    return Bearing(move, worst, f"{_named(events)}: ± {move:.1%}")
