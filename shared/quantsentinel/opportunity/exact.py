"""Exact prices of the few packages that the screen found best: Decimal charges, full margin, the whole density."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from quantsentinel.canonical import digest, short_id
from quantsentinel.costs.margin import MarginGrid, MarginLegs, margin_batch
from quantsentinel.costs.slippage import over_legs
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Leg, Package
from quantsentinel.opportunity.entry_zone import PriceLine, Shape, price_levels
from quantsentinel.opportunity.expiry_terms import ExpiryTerms
from quantsentinel.opportunity.hard_rules import RuleNumbers, judge
from quantsentinel.opportunity.opportunity import Economics, LegExpectation, LegPrice, Opportunity, PackageGreeks
from quantsentinel.opportunity.payoff_profile import Legs, breakevens, leg_payoffs, win_probability
from quantsentinel.opportunity.quote_table import QuoteTable
from quantsentinel.opportunity.reprice import Costs, Ticket, costs_at
from quantsentinel.opportunity.screen import Screened, consensus_share, net, scores
from quantsentinel.opportunity.structures import FAMILIES, Grid
from quantsentinel.pricing.density import Density
from quantsentinel.units import Rupees, quantise, rupees
from quantsentinel.verdict import Outcome, Verdict

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Valued:
    """One package with all that its offer is made of. `margin`: now and on the expiry day, one lot; `won`: how probable
    a profit is when entering at the executable price."""

    ticket: Ticket
    costs: Costs
    line: PriceLine
    shape: Shape
    won: float
    margin: tuple[Rupees, Rupees]
    greeks: PackageGreeks
    share: float


def price_exactly(screened: Screened, chosen: Sequence[int], terms: ExpiryTerms) -> list[Opportunity]:
    """The opportunities of the chosen candidates of one expiry, eligible or not, in the order given."""
    table, index = screened.table, np.asarray(chosen, dtype=np.int64)
    grid, legs, shapes = picked(screened.grid, index), screened.legs.take(index), screened.shape.take(index)
    margins = _margins(table, grid, terms)
    share = consensus_share(table, grid, terms.shared.consensus).tolist()
    tickets = [ticket_of(table, grid, place, terms, _expectations(table, grid, place)) for place in range(len(grid))]
    costs = [costs_at(ticket, 1, terms.schedule) for ticket in tickets]
    edges, stressed = net(table.edge, grid).tolist(), _stressed_payoffs(legs, terms)
    lines = [price_line(*each) for each in zip(tickets, costs, edges, stressed, strict=True)]
    physical = terms.part.physical
    assert physical is not None
    sunk = np.array([line.executable + line.flat for line in lines])
    won = win_probability(shapes, sunk, physical.strike, physical.cdf).tolist()
    held = [shapes.take(slice(place, place + 1)) for place in range(len(grid))]
    offers = []
    for place, greeks in enumerate(greeks_of(table, grid, [terms.lot] * len(grid))):
        shape = Shape(held[place], held[place], physical.strike, physical.cdf)
        blocked = rupees(margins.now.item(place)), rupees(margins.expiry_day.item(place))
        of = (tickets[place], costs[place], lines[place], shape, won[place])
        offers.append(offer_of(Valued(*of, blocked, greeks, share[place]), terms))
    return offers


def picked(grid: Grid, index: Ints) -> Grid:
    """The packages in these places, without their hedges."""
    return Grid(grid.family[index], grid.rows[index], grid.sides[index])


def _margins(table: QuoteTable, grid: Grid, terms: ExpiryTerms) -> MarginGrid:
    rows = grid.rows
    days = (terms.ending.last_trade.date() - terms.shared.analytics.session).days
    legs = MarginLegs(
        strike=table.strike[rows],
        is_call=table.is_call[rows],
        signed_units=grid.sides * terms.lot,
        mark=table.mid[rows],
        forward=np.full(rows.shape, table.forward),
        expiry_days=np.full(rows.shape, float(days)),
    )
    return margin_batch(legs, terms.margin_market, terms.scan)


def offer_of(valued: Valued, terms: ExpiryTerms) -> Opportunity:
    """The offer, with its levels, bounds and the receipts of the hard rules."""
    ticket, costs, line, shape = valued.ticket, valued.costs, valued.line, valued.shape
    policy = terms.shared.desk.policy
    economics = _economics(line, valued.won, costs, terms)
    lowest = float(shape.bounds.lowest()[0])
    verdicts = _verdicts(ticket, economics, line, lowest, terms)
    holds = not any(verdict.stops for verdict in verdicts)
    at = price_levels(line, shape, policy, ticket.tick, holds=holds)
    package = ticket.package
    return Opportunity(
        opportunity_id=_identity(package, terms.shared.snapshot_digest),
        package=package,
        legs=ticket.legs,
        lot=ticket.lot,
        tick=ticket.tick,
        freeze_units=terms.freeze_units,
        mid=line.mid,
        executable=line.executable,
        entry_zone=(at.best, at.worst),
        target=at.target,
        stop=at.stop,
        time_stop=terms.time_stop,
        valid_until=terms.valid_until,
        max_profit=_bounded(shape.bounds.highest()[0] - at.worst - line.flat, terms.lot),
        max_loss=_bounded(at.worst + line.flat - lowest, terms.lot),
        breakevens=tuple(round(point, 2) for point in breakevens(shape.bounds, at.worst + line.flat)),
        margin_now=valued.margin[0],
        margin_expiry_day=valued.margin[1],
        greeks=valued.greeks,
        economics=economics,
        score=_score(economics, valued.share),
        verdicts=verdicts,
        rule_rows=terms.rule_rows,
        expectations=ticket.expectations,
    )


def _identity(package: Package, snapshot_digest: str) -> str:
    strikes = [(leg.instrument.strike, leg.instrument.right, leg.side) for leg in package.legs]
    far = [package.far_expiry] if package.is_calendar else []
    return short_id("opp", package.underlying, package.family, package.expiry, strikes, snapshot_digest, *far)


def _score(economics: Economics, share: float) -> float:
    """As in the screen, with the exact numbers; 0 when nothing is at risk under stress."""
    net_ev, stressed = np.array([float(economics.net_ev)]), np.array([float(economics.stressed_loss)])
    score = float(scores(net_ev, stressed, np.array([share]))[0])
    return quantise(score) if np.isfinite(score) else 0.0


def ticket_of(
    table: QuoteTable, grid: Grid, place: int, terms: ExpiryTerms, expectations: tuple[LegExpectation, ...]
) -> Ticket:
    pairs = zip(grid.rows[place].tolist(), grid.sides[place].tolist(), strict=True)
    legs = tuple(Leg(table.instrument(leg), 1 if side > 0 else -1) for leg, side in pairs if side)
    prices: list[LegPrice] = []
    for leg in legs:
        price = terms.shared.analytics.leg_price(leg.instrument)
        assert price is not None  # the screen passes two-sided quotes only
        prices.append(price)
    package = Package(FAMILIES[int(grid.family[place])], legs)
    return Ticket(package, tuple(prices), expectations, terms.lot, terms.shared.frame.tick)


def _expectations(table: QuoteTable, grid: Grid, place: int) -> tuple[LegExpectation, ...]:
    used = grid.rows[place][grid.sides[place] != 0].tolist()
    return tuple(
        LegExpectation(round(float(table.expected[leg]), 4), quantise(float(table.in_the_money[leg]))) for leg in used
    )


def price_line(ticket: Ticket, costs: Costs, edge: float, stressed: float) -> PriceLine:
    """Prices from the quantised legs, so that what is shown adds up; `stressed`: what the package pays under stress."""
    pairs = list(zip(ticket.package.legs, ticket.legs, strict=True))
    executable = sum(leg.signed * (quote.ask if leg.side > 0 else quote.bid) for leg, quote in pairs)
    mid = sum(leg.signed * quote.mid for leg, quote in pairs)
    flat = float(costs.entry + costs.depth_impact) / ticket.lot
    return PriceLine(
        mid=quantise(mid),
        executable=quantise(executable),
        value=quantise(mid) + quantise(edge),
        flat=flat,
        exit=float(costs.exit_charges) / ticket.lot,
        stressed=executable + flat - stressed,
    )


def _stressed_payoffs(legs: Legs, terms: ExpiryTerms) -> list[float]:
    """`stressed_payoffs` of packages held to settlement."""
    implied = terms.part.density
    assert implied is not None
    points = stress_points(implied, terms)
    return stressed_payoffs(leg_payoffs(legs, points[None, :], terms.exit_cost).sum(axis=2), implied, terms)


def stress_points(implied: Density, terms: ExpiryTerms) -> Floats:
    """The two gaps, then every node of the implied density."""
    gap, forward = terms.shared.desk.policy.hard_rules.gap_stress, implied.forward
    return np.concatenate([[forward * (1 - gap), forward * (1 + gap)], implied.strike])


def stressed_payoffs(paid: Floats, implied: Density, terms: ExpiryTerms) -> list[float]:
    """Points, by package: the worst of the gaps and of the mean tail payoff over every node of the implied density.
    `paid` (m, n) is what each pays at the stress points."""
    tail, level = paid[:, 2:], 1.0 - terms.shared.desk.policy.hard_rules.tail_level
    order = tail.argsort(axis=1, kind="stable")
    reached = np.minimum(implied.mass[order].cumsum(axis=1), level)
    weight = reached.copy()
    weight[:, 1:] -= reached[:, :-1]
    worst_first = np.take_along_axis(tail, order, axis=1)
    shortfall = [float(weight[place] @ worst_first[place]) / level for place in range(len(paid))]
    return [min(pair) for pair in zip(shortfall, paid[:, :2].min(axis=1).tolist(), strict=True)]


def _economics(line: PriceLine, won: float, costs: Costs, terms: ExpiryTerms) -> Economics:
    gross = rupees(line.gross * terms.lot)
    half_spread = rupees((line.executable - line.mid) * terms.lot)
    frictions = rupees(half_spread + costs.depth_impact + costs.entry + costs.exit_charges)
    return Economics(
        gross_edge=gross,
        frictions=frictions,
        net_ev=rupees(gross - frictions),
        cost_ratio=quantise(float(frictions / gross)) if gross > 0 else None,
        win_probability=quantise(won),
        stressed_loss=rupees(line.stressed * terms.lot),
        cost_lines=costs.charges.lines,
        half_spread=half_spread,
        depth_impact=costs.depth_impact,
        exit_charges=costs.exit_charges,
    )


def _verdicts(
    ticket: Ticket, economics: Economics, line: PriceLine, lowest: float, terms: ExpiryTerms
) -> tuple[Verdict, ...]:
    shared = terms.shared
    loss = line.executable + line.flat - lowest
    numbers = RuleNumbers(
        gross_edge=float(economics.gross_edge),
        frictions=float(economics.frictions),
        win_probability=economics.win_probability,
        stressed_loss=float(economics.stressed_loss),
        max_loss=loss * terms.lot if np.isfinite(loss) else None,
        premium=float(Decimal(str(line.executable)) * terms.lot),
    )
    stamp = digest([shared.snapshot_digest, shared.history.digest, shared.desk.digest, ticket.package])
    refused = shared.entries_refused
    allowed = Verdict(
        guard=refused or "entries_offered",
        version=1,
        outcome=Outcome.BLOCKED if refused else Outcome.PASSED,
        measured=refused or "allowed",
        limit="allowed",
        unit="state",
        input_hash=stamp,
    )
    return (allowed, *judge(numbers, shared.desk.policy.hard_rules, stamp))


def _bounded(points: float, lot: int) -> Rupees | None:
    return rupees(float(points) * lot) if np.isfinite(points) else None


def greeks_of(table: QuoteTable, grid: Grid, lots: Sequence[int]) -> list[PackageGreeks]:
    """By package, rupees per lot of so many units; vega per vol point (0.01)."""

    def total(values: Floats, unit: float) -> list[float]:
        # An unused leg stands on some row, whose Greeks may be unknown.
        sums = over_legs(np.where(grid.sides != 0, values[grid.rows] * grid.sides, 0.0))
        return [quantise(amount * lot * unit) for amount, lot in zip(sums.tolist(), lots, strict=True)]

    units = ((table.delta, 1.0), (table.gamma, 1.0), (table.vega, 0.01), (table.theta, 1.0))
    return [PackageGreeks(*each) for each in zip(*(total(values, unit) for values, unit in units), strict=True)]
