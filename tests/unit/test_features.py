"""What the analytics find in a market whose vol is known."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from quantsentinel.features.analyse import analyse
from quantsentinel.features.analytics import MarketAnalytics
from quantsentinel.features.registry import FEATURE_NAMES, FEATURES
from quantsentinel.features.timeline import session_frame, slice_times
from quantsentinel.features.values import feature_values
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.rule_rows import RuleRows
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Slice, Snapshot
from tests.market_day import DAY, EXPIRIES, FORWARD, NOON, desk, flat, history, rules, skewed, snapshot

NEAR = EXPIRIES[0]


def analytics(taken: Snapshot | None = None, daily_vol: float | None = 0.12) -> MarketAnalytics:
    taken = taken or snapshot()
    session = taken.received_at.astimezone(IST).date()
    return analyse(taken, history(daily_vol, session=session), desk(), quote_mask(taken, rules()))


def test_a_flat_market_gives_back_its_vol_and_forward_in_every_slice() -> None:
    found = analytics(snapshot(smile=flat(0.13)))
    assert [part.reason for part in found.slices] == [""] * len(EXPIRIES)
    for part in found.slices:
        assert part.forward == pytest.approx(FORWARD, abs=0.1)
        assert part.atm_vol == pytest.approx(0.13, rel=0.005)


@pytest.mark.parametrize(("day", "hour"), [(29, 9.5), (29, 12), (29, 15.4), (1, 10), (1, 15), (2, 9.5), (2, 13)])
def test_with_constant_variance_forecast_over_implied_is_one_at_any_minute_of_the_week(day: int, hour: float) -> None:
    """`definitions.md` §3, on a Friday, a Monday and the Tuesday on which the nearest contract expires."""
    month = 8 if day > 20 else 9
    at = datetime(2025, month, day, int(hour), int(60 * (hour % 1)), tzinfo=IST)
    found = analytics(snapshot(at, flat(0.12), half_spread=0.05), daily_vol=0.12)
    part = found.fitted[0]
    assert found.forecast is not None
    assert part.implied_variance is not None
    assert math.sqrt(found.forecast.total_variance / part.implied_variance) == pytest.approx(1.0, abs=0.01)


def test_only_the_out_of_the_money_side_is_inverted() -> None:
    """A wrong in-the-money call moves no vol: only its put is read below the forward."""
    clean, taken = analytics(), snapshot()
    row = taken.row(Instrument("NIFTY", NEAR, 23_500.0, "CE"))
    for name in ("bid", "ask"):
        column = taken.columns[name].copy()
        column[row] += 1.0
        taken = replace(taken, columns={**taken.columns, name: column})
    np.testing.assert_array_equal(analytics(taken).slices[0].vol, clean.slices[0].vol)


def test_the_expiring_series_gives_no_vol_from_the_start_of_its_settlement_window() -> None:
    before = analytics(snapshot(datetime(2025, 9, 2, 14, 59, tzinfo=IST)))
    after = analytics(snapshot(datetime(2025, 9, 2, 15, 0, tzinfo=IST)))
    assert before.slices[0].atm_vol is not None
    assert after.slices[0].reason == "settlement_window"
    assert np.isnan(after.slices[0].vol).all()
    assert np.isnan(after.slices[0].gamma).all()
    assert after.fitted[0].expiry == EXPIRIES[1]


def test_a_slice_older_than_sixty_seconds_gives_no_vol() -> None:
    taken = snapshot()
    old = NOON - timedelta(seconds=61)
    stale = replace(taken, slices=(Slice(NEAR, old, old), *taken.slices[1:]))
    assert analytics(stale).slices[0].reason == "stale_slice"
    assert analytics(stale).slices[1].reason == ""


def test_an_underlying_without_settlement_rows_has_a_frame_without_endings() -> None:
    known = rules().rows
    bare = RuleBook(RuleRows({**known.by_kind, "settlement": ()}, known.digest))
    frame = session_frame(bare, "NIFTY", DAY, EXPIRIES, 0.332)
    assert dict(frame.endings) == {}
    assert slice_times(frame, Slice(NEAR, NOON, NOON)).reason == "uncovered_by_rules"


def test_greeks_of_calls_and_puts_agree_by_parity() -> None:
    part = analytics(snapshot(smile=skewed(0.12))).slices[1]
    known = np.isfinite(part.vol)
    np.testing.assert_allclose((part.call_delta - part.put_delta)[known], part.times.discount, rtol=1e-12)
    # C - P = D (F - K) earns its interest, whatever the vol: theta in calendar days, continuous rate.
    interest = 0.055 / 365 * part.times.discount * (FORWARD - part.strike)
    np.testing.assert_allclose((part.theta_call - part.theta_put)[known], interest[known], atol=2e-3)


def test_a_missing_quote_is_marked_by_the_slice_and_shifts_move_it_the_right_way() -> None:
    found = analytics(snapshot(smile=flat(0.12)))
    put = Instrument("NIFTY", NEAR, 24_000.0, "PE")
    base, bumped = found.model_price(put), found.model_price(put, vol_shift=0.05)
    lower = found.model_price(put, forward_shift=-0.01)
    quote = found.leg_price(put)
    assert base is not None
    assert bumped is not None
    assert lower is not None
    assert quote is not None
    assert base == pytest.approx(quote.mid, abs=0.3)
    assert bumped > base < lower
    assert found.model_price(Instrument("NIFTY", DAY, 24_000.0, "PE")) is None


def test_no_history_gives_no_forecast_and_says_why() -> None:
    found = analytics(daily_vol=None)
    assert found.forecast is None
    assert found.forecast_reason == "no_forecast_history"


def test_every_declared_feature_has_a_value_and_a_unit() -> None:
    taken = snapshot()
    values = feature_values(analytics(taken), taken, history())
    assert tuple(values) == FEATURE_NAMES
    assert len(set(FEATURE_NAMES)) == len(FEATURES) == 88
    assert all(feature.unit and feature.inputs and feature.version >= 1 for feature in FEATURES)


def test_skew_and_wings_have_the_sign_of_the_smile() -> None:
    taken = snapshot(smile=skewed(0.12, slope=-1.5, curvature=8.0))
    values = feature_values(analytics(taken), taken, history())
    assert float(values["skew_25d_near"] or 0) > 0.001
    assert float(values["butterfly_25d_near"] or 0) > 0
    assert float(values["skewness_near"] or 0) < 0
    assert float(values["kurtosis_near"] or 0) > 3


def test_masked_quotes_are_not_read() -> None:
    taken = snapshot()
    mask = quote_mask(taken, rules())
    none = replace(mask, usable=np.zeros(len(taken), dtype=np.bool_))
    found = analyse(taken, history(), desk(), none)
    assert not found.fitted
    assert found.forecast_reason == "no_surface"
