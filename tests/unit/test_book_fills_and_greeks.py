"""Paper fills from one snapshot's quotes, and Greeks of a book at its marks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from quantsentinel.accounts.account import Mode
from quantsentinel.costs.slippage import depth_impact
from quantsentinel.market.instruments import Family, Instrument, Leg, Package
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.fills import paper_fill
from quantsentinel.portfolio.greeks import Greeks, book_greeks
from quantsentinel.portfolio.marks import mark_position
from tests.builders import EXPIRY, TEN, account, as_of, condor_package, desk, market, offering, vertical_package


def entered(mode: Mode = Mode.PAPER, package: Package | None = None) -> Position:
    view = offering(market(), package or condor_package())
    return tenant_pass(view, Book(), account(mode=mode), desk(), as_of(view)).entries[0].position


# --- fills ---
def test_a_paper_entry_is_filled_at_the_touch_and_the_impact_of_its_legs_on_the_tick() -> None:
    position, view = entered(), market()
    fill = position.paper_fill
    quotes = [view.analytics.leg_price(leg.instrument) for leg in position.package.legs]
    pairs = list(zip(position.package.legs, quotes, strict=True))
    touch = sum(leg.signed * (quote.ask if leg.side > 0 else quote.bid) for leg, quote in pairs)
    units = [leg.signed * position.units for leg in position.package.legs]
    shown = [quote.ask_size if leg.side > 0 else quote.bid_size for leg, quote in pairs]
    half = [(quote.ask - quote.bid) / 2 for quote in quotes]
    impact = float(depth_impact(units, shown, half, position.tick))
    assert float(fill.impact) == pytest.approx(impact, abs=0.01)
    assert touch < touch + impact / position.units <= fill.price + 1e-9 < touch + impact / position.units + 0.05
    assert fill.price / 0.05 == pytest.approx(round(fill.price / 0.05))
    assert {fill.snapshot} == {view.snapshot_digest}


def test_the_assumed_book_stays_at_the_worse_end_whatever_the_fill() -> None:
    position = entered()
    assert position.entry_price == position.entry_zone[1] > position.paper_fill.price


def test_a_live_entry_has_no_paper_fill() -> None:
    assert entered(Mode.LIVE).paper_fill is None


def test_without_every_quote_there_is_no_fill_at_all() -> None:
    view = market(TEN + timedelta(minutes=1), unquoted=((24_700.0, "CE"),))
    assert paper_fill(entered(), view, TEN) is None


def test_without_a_displayed_size_there_is_no_fill() -> None:
    view = market(TEN + timedelta(minutes=2))
    part = view.analytics.slices[0]
    call = {**part.chain.call, "ask_size": np.zeros(len(part.strike))}
    bare = replace(part, chain=replace(part.chain, call=call))
    view = replace(view, analytics=replace(view.analytics, slices=(bare,)))
    assert paper_fill(entered(), view, TEN) is None


def test_orders_above_the_freeze_quantity_are_counted_as_slices() -> None:
    position = entered()
    assert position.paper_fill.orders == 4
    sliced = replace(position, freeze_units=position.lot)
    assert paper_fill(sliced, market(TEN + timedelta(minutes=3)), TEN).orders == 4 * position.lots


def test_more_legs_and_more_lots_never_fill_better() -> None:
    view = market(TEN + timedelta(minutes=4))
    one = entered(package=vertical_package())
    sizes = [paper_fill(replace(one, lots=lots), view, TEN).price for lots in (1, 10, 1_000, 5_000)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


# --- Greeks ---
def package_value(position: Position, move: float) -> float:
    """Rupees of all lots when the forward moves, at the vols of the marks."""
    from quantsentinel.portfolio.scenarios import held_legs

    legs = held_legs(position, desk()).legs
    return float(legs.values(np.array([move / position.mark.forward]), np.array([1.0]))[0]) * position.units


def greeks_of(position: Position) -> Greeks:
    return book_greeks([position], desk()).by_underlying["NIFTY"]


def test_delta_and_gamma_are_the_slopes_of_the_books_value() -> None:
    position = entered(package=vertical_package())
    found = greeks_of(position)
    up, here, down = (package_value(position, move) for move in (5.0, 0.0, -5.0))
    assert found.delta == pytest.approx((up - down) / 10.0, rel=1e-3)
    assert found.gamma == pytest.approx((up - 2 * here + down) / 25.0, rel=1e-2)


def test_vega_is_the_gain_of_one_vol_point_and_theta_loses_what_time_takes() -> None:
    straddle = Package(
        Family.LONG_STRADDLE,
        tuple(Leg(Instrument("NIFTY", EXPIRY, 24_500.0, right), 1) for right in ("CE", "PE")),
    )
    position = replace(entered(package=vertical_package()), package=straddle, opportunity_id="opp-straddle", mark=None)
    held = mark_position(position, market(), desk(), TEN)
    found = greeks_of(held)
    assert found.vega > 0 > found.theta
    dearer = mark_position(position, market(TEN + timedelta(seconds=1), vol=0.13), desk(), TEN)
    change = (dearer.mark.price - held.mark.price) * position.units
    assert found.vega == pytest.approx(change, rel=0.05)


def test_a_book_sums_its_positions_and_names_what_it_cannot_value() -> None:
    one = entered(package=vertical_package())
    blind = replace(one, signal_id="sig-blind", mark=replace(one.mark, forward=None))
    twin = replace(one, signal_id="sig-twin")
    found = book_greeks([one, twin, blind], desk())
    single = greeks_of(one)
    assert found.by_underlying["NIFTY"].delta == pytest.approx(2 * single.delta)
    assert found.vega_by_expiry == {EXPIRY: pytest.approx(2 * single.vega)}
    assert found.unknown == ("sig-blind",)
