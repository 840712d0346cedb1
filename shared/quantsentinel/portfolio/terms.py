"""The money of an offer at a tenant's lots, at the worst price of its entry zone."""

from __future__ import annotations

import math
from decimal import Decimal

from quantsentinel.costs.charges import order_slices
from quantsentinel.desk import Desk, HardRules
from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.opportunity.reprice import reprice_at_lots
from quantsentinel.portfolio.memo import Memo
from quantsentinel.units import Rupees, quantise, rupees

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """Of the whole signal, not per lot. `limit_price` in net points per unit: pay at most, or receive at least when
    negative; `max_loss` and `max_profit` are of entering at it, net EV and cost ratio of entering at the market."""

    lots: int
    lot: int
    limit_price: float
    max_loss: Rupees | None
    """None when unbounded."""
    max_profit: Rupees | None
    margin_now: Rupees
    margin_expiry_day: Rupees
    funds: Rupees
    """What it blocks: the larger margin, plus a debit that is paid."""
    entry_charges: Rupees
    charges: Rupees
    """At entry and, expected, at settlement."""
    net_ev: Rupees
    cost_ratio: float | None
    win_probability: float
    """Of one lot; at what is sized, known not to be below its limit (`wins_as_one_lot`)."""
    net_ev_of_stressed_loss: float | None
    slices: int
    """Orders per leg, because of the freeze quantity."""

    @property
    def bounded_loss(self) -> Rupees:
        """Raises `Broken` for an unbounded loss: no wall lets it pass."""
        if self.max_loss is None:
            raise Broken("terms with an unbounded loss", where="terms")
        return self.max_loss


_TERMS: Memo[tuple[Opportunity, Terms]] = Memo(1024)
_PAYS: Memo[tuple[Opportunity, bool]] = Memo(1024)
PAISA = Decimal("0.01")
"""A lot's charges are rounded once in its terms and not in its lines."""


def funds_per_lot(opportunity: Opportunity) -> Decimal:
    """Rupees a lot blocks: the larger margin of now and the expiry day, plus the debit at the limit price."""
    debit = max(Decimal(str(opportunity.entry_zone[1])), ZERO) * opportunity.lot
    return max(opportunity.margin_now, opportunity.margin_expiry_day) + debit


def terms_at(opportunity: Opportunity, lots: int, desk: Desk) -> Terms:
    """Exact entry charges (freeze slices included) and depth impact at `lots`. Remembered per opportunity object: its
    id does not name the history that its edge was worked out with."""
    known = _TERMS.get((id(opportunity), desk.digest, lots), lambda: (opportunity, _terms(opportunity, lots, desk)))
    return known[1]  # the memory holds the opportunity too, so no other object gets its id()


def _terms(opportunity: Opportunity, lots: int, desk: Desk) -> Terms:
    worst, units = opportunity.entry_zone[1], lots * opportunity.lot
    priced = reprice_at_lots(opportunity, lots, desk)
    dearer = Decimal(str(worst)) - Decimal(str(opportunity.executable))
    loss = None if priced.max_loss is None else rupees(priced.max_loss + dearer * units)
    profit, stressed = opportunity.max_profit, priced.stressed_loss
    largest = max(leg.ratio for leg in opportunity.package.legs)
    return Terms(
        lots=lots,
        lot=opportunity.lot,
        limit_price=worst,
        max_loss=loss,
        max_profit=None if profit is None else rupees(profit * lots),
        margin_now=rupees(opportunity.margin_now * lots),
        margin_expiry_day=rupees(opportunity.margin_expiry_day * lots),
        funds=rupees(funds_per_lot(opportunity) * lots),
        entry_charges=priced.charges,
        charges=rupees(priced.charges + priced.exit_charges),
        net_ev=priced.net_ev,
        cost_ratio=priced.cost_ratio,
        win_probability=opportunity.economics.win_probability,
        net_ev_of_stressed_loss=quantise(float(priced.net_ev / stressed)) if stressed > 0 else None,
        slices=len(order_slices(units * largest, opportunity.freeze_units, opportunity.lot)),
    )


def pays_at(opportunity: Opportunity, lots: int, desk: Desk) -> bool:
    """The rules that depend on size still hold at these lots; remembered as the terms are."""

    def work_out() -> tuple[Opportunity, bool]:
        terms, rules = terms_at(opportunity, lots, desk), desk.policy.hard_rules
        wins = not asks_to_win(opportunity, rules) or wins_as_one_lot(opportunity, terms)
        return opportunity, wins and _pays_its_costs(terms, rules)

    return _PAYS.get((id(opportunity), desk.digest, lots), work_out)[1]


def asks_to_win(opportunity: Opportunity, rules: HardRules) -> bool:
    """Whether the win probability is asked of it: of every package, or of those that collect premium only."""
    return rules.profile != "balanced" or not opportunity.executable > 0


def wins_as_one_lot(opportunity: Opportunity, terms: Terms) -> bool:
    """Whether the win probability found for one lot is known to be enough at these lots.

    It falls with what a unit costs to enter, and the rule holds up to the zone's worst price at one lot's costs: so it
    does where charges and depth impact of entering at the market are no more than that.
    """
    one, zone = opportunity.economics, opportunity.entry_zone[1] - opportunity.executable
    if not math.isfinite(zone):
        return False
    entering = (one.gross_edge - one.half_spread) * terms.lots - terms.net_ev - (terms.charges - terms.entry_charges)
    alone = sum((line.amount for line in one.cost_lines), one.depth_impact + PAISA)
    bound = (alone + Decimal(str(round(zone, 6))) * terms.lot) * terms.lots
    return entering.is_finite() and entering <= bound


def _pays_its_costs(terms: Terms, rules: HardRules) -> bool:
    share, ratio = terms.net_ev_of_stressed_loss, terms.cost_ratio
    strong = share is None or share >= rules.min_net_ev_of_stressed_loss
    return terms.net_ev > 0 and strong and ratio is not None and ratio <= rules.max_cost_ratio
