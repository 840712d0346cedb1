"""Wall 6, cost: the hard rules again at the sized lots (brokerage by freeze slices and depth impact are not linear).

Profile `article` asks the win probability of every package; `balanced` asks it of packages that collect premium and of
those that pay it a net EV in proportion (`definitions.md` §4). What is not asked passes and says so.
"""

from __future__ import annotations

from decimal import Decimal

from quantsentinel.portfolio.terms import wins_as_one_lot
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, at_least, at_most, known, passes, receipt
from quantsentinel.risk.shared_verdicts import at_lots
from quantsentinel.units import counted
from quantsentinel.verdict import Outcome, Verdict

EV, STRESSED, RATIO = "cost.net_ev", "cost.net_ev_of_stressed_loss", "cost.ratio"
WIN, PREMIUM = "cost.win_probability", "cost.net_ev_of_premium"
CHECKS = (EV, STRESSED, RATIO, WIN, PREMIUM)


def cost(facts: Facts) -> tuple[Verdict, ...]:
    return at_lots(facts, _judged)


def _judged(facts: Facts) -> tuple[Verdict, ...]:
    return _net_ev(facts), _stressed(facts), _ratio(facts), _win_probability(facts), _premium(facts)


def _net_ev(facts: Facts) -> Verdict:
    """Above zero, not at it: what earns nothing is not worth its risk."""
    earned, lots = facts.terms.net_ev, facts.terms.lots
    outcome = passes(earned > 0 if known(earned) else None)
    reading = Reading(float(earned) if known(earned) else None, 0.0, "INR", f"at {counted(lots, 'lot')}")
    return receipt(EV, outcome, reading, earned, lots)


def _stressed(facts: Facts) -> Verdict:
    """Net EV over the stressed loss. A package that stress cannot hurt stands on wrong quotes: not known."""
    limit = facts.tenant.desk.policy.hard_rules.min_net_ev_of_stressed_loss
    reading = Reading(
        facts.terms.net_ev_of_stressed_loss, limit, "of stressed loss", f"at {counted(facts.terms.lots, 'lot')}"
    )
    return at_least(STRESSED, reading)


def _ratio(facts: Facts) -> Verdict:
    """Frictions over gross edge; without a gross edge there is no ratio and no entry."""
    ratio, limit = facts.terms.cost_ratio, facts.tenant.desk.policy.hard_rules.max_cost_ratio
    if ratio is None:
        reading = Reading(None, limit, "of gross edge", "no gross edge")
        return receipt(RATIO, Outcome.BLOCKED, reading, None, limit)
    return at_most(
        RATIO,
        Reading(ratio, limit, "of gross edge", f"at {counted(facts.terms.lots, 'lot')}"),
        facts.terms.lots,
    )


def _win_probability(facts: Facts) -> Verdict:
    """P(net P&L > 0) under the physical density, as the market pass found it for one lot of the package.

    Of lots that cost a unit more to enter than that one may it is not known (`portfolio.terms`).
    """
    rules, paid = facts.tenant.desk.policy.hard_rules, _premium_paid(facts)
    asked = rules.profile != "balanced" or not known(paid) or paid <= 0
    limit = rules.min_win_probability if asked else 0.0
    if asked and not wins_as_one_lot(facts.opportunity, facts.terms):
        detail = (
            f"known at one lot's costs, which {counted(facts.terms.lots, 'lot')} exceed by more than the entry zone"
        )
        reading = Reading(None, limit, "probability", detail)
        return receipt(WIN, Outcome.UNKNOWN, reading, rules.profile, paid, facts.terms.lots)
    detail = f"profile {rules.profile}" if asked else "not asked of a paid package under the balanced profile"
    reading = Reading(facts.terms.win_probability, limit, "probability", detail)
    return at_least(WIN, reading, rules.profile, paid)


def _premium(facts: Facts) -> Verdict:
    """Net EV over the premium paid at the market."""
    rules, paid = facts.tenant.desk.policy.hard_rules, _premium_paid(facts)
    limit = rules.balanced_min_net_ev_of_premium
    if not known(paid):
        return receipt(PREMIUM, Outcome.UNKNOWN, Reading(None, limit, "of premium"), None, limit)
    if rules.profile != "balanced" or paid <= 0:
        detail = "asked of paid packages under the balanced profile only"
        reading = Reading(None, limit, "of premium", detail)
        return receipt(PREMIUM, Outcome.PASSED, reading, rules.profile, paid)
    earned = facts.terms.net_ev
    share = float(earned / paid) if known(earned) else None
    return at_least(PREMIUM, Reading(share, limit, "of premium"), rules.profile, paid, earned)


def _premium_paid(facts: Facts) -> Decimal:
    """Rupees of all lots at the executable price; negative when collected."""
    return Decimal(str(facts.opportunity.executable)) * (facts.terms.lots * facts.terms.lot)
