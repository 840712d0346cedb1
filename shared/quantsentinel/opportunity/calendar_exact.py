"""Exact prices of the calendars that the screen found best, on a finer grid and with the margin of both expiries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quantsentinel.costs.margin import MarginGrid, MarginLegs, margin_batch
from quantsentinel.opportunity.calendar_terms import Pair
from quantsentinel.opportunity.calendar_value import EXACT_NODES, Values, value
from quantsentinel.opportunity.calendars import BOUGHT, SOLD, CalendarScreen
from quantsentinel.opportunity.entry_zone import PriceLine, Shape
from quantsentinel.opportunity.exact import (
    Valued,
    greeks_of,
    offer_of,
    picked,
    price_line,
    stress_points,
    stressed_payoffs,
    ticket_of,
)
from quantsentinel.opportunity.opportunity import LegExpectation, Opportunity
from quantsentinel.opportunity.reprice import Costs, Ticket, costs_at
from quantsentinel.opportunity.screen import consensus_share
from quantsentinel.units import rupees


def price_calendars(screen: CalendarScreen, chosen: Sequence[int]) -> list[Opportunity]:
    """The opportunities of the chosen calendars, eligible or not, in the order given."""
    index, table = np.asarray(chosen, dtype=np.int64), screen.screened.table
    calendars, grid = screen.calendars.take(index), picked(screen.screened.grid, index)
    values = value(calendars, EXACT_NODES)
    pairs = [calendars.pairs[which] for which in calendars.pair_of.tolist()]
    share = consensus_share(table, grid, pairs[0].terms.shared.consensus).tolist()
    greeks = greeks_of(table, grid, [pair.terms.lot for pair in pairs])
    offers = []
    for place, pair in enumerate(pairs):
        ticket = ticket_of(table, grid, place, pair.terms, _expectations(values, place))
        costs = costs_at(ticket, 1, pair.terms.schedule)
        line, shape = _line(values, place, pair, ticket, costs)
        margin = _margin(ticket, pair)
        valued = Valued(
            ticket=ticket,
            costs=costs,
            line=line,
            shape=shape,
            won=shape.win_probability(np.array([line.executable + line.flat])).item(),
            margin=(rupees(float(margin.now)), rupees(float(margin.expiry_day))),
            greeks=greeks[place],
            share=share[place],
        )
        offers.append(offer_of(valued, pair.terms))
    return offers


def _expectations(values: Values, place: int) -> tuple[LegExpectation, ...]:
    """What each leg is expected to trade at when it is closed; it is closed with certainty."""
    return tuple(LegExpectation(max(round(price, 4), 0.0), 1.0) for price in values.leg[place].tolist())


def _line(values: Values, place: int, pair: Pair, ticket: Ticket, costs: Costs) -> tuple[PriceLine, Shape]:
    at = np.array([place])
    spread = next(spread for rows, spread in values.physical if place in rows)
    implied = pair.near.density
    assert implied is not None
    paid = values.least_at(place, stress_points(implied, pair.terms))
    worst = stressed_payoffs(paid[None, :], implied, pair.terms)[0]
    line = price_line(ticket, costs, float(values.edge[place]), worst)
    return line, Shape(values.bounds.take(at), values.outcome.take(at), spread.nodes, spread.cdf)


def _margin(ticket: Ticket, pair: Pair) -> MarginGrid:
    """With the calendar spread charge; on the near leg's expiry day without offset, so that a tenant who does not close
    in time has the funds."""
    days = [
        (part.ending.last_trade.date() - part.shared.analytics.session).days for part in (pair.far_terms, pair.terms)
    ]
    assert ticket.package.legs[BOUGHT].instrument.expiry == pair.far.expiry
    assert ticket.package.legs[SOLD].instrument.expiry == pair.near.expiry
    legs = MarginLegs(
        strike=np.array([leg.instrument.strike for leg in ticket.package.legs]),
        is_call=np.array([leg.instrument.is_call for leg in ticket.package.legs]),
        signed_units=np.array([1.0, -1.0]) * ticket.lot,
        mark=np.array([quote.mid for quote in ticket.legs]),
        forward=np.array([pair.far.forward, pair.near.forward], dtype=np.float64),
        expiry_days=np.array(days, dtype=np.float64),
    )
    return margin_batch(legs, pair.terms.margin_market, pair.terms.scan)
