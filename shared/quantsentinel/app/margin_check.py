"""The broker's margin figure beside our estimate: preferred where there is one, compared and kept by package family.

margin_checks/{broker}.{underlying}.{family}    the newest checks, and since when their difference is an alarm
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from quantsentinel.accounts.codec import decode
from quantsentinel.canonical import canonical
from quantsentinel.costs.margin import MarginEstimate
from quantsentinel.desk import MarginCheckPolicy
from quantsentinel.errors import Unavailable
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Leg
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.ports import BrokerFigure, BrokerMargin, Create, Documents, MarginOrder, Update
from quantsentinel.units import Rupees, quantise, rupees

COLLECTION = "margin_checks"
OTHER = "other"
_SHAPES = {
    ("+PE", "-PE", "-CE", "+CE"): "iron_condor",
    ("+CE", "-CE"): "bull_call_spread",
    ("-CE", "+CE"): "bear_call_spread",
    ("+PE", "-PE"): "bull_put_spread",
    ("-PE", "+PE"): "bear_put_spread",
    ("+PE", "+CE"): "long_strangle",
    ("-PE", "-CE"): "short_strangle",
    ("+CE",): "long_call",
    ("+PE",): "long_put",
}
_AT_ONE_STRIKE = {
    "iron_condor": "iron_butterfly",
    "long_strangle": "long_straddle",
    "short_strangle": "short_straddle",
}


@dataclass(frozen=True, slots=True)
class PreferredMargin:
    """Today's margin beside the premium, rupees. `label` says whose it is, `why` what kept the broker's away."""

    margin: Rupees
    worst_day: Rupees
    """Of every day to the exit: the estimate's rise after today on top, which no broker's figure of today holds."""
    label: str
    figure: BrokerFigure | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class MarginCheck:
    """`difference` = broker - estimate, rupees; `share` of the larger of the two, unsigned."""

    at: datetime
    broker: str
    underlying: str
    family: str
    estimate: Rupees
    figure: Rupees
    difference: Rupees
    share: float
    limit: float
    alarm: bool


@dataclass(frozen=True, slots=True)
class FamilyChecks:
    """Newest last; `alarm_since` the first check of the unbroken run of alarms that the newest one ends."""

    broker: str
    underlying: str
    family: str
    checks: tuple[MarginCheck, ...]
    alarm_since: datetime | None = None


def preferred_margin(
    broker: BrokerMargin | None, orders: Sequence[MarginOrder], estimate: MarginEstimate
) -> PreferredMargin:
    """The broker's figure where one is configured and answers, else the estimate with the reason."""
    rise = max(estimate.total - estimate.now, 0.0)
    if broker is None:
        return PreferredMargin(rupees(estimate.now), rupees(estimate.total), estimate.label)
    try:
        figure = broker.figure(orders)
    except Unavailable as error:
        return PreferredMargin(rupees(estimate.now), rupees(estimate.total), estimate.label, why=str(error))
    return PreferredMargin(rupees(figure.margin), rupees(figure.margin + rise), figure.broker, figure)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a figure is about; `estimate` is today's margin, rupees."""

    underlying: str
    family: str
    estimate: Rupees


def subject_of(legs: Sequence[Leg], estimate: MarginEstimate) -> Subject:
    """Of legs that a person named."""
    return Subject(legs[0].instrument.underlying, family_of(legs), rupees(estimate.now))


def check_margin(
    documents: Documents, figure: BrokerFigure, subject: Subject, policy: MarginCheckPolicy
) -> MarginCheck:
    """Compares today's margins and keeps the result. Raises `Conflict` when another check came between."""
    theirs = rupees(figure.margin)
    larger = max(subject.estimate, theirs)
    share = quantise(float(abs(theirs - subject.estimate) / larger)) if larger else 0.0
    check = MarginCheck(
        at=figure.at,
        broker=figure.broker,
        underlying=subject.underlying,
        family=subject.family,
        estimate=subject.estimate,
        figure=theirs,
        difference=rupees(theirs - subject.estimate),
        share=share,
        limit=policy.max_difference,
        alarm=share > policy.max_difference,
    )
    _keep(documents, check, policy.kept)
    return check


def check_offers(
    documents: Documents, broker: BrokerMargin, offers: Sequence[Opportunity], policy: MarginCheckPolicy
) -> list[MarginCheck]:
    """One lot of the best offer of each family, at its mid prices. Raises as the broker and `check_margin` do."""
    best: dict[str, Opportunity] = {}
    for offer in offers:
        best.setdefault(offer.family.value, offer)
    return [
        check_margin(
            documents,
            broker.figure(orders_of(offer)),
            Subject(offer.package.underlying, family, offer.margin_now),
            policy,
        )
        for family, offer in best.items()
    ]


def orders_of(offer: Opportunity) -> list[MarginOrder]:
    """One lot of its package."""
    pairs = zip(offer.package.legs, offer.legs, strict=True)
    return [MarginOrder(leg.instrument, leg.signed * offer.lot, price.mid) for leg, price in pairs]


def margin_checks(documents: Documents) -> list[FamilyChecks]:
    """Everything that was compared, by broker, underlying and family."""
    return [_stored(document.data) for document in documents.query(COLLECTION)]


def family_of(legs: Sequence[Leg]) -> str:
    """The structure family of legs of equal ratios, `other` for any other shape."""
    if len({leg.ratio for leg in legs}) > 1:
        return OTHER
    if len({leg.instrument.expiry for leg in legs}) > 1:
        return _calendar(sorted(legs, key=lambda leg: leg.instrument.expiry))
    ordered = sorted(legs, key=lambda leg: (leg.instrument.strike, leg.instrument.right == "CE"))
    name = _SHAPES.get(tuple(f"{'+' if leg.side > 0 else '-'}{leg.instrument.right}" for leg in ordered), OTHER)
    strikes = [leg.instrument.strike for leg in ordered]
    middle = strikes[1:3] if len(strikes) == 4 else strikes
    if len(middle) == 2 and middle[0] == middle[1]:
        return _AT_ONE_STRIKE.get(name, OTHER)
    return name if len(set(strikes)) == len(strikes) else OTHER


def _calendar(legs: Sequence[Leg]) -> str:
    """Near sold, far bought, one strike and right."""
    kinds = {(leg.instrument.strike, leg.instrument.right) for leg in legs}
    if [leg.side for leg in legs] != [-1, 1] or len(kinds) > 1:
        return OTHER
    return "call_calendar" if legs[0].instrument.is_call else "put_calendar"


def _keep(documents: Documents, check: MarginCheck, kept: int) -> None:
    path = f"{COLLECTION}/{check.broker}.{check.underlying}.{check.family}"
    before = documents.get(path)
    stored = _stored(before.data) if before else FamilyChecks(check.broker, check.underlying, check.family, ())
    since = (stored.alarm_since or check.at) if check.alarm else None
    after = canonical(replace(stored, checks=(*stored.checks, check)[-kept:], alarm_since=since))
    documents.commit([Update(path, after, before.version) if before else Create(path, after)])


def _stored(data: Any) -> FamilyChecks:
    return decode(FamilyChecks, data)
