"""The market's regime: what it is made of, what it remembers, and that nothing unknown has one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

from quantsentinel.desk import load_policy
from quantsentinel.errors import BadInput
from quantsentinel.features.analyse import analyse, frame_of
from quantsentinel.features.regime import Look, Regime, State, regime_of, states, stepped
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import IST
from quantsentinel.market.history import History, SummaryRow
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.pipeline import market_pass
from tests.market_day import DAY, EXPIRIES, FORWARD, NOON, desk, flat, history, rules, snapshot, with_column

POLICY = load_policy().regime
BANDS = POLICY.vol_annual["NIFTY"]
NORMAL = State(1, False)


def row(at: datetime, forward: float = FORWARD, vol: float | None = 0.14) -> SummaryRow:
    forwards = {day.isoformat(): forward for day in EXPIRIES}
    return SummaryRow("sha256:row", at, at, forwards, vol, 1.0, 1.0, 1.0, 1.0, None, None)


def path(*moves: float, start: datetime | None = None, step_minutes: float = 5.0) -> tuple[SummaryRow, ...]:
    """Rows from half past nine on, each this share away from the close before."""
    begin = start or datetime(2025, 8, 29, 9, 30, tzinfo=IST)
    times = (begin + timedelta(minutes=step_minutes * n) for n in range(len(moves)))
    return tuple(row(at, FORWARD * (1.0 + move)) for at, move in zip(times, moves, strict=True))


@cache
def taken(vol: float = 0.14, forward: float = FORWARD) -> Snapshot:
    return snapshot(NOON, flat(vol), forward=forward)


def regime(past: History, seen: Snapshot | None = None, overlay: dict[str, Any] | None = None) -> Regime:
    seen = seen or taken()
    analytics = analyse(seen, past, desk(), quote_mask(seen, rules()))
    return regime_of(analytics, past, frame_of(seen, past, desk()), desk({"regime": overlay} if overlay else None))


@pytest.mark.parametrize(
    ("before", "vol", "after"),
    [(0, 0.125, 0), (0, 0.13, 1), (0, 0.22, 2), (1, 0.125, 1), (1, 0.109, 0), (1, 0.219, 1), (1, 0.22, 2)]
    + [(2, 0.17, 2), (2, 0.169, 1), (2, 0.10, 0)],
)
def test_a_vol_level_is_left_only_beyond_the_far_side_of_its_band(before: int, vol: float, after: int) -> None:
    assert stepped(State(before, False), Look(vol, 0.0), BANDS, POLICY).level == after


@pytest.mark.parametrize(("before", "sds", "after"), [(False, 1.49, False), (False, 1.5, True), (True, 0.75, True)])
def test_a_trend_begins_late_and_ends_late(before: bool, sds: float, after: bool) -> None:
    assert stepped(State(1, before), Look(0.15, sds), BANDS, POLICY).trending is after
    assert not stepped(State(1, True), Look(0.15, 0.74), BANDS, POLICY).trending


@pytest.mark.parametrize(
    ("before", "ratio", "after"),
    [(False, 1.64, False), (False, 1.65, True), (True, 1.45, True), (True, 1.44, False)]
    + [(False, 0.81, False), (False, 0.80, True), (True, 0.88, True), (True, 0.89, False), (True, None, True)],
)
def test_options_far_from_the_forecast_strain_the_market(before: bool, ratio: float | None, after: bool) -> None:
    assert stepped(State(1, False, before), Look(0.15, 0.0, ratio), BANDS, POLICY).strained is after


def test_a_vol_that_swings_inside_a_band_changes_nothing() -> None:
    swings = [Look(vol, 0.0) for vol in [0.10] + [0.112, 0.128] * 20 + [0.14] + [0.128, 0.112] * 20]
    levels = [state.level for state in states(swings, BANDS, POLICY)]
    assert levels == [0] * 41 + [1] * 41


def test_a_quiet_market_of_twelve_percent_is_calm_and_ranges() -> None:
    found = regime(history(0.12), taken(0.12))
    assert found.name == "calm_ranging"
    assert found.forecast_vol == pytest.approx(0.12, abs=0.006)
    assert found.implied_over_forecast == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(("vol", "level"), [(0.10, "calm"), (0.15, "normal"), (0.30, "stressed")])
def test_the_level_follows_the_forecast_vol(vol: float, level: str) -> None:
    assert regime(history(vol), taken(vol)).level == level


def test_a_market_that_went_one_way_for_a_month_trends() -> None:
    past = history(0.15)
    steps = [1.0 + 0.004 * n for n in range(len(past.daily))]
    bars = [
        DailyBar(b.day, *(b.close * s / steps[-1] for _ in range(4))) for b, s in zip(past.daily, steps, strict=True)
    ]
    assert regime(replace(past, daily=tuple(bars)), taken(0.15)).trend == "trending"


def test_dear_options_raise_the_level_by_one() -> None:
    calm, strained = regime(history(0.12), taken(0.12)), regime(history(0.12), taken(0.24))
    assert (calm.level, strained.level) == ("calm", "normal")
    assert strained.strained


def test_a_crash_in_the_day_stresses_the_market_for_the_rest_of_it() -> None:
    moves = [0.0] * 6 + [-0.01, -0.02, -0.03, -0.04]
    before = regime(history(0.12, rows=path(*moves[:6])))
    assert before.level == "calm"
    for quiet in (1, 10, 18):
        after = regime(history(0.12, rows=path(*moves, *[-0.04] * quiet)), taken(0.14, FORWARD * 0.96))
        assert after.level == "stressed"


def test_a_gap_before_the_open_counts_from_the_first_row() -> None:
    opened = (row(NOON - timedelta(minutes=5), FORWARD * 0.95),)
    assert regime(history(0.12, rows=opened), taken(0.14, FORWARD * 0.95)).level == "stressed"


def test_rows_between_two_looks_change_nothing_that_is_remembered() -> None:
    coarse = path(*[0.0, 0.002, -0.001, 0.003] * 6)
    wild = [row(r.observed_at + timedelta(minutes=1), FORWARD * 1.05) for r in coarse]
    mixed = tuple(sorted([*coarse, *wild], key=lambda r: r.observed_at))
    assert regime(history(0.12, rows=mixed)) == regime(history(0.12, rows=coarse))


def test_bars_of_the_day_itself_and_later_are_not_seen() -> None:
    past = history(0.12)
    later = [DailyBar(DAY + timedelta(days=n), 1.0, 9e4, 1.0, 9e4) for n in (0, 3)]
    assert regime(replace(past, daily=(*past.daily, *later))) == regime(past)


@pytest.mark.parametrize(
    ("past", "seen", "overlay", "reason"),
    [
        (history(None), None, None, "no_forecast_history"),
        (history(0.12, sessions=21), None, None, "no_forecast_history"),
        (history(0.0), None, None, "prices_never_moved"),
        (history(0.12), None, {"vol_annual": {}}, "no_vol_bands"),
        (history(0.12), with_column(with_column(taken(), "bid", 0.0, 0), "bid", 0.0, 1), None, "no_forward"),
    ],
    ids=["no bars", "too few bars", "frozen bars", "no bands", "no forward"],
)
def test_what_is_not_known_has_no_regime_and_says_why(
    past: History, seen: Snapshot | None, overlay: dict[str, Any] | None, reason: str
) -> None:
    found = regime(past, seen, overlay)
    assert (found.name, found.level, found.reason) == (None, None, reason)


def test_a_view_holds_its_regime_and_its_digest_depends_on_it() -> None:
    view = market_pass(taken(), history(0.15), desk())
    assert view.regime.name == "normal_ranging"
    assert replace(view, regime=Regime(reason="lost")).digest != view.digest
    assert replace(view, regime=replace(view.regime, strained=True)).digest != view.digest


@pytest.mark.parametrize(
    "overlay",
    [
        {"vol_annual": {"NIFTY": {**BANDS.model_dump(), "calm_leave": 0.10}}},
        {"size_percent": {"calm_ranging": 100}},
        {"allowed": {**{name: [] for name in POLICY.allowed}, "calm_ranging": ["iron_hand"]}},
        {"trend_leave": 2.0},
        {"fear_leave": 1.7},
    ],
)
def test_a_policy_of_regimes_that_is_not_whole_is_refused(overlay: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="regime"):
        load_policy({"regime": overlay})
