"""Calendars of the synthetic market: every one of a snapshot, screened and priced."""

from __future__ import annotations

from functools import cache

from quantsentinel.alpha.consensus import combine
from quantsentinel.alpha.registry import ask_views
from quantsentinel.features.analyse import analyse, frame_of, with_physical
from quantsentinel.features.values import feature_values
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.history import History
from quantsentinel.market.instruments import Family
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.opportunity.calendar_exact import price_calendars
from quantsentinel.opportunity.calendars import CalendarScreen, screen_calendars
from quantsentinel.opportunity.expiry_terms import ExpiryTerms, Shared, expiry_terms
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.opportunity.quote_table import JoinedTable, quote_tables
from tests.market_day import Smile, desk, history, skewed, snapshot

CALENDARS = {Family.CALL_CALENDAR, Family.PUT_CALENDAR}
INVERTED = (0.25, 0.20, 0.15, 0.12)


def by_expiry(vols: tuple[float, ...]) -> Smile:
    """A smile for every expiry in turn: the builder asks once for each."""
    left = iter(vols)
    return lambda k: skewed(next(left))(k)


def expiries_of(taken: Snapshot, past: History) -> tuple[JoinedTable, list[ExpiryTerms]]:
    """As the market pass has them before it makes calendars of them."""
    found = analyse(taken, past, desk(), quote_mask(taken, desk().rules))
    frame = frame_of(taken, past, desk())
    views = ask_views(feature_values(found, taken, past))
    found = with_physical(found, frame)
    consensus = combine(views, desk().policy.views.weights)
    shared = Shared(desk(), frame, found, past, consensus, taken.digest, "")
    terms = [expiry_terms(shared, part) for part in found.fitted if part.physical is not None]
    return quote_tables([each.part for each in terms], "NIFTY", terms[0].lot), terms


@cache
def expiries(
    vols: tuple[float, ...] = (0.14,) * 4, daily_vol: float | None = 0.12
) -> tuple[JoinedTable, list[ExpiryTerms]]:
    return expiries_of(snapshot(smile=by_expiry(vols)), history(daily_vol))


@cache
def screen(vols: tuple[float, ...] = (0.14,) * 4, daily_vol: float | None = 0.12) -> CalendarScreen:
    found = screen_calendars(*expiries(vols, daily_vol), 4000)
    assert found is not None
    return found


@cache
def offers() -> tuple[Opportunity, ...]:
    found = screen()
    return tuple(price_calendars(found, range(len(found.calendars))))
