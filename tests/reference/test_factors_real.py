"""The scenario numbers of the policy against the closes they were measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from quantsentinel.market.bars import read_daily_bars
from quantsentinel.market.vix import read_vix
from tests.builders import desk

pytestmark = pytest.mark.marketdata
WINDOW = 60


def returns(*series: dict[object, float]) -> np.ndarray:
    """(n, k) log changes between the days that all have."""
    days = sorted(set.intersection(*(set(one) for one in series)), key=str)
    return np.diff(np.log([[one[day] for one in series] for day in days]), axis=0)


def rolling(both: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(both[k : k + WINDOW].T)[0, 1] for k in range(len(both) - WINDOW + 1)])


def test_two_indices_never_went_together_less_than_the_policys_floor(marketdata: Path) -> None:
    folder = marketdata / "daily/stocks_2023_2026"
    closes = [{bar.day: bar.close for bar in read_daily_bars(folder, name)} for name in ("NIFTY", "BANKNIFTY")]
    found = rolling(returns(*closes))
    assert len(found) > 800
    assert found.min() >= desk().policy.scenarios.min_index_correlation
    assert found.min() == pytest.approx(0.706, abs=0.005)
    assert np.median(found) == pytest.approx(0.862, abs=0.005)


def test_vol_moves_with_the_index_as_the_policy_says(marketdata: Path) -> None:
    nifty = {bar.day: bar.close for bar in read_daily_bars(marketdata / "daily/nifty_2007_2025", "NIFTY")}
    vix = marketdata / "daily/india_vix_span_oi_2012_2026/data__india_vix.csv.gz"
    both = returns(nifty, {bar.day: bar.close for bar in read_vix(vix).bars})
    policy = desk().policy.scenarios
    assert len(both) > 3_200
    assert both[:, 1].std() == pytest.approx(policy.vol_of_vol_daily, abs=0.0005)
    assert np.median(rolling(both)) == pytest.approx(policy.vol_index_correlation, abs=0.005)


def test_vols_rose_after_falls_as_much_as_the_shock_of_a_stressed_margin(marketdata: Path) -> None:
    """25 falls of more than 3 %, 2012-2025, of 4.9 % on average: India VIX times 1.22 in the median, 1.31 at 90 %."""
    nifty = {bar.day: bar.close for bar in read_daily_bars(marketdata / "daily/nifty_2007_2025", "NIFTY")}
    vix = marketdata / "daily/india_vix_span_oi_2012_2026/data__india_vix.csv.gz"
    both = returns(nifty, {bar.day: bar.close for bar in read_vix(vix).bars})
    falls, walls = both[both[:, 0] < np.log(1 - 0.03)], desk().policy.walls
    assert len(falls) >= 20
    assert -np.expm1(falls[:, 0]).mean() == pytest.approx(walls.stressed_margin_move, abs=0.005)
    risen = np.exp(falls[:, 1])
    assert np.median(risen) <= walls.stressed_margin_vol <= np.quantile(risen, 0.9)
    assert np.median(np.exp(both[both[:, 0] > np.log(1 + 0.03), 1])) < 1.0, "after rises they fall: no shock is needed"
