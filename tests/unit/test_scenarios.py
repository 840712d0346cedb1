"""The stress grid: what a held package loses when index and vol jump, against what can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from quantsentinel.market.instruments import Family, Instrument, Leg, Package
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.marks import payoff
from quantsentinel.portfolio.scenarios import held_legs, offered_legs, stress_grid, stress_points
from tests.builders import EXPIRY, account, as_of, condor_package, desk, market, offering, vertical_package


def positions(*packages: Package) -> tuple[Position, ...]:
    view = offering(market(), *packages)
    return tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after.positions


def test_the_grid_has_a_row_per_index_move_and_a_column_per_vol() -> None:
    grid = stress_grid(positions(condor_package()), desk())
    assert grid.spot_moves == (-0.1, -0.05, -0.025, 0.0, 0.025, 0.05, 0.1)
    assert grid.vol_scales == (0.5, 1.0, 1.5)
    assert (len(grid.pnl), {len(row) for row in grid.pnl}, grid.unknown) == (7, {3}, ())


def test_nothing_moved_nothing_gained() -> None:
    assert stress_grid(positions(condor_package(), vertical_package()), desk()).pnl[3][1] == 0


def test_a_far_move_leaves_the_discounted_payoff() -> None:
    (held,) = positions(vertical_package())
    points, found = stress_points(held, desk()), held_legs(held, desk()).legs
    assert points is not None
    assert found is not None
    assert held.mark is not None
    assert held.mark.forward is not None
    far = payoff(held.package.legs, held.mark.forward * 1.1) * found.discount[0]
    assert points[-1][0] == pytest.approx(far - held.mark.price, abs=0.01)


def test_a_short_premium_package_loses_when_vol_rises_and_a_long_one_gains() -> None:
    straddle = Package(
        Family.LONG_STRADDLE, tuple(Leg(Instrument("NIFTY", EXPIRY, 24_500.0, right), 1) for right in ("CE", "PE"))
    )
    (condor,), (long,) = positions(condor_package()), positions(straddle)
    for held, sign in ((condor, -1.0), (long, 1.0)):
        points = stress_points(held, desk())
        assert points is not None
        down, same, up = points[3]
        assert sign * down < same < sign * up


def test_the_grid_of_two_books_is_the_sum_of_their_grids() -> None:
    held = positions(condor_package(), vertical_package())
    both, parts = stress_grid(held, desk()), [stress_grid([one], desk()) for one in held]
    cells = zip(*(np.ravel(np.array(grid.pnl, dtype=float)) for grid in (both, *parts)), strict=True)
    assert all(total == pytest.approx(first + second, abs=0.02) for total, first, second in cells)


def test_a_position_whose_marks_say_nothing_is_named_not_skipped() -> None:
    (held,) = positions(condor_package())
    assert held.mark is not None
    nan = replace(held.mark, legs=(float("nan"), *held.mark.legs[1:]))
    for mark in (None, replace(held.mark, forward=None), replace(held.mark, legs=()), nan):
        grid = stress_grid([replace(held, mark=mark)], desk())
        assert grid.unknown == (held.signal_id,)
        assert grid.worst == 0


def test_an_offer_is_valued_at_the_mids_of_its_snapshot() -> None:
    view = offering(market(), condor_package())
    found = offered_legs(view.opportunities[0], view, desk()).legs
    assert found is not None
    assert found.marked == pytest.approx(view.opportunities[0].mid)
    assert found.gains(np.zeros(1), np.ones(1))[0] == pytest.approx(0.0, abs=1e-6)
    unknown = market(forward_known=False)
    assert offered_legs(view.opportunities[0], unknown, desk()).legs is None


def test_the_legs_of_two_expiries_have_their_own_forwards_and_times() -> None:
    far = date(2025, 9, 30)
    legs = (Leg(Instrument("NIFTY", far, 24_500.0, "CE"), 1), Leg(Instrument("NIFTY", EXPIRY, 24_500.0, "CE"), -1))
    (held,) = positions(condor_package())
    assert held.mark is not None
    calendar = replace(held, opportunity_id="calendar", package=Package(Family.LONG_CALL, legs))
    found = held_legs(replace(calendar, mark=replace(held.mark, legs=(420.0, 150.0))), desk()).legs
    assert found is not None
    assert found.years[0] > found.years[1] > 0
    assert found.forward[0] == pytest.approx(found.forward[1] * found.discount[1] / found.discount[0])
    assert found.forward[1] == held.mark.forward
