"""The volatility layer on the real NIFTY series: the stored parameters are what a fit gives, and serve what wins."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from quantsentinel.cli import report_volatility_tables as tables
from quantsentinel.cli.report_volatility_chain import own_vix_rows
from quantsentinel.cli.report_volatility_data import Series, read_series
from quantsentinel.errors import BadInput
from quantsentinel.volatility import training
from quantsentinel.volatility.convex import trailing
from quantsentinel.volatility.parameters import served
from quantsentinel.volatility.scores import diebold_mariano, qlike
from quantsentinel.volatility.study import beside, ewma, former, next_sum
from quantsentinel.volatility.training import DailySample

pytestmark = pytest.mark.marketdata
OUT_OF_SAMPLE = date(2021, 1, 1)


@pytest.fixture(scope="module")
def series(marketdata: Path) -> Series:
    return read_series(marketdata)


@pytest.fixture(scope="module")
def sample(series: Series) -> DailySample:
    return tables.sample_of(series)


def test_the_stored_clock_weights_are_those_of_a_fit_and_lie_where_they_are_served(series: Series) -> None:
    stored = {row.name: row for row in served().fitted}
    fitted, share = tables.clock_rows(series)
    names = {"UNION_BUDGET": "budget", "RBI_MPC": "rbi_mpc", "INDIA_GDP": "gdp"}
    assert len(fitted) == len(stored) == 11
    for row in fitted:
        first, *rest = row.name.split(" ")
        kept = stored[" ".join([names.get(first, first), *rest])]
        assert (row.multiple, row.low, row.high) == pytest.approx((kept.multiple, kept.low, kept.high), abs=6e-5)
        assert row.is_served == kept.is_served
    assert share[1] < 0.332 < share[2]


def test_the_stored_forecast_weights_are_those_of_a_fit_that_ends_with_2020(sample: DailySample) -> None:
    train = sample.before(tables.TRAIN[1])
    assert train.days[-1] < OUT_OF_SAMPLE
    rows = {row.horizon_sessions: row for row in served().forecast}
    for horizon in tables.HORIZONS:
        fit, row = training.fit_horizon(train, served().spans, horizon), rows[float(horizon)]
        assert row.alone == pytest.approx(fit.alone.tolist(), abs=2e-4)
        assert row.beside == pytest.approx(fit.beside.tolist(), abs=2e-4)
        assert (row.implied_above, row.implied_below) == pytest.approx(fit.leans)
        assert (row.low, row.high) == pytest.approx((fit.low, fit.high), abs=2e-3)
    low, high = training.range_scale(train, np.random.default_rng(1), 300)[1:]
    assert low < 1.0 < high


def test_the_stored_shape_of_a_session_and_todays_weights_are_those_of_a_fit(
    sample: DailySample, series: Series
) -> None:
    shares, weights = tables.today_fits(sample, series)
    assert served().diurnal == pytest.approx(shares.tolist(), abs=6e-5)
    for row, (alone, together) in zip(served().forecast, weights, strict=True):
        assert (row.today_alone, row.today_beside) == pytest.approx((alone, together), abs=0.011)


@pytest.mark.parametrize("horizon", [1, 5, 22])
def test_out_of_sample_what_serves_loses_to_no_baseline(sample: DailySample, horizon: int) -> None:
    """Measured: QLIKE 0.355, 0.205, 0.154; former 0.471, 0.329, 0.287; VIX 0.419, 0.225, 0.163."""
    row = next(each for each in served().forecast if each.horizon_sessions == horizon)
    averages = trailing(sample.ranged, sample.units, served().spans)
    units, y = next_sum(sample.units, horizon), next_sum(sample.ranged, horizon)
    models = {
        "served": beside(averages, sample.implied, row) * units,
        "former": horizon * former(sample),
        "riskmetrics": horizon * ewma(sample.squared),
        "vix": sample.implied * units,
    }
    late = np.array([day >= OUT_OF_SAMPLE for day in sample.days])
    known = late & np.isfinite(y) & np.all([np.isfinite(f) for f in models.values()], axis=0)
    losses = {name: qlike(y[known], f[known]) for name, f in models.items()}
    assert known.sum() > 1300
    for name in ("former", "riskmetrics", "vix"):
        assert diebold_mariano(losses["served"], losses[name], horizon).t < -1.2
    assert diebold_mariano(losses["served"], losses["former"], horizon).p_value < 0.05


def test_while_the_session_runs_what_serves_is_never_worse_than_what_did(sample: DailySample, series: Series) -> None:
    rows = list(tables.today_rows(sample, series))
    assert len(rows) == 16
    assert all(full < before for _, _, _, before, _, full in rows)


def test_the_intervals_hold_what_they_promise_out_of_sample(sample: DailySample) -> None:
    rows = {row.horizon_sessions: row for row in served().forecast}
    averages = trailing(sample.ranged, sample.units, served().spans)
    for horizon in tables.HORIZONS:
        row = rows[float(horizon)]
        ratio = next_sum(sample.ranged, horizon) / (
            beside(averages, sample.implied, row) * next_sum(sample.units, horizon)
        )
        late = np.array([day >= OUT_OF_SAMPLE for day in sample.days]) & np.isfinite(ratio)
        inside = (np.log(ratio[late]) >= row.low) & (np.log(ratio[late]) <= row.high)
        assert inside.mean() == pytest.approx(0.90, abs=0.03)


def test_our_own_vix_stays_within_half_a_point_of_the_published_close(marketdata: Path, series: Series) -> None:
    rows = list(own_vix_rows(marketdata, series.vix))
    assert len(rows) >= 5
    for _, quoted, whole, published, at_money in rows:
        assert abs(quoted - published) < 0.5
        assert abs(whole - published) < 0.5
        assert at_money < whole


def test_monthly_expiries_are_those_of_the_calendar(sample: DailySample) -> None:
    """`india-facts.md` §2.2: the last Thursday to August 2025, then the last Tuesday; holidays move it forward."""
    found = tables.monthly_expiries(sample.days)
    assert {date(2024, 3, 28), date(2025, 8, 28), date(2025, 9, 30), date(2026, 3, 30)} <= found
    assert date(2025, 9, 25) not in found


def test_a_folder_without_the_series_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nifty_15min"):
        read_series(tmp_path)
