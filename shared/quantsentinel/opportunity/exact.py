"""Exact prices of the few packages that the screen found best: Decimal charges, full margin, the whole density."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from quantsentinel.canonical import digest, short_id
from quantsentinel.costs.margin import MarginGrid, MarginLegs, margin_batch
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Leg, Package
from quantsentinel.opportunity.entry_zone import PriceLine, Shape, price_levels
from quantsentinel.opportunity.expiry_terms import ExpiryTerms
from quantsentinel.opportunity.hard_rules import RuleNumbers, judge
from quantsentinel.opportunity.opportunity import Economics, LegExpectation, LegPrice, Opportunity, PackageGreeks
from quantsentinel.opportunity.payoff_profile import breakevens, leg_payoffs
from quantsentinel.opportunity.reprice import Costs, Ticket, costs_at
from quantsentinel.opportunity.screen import Screened, consensus_share, scores
from quantsentinel.opportunity.structures import FAMILIES
from quantsentinel.pricing.density import Density
from quantsentinel.units import Rupees, quantise, rupees
from quantsentinel.verdict import Outcome, Verdict

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Valued:
    """One package with all that its offer is made of. `margin`: now and on the expiry day, one lot."""

    ticket: Ticket
    costs: Costs
    line: PriceLine
    shape: Shape
    margin: tuple[Rupees, Rupees]
    greeks: PackageGreeks
    share: float


def price_exactly(screened: Screened, chosen: Sequence[int], terms: ExpiryTerms) -> list[Opportunity]:
    """The opportunities of the chosen candidates of one expiry, eligible or not, in the order given."""
    index = np.asarray(chosen, dtype=np.int64)
    margins = _margins(screened, index, terms)
    share = consensus_share(screened.table, screened.grid, terms.shared.consensus)
    offers = []
    for row, now, last in zip(index.tolist(), margins.now.tolist(), margins.expiry_day.tolist(), strict=True):
        ticket = ticket_of(screened, row, terms, _expectations(screened, row))
        costs = costs_at(ticket, 1, terms.schedule)
        line, shape = _price_line(screened, row, terms, costs, ticket)
        blocked, greeks = (rupees(now), rupees(last)), greeks_of(screened, row, terms.lot)
        offers.append(offer_of(Valued(ticket, costs, line, shape, blocked, greeks, float(share[row])), terms))
    return offers


def _margins(screened: Screened, index: Ints, terms: ExpiryTerms) -> MarginGrid:
    table, rows = screened.table, screened.grid.rows[index]
    sides = screened.grid.sides[index]
    days = (terms.ending.last_trade.date() - terms.shared.analytics.session).days
    legs = MarginLegs(
        strike=table.strike[rows],
        is_call=table.is_call[rows],
        signed_units=sides * terms.lot,
        mark=table.mid[rows],
        forward=np.full(rows.shape, table.forward),
        expiry_days=np.full(rows.shape, float(days)),
    )
    return margin_batch(legs, terms.margin_market, terms.scan)


def offer_of(valued: Valued, terms: ExpiryTerms) -> Opportunity:
    """The offer, with its levels, bounds and the receipts of the hard rules."""
    ticket, costs, line, shape = valued.ticket, valued.costs, valued.line, valued.shape
    policy = terms.shared.desk.policy
    economics = _economics(line, shape, costs, terms)
    verdicts = _verdicts(ticket, economics, line, shape, terms)
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
        max_loss=_bounded(at.worst + line.flat - shape.bounds.lowest()[0], terms.lot),
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


def ticket_of(screened: Screened, row: int, terms: ExpiryTerms, expectations: tuple[LegExpectation, ...]) -> Ticket:
    table, grid = screened.table, screened.grid
    pairs = zip(grid.rows[row].tolist(), grid.sides[row].tolist(), strict=True)
    legs = tuple(Leg(table.instrument(leg), 1 if side > 0 else -1) for leg, side in pairs if side)
    prices: list[LegPrice] = []
    for leg in legs:
        price = terms.shared.analytics.leg_price(leg.instrument)
        assert price is not None  # the screen passes two-sided quotes only
        prices.append(price)
    package = Package(FAMILIES[int(grid.family[row])], legs)
    return Ticket(package, tuple(prices), expectations, terms.lot, terms.shared.frame.tick)


def _expectations(screened: Screened, row: int) -> tuple[LegExpectation, ...]:
    table, grid = screened.table, screened.grid
    used = grid.rows[row][grid.sides[row] != 0].tolist()
    return tuple(
        LegExpectation(round(float(table.expected[leg]), 4), quantise(float(table.in_the_money[leg]))) for leg in used
    )


def _price_line(
    screened: Screened, row: int, terms: ExpiryTerms, costs: Costs, ticket: Ticket
) -> tuple[PriceLine, Shape]:
    """Expectations from the whole density, held to settlement."""
    edge = float(np.sum(screened.table.edge[screened.grid.rows[row]] * screened.grid.sides[row]))
    at = np.array([row])
    shape, legs = screened.shape.take(at), screened.legs.take(at)
    implied, physical = terms.part.density, terms.part.physical
    assert implied is not None
    assert physical is not None

    def payoff(points: Floats) -> Floats:
        return np.asarray(leg_payoffs(legs, points[None, :], terms.exit_cost).sum(axis=2)[0])

    line = price_line(ticket, costs, edge, stressed_payoff(payoff, implied, terms))
    return line, Shape(shape, shape, physical.strike, physical.cdf)


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


def stressed_payoff(payoff: Callable[[Floats], Floats], implied: Density, terms: ExpiryTerms) -> float:
    """Points: the worst of the gaps and of the mean tail payoff over every node of the implied density."""
    policy = terms.shared.desk.policy.hard_rules
    forward = implied.forward
    points = np.concatenate([[forward * (1 - policy.gap_stress), forward * (1 + policy.gap_stress)], implied.strike])
    paid = payoff(points)
    order = np.argsort(paid[2:], kind="stable")
    level = 1.0 - policy.tail_level
    cumulated = np.minimum(np.cumsum(implied.mass[order]), level)
    weight = np.diff(cumulated, prepend=0.0)
    shortfall = float(weight @ paid[2:][order]) / level
    return min(shortfall, float(paid[:2].min()))


def _economics(line: PriceLine, shape: Shape, costs: Costs, terms: ExpiryTerms) -> Economics:
    gross = rupees(line.gross * terms.lot)
    half_spread = rupees((line.executable - line.mid) * terms.lot)
    frictions = rupees(half_spread + costs.depth_impact + costs.entry + costs.exit_charges)
    win = shape.win_probability(np.array([line.executable + line.flat]))
    return Economics(
        gross_edge=gross,
        frictions=frictions,
        net_ev=rupees(gross - frictions),
        cost_ratio=quantise(float(frictions / gross)) if gross > 0 else None,
        win_probability=quantise(float(win[0])),
        stressed_loss=rupees(line.stressed * terms.lot),
        cost_lines=costs.charges.lines,
        half_spread=half_spread,
        depth_impact=costs.depth_impact,
        exit_charges=costs.exit_charges,
    )


def _verdicts(
    ticket: Ticket, economics: Economics, line: PriceLine, shape: Shape, terms: ExpiryTerms
) -> tuple[Verdict, ...]:
    shared = terms.shared
    loss = line.executable + line.flat - float(shape.bounds.lowest()[0])
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


def greeks_of(screened: Screened, row: int, lot: int) -> PackageGreeks:
    """Rupees per lot; vega per vol point (0.01)."""
    rows, sides, table = screened.grid.rows[row], screened.grid.sides[row], screened.table

    def total(values: Floats, unit: float) -> float:
        used = sides != 0
        return quantise(float(np.sum(values[rows][used] * sides[used])) * lot * unit)

    return PackageGreeks(
        delta=total(table.delta, 1.0),
        gamma=total(table.gamma, 1.0),
        vega=total(table.vega, 0.01),
        theta=total(table.theta, 1.0),
    )
