"""Open interest by strike: max pain, ratios, walls, who opened and who closed, and where dealers' gamma turns."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.features.analyse import analyse
from quantsentinel.features.analytics import MarketAnalytics
from quantsentinel.features.dealer import MOVES, dealer_gamma, gamma_profile, strike_gamma
from quantsentinel.features.distributions import tail_range
from quantsentinel.features.interest import max_pain
from quantsentinel.features.levels import straddle
from quantsentinel.features.strike_flow import KINDS, opening_of, strike_flow
from quantsentinel.features.values import feature_values
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.pricing import black76
from tests.market_day import FORWARD, NOON, desk, evening, flat, history, rules, snapshot, with_column

STRIKES = np.arange(24_000.0, 25_001.0, 100.0)


def analytics(taken: Snapshot) -> MarketAnalytics:
    return analyse(taken, history(), desk(), quote_mask(taken, rules()))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=11, max_size=11))
def test_max_pain_is_the_strike_that_costs_writers_least_of_all(oi: list[tuple[int, int]]) -> None:
    call, put = np.array(oi, dtype=float).T
    pays = [float(call @ np.maximum(level - STRIKES, 0) + put @ np.maximum(STRIKES - level, 0)) for level in STRIKES]
    found = max_pain(STRIKES, call, put)
    if not (call.any() or put.any()):
        assert found is None
    else:
        assert found is not None
        assert pays[int(np.searchsorted(STRIKES, found))] == pytest.approx(min(pays), rel=1e-12, abs=1e-6)


@pytest.mark.parametrize(
    ("oi", "price", "kind"),
    [(1.2, 3.0, "bought"), (1.2, -3.0, "written"), (0.8, 3.0, "covered"), (0.8, -3.0, "unwound")],
)
def test_a_position_is_opened_or_closed_by_its_interest_and_bought_or_written_by_its_price(
    oi: float, price: float, kind: str
) -> None:
    first = snapshot()
    opening = opening_of(first, quote_mask(first, rules()))
    moved = with_column(first, "oi", oi, side=0)
    shift = np.where(np.arange(len(first)) % 2 == 0, price, 0.0)
    quotes = {name: moved.columns[name] + shift for name in ("bid", "ask")}
    part = analytics(replace(moved, columns={**moved.columns, **quotes})).slices[0]
    calls, puts = (strike_flow(part, opening.books[0])[side] for side in ("call", "put"))
    assert {name: calls.units(name) > 0 for name in KINDS} == {name: name == kind for name in KINDS}
    known = part.usable_call & np.isfinite(calls.price_change)
    assert calls.units(kind) == pytest.approx(abs(oi - 1) * float(first.chain(0).call["oi"][known].sum()))
    assert [puts.units(name) for name in KINDS] == [0.0] * 4


def test_a_strike_listed_since_the_opening_is_unknown_and_no_new_position() -> None:
    first = snapshot()
    book = opening_of(first, quote_mask(first, rules())).books[0]
    shorter = replace(
        book, **{name: getattr(book, name)[:-1] for name in ("strike", "call_oi", "put_oi", "call_mid", "put_mid")}
    )
    found = strike_flow(analytics(first).slices[0], shorter)["call"]
    assert np.isnan(found.oi_change[-1])
    assert np.count_nonzero(np.isnan(found.oi_change)) == 1


def test_the_gamma_profile_at_no_move_is_the_chains_own_gamma() -> None:
    parts = analytics(snapshot()).slices
    call, put = gamma_profile(parts)
    at = int(np.argmin(np.abs(MOVES)))
    assert MOVES[at] == pytest.approx(0.0, abs=1e-15)
    assert call[at] == pytest.approx(sum(float(strike_gamma(part)[0].sum()) for part in parts), rel=1e-9)
    assert put[at] == pytest.approx(sum(float(strike_gamma(part)[1].sum()) for part in parts), rel=1e-9)


def test_dealers_gamma_turns_where_calls_above_and_puts_below_weigh_the_same() -> None:
    """Calls only at 25,000, puts only at 24,000, one vol: the US sign turns near their geometric mean."""
    taken = snapshot(smile=flat(0.12), half_spread=0.05)
    one = (taken.is_call & (taken.strike == 25_000)) | (~taken.is_call & (taken.strike == 24_000))
    parts = analytics(replace(taken, columns={**taken.columns, "oi": np.where(one, 1e6, 0.0)})).slices
    found = dealer_gamma(parts, evening(50, 50), NOON)
    assert found.flip_us == pytest.approx(math.sqrt(24_000.0 * 25_000.0), rel=2e-4)
    assert found.flip_participants is None
    assert found.participants == pytest.approx(found.gross)
    mirrored = dealer_gamma(parts, evening(-50, 50), NOON)
    assert mirrored.flip_participants == pytest.approx(found.flip_us)


def test_the_straddle_is_the_quoted_pair_nearest_the_forward() -> None:
    part = analytics(snapshot(smile=flat(0.12))).slices[1]
    found = straddle(part)
    assert found is not None
    assert found.strike == 24_500.0
    vol, years, discount = 0.12, part.times.variance_years, part.times.discount
    fair = sum(float(black76.price(FORWARD, 24_500.0, years, vol, discount, right)) for right in (True, False))
    assert found.mid == pytest.approx(fair, abs=0.1)
    assert found.ask - found.bid == pytest.approx(2.0, abs=0.1)


def test_what_quotes_allow_for_a_tail_holds_the_true_chance() -> None:
    part = analytics(snapshot(smile=flat(0.12), half_spread=0.05)).slices[1]
    found = tail_range(part)
    assert found is not None
    root = 0.12 * math.sqrt(part.times.variance_years)
    below = 0.5 * math.erfc((1.5 - 0.5 * root) / math.sqrt(2))
    above = 0.5 * math.erfc((1.5 + 0.5 * root) / math.sqrt(2))
    assert found.left[0] <= below <= found.left[1] <= 0.12
    assert found.right[0] <= above <= found.right[1] <= 0.12
    assert found.crossed == 0.0


def test_ratios_and_walls_say_where_interest_lies() -> None:
    taken = with_column(snapshot(), "oi", 2.0, side=1)
    oi = taken.columns["oi"].copy()
    oi[(taken.strike == 25_000) & taken.is_call] *= 10
    taken = replace(taken, columns={**taken.columns, "oi": oi})
    values = feature_values(analytics(taken), taken, history())
    assert values["call_wall_near"] == 25_000.0
    near = taken.chain(0)
    assert values["put_call_oi_ratio_near"] == pytest.approx(near.put["oi"].sum() / near.call["oi"].sum(), abs=1e-6)
    assert values["put_call_volume_ratio"] == 1.0
    assert float(values["put_call_premium_ratio"] or 0) > 1.0


def test_flow_by_strike_is_unknown_without_the_days_first_book() -> None:
    taken = snapshot()
    first = snapshot(NOON - timedelta(minutes=30))
    opening = opening_of(first, quote_mask(first, rules()))
    assert feature_values(analytics(taken), taken, history())["call_written"] is None
    with_book = feature_values(analytics(taken), taken, history(opening=opening))
    assert with_book["strike_flow_minutes"] == 30.0
    assert with_book["call_written"] == 0.0
