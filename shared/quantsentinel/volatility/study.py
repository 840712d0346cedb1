"""Walk-forward forecasts of the next sessions by every model, each row known at the close of its session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.volatility.clock import OVERNIGHT_SHARE
from quantsentinel.volatility.convex import trailing
from quantsentinel.volatility.ensemble import rolling_weights
from quantsentinel.volatility.forecast import LAMBDA
from quantsentinel.volatility.garch import Garch, stored, total_variance
from quantsentinel.volatility.har import design_rv, least_squares, next_mean
from quantsentinel.volatility.parameters import ForecastWeights, Parameters
from quantsentinel.volatility.training import DailySample, leaning

Floats = NDArray[np.float64]
BASELINES = ("yesterday", "riskmetrics", "vix")
FORMER = "ewma_and_today"
SERVED, SERVED_ALONE = "served", "served_without_implied"
WARM_UP, REFIT = 750, 63
LEAST = 0.2
"""A regression's forecast never falls below this share of the smallest of its averages: a line may cross zero."""
Errors = Literal["normal", "t"]
FitGarch = Callable[[Floats, Errors], Garch]


@dataclass(frozen=True, eq=False)
class Study:
    """`forecasts` of the total variance of the next `horizon` sessions by model, `units` of those sessions, (n,) each;
    NaN before a model has its history."""

    horizon: int
    forecasts: Mapping[str, Floats]
    units: Floats


def next_sum(values: Floats, horizon: int) -> Floats:
    """Of the next `horizon` values after each, (n,); NaN where they are not all known."""
    return horizon * next_mean(values, horizon)


def study(sample: DailySample, parameters: Parameters, horizon: int, fit_garch: FitGarch) -> Study:
    """All models of daily bars. `fit_garch(returns, errors)` is the batch fit."""
    units = next_sum(sample.units, horizon)
    per_unit = sample.ranged / sample.units
    row = parameters.nearest(horizon)
    averages = trailing(sample.ranged, sample.units, parameters.spans)
    found = {
        "yesterday": per_unit * units,
        "riskmetrics": horizon * ewma(sample.squared),
        "vix": sample.implied * units,
        FORMER: horizon * former(sample),
        "har": units * har(design_rv(per_unit), next_sum(sample.ranged, horizon) / units, horizon),
        "garch_normal": garch(sample, horizon, "normal", fit_garch),
        "garch_t": garch(sample, horizon, "t", fit_garch),
        SERVED_ALONE: averages @ np.array(row.alone) * units,
        SERVED: beside(averages, sample.implied, row) * units,
    }
    members = np.column_stack([found[name] for name in ("riskmetrics", "har", "garch_t", SERVED_ALONE, "vix")])
    weights = rolling_weights(members, next_sum(sample.ranged, horizon), per_unit * units, horizon)
    found["ensemble"] = np.sum(weights * members, axis=1)
    return Study(horizon, found, units)


def beside(averages: Floats, implied: Floats, row: ForecastWeights) -> Floats:
    """Variance per unit at the close of each day, where no session is under way."""
    return leaning(averages @ np.array(row.beside), implied, (row.implied_above, row.implied_below))


def ewma(squared: Floats, decay: float = LAMBDA) -> Floats:
    """RiskMetrics variance after each session, from the mean of the first 22."""
    found, level = np.empty(squared.size), float(np.mean(squared[:22]))
    for n, value in enumerate(squared):
        level = decay * level + (1 - decay) * float(value)
        found[n] = level
    return found


def former(sample: DailySample) -> Floats:
    """What was served before: half the EWMA of the days before, half today's session, at the close."""
    session = (sample.ranged - sample.gaps) / (1 - OVERNIGHT_SHARE)
    before = np.concatenate(([np.nan], ewma(sample.squared)[:-1]))
    return np.asarray(0.5 * before + 0.5 * session)


def har(design: Floats, target: Floats, horizon: int, warm_up: int = WARM_UP) -> Floats:
    """Refitted every `REFIT` sessions on every outcome known by then."""
    n = target.size
    found = np.full(n, np.nan)
    for start in range(warm_up, n, REFIT):
        past = slice(0, start - horizon + 1)
        known = np.isfinite(design[past]).all(axis=1) & np.isfinite(target[past])
        fit = least_squares(design[past][known], target[past][known], 0)
        rows = slice(start, min(start + REFIT, n))
        found[rows] = np.maximum(design[rows] @ fit.coefficients, LEAST * np.min(design[rows, 1:4], axis=1))
    return found


def garch(sample: DailySample, horizon: int, errors: Errors, fit_garch: FitGarch) -> Floats:
    """Refitted on all returns before each new year; the state moves on with every return."""
    n = sample.squared.size
    found = np.full(n, np.nan)
    years = np.array([day.year for day in sample.days])
    for year in sorted(set(years.tolist())):
        rows = np.flatnonzero(years == year)
        if rows[0] < WARM_UP:
            continue
        model = fit_garch(sample.returns[: rows[0]], errors)
        for row in rows:
            state = stored(sample.returns[: row + 1], model)
            found[row] = total_variance(state, horizon)
    return found
