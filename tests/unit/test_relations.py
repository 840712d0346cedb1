"""What one chain says about its relations: agreement is zero, a changed unit shows as its factor and is named."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.app.watch_relations import ChainSeries, chain_watches, spread_over_sessions
from quantsentinel.integrity.own_vix import own_vix
from quantsentinel.integrity.quotes import QuoteMask, quote_mask
from quantsentinel.integrity.relations import CHAIN, RELATIONS, chain_measurements, chain_readings
from quantsentinel.integrity.vendor_gap import NAMES, vendor_gap
from quantsentinel.market.snapshot import Floats, Snapshot
from quantsentinel.pricing import black76
from quantsentinel.pricing.implied_vol import implied_vol
from tests.chains import EXPIRIES, LOT, chain, rules

MONTHS = (*EXPIRIES, date(2025, 10, 28))
MEASURED = {"vendor_iv", "oi_unit", "volume_unit", "size_unit", "oi_total", "price_tick"}


@cache
def market() -> tuple[Snapshot, QuoteMask]:
    """Open interest and volume of honest whole lots, all different."""
    snapshot = chain(expiries=MONTHS)
    lots = np.random.default_rng(0).integers(1, 4000, (2, len(snapshot)))
    columns = {**snapshot.columns, "oi": lots[0] * LOT, "volume": lots[1] * LOT}
    snapshot = replace(snapshot, columns=columns)
    return snapshot, quote_mask(snapshot, rules())


def measured(**columns: Floats) -> dict[str, float]:
    snapshot, quotes = market()
    return chain_measurements(replace(snapshot, columns={**snapshot.columns, **columns}), quotes, rules())


def test_an_honest_chain_agrees_with_us_in_every_relation() -> None:
    found = measured()
    assert set(found) == MEASURED | {"own_vix"}
    assert abs(found["vendor_iv"]) < 0.02
    for name in ("oi_unit", "volume_unit", "size_unit", "price_tick"):
        assert found[name] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("relation", "column", "factor"),
    [
        ("vendor_iv", "vendor_iv", 100.0),
        ("vendor_iv", "vendor_iv", math.sqrt(252 / 365)),
        ("oi_unit", "oi", 1 / LOT),
        ("oi_unit", "oi", LOT),
        ("volume_unit", "volume", 1 / LOT),
    ],
)
def test_a_changed_unit_shows_as_its_factor(relation: str, column: str, factor: float) -> None:
    snapshot, _ = market()
    before, after = measured(), measured(**{column: snapshot.columns[column] * factor})
    assert after[relation] - before[relation] == pytest.approx(math.log(factor), abs=1e-9)


@settings(max_examples=25)
@given(st.floats(0.25, 4.0))
def test_scaling_a_vendor_column_and_ours_alike_changes_nothing(factor: float) -> None:
    """Vols of both sides rise together when the market's do: the ratio stays."""
    snapshot, quotes = market()
    counts = np.diff(snapshot.offsets)
    years, discount, forward = (np.repeat(part, counts) for part in (quotes.years, quotes.discounts, quotes.forward))
    vol = np.full(len(snapshot), 0.12 * factor)
    price = black76.price(forward, snapshot.strike, years, vol, discount, snapshot.is_call)
    columns = {**snapshot.columns, "bid": price, "ask": price, "vendor_iv": vol}
    assert vendor_gap(replace(snapshot, columns=columns), quotes).log_ratio["vendor_iv"] == pytest.approx(0, abs=1e-6)


def test_vendor_greeks_are_compared_in_the_units_that_the_contract_declares() -> None:
    snapshot, quotes = market()
    counts = np.diff(snapshot.offsets)
    years, discount, forward = (np.repeat(part, counts) for part in (quotes.years, quotes.discounts, quotes.forward))
    mid = 0.5 * (snapshot.bid + snapshot.ask)
    vol = implied_vol(mid, forward, snapshot.strike, years, discount, snapshot.is_call)
    greeks = black76.greeks(forward, snapshot.strike, years, vol, discount, snapshot.is_call)
    exact = (vol, greeks.delta, greeks.gamma, greeks.theta, greeks.vega / 100)
    columns = {**snapshot.columns, **{name: np.nan_to_num(value) for name, value in zip(NAMES, exact, strict=True)}}
    found = vendor_gap(replace(snapshot, source="upstox", columns=columns), quotes)
    assert set(found.log_ratio) == set(NAMES)
    assert max(map(abs, found.log_ratio.values())) < 1e-9
    per_year = replace(snapshot, source="upstox", columns={**columns, "vendor_theta": columns["vendor_theta"] * 365})
    assert vendor_gap(per_year, quotes).log_ratio["vendor_theta"] == pytest.approx(math.log(365))


def test_positions_of_two_lots_in_one_row_are_no_change_of_unit() -> None:
    snapshot, _ = market()
    lots = np.random.default_rng(1).integers(1, 400, len(snapshot))
    mixed = np.where(np.arange(len(snapshot)) % 2 == 0, lots * LOT, lots * 65.0)
    assert measured(oi=mixed)["oi_unit"] == pytest.approx(0.0, abs=1e-12)


def test_our_thirty_day_vol_joins_the_two_months_and_scales_with_the_market() -> None:
    """Quotes at a flat 6 % fit inside the chain's 1,000 points on both sides: 30 days of it are 6 %."""
    snapshot, quotes = market()
    counts = np.diff(snapshot.offsets)
    years, discount, forward = (np.repeat(part, counts) for part in (quotes.years, quotes.discounts, quotes.forward))
    price = black76.price(forward, snapshot.strike, years, 0.06, discount, snapshot.is_call)
    priced = replace(snapshot, columns={**snapshot.columns, "bid": price, "ask": price})
    assert own_vix(priced, quotes) == pytest.approx(6.0, rel=0.01)
    one_month = quote_mask(chain(expiries=EXPIRIES), rules())
    assert own_vix(chain(expiries=EXPIRIES), one_month) is None


def test_without_enough_rows_or_rules_a_relation_is_absent_and_not_zero() -> None:
    snapshot, _ = market()
    nothing = np.zeros(len(snapshot))
    assert "oi_unit" not in measured(oi=nothing)
    assert "oi_total" not in measured(oi=nothing)
    assert "vendor_iv" not in measured(vendor_iv=nothing)


def test_a_vendor_that_starts_to_count_trading_days_is_flagged_and_named() -> None:
    random = np.random.default_rng(3)
    first = date(2025, 1, 1)
    days = [first + timedelta(days=k) for k in range(60)]
    values = [0.01 * random.standard_normal() + (0.5 * math.log(252 / 365) if k >= 40 else 0.0) for k in range(60)]
    sessions = tuple((day, ({"vendor_iv": value},)) for day, value in zip(days, values, strict=True))
    (found,) = chain_watches([ChainSeries("upstox", "NIFTY", sessions)])
    (alarm,) = found.alarms
    assert (alarm.since, alarm.cause) == (days[40], "√(252/365)")
    assert alarm.session <= days[41]


def test_a_step_is_read_as_the_change_since_the_session_before_that_was_measured() -> None:
    first = date(2025, 1, 1)
    sessions = [(first + timedelta(days=k), [{"oi_total": 10.0 + k}] if k != 1 else []) for k in range(3)]
    assert [reading.value for reading in chain_readings("oi_total", sessions)] == [None, None, 2.0]


def test_snapshots_are_taken_evenly_over_each_session() -> None:
    days = [date(2025, 1, 1)] * 100 + [date(2025, 1, 2)] * 2
    assert spread_over_sessions(days, 4) == [12, 37, 62, 87, 100, 101]


def test_eleven_relations_are_measured_on_chains() -> None:
    assert len(CHAIN) == 11
    assert set(RELATIONS) - set(CHAIN) == {"vix_link", "vix_close", "vix_chain"}
