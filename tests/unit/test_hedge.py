"""The cheapest adequate hedge of a short straddle or strangle, against a search that tries every pair."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.costs.margin import MarginLegs, MarginMarket, margin_batch
from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.hedge import HedgeRules, cheapest_wings, with_hedges
from quantsentinel.opportunity.payoff_profile import ExitCost, Legs, leg_payoffs
from quantsentinel.opportunity.quote_table import JoinedTable, QuoteTable, ladder, quote_tables
from quantsentinel.opportunity.structures import FAMILIES, NAKED, Grid, GridSpec, build_grid
from quantsentinel.pipeline import market_pass
from tests.market_day import DAY, LOT, desk, history, rules, skewed, snapshot

SPEC = GridSpec((0.08, 0.16, 0.25), (0.5,), (2, 4), 50.0)
RULES = HedgeRules(tuple(50.0 * step for step in (2, 4, 8, 14, 20)), 3.0, 0.05, 0.975)


@cache
def priced(expiry: int = 0) -> tuple[Grid, JoinedTable]:
    view = market_pass(snapshot(smile=skewed(0.14), half_spread=0.3), history(), desk())
    part = view.analytics.fitted[expiry]
    return build_grid([ladder(part)], SPEC), quote_tables([part], "NIFTY", int(LOT))


def naked_rows(grid: Grid) -> list[int]:
    codes = [FAMILIES.index(family) for family in NAKED]
    return np.nonzero(np.isin(grid.family, codes))[0].tolist()


def stressed(table: QuoteTable, rows: list[int], credit: float) -> float:
    """Slow twin of the stress: the worse of both gaps and of the mean of the five worst of 200 bins."""
    legs = Legs(table.strike[[rows]], table.is_call[[rows]], np.array([[1.0, 1.0, -1.0, -1.0]]))
    gaps = table.forward * np.array([0.95, 1.05])
    points = np.concatenate([gaps, table.tail_points])
    loss = -leg_payoffs(legs, points[None, :], ExitCost(0.0, 0.0)).sum(axis=2)[0]
    return float(max(loss[:2].max(), np.sort(loss[2:])[-5:].mean()) - credit)


def by_trying_all(table: QuoteTable, put: int, call: int, limits: HedgeRules) -> tuple[float, float] | None:
    """(price, stressed loss) of the best pair of wings, trying every pair of widths."""
    row_of = {(float(k), bool(c)): at for at, (k, c) in enumerate(zip(table.strike, table.is_call, strict=True))}
    found = []
    for below, above in itertools.product(limits.widths, repeat=2):
        low = row_of.get((float(table.strike[put]) - below, False))
        high = row_of.get((float(table.strike[call]) + above, True))
        if low is None or high is None or not (table.usable[low] and table.usable[high]):
            continue
        price = float(table.ask[low] + table.ask[high])
        credit = float(table.bid[put] + table.bid[call]) - price
        loss = stressed(table, [low, high, put, call], credit)
        if credit > 0 and loss <= limits.max_stressed_of_credit * credit:
            found.append((round(price, 9), round(loss, 9)))
    return min(found) if found else None


@pytest.mark.parametrize("multiple", [0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("expiry", [0, 3])
def test_the_wings_are_the_cheapest_of_all_adequate_pairs(expiry: int, multiple: float) -> None:
    grid, table = priced(expiry)
    limits = HedgeRules(RULES.widths, multiple, 0.05, 0.975)
    shorts = grid.rows[naked_rows(grid), :2]
    for (put, call), wings in zip(shorts.tolist(), cheapest_wings(shorts, table, limits).tolist(), strict=True):
        best = by_trying_all(table, put, call, limits)
        assert (best is None) == (wings[0] < 0)
        if best is not None:
            price = float(table.ask[wings].sum())
            credit = float(table.bid[[put, call]].sum()) - price
            assert price == pytest.approx(best[0])
            assert stressed(table, [*wings, put, call], credit) == pytest.approx(best[1])


def test_both_outcomes_occur_so_that_the_search_is_not_vacuous() -> None:
    grid, table = priced()
    shorts = grid.rows[naked_rows(grid), :2]
    strict = HedgeRules(RULES.widths, 0.5, 0.05, 0.975)
    found = cheapest_wings(shorts, table, strict)[:, 0]
    assert (found < 0).any()
    assert (cheapest_wings(shorts, table, RULES)[:, 0] >= 0).any()


def test_every_composite_is_in_the_grid_once_and_its_naked_package_names_it() -> None:
    grid, table = priced()
    extended = with_hedges(grid, table, RULES)
    packages = {tuple(key) for key in np.column_stack([extended.family, extended.rows]).tolist()}
    assert len(packages) == len(extended) > len(grid)
    assert extended.hedge is not None
    named = 0
    for row in naked_rows(grid):
        low, high = extended.hedge[row].tolist()
        butterfly = FAMILIES[int(grid.family[row])] is Family.SHORT_STRADDLE
        family = Family.IRON_BUTTERFLY if butterfly else Family.IRON_CONDOR
        composite = (FAMILIES.index(family), low, high, *grid.rows[row, :2].tolist())
        assert low < 0 or composite in packages
        named += low >= 0
    assert named > 0
    assert (np.delete(extended.hedge, naked_rows(grid), axis=0) == -1).all()


def test_a_wing_that_nobody_offers_is_no_hedge() -> None:
    grid, table = priced()
    shorts = grid.rows[naked_rows(grid), :2]
    before = cheapest_wings(shorts, table, RULES)
    row = int(before[before[:, 0] >= 0][0, 0])
    usable = table.usable.copy()
    usable[row] = False
    fields = {name: getattr(table, name) for name in table.__dataclass_fields__}
    after = cheapest_wings(shorts, JoinedTable(**{**fields, "usable": usable}), RULES)
    assert not np.any(after == row)


def test_the_naked_package_stays_refused_as_unbounded_and_the_composite_is_what_is_offered() -> None:
    view = market_pass(snapshot(smile=skewed(0.16)), history(), desk())
    columns = view.candidates.columns
    hedges = zip(columns["family"], columns["reason"], columns["hedge_put"], columns["hedge_call"], strict=True)
    naked = [row for row in hedges if row[0] in {"short_straddle", "short_strangle"}]
    assert {row[1] for row in naked} == {"unbounded_loss"}
    assert sum(row[2] is not None and row[3] is not None for row in naked) > len(naked) / 2
    assert not {offer.family for offer in view.opportunities} & NAKED
    assert all(offer.max_loss is not None for offer in view.opportunities)


@settings(max_examples=60, deadline=None)
@given(st.integers(-20, 0), st.integers(0, 20), st.integers(1, 40), st.integers(1, 40), st.floats(0.08, 0.4))
def test_a_hedge_never_raises_required_capital_by_more_than_its_cost(
    below: int, above: int, low_width: int, high_width: int, vol: float
) -> None:
    """Required capital: the margin, plus what is paid for bought options."""
    _, table = priced(1)
    middle = 24_500.0
    put, call = middle + 50.0 * below, middle + 50.0 * above
    strikes = np.array([put, call, put - 50.0 * low_width, call + 50.0 * high_width])
    intrinsic = np.maximum((strikes - table.forward) * np.array([1.0, -1.0, 1.0, -1.0]), 0.0)
    marks = intrinsic + 200.0 * vol * np.exp(-np.abs(strikes - middle) / 400.0)
    calls = np.array([False, True, False, True])
    scan = rules().scan("NIFTY", DAY)
    market = MarginMarket(24_500.0, 24_500.0, vol, (DAY,))
    units = LOT * np.array([[-1.0, -1.0, 0.0, 0.0], [-1.0, -1.0, 1.0, 1.0]])
    shape = units.shape
    legs = MarginLegs(
        strike=np.broadcast_to(strikes, shape),
        is_call=np.broadcast_to(calls, shape),
        signed_units=units,
        mark=np.broadcast_to(marks, shape),
        forward=np.full(shape, table.forward),
        expiry_days=np.full(shape, 11.0),
    )
    naked, hedged = margin_batch(legs, market, scan).total.tolist()
    cost = LOT * float(marks[2:].sum())
    assert hedged <= naked + cost + 1e-6
