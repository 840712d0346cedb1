"""Volatility benchmarks: HAR against statsmodels and arch, GARCH, and what the market pass pays for its forecast.

`rows()` for `make bench`, or run this file.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import statsmodels.api as sm
from arch import arch_model
from arch.univariate import HARX

from quantsentinel.market.bars import DailyBar
from quantsentinel.pricing import black76
from quantsentinel.volatility.clock import VarianceClock
from quantsentinel.volatility.forecast import forecast
from quantsentinel.volatility.garch import Garch, log_likelihood, scores, stored
from quantsentinel.volatility.har import design_rv, least_squares, next_mean
from quantsentinel.volatility.model_free import Strip, model_free_variance
from quantsentinel.volatility.realised import RealisedVariance
from tests.figures import Peer, cpu_ms, row, wall_ms

DAYS = 1000
LAGS = 5


def _variances() -> np.ndarray:
    random = np.random.default_rng(2)
    level = np.exp(np.cumsum(0.05 * random.standard_normal(DAYS)))
    return 1e-4 * level * random.chisquare(8, DAYS) / 8


def _har_rows() -> list[dict[str, Any]]:
    rv = _variances()

    def ours() -> object:
        x, y = design_rv(rv), next_mean(rv, 1)
        return least_squares(x[21:-1], y[21:-1], LAGS)

    x, y = design_rv(rv)[21:-1], next_mean(rv, 1)[21:-1]
    options = {"maxlags": LAGS, "use_correction": False}

    def stats() -> object:
        return sm.OLS(y, x).fit(cov_type="HAC", cov_kwds=options).bse

    def harx() -> object:
        return HARX(1e4 * rv, lags=[1, 5, 22], rescale=False).fit(disp="off").params

    mine, note = wall_ms(ours, 41), f"{DAYS} days, design and Newey–West errors"
    return [
        row("HAR fit", mine, "ms", 1.0, peer=Peer("statsmodels OLS with HAC, design given", wall_ms(stats)), note=note),
        row("HAR fit", mine, "ms", 1.0, peer=Peer("arch HARX", wall_ms(harx)), note=note),
    ]


def _garch_rows() -> list[dict[str, Any]]:
    returns = 100 * np.sqrt(_variances()) * np.random.default_rng(3).standard_normal(DAYS)
    model = Garch(0.0, 0.02, 0.08, 0.9)

    def both() -> object:
        return log_likelihood(returns, model), scores(returns, model)

    def fit() -> object:
        return arch_model(returns, rescale=False).fit(disp="off")

    return [
        row("GARCH(1,1) likelihood and scores", wall_ms(both), "ms", 1.0, note=f"{DAYS} returns"),
        row("GARCH(1,1) state for serving", wall_ms(lambda: stored(returns, model)), "ms", 0.5,
            peer=Peer("arch fit", wall_ms(fit, 5)), note=f"{DAYS} returns; arch fits, we filter"),
    ]  # fmt: skip


def _serving_rows() -> list[dict[str, Any]]:
    """One forecast as the market pass makes it, and the strip that its implied month sums twice."""
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(700)]
    days = [day for day in days if day.weekday() < 5]
    bars = [DailyBar(day, 24_000.0, 24_150.0, 23_900.0, 24_000.0 + n % 7) for n, day in enumerate(days)]
    opens = [datetime(2025, 12, 1, 3, 45, tzinfo=UTC) + timedelta(days=n) for n in range(5)]
    clock = VarianceClock([(at, at + timedelta(hours=6.25)) for at in opens])
    today = RealisedVariance(2e-5, 120.0, 100)
    now, end = opens[0] + timedelta(hours=2), opens[-1] + timedelta(hours=6)
    strike = np.arange(20_000.0, 29_000.0, 50.0)
    call, put = (black76.price(24_500.0, strike, 0.08, 0.12, 0.996, side) for side in (True, False))
    strip = Strip(strike, call * 0.999, call * 1.001, put * 0.999, put * 1.001)

    def month() -> object:
        return model_free_variance(strip, 24_500.0, 0.996)

    return [
        row("forecast in the market pass", cpu_ms(lambda: forecast(bars, today, clock, (now, end), 6e-5)), "ms", 2.0,
            note=f"CPU time, {len(bars)} daily bars"),
        row("model-free variance of one expiry", cpu_ms(month), "ms", 1.5,
            note=f"CPU time, {strike.size} strikes"),
    ]  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """HAR, GARCH, serving."""
    return _har_rows() + _garch_rows() + _serving_rows()


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
