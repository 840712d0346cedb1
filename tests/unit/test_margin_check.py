"""The broker's figure beside the estimate: preferred, compared, kept by family, and an alarm above the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.app.margin_check import (
    MarginCheck,
    check_margin,
    check_offers,
    family_of,
    margin_checks,
    orders_of,
    preferred_margin,
    subject_of,
)
from quantsentinel.costs.margin import MarginEstimate
from quantsentinel.desk import load_policy
from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.market.instruments import Family, Instrument, Leg, Right
from quantsentinel.ports import BrokerFigure, MarginOrder
from quantsentinel.units import rupees
from tests import builders

NOW = datetime(2025, 8, 29, 5, 0, tzinfo=UTC)
NEAR, FAR = date(2025, 9, 2), date(2025, 9, 30)
ESTIMATE = MarginEstimate(
    total=81_000.0, span=5_000.0, calendar_charge=0.0, exposure=36_000.0, expiry_day_elm=36_000.0,
    net_option_value=-3_000.0, premium_outlay=0.0, now=44_000.0, expiry_day=81_000.0, by_day=(), rows_used=(),
)  # fmt: skip
POLICY = load_policy().margin_check


class Told:
    """A broker that says what it was told to say."""

    name = "kite"

    def __init__(self, answer: BrokerFigure | Exception) -> None:
        self.answer = answer

    def figure(self, orders: Sequence[MarginOrder]) -> BrokerFigure:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def figure(total: float, premium: float = 0.0, at: datetime = NOW) -> BrokerFigure:
    return BrokerFigure("kite", at, total, premium, {})


def leg(side: int, strike: float, right: Right, expiry: date = NEAR, ratio: int = 1) -> Leg:
    return Leg(Instrument("NIFTY", expiry, strike, right), 1 if side > 0 else -1, ratio)


SUBJECT = subject_of((leg(-1, 24_500, "CE"), leg(1, 24_600, "CE")), ESTIMATE)


@pytest.fixture
def documents(tmp_path: Path) -> SqliteDocuments:
    return SqliteDocuments(Database(tmp_path / "state.db", sync="normal"), VirtualClock(NOW))


def checked(documents: SqliteDocuments, total: float, minutes: int = 0) -> MarginCheck:
    at = NOW + timedelta(minutes=minutes)
    return check_margin(documents, figure(total, at=at), SUBJECT, POLICY)


def test_the_brokers_figure_wins_and_the_days_to_come_stay_ours() -> None:
    """Premium is no margin; what the expiry day adds is in nobody's figure of today."""
    found = preferred_margin(Told(figure(44_500.0, premium=-2_500.0)), [], ESTIMATE)
    assert (found.label, found.margin, found.worst_day) == ("kite", rupees(47_000), rupees(47_000 + 37_000))


def test_without_a_broker_the_estimate_is_labelled_as_one() -> None:
    found = preferred_margin(None, [], ESTIMATE)
    assert (found.label, found.margin, found.worst_day) == ("estimate", rupees(44_000), rupees(81_000))


@pytest.mark.parametrize("error", [Unavailable("HTTP 503"), RateLimited("slow down", retry_after_s=1.0)])
def test_a_broker_that_does_not_answer_leaves_the_estimate_and_says_why(error: Unavailable) -> None:
    found = preferred_margin(Told(error), [], ESTIMATE)
    assert (found.label, found.margin, found.figure) == ("estimate", rupees(44_000), None)
    assert error.what in found.why


def test_a_broker_that_refuses_for_good_is_not_papered_over() -> None:
    with pytest.raises(BadInput, match="token"):
        preferred_margin(Told(BadInput("the token has expired")), [], ESTIMATE)


@pytest.mark.parametrize(
    ("total", "share", "alarm"),
    [(44_000.0, 0.0, False), (48_888.0, 0.099984, False), (49_000.0, 0.102041, True), (39_500.0, 0.102273, True)],
)
def test_a_difference_above_the_limit_is_an_alarm_either_way(
    documents: SqliteDocuments, total: float, share: float, alarm: bool
) -> None:
    check = checked(documents, total)
    assert (check.share, check.alarm, check.difference) == (share, alarm, rupees(total - 44_000))


def test_checks_are_kept_by_family_and_an_alarm_says_since_when(documents: SqliteDocuments) -> None:
    for minutes, total in enumerate((44_000.0, 60_000.0, 61_000.0)):
        checked(documents, total, minutes)
    (found,) = margin_checks(documents)
    assert (found.broker, found.underlying, found.family) == ("kite", "NIFTY", "bear_call_spread")
    assert [check.figure for check in found.checks] == [rupees(44_000), rupees(60_000), rupees(61_000)]
    assert found.alarm_since == NOW + timedelta(minutes=1)
    checked(documents, 44_100.0, 3)
    assert margin_checks(documents)[0].alarm_since is None


def test_only_the_newest_checks_are_kept(documents: SqliteDocuments) -> None:
    few = POLICY.model_copy(update={"kept": 2})
    for minutes in range(4):
        at = NOW + timedelta(minutes=minutes)
        check_margin(documents, figure(44_000.0, at=at), SUBJECT, few)
    (found,) = margin_checks(documents)
    assert [check.at.minute for check in found.checks] == [2, 3]


def test_the_best_offer_of_each_family_is_compared_at_one_lot(documents: SqliteDocuments) -> None:
    packages = (builders.condor_package(), builders.condor_package(width=200.0), builders.vertical_package())
    offers = builders.offering(builders.market(), *packages).opportunities
    checks = check_offers(documents, Told(figure(50_000.0)), offers, POLICY)
    assert [check.family for check in checks] == [offers[0].family, offers[2].family]
    assert [check.estimate for check in checks] == [offers[0].margin_now, offers[2].margin_now]
    assert [order.units for order in orders_of(offers[0])] == [leg.signed * 75 for leg in packages[0].legs]
    assert [order.price for order in orders_of(offers[0])] == [price.mid for price in offers[0].legs]
    assert len(margin_checks(documents)) == 2


def test_nothing_asked_and_nothing_estimated_is_no_difference(documents: SqliteDocuments) -> None:
    check = check_margin(documents, figure(0.0), replace(SUBJECT, estimate=rupees(0)), POLICY)
    assert (check.share, check.alarm) == (0.0, False)


@pytest.mark.parametrize(
    ("legs", "family"),
    [
        (builders.condor_package().legs, Family.IRON_CONDOR),
        (builders.vertical_package().legs, builders.vertical_package().family),
        ((leg(-1, 24_500, "CE"), leg(-1, 24_500, "PE")), Family.SHORT_STRADDLE),
        ((leg(1, 24_500, "CE"), leg(1, 24_500, "PE")), Family.LONG_STRADDLE),
        ((leg(-1, 24_600, "CE"), leg(-1, 24_400, "PE")), Family.SHORT_STRANGLE),
        ((leg(1, 24_400, "CE"), leg(-1, 24_500, "CE")), Family.BULL_CALL),
        ((leg(1, 24_400, "PE"), leg(-1, 24_500, "PE")), Family.BULL_PUT),
        ((leg(-1, 24_400, "PE"), leg(1, 24_500, "PE")), Family.BEAR_PUT),
        ((leg(1, 24_400, "PE"),), Family.LONG_PUT),
        ((leg(-1, 24_500, "CE"), leg(1, 24_500, "CE", FAR)), Family.CALL_CALENDAR),
        ((leg(1, 24_500, "PE", FAR), leg(-1, 24_500, "PE")), Family.PUT_CALENDAR),
        ((leg(1, 24_500, "CE"), leg(-1, 24_500, "CE", FAR)), "other"),
        ((leg(-1, 24_500, "CE"), leg(1, 24_600, "CE", ratio=2)), "other"),
        ((leg(-1, 24_500, "CE"),), "other"),
    ],
)
def test_legs_are_filed_under_their_structure(legs: tuple[Leg, ...], family: str) -> None:
    assert family_of(legs) == family


def test_a_butterfly_is_a_condor_with_one_middle_strike() -> None:
    legs = (leg(1, 24_000, "PE"), leg(-1, 24_500, "PE"), leg(-1, 24_500, "CE"), leg(1, 25_000, "CE"))
    assert family_of(legs) == Family.IRON_BUTTERFLY
