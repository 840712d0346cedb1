"""The same package at another number of lots: brokerage by freeze slices and depth impact are not linear in lots."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from quantsentinel.costs.charges import Charges, Fill, charge_lines, expected_exit_charges
from quantsentinel.costs.slippage import depth_impact
from quantsentinel.desk import Desk
from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Package
from quantsentinel.market.schedules import ChargeSchedule
from quantsentinel.opportunity.opportunity import LegExpectation, LegPrice, Opportunity
from quantsentinel.units import Rupees, quantise, rupees


@dataclass(frozen=True, slots=True)
class Ticket:
    """A package with what its legs show and are expected to pay; enough for every cost at any number of lots."""

    package: Package
    legs: tuple[LegPrice, ...]
    expectations: tuple[LegExpectation, ...]
    lot: int
    tick: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Rupees for `lots` lots, entering at the market and holding to the declared exit."""

    charges: Charges
    depth_impact: Rupees
    exit_charges: Rupees

    @property
    def entry(self) -> Rupees:
        return rupees(self.charges.total)


@dataclass(frozen=True, slots=True)
class Repriced:
    """Rupees for all `lots`; `price` is the net entry price in points per unit it was priced at."""

    lots: int
    price: float
    charges: Rupees
    """At entry."""
    exit_charges: Rupees
    depth_impact: Rupees
    gross_edge: Rupees
    frictions: Rupees
    net_ev: Rupees
    cost_ratio: float | None
    stressed_loss: Rupees
    max_loss: Rupees | None


def costs_at(ticket: Ticket, lots: int, schedule: ChargeSchedule) -> Costs:
    """Exact entry charges, depth impact beyond the touch, and expected charges of settlement; a calendar is not settled
    but closed in the market, spread and depth included."""
    sides = [leg.signed for leg in ticket.package.legs]
    units = np.array([side * ticket.lot * lots for side in sides], dtype=np.float64)
    fills = [
        Fill(
            leg.instrument,
            leg.side,
            leg.ratio * ticket.lot * lots,
            Decimal(str(quote.ask if leg.side > 0 else quote.bid)),
            ticket.lot,
        )
        for leg, quote in zip(ticket.package.legs, ticket.legs, strict=True)
    ]
    shown = [quote.ask_size if side > 0 else quote.bid_size for side, quote in zip(sides, ticket.legs, strict=True)]
    half = [(quote.ask - quote.bid) / 2 for quote in ticket.legs]
    impact = float(depth_impact(units, shown, half, ticket.tick))
    if not np.isfinite(impact):
        raise Broken("a leg shows no size", where=str(ticket.package), fix="The screen must refuse it as no quote")
    entry = charge_lines(fills, schedule)
    if ticket.package.is_calendar:
        return Costs(entry, rupees(impact), _cost_of_closing(ticket, lots, schedule))
    intrinsic = [expected.intrinsic for expected in ticket.expectations]
    chance = [expected.in_the_money for expected in ticket.expectations]
    settle = float(expected_exit_charges(intrinsic, units, schedule, chance, ticket.lot))
    return Costs(entry, rupees(impact), rupees(settle))


def _cost_of_closing(ticket: Ticket, lots: int, schedule: ChargeSchedule) -> Rupees:
    """Of trading both legs back at their expected prices: charges, half of today's spreads, depth beyond the touch."""
    legs = list(zip(ticket.package.legs, ticket.legs, ticket.expectations, strict=True))
    units = [leg.ratio * ticket.lot * lots for leg, _, _ in legs]
    fills = [
        Fill(leg.instrument, -1 if leg.side > 0 else 1, count, Decimal(str(expected.intrinsic)), ticket.lot)
        for (leg, _, expected), count in zip(legs, units, strict=True)
    ]
    half = [(quote.ask - quote.bid) / 2 for _, quote, _ in legs]
    shown = [quote.bid_size if leg.side > 0 else quote.ask_size for leg, quote, _ in legs]
    impact = float(depth_impact(np.array(units, dtype=np.float64), shown, half, ticket.tick))
    spread = sum(width * count for width, count in zip(half, units, strict=True))
    return rupees(charge_lines(fills, schedule).total + rupees(spread + impact))


def reprice_at_lots(opportunity: Opportunity, lots: int, desk: Desk, price: float | None = None) -> Repriced:
    """Pure, a function of its arguments only. `price` None means the executable price; the trade date is the session's.

    Raises `Broken` when the opportunity was built without its legs' expectations.
    """
    ticket = Ticket(opportunity.package, opportunity.legs, opportunity.expectations, opportunity.lot, opportunity.tick)
    if len(ticket.expectations) != len(ticket.legs):
        raise Broken("no expectations of the legs", where=opportunity.opportunity_id, fix="Price it in the market pass")
    day = opportunity.valid_until.astimezone(IST).date()
    costs = costs_at(ticket, lots, desk.rules.charges(opportunity.package.underlying, day, desk.broker))
    paid = opportunity.executable if price is None else price
    units = Decimal(opportunity.lot * lots)
    above = Decimal(str(round(paid - opportunity.executable, 6))) * units
    one = opportunity.economics
    spread = one.half_spread * lots + above
    frictions = rupees(spread + costs.depth_impact + costs.entry + costs.exit_charges)
    gross = rupees(one.gross_edge * lots)
    # Per-lot losses hold the flat costs of one lot; they are replaced by the flat costs of these lots.
    entry_cost = sum((line.amount for line in one.cost_lines), Decimal(0)) + one.depth_impact
    flat = costs.entry + costs.depth_impact
    stressed = rupees((one.stressed_loss - entry_cost) * lots + flat + above)
    zone = Decimal(str(round(paid - opportunity.entry_zone[1], 6))) * units
    loss = None
    if opportunity.max_loss is not None:
        loss = rupees((opportunity.max_loss - entry_cost) * lots + flat + zone)
    return Repriced(
        lots=lots,
        price=paid,
        charges=costs.entry,
        exit_charges=costs.exit_charges,
        depth_impact=costs.depth_impact,
        gross_edge=gross,
        frictions=frictions,
        net_ev=rupees(gross - frictions),
        cost_ratio=quantise(float(frictions / gross)) if gross > 0 else None,
        stressed_loss=stressed,
        max_loss=loss,
    )
