"""Wall 4, margin: after the trade the buffer stays free, and a shock leaves more equity than is blocked then.

`buffer`: funds blocked by all positions are at most equity / (1 + buffer), and at most the share of equity above which
the utilisation switch would trip: no entry may trip it by itself. `stressed`: after the policy's index move,
down and up, with every vol higher, what all packages block (margins, and the cash inside the packages) is at most the
equity that the move leaves. Margins are estimates (`definitions.md` §6), a broker's figure where one was named for the
offer: the detail of `buffer` says which.
"""

from __future__ import annotations

import math
from functools import lru_cache

from quantsentinel.opportunity.broker_margin import margin_source
from quantsentinel.portfolio.stressed_margin import Needed, Now, needed_after_shock
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, at, at_most, receipt
from quantsentinel.verdict import Outcome, Verdict

BUFFER, STRESSED = "margin.buffer", "margin.stressed"
CHECKS = (BUFFER, STRESSED)


def margin(facts: Facts) -> tuple[Verdict, ...]:
    return _buffer(facts), stressed(facts)


def _buffer(facts: Facts) -> Verdict:
    """Measured is what this trade and the running book block, in rupees; a trade that blocks nothing has no margin."""
    funds, limit = float(facts.terms.funds), float(facts.budget.margin)
    after = float(facts.budget.margin_used) + funds
    if funds <= 0:
        reading = Reading(after, limit, "INR", "the trade has no margin")
        return receipt(BUFFER, Outcome.BLOCKED, reading, after, funds, limit)
    said = f"{at(facts.terms.lots)}, {margin_source(facts.opportunity)}"
    return at_most(BUFFER, (after, limit, "INR", said))


def stressed(facts: Facts) -> Verdict:
    """Measured is what is needed after the shock that leaves least room, the limit what equity is left then."""
    found = _needed(facts)
    reading = (found.funds, found.equity, "INR", found.detail)
    return at_most(STRESSED, reading, facts.terms.lots, len(facts.held))


def _needed(facts: Facts) -> Needed:
    """From equity less what entering costs: charges and the way from the mids to the executable price."""
    offer, terms, tenant = facts.opportunity, facts.terms, facts.tenant
    units, funds = terms.lots * terms.lot, float(facts.budget.margin_used) + float(terms.funds)
    left = float(facts.budget.equity) - (offer.executable - offer.mid) * units - float(terms.entry_charges)
    if not (math.isfinite(left) and math.isfinite(funds)):
        return Needed(None, None, "the equity, the funds or the cost of entering is not known")
    found = needed_after_shock((offer, units), facts.held, Now(funds, left), tenant.view, tenant.desk)
    if found.funds is None:
        return found
    policy = tenant.desk.policy.walls
    said = _said(found.detail, policy.stressed_margin_move, policy.stressed_margin_vol)
    return Needed(found.funds, found.equity, said)


@lru_cache(maxsize=16)
def _said(direction: str, move: float, vol_scale: float) -> str:
    return f"index {direction} {move:.0%}, vols times {vol_scale:g}, estimate"
