"""Offers whose margin a broker named: its figure of today for one lot stands where our estimate stood.

The days to come stay ours: what the expiry day adds in the estimate is added to the broker's figure. A package blocks
`estimate + (figure - estimate)` a lot, so that sizing, walls and books need not know whose figure it is. Answers are
data of the cycle: the view with them is as pure a function of its digests as the view without.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal

from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.units import Rupees, rupees


@dataclass(frozen=True, slots=True)
class MarginAnswer:
    """What a broker said about one lot of an offer at `at`: `margin` in rupees beside the premium, or `why` there is
    none; then the estimate stands."""

    opportunity_id: str
    broker: str
    at: datetime
    margin: Rupees | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class BrokerMargined(Opportunity):
    """An offer at the margin that `margin_broker` named; `margin_estimate` is what we thought of today's."""

    margin_broker: str = ""
    margin_estimate: Rupees = Rupees(Decimal(0))  # a value, nothing is shared


def margin_source(opportunity: Opportunity) -> str:
    """Whose figure its margin is: `estimate`, or `broker` with its name."""
    return f"broker {opportunity.margin_broker}" if isinstance(opportunity, BrokerMargined) else "estimate"


def with_broker_margins(view: MarketView, answers: Iterable[MarginAnswer]) -> MarketView:
    """The view whose offers stand at the figures that were given; the same view when none was."""
    given = {answer.opportunity_id: answer for answer in answers if answer.margin is not None}
    if not given:
        return view
    offers = tuple(_margined(offer, given.get(offer.opportunity_id)) for offer in view.opportunities)
    return replace(view, opportunities=offers)


def _margined(offer: Opportunity, answer: MarginAnswer | None) -> Opportunity:
    if answer is None or answer.margin is None:
        return offer
    rise = max(offer.margin_expiry_day - offer.margin_now, Decimal(0))
    values = {field.name: getattr(offer, field.name) for field in fields(Opportunity)}
    values |= {"margin_now": answer.margin, "margin_expiry_day": rupees(answer.margin + rise)}
    return BrokerMargined(**values, margin_broker=answer.broker, margin_estimate=offer.margin_now)
