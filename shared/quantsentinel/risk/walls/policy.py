"""Wall 3, policy: how much of one thing a tenant may hold, after this trade, and how much of it the market shows.

Shares are of the declared capital. An unbounded loss is not a number: measured is None and it blocks. Counts are of
positions over all underlyings, an expiry's of its own underlying.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from quantsentinel.market.instruments import Package
from quantsentinel.portfolio.book import Position
from quantsentinel.portfolio.displayed import displayed
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, at, at_most, known, receipt
from quantsentinel.risk.shared_verdicts import at_lots
from quantsentinel.verdict import Outcome, Verdict

TRADE, DAY, POSITIONS = "policy.trade_loss", "policy.day_loss", "policy.positions"
EXPIRY, FAMILY, SINGLE = "policy.per_expiry", "policy.per_family", "policy.single_leg"
SECTOR, SHARE = "policy.sector", "policy.concentration"
DEPTH, SPREAD = "policy.depth", "policy.spread"
CHECKS = (TRADE, DAY, POSITIONS, EXPIRY, FAMILY, SINGLE, SECTOR, SHARE, DEPTH, SPREAD)


def policy(facts: Facts) -> tuple[Verdict, ...]:
    """One verdict for each of `CHECKS`, in that order."""
    loss, budget, limits = facts.terms.max_loss, facts.budget, facts.tenant.account.limits
    key, held = facts.key, [one.package for one in facts.held]
    expiry = [own for own in held if own.expiry == key.expiry and own.underlying == key.underlying]
    return (
        _loss(facts, TRADE, loss, budget.trade_loss),
        _loss(facts, DAY, None if loss is None else budget.day_spent + loss, budget.day_loss),
        _count(facts, POSITIONS, len(held) + 1, limits.max_positions),
        _count(facts, EXPIRY, len(expiry) + 1, limits.max_per_expiry),
        _count(facts, FAMILY, len([own for own in held if own.family is key.family]) + 1, limits.max_per_family),
        _single_leg(facts, held),
        sector(facts),
        concentration(facts),
        *at_lots(facts, _liquidity),
    )


def _loss(facts: Facts, name: str, loss: Decimal | None, limit: Decimal) -> Verdict:
    """Unbounded blocks; a loss that is no number is unknown."""
    if loss is None:
        reading = Reading(None, float(limit), "INR", "the loss is unbounded")
        return receipt(name, Outcome.BLOCKED, reading, None, limit)
    return at_most(name, (float(loss), float(limit), "INR", at(facts.terms.lots)), facts.terms.lots)


def _count(facts: Facts, name: str, after: int, limit: int, detail: str = "") -> Verdict:
    """Positions after the trade, this one included."""
    return at_most(name, (after, limit, "positions", detail))


def _single_leg(facts: Facts, packages: Sequence[Package]) -> Verdict:
    """Packages of one leg; the limit does not concern one of several."""
    limit = facts.tenant.account.limits.max_single_leg
    held = [len(package.legs) for package in packages].count(1) if packages else 0
    if len(facts.opportunity.package.legs) > 1:
        return _count(facts, SINGLE, 0, limit, f"a package of several legs, beside {held} of one")
    return _count(facts, SINGLE, held + 1, limit)


def sector(facts: Facts) -> Verdict:
    """Maximum losses of all positions whose underlyings fall together; an underlying without a sector is unknown."""
    sectors, account = facts.tenant.desk.policy.walls.sectors, facts.tenant.account
    own, share = sectors.get(facts.key.underlying), account.limits.max_sector_loss
    limit = float(account.capital) * share if known(share) else None
    same = [one for one in facts.held if sectors.get(one.package.underlying) in (own, None)]
    after = None if own is None else _total(facts, same)
    return at_most(SECTOR, (after, limit, "INR", "sector unknown" if own is None else own))


def concentration(facts: Facts) -> Verdict:
    """This trade's maximum loss in that of the book after it; the first position is alone by nature."""
    limit, loss, held = facts.tenant.account.limits.max_share_of_book, facts.terms.max_loss, facts.held
    if not held:
        return at_most(SHARE, (0.0, limit, "of book", "the only position"))
    total = _total(facts, held)
    share = float(loss) / total if loss is not None and total is not None and total > 0 else None
    return at_most(SHARE, (share, limit, "of book", ""), loss, total)


def _total(facts: Facts, held: Sequence[Position]) -> float | None:
    """Rupees of maximum losses, the trade's among them; None when that is unbounded, NaN when one is unknown."""
    own = facts.terms.max_loss
    return None if own is None else sum((float(one.max_loss) for one in held), float(own))


def _liquidity(facts: Facts) -> tuple[Verdict, Verdict]:
    """Units asked for over what the leg that shows least shows; and the whole spread over the legs' premium."""
    rules, shown = facts.tenant.desk.policy.walls, displayed(facts.opportunity)
    units = facts.terms.lots * facts.terms.lot
    depth = Reading(units / shown.units, rules.max_units_of_displayed, "of displayed size", f"{units} units")
    wide = Reading(shown.spread, rules.max_relative_spread, "of premium")
    return at_most(DEPTH, depth), at_most(SPREAD, wide)
