"""The broker's margin figure for a cycle's offers, asked once between the market pass and its announcement.

A figure is a refinement: whatever keeps it away, the estimate stands and the cycle is decided. Who did not answer is
in the stored answers, in the cycle's document and in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from quantsentinel.app.margin_check import Subject, check_margin, orders_of
from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import SnapshotTaken
from quantsentinel.errors import BadInput, Conflict, Unavailable
from quantsentinel.opportunity.broker_margin import MarginAnswer
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.ports import BrokerFigure, BrokerMargin, Json
from quantsentinel.stores.margins import MarginStore, margins_key
from quantsentinel.units import rupees

_log = logging.getLogger(__name__)

MOST_S = 5.0
"""Of all questions of a cycle together: offers that were not asked by then keep their estimate."""


def ask_margins(platform: Platform, taken: SnapshotTaken, view: MarketView) -> str:
    """The key of the stored answers; empty where no broker is configured or nothing is offered.

    A cycle that is decided again takes the answers of the first attempt.
    """
    broker = platform.margin_broker
    offers = [offer for offer in view.opportunities if offer.is_eligible]
    if broker is None or not offers:
        return ""
    key, store = margins_key(taken.underlying, taken.session, taken.cycle_id), MarginStore(platform.objects)
    if store.find(key) is None:
        asked = [_Asked(offer) for offer in offers]
        _ask(platform, broker, asked)
        store.put(key, [one.answer(broker.name, platform.clock.now()) for one in asked])
        _tell(taken.cycle_id, broker.name, asked)
        _compare(platform, asked)
    return key


def margin_record(platform: Platform, key: str) -> Json:
    """What a cycle's document says of the questions; nothing where none was asked."""
    if not key:
        return {}
    answers = MarginStore(platform.objects).get(key)
    missing = [answer.why for answer in answers if answer.margin is None]
    return {"margins_asked": len(answers), "margins_missing": len(missing), "margins_why": (missing or [""])[0]}


class _Asked:
    """One offer, and what came of asking."""

    def __init__(self, offer: Opportunity) -> None:
        self.offer = offer
        self.figure: BrokerFigure | None = None
        self.why = ""

    def answer(self, broker: str, now: datetime) -> MarginAnswer:
        figure, name = self.figure, self.offer.opportunity_id
        if figure is None:
            return MarginAnswer(name, broker, now, None, self.why)
        return MarginAnswer(name, figure.broker, figure.at, rupees(figure.margin))


def _ask(platform: Platform, broker: BrokerMargin, asked: Sequence[_Asked]) -> None:
    """One after another, best offer first, until one finds nobody there or the time is up."""
    started, gone = platform.clock.now(), ""
    for one in asked:
        if not gone and (platform.clock.now() - started).total_seconds() >= MOST_S:
            gone = f"not asked: {MOST_S:g} s were up"
        if gone:
            one.why = gone
            continue
        try:
            one.figure, one.why = _believed(broker.figure(orders_of(one.offer)), one.offer)
        except Unavailable as error:
            one.why = gone = str(error)
        except BadInput as error:  # this package, or a token: the next one's answer is as quick
            one.why = str(error)
        except Exception as error:  # whatever it is, it must not keep a cycle from being decided
            _log.critical("%s's answer is not understood: %s", broker.name, error, exc_info=error)
            one.why = gone = f"{type(error).__name__}: {error}"


def _believed(figure: BrokerFigure, offer: Opportunity) -> tuple[BrokerFigure | None, str]:
    """No margin at all for what we know to need some is no figure."""
    if rupees(figure.margin) <= Decimal(0) < offer.margin_now:
        return None, f"{figure.broker} says {rupees(figure.margin)} where {offer.margin_now} is estimated"
    return figure, ""


def _tell(cycle_id: str, broker: str, asked: Sequence[_Asked]) -> None:
    missing = [one.why for one in asked if one.figure is None]
    if missing:
        what = "%s has no margin from %s for %d of %d offers, estimates stand: %s"
        _log.warning(what, cycle_id, broker, len(missing), len(asked), missing[0])


def _compare(platform: Platform, asked: Sequence[_Asked]) -> None:
    """The best answered offer of each family, beside its estimate."""
    best: dict[str, _Asked] = {}
    for one in asked:
        if one.figure is not None:
            best.setdefault(one.offer.family.value, one)
    for family, one in best.items():
        assert one.figure is not None
        subject = Subject(one.offer.package.underlying, family, one.offer.margin_now)
        try:
            check_margin(platform.documents, one.figure, subject, platform.desk.policy.margin_check)
        except Conflict as error:
            _log.info("a margin check of %s gave way to another: %s", family, error)
