"""Wall 4, margin: after the trade the buffer stays free, and a shock leaves more equity than is blocked then.

`buffer`: funds blocked by all positions are at most equity / (1 + buffer). `stressed`: after the policy's index move,
down and up, with every vol higher, what all packages block (margins, and the cash inside the packages) is at most the
equity that the move leaves. Margins are estimates (`definitions.md` §6).
"""

from __future__ import annotations

from decimal import Decimal

from quantsentinel.portfolio.stressed_margin import Needed, Now, needed_after_shock
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, at_most, known, receipt
from quantsentinel.verdict import Outcome, Verdict

BUFFER, STRESSED = "margin.buffer", "margin.stressed"
CHECKS = (BUFFER, STRESSED)


def margin(facts: Facts) -> tuple[Verdict, ...]:
    return _buffer(facts), _stressed(facts)


def _buffer(facts: Facts) -> Verdict:
    """Measured is what this trade and the running book block, in rupees; a trade that blocks nothing has no margin."""
    used, funds, limit = facts.budget.margin_used, facts.terms.funds, facts.budget.margin
    detail = f"at {facts.terms.lots} lots, estimate"
    after = used + funds if known(used, funds) else None
    if after is not None and funds <= 0:
        reading = Reading(float(after), float(limit) if known(limit) else None, "INR", "the trade has no margin")
        return receipt(facts.tenant.stamp, BUFFER, Outcome.BLOCKED, reading, used, funds, limit)
    reading = Reading(None if after is None else float(after), float(limit) if known(limit) else None, "INR", detail)
    return at_most(facts.tenant.stamp, BUFFER, reading, used, funds)


def _stressed(facts: Facts) -> Verdict:
    """Measured is what is needed after the shock that leaves least room, the limit what equity is left then."""
    found = _needed(facts)
    reading = Reading(found.funds, found.equity, "INR", found.detail)
    return at_most(facts.tenant.stamp, STRESSED, reading, facts.terms.lots, len(facts.book.held))


def _needed(facts: Facts) -> Needed:
    """From equity less what entering costs: charges and the way from the mids to the executable price."""
    offer, terms, tenant = facts.opportunity, facts.terms, facts.tenant
    equity, units = facts.budget.equity, terms.lots * terms.lot
    spread = Decimal(str(offer.executable)) - Decimal(str(offer.mid))
    if not known(equity, spread, terms.entry_charges, terms.funds, facts.budget.margin_used):
        return Needed(None, None, "the equity, the funds or the cost of entering is not known")
    now = Now(float(facts.budget.margin_used + terms.funds), float(equity - spread * units - terms.entry_charges))
    found = needed_after_shock((offer, units), facts.book.held, now, tenant.view, tenant.desk)
    if found.funds is None:
        return found
    policy = tenant.desk.policy.walls
    said = (
        f"index {found.detail} {policy.stressed_margin_move:.0%}, vols times {policy.stressed_margin_vol:g}, estimate"
    )
    return Needed(found.funds, found.equity, said)
