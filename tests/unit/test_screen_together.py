"""All expiries are screened in one batch: each must come out as it does alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest

from quantsentinel.features.analyse import frame_of
from quantsentinel.market.history import History
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.opportunity.candidates import NUMBER_COLUMNS
from quantsentinel.opportunity.expiry_terms import Shared
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.offers import make_offers
from quantsentinel.pipeline import market_pass
from tests.market_day import DAY, EXPIRIES, NOON, desk, history, rules, skewed, snapshot

LOTS_CHANGE = date(2025, 12, 22)
"""A session on which the contracts of December have 75 units a lot and the next ones 65."""
OF_BOTH_LOTS = (date(2025, 12, 23), date(2025, 12, 30), date(2026, 1, 6), date(2026, 1, 13))
SMILE = skewed(0.15, -0.4, 1.5)


@cache
def inputs(day: date, expiries: tuple[date, ...]) -> tuple[Snapshot, History, MarketView]:
    taken = snapshot(
        NOON + (day - DAY), SMILE, half_spread=0.4, expiries=expiries, size=52.0
    )  # 3,900 are whole lots of either
    past = history(session=day)
    return taken, past, market_pass(taken, past, desk())


def rows_of(expiry: date, together: tuple[date, ...], day: date = DAY) -> list[tuple[Any, ...]]:
    """Legs and numbers of every candidate of an expiry that is screened with others. What ends it is left out, for that
    depends on the others, and so do the analytics, which are those of the whole snapshot."""
    taken, past, view = inputs(day, OF_BOTH_LOTS if day == LOTS_CHANGE else EXPIRIES)
    kept = tuple(part for part in view.analytics.slices if part.expiry in together)
    analytics, frame = replace(view.analytics, slices=kept), frame_of(taken, past, desk())
    columns = make_offers(Shared(desk(), frame, analytics, past, view.consensus, taken.digest, "")).candidates.columns
    rows = zip(*(columns[name] for name in ("family", "expiry", "strikes", *NUMBER_COLUMNS)), strict=True)
    return [row for row in rows if row[1] == expiry.isoformat()]


@pytest.mark.parametrize("expiry", EXPIRIES)
def test_a_candidate_has_the_numbers_that_its_expiry_gives_it_alone(expiry: date) -> None:
    together = rows_of(expiry, EXPIRIES)
    assert len(together) > 200
    assert together == rows_of(expiry, (expiry,))


@pytest.mark.parametrize("expiry", OF_BOTH_LOTS)
def test_so_it_has_on_a_day_on_which_lots_differ(expiry: date) -> None:
    assert [rules().lot("NIFTY", each, LOTS_CHANGE).value for each in OF_BOTH_LOTS] == [75, 75, 65, 65]
    together = rows_of(expiry, OF_BOTH_LOTS, LOTS_CHANGE)
    assert len(together) > 200
    assert together == rows_of(expiry, (expiry,), LOTS_CHANGE)


def test_calendars_are_made_of_contracts_of_one_lot_whichever_it_is() -> None:
    found = inputs(LOTS_CHANGE, OF_BOTH_LOTS)[2].candidates
    pairs = {name for name in found.expiries if "/" in name}
    assert pairs == {"2026-01-06/2026-01-13"}  # of December's the near one is too near


def test_a_calendar_reaches_over_an_expiry_of_another_lot() -> None:
    day, expiries = date(2024, 12, 17), (date(2024, 12, 26), date(2025, 1, 2), date(2025, 1, 30))
    assert [rules().lot("NIFTY", each, day).value for each in expiries] == [25, 75, 25]
    found = inputs(day, expiries)[2].candidates
    assert {name for name in found.expiries if "/" in name} == {"2024-12-26/2025-01-30"}


def test_no_more_candidates_than_the_policy_allows_and_the_nearest_first() -> None:
    taken, past, view = inputs(DAY, EXPIRIES)
    full, counts = view.candidates, Counter(view.candidates.codes[:, 1].tolist())
    most = counts[0] + counts[1] + 7
    cut = market_pass(taken, past, desk({"candidates": {"max_candidates": most}})).candidates
    assert list(Counter(cut.codes[:, 1].tolist()).values()) == [counts[0], counts[1], 7]
    np.testing.assert_array_equal(cut.strikes, full.strikes[:most])


def test_a_limit_that_leaves_only_packages_of_one_kind_is_kept_to() -> None:
    """The first of the grid all collect premium: none is left whose worst bins lie between its strikes."""
    taken, past, _ = inputs(DAY, EXPIRIES)
    cut = market_pass(taken, past, desk({"candidates": {"max_candidates": 3}})).candidates
    assert [cut.families[code] for code in cut.codes[:, 0]] == ["bull_put_spread"] * 3
    assert np.isfinite(cut.numbers["stressed_loss"]).all()
