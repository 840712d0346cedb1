"""A simulated day as the rest of the program sees it: snapshots that look and behave like an exchange's."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.rulebook import RuleBook, load_rules
from quantsentinel.market.snapshot import VALUE_COLUMNS, Chain
from quantsentinel.simulator.config import Dynamics, SimulatorConfig, SurfaceShape, default_config
from quantsentinel.simulator.day import SimulatedDay, simulate_day

DAY = date(2025, 8, 29)
SOURCE = Path(__file__).resolve().parents[2] / "shared"
EXPIRY_DAY = date(2025, 9, 2)


@pytest.fixture(scope="module")
def rules() -> RuleBook:
    return load_rules()


@pytest.fixture(scope="module")
def simulated(rules: RuleBook) -> SimulatedDay:
    return simulate_day("NIFTY", DAY, 7, rules)


def coarse(underlying: str = "NIFTY") -> SimulatorConfig:
    return replace(default_config(underlying), interval_s=1800.0)


def test_the_same_seed_gives_the_same_day_and_another_seed_another(rules: RuleBook) -> None:
    days = [simulate_day("NIFTY", DAY, seed, rules, coarse()) for seed in (7, 7, 8)]
    digests = [tuple(snapshot.digest for snapshot in day.snapshots) for day in days]
    assert digests[0] == digests[1]
    assert days[0].daily == days[1].daily
    assert not set(digests[0]) & set(digests[2])
    assert days[0].daily != days[2].daily


def test_the_day_does_not_depend_on_the_processors_vector_instructions(rules: RuleBook) -> None:
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    program = (
        "from datetime import date; from quantsentinel.market.rulebook import load_rules;"
        "from quantsentinel.simulator.day import simulate_day;"
        "print(*[one.digest for one in simulate_day('NIFTY', date(2025, 8, 29), 7, load_rules()).snapshots[::60]])"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "NPY_DISABLE_CPU_FEATURES": " ".join(found)}
    scalar = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    here = [one.digest for one in simulate_day("NIFTY", DAY, 7, rules).snapshots[::60]]
    assert scalar.stdout.split() == here


def test_underlyings_of_one_seed_move_together(rules: RuleBook) -> None:
    returns = []
    for underlying in ("NIFTY", "BANKNIFTY"):
        daily = simulate_day(underlying, DAY, 7, rules, coarse(underlying)).daily
        returns.append(np.diff(np.log([bar.close for bar in daily])))
    assert 0.75 < np.corrcoef(returns)[0, 1] < 0.99


def test_the_history_is_the_sessions_before_the_day_and_ends_at_the_level(
    rules: RuleBook, simulated: SimulatedDay
) -> None:
    bars = simulated.daily
    sessions = [session.day for session in rules.sessions(bars[0].day, DAY - timedelta(days=1))]
    assert [bar.day for bar in bars] == sessions
    assert len(bars) >= 120
    assert bars[-1].close == default_config("NIFTY").level
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


def test_the_first_snapshot_opens_within_a_nights_move_of_the_last_close(rules: RuleBook) -> None:
    gaps = []
    for seed in range(20):
        day = simulate_day("NIFTY", DAY, seed, rules, coarse())
        gaps.append(np.log(day.snapshots[0].spot / day.daily[-1].close))
    # One night at 12 % a year is 0.44 %; the first half minute is the busiest and adds to it.
    assert 0.002 < np.std(gaps) < 0.008


def test_snapshots_come_every_minute_inside_the_session_with_a_small_exchange_lag(
    rules: RuleBook, simulated: SimulatedDay
) -> None:
    session = rules.session(DAY)
    received = [snapshot.received_at for snapshot in simulated.snapshots]
    assert {later - earlier for earlier, later in itertools.pairwise(received)} == {timedelta(seconds=60)}
    assert session is not None
    assert session.is_open(received[0])
    assert received[-1] <= session.close - timedelta(seconds=60)
    lags = [part.received_at - part.exchange_time for snapshot in simulated.snapshots for part in snapshot.slices]
    assert timedelta(0) < min(lags) <= max(lags) < timedelta(seconds=3)


def test_expiries_are_those_of_the_rule_book_with_lots_of_the_trade_date(
    rules: RuleBook, simulated: SimulatedDay
) -> None:
    snapshot = simulated.snapshots[100]
    assert snapshot.expiries == rules.expiries("NIFTY", DAY)
    for chain in snapshot.chains():
        lot = rules.lot("NIFTY", chain.expiry, DAY).value
        for name in ("bid_size", "ask_size", "oi", "oi_change", "volume"):
            assert not np.any(chain.call[name] % lot), name
            assert not np.any(chain.put[name] % lot), name


def test_every_number_is_finite_and_every_price_is_on_the_tick(simulated: SimulatedDay) -> None:
    for snapshot in simulated.snapshots[::50]:
        for name in VALUE_COLUMNS:
            assert np.isfinite(snapshot.columns[name]).all(), name
            assert name == "oi_change" or (snapshot.columns[name] >= 0).all(), name
        for name in ("bid", "ask", "ltp"):
            ticks = snapshot.columns[name] / 0.05
            np.testing.assert_allclose(ticks, np.rint(ticks), atol=1e-6)


def test_no_quote_is_crossed_and_sizes_stand_only_where_prices_do(simulated: SimulatedDay) -> None:
    for snapshot in simulated.snapshots[::25]:
        quoted = (snapshot.bid > 0) & (snapshot.ask > 0)
        assert (snapshot.bid[quoted] < snapshot.ask[quoted]).all()
        assert np.array_equal(snapshot.bid > 0, snapshot.bid_size > 0)
        assert np.array_equal(snapshot.ask > 0, snapshot.ask_size > 0)


def test_parity_holds_inside_the_spread_for_one_forward_a_slice(rules: RuleBook, simulated: SimulatedDay) -> None:
    rate = rules.repo_rate(DAY).value
    for chain in simulated.snapshots[200].chains():
        both = (chain.call["bid"] > 0) & (chain.call["ask"] > 0) & (chain.put["bid"] > 0) & (chain.put["ask"] > 0)
        years = (
            rules.settlement("NIFTY", chain.expiry).observed_at - chain.slice.received_at
        ).total_seconds() / 3.1536e7
        growth = np.exp(rate * years)
        low = chain.strike + growth * (chain.call["bid"] - chain.put["ask"])
        high = chain.strike + growth * (chain.call["ask"] - chain.put["bid"])
        assert both.any()
        assert low[both].max() <= high[both].min() + 1e-9


def test_no_vertical_or_butterfly_can_be_traded_for_an_arbitrage(simulated: SimulatedDay) -> None:
    for chain in simulated.snapshots[50].chains():
        for columns, direction in ((chain.call, 1), (chain.put, -1)):
            strike, bid, ask = _two_sided(chain, columns)
            order = slice(None, None, direction)
            cheapest_before = np.minimum.accumulate(ask[order])[:-1]
            assert (bid[order][1:] <= cheapest_before + 1e-9).all()
            weight = (strike[2:] - strike[1:-1]) / (strike[2:] - strike[:-2])
            wings = weight * ask[:-2] + (1 - weight) * ask[2:]
            assert (bid[1:-1] <= wings + 1e-9).all()


def _two_sided(chain: Chain, columns: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    both = (columns["bid"] > 0) & (columns["ask"] > 0)
    return chain.strike[both], columns["bid"][both], columns["ask"][both]


def test_spreads_are_tight_at_the_money_of_the_front_expiry_and_wide_far_away(simulated: SimulatedDay) -> None:
    spreads = []
    for snapshot in simulated.snapshots[30::10]:
        chain = snapshot.chain(0)
        near = np.abs(chain.strike - snapshot.spot).argmin()
        spreads.append(chain.call["ask"][near] - chain.call["bid"][near])
    assert 0.05 <= np.median(spreads) <= 0.5
    furthest = simulated.snapshots[100].chains()[-1]
    assert (furthest.call["bid"] == 0).mean() > 0.3


def test_volume_only_rises_and_open_interest_moves_by_its_change(simulated: SimulatedDay) -> None:
    first, later, last = (simulated.snapshots[index] for index in (0, 100, -1))
    assert (first.volume <= later.volume).all()
    assert (later.volume <= last.volume).all()
    np.testing.assert_array_equal(first.oi - first.oi_change, last.oi - last.oi_change)
    assert np.any(last.oi_change > 0)
    assert np.any(last.oi_change < 0)


def test_open_interest_gathers_at_round_strikes_with_calls_above_and_puts_below(simulated: SimulatedDay) -> None:
    snapshot = simulated.snapshots[0]
    chain = snapshot.chain(0)
    near = np.abs(chain.strike / snapshot.spot - 1) < 0.03
    interest = chain.call["oi"] + chain.put["oi"]
    is_round = chain.strike % 500 == 0
    assert interest[near & is_round].mean() > 2 * interest[near & ~is_round].mean()
    centres = [np.average(chain.strike, weights=side["oi"]) for side in (chain.call, chain.put)]
    assert centres[0] > snapshot.spot > centres[1]


def test_last_prices_of_quiet_contracts_go_stale_and_those_of_the_front_do_not(simulated: SimulatedDay) -> None:
    earlier, later = simulated.snapshots[200], simulated.snapshots[201]
    same = earlier.ltp == later.ltp
    front = slice(int(later.offsets[0]), int(later.offsets[1]))
    last = slice(int(later.offsets[-2]), int(later.offsets[-1]))
    assert same[front].mean() < 0.4
    assert same[last].mean() > 0.7


def test_an_expiring_series_is_quoted_to_its_last_minute(rules: RuleBook) -> None:
    day = simulate_day("NIFTY", EXPIRY_DAY, 3, rules, replace(default_config("NIFTY"), interval_s=300.0))
    last = day.snapshots[-1]
    assert last.expiries[0] == EXPIRY_DAY
    chain = last.chain(0)
    outside = np.where(chain.strike > last.spot, chain.call["ask"], chain.put["ask"])
    far = np.abs(chain.strike - last.spot) > 300
    assert outside[far].max() <= 0.5
    assert all(np.isfinite(last.columns[name]).all() for name in VALUE_COLUMNS)


def test_the_last_covered_expiry_day_ends_with_its_last_trade(rules: RuleBook) -> None:
    last = date(2026, 12, 29)
    day = simulate_day("NIFTY", last, 1, rules, coarse())
    assert day.snapshots[-1].expiries == (last,)
    assert day.snapshots[-1].received_at < rules.last_trade("NIFTY", last)


def test_a_muhurat_session_is_simulated_in_its_own_hour(rules: RuleBook) -> None:
    day = simulate_day("NIFTY", date(2025, 10, 21), 1, rules)
    assert len(day.snapshots) == 59
    assert day.snapshots[0].received_at.strftime("%H:%M:%S") == "13:45:30"


@pytest.mark.parametrize(
    ("underlying", "day", "seed", "error", "says"),
    [
        ("NIFTEE", DAY, 1, BadInput, "NIFTEE"),
        ("NIFTY", date(2025, 8, 27), 1, BadInput, "not a session"),
        ("NIFTY", date(2031, 1, 6), 1, RuleGap, "2031"),
        ("NIFTY", date(2024, 1, 5), 1, RuleGap, "2023"),
        ("NIFTY", DAY, -1, BadInput, "seed"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(
    rules: RuleBook, underlying: str, day: date, seed: int, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        simulate_day(underlying, day, seed, rules)


def test_all_problems_of_a_config_are_told_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        SimulatorConfig(
            level=-1.0, dynamics=Dynamics(annual_vol=0.001), surface=SurfaceShape(skew=-0.9), interval_s=1.0
        )
    for word in ("level", "annual_vol", "skew", "interval_s"):
        assert word in str(caught.value)
