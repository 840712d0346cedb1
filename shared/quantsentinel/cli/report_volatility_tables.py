"""The numbers of the volatility report: each function gives the rows of one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantsentinel.cli.report_volatility_data import Series
from quantsentinel.frozen import dataclass
from quantsentinel.volatility import gaps, jumps, training
from quantsentinel.volatility.convex import trailing
from quantsentinel.volatility.garch_fit import fit_garch
from quantsentinel.volatility.har import design_cj, design_j, design_rv, least_squares
from quantsentinel.volatility.parameters import FittedWeight, ForecastWeights, served
from quantsentinel.volatility.ranges import log_bars, parkinson
from quantsentinel.volatility.scores import coverage, diebold_mariano, direction_hits, qlike, r_squared
from quantsentinel.volatility.study import (
    BASELINES,
    FORMER,
    SERVED,
    Study,
    ewma,
    har,
    next_sum,
    study,
)
from quantsentinel.volatility.training import DailySample, IntradaySample

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
HORIZONS = (1, 5, 22)
SEED = 20261121
TRAIN = (date(2014, 3, 1), date(2020, 12, 31))
TEST = (date(2021, 1, 1), date(2026, 5, 31))
TODAY_TRAINED_TO = date(2022, 12, 31)
QUARTERS_WARM_UP = 500
TIMES = {5: "10:30", 10: "11:45", 15: "13:00", 20: "14:15"}
"""After how many 15-minute bars."""
NO_LEAN = (0.0, 0.0)
TUESDAYS_FROM = date(2025, 9, 1)


@dataclass(frozen=True, eq=False)
class Panel:
    """One horizon of one series: what happened and what each model had said, on `days`."""

    study: Study
    days: tuple[date, ...]
    realised: Floats
    now: Floats

    def within(self, first: date, last: date) -> Bools:
        """Rows of the span that every model forecast and whose outcome is known."""
        known = np.isfinite(self.realised) & np.all([np.isfinite(f) for f in self.study.forecasts.values()], axis=0)
        return np.asarray(known & np.array([first <= day <= last for day in self.days]))


def sample_of(series: Series) -> DailySample:
    return training.daily_sample(series.daily, training.served_clock(), dict(series.vix))


def clock_rows(series: Series) -> tuple[tuple[FittedWeight, ...], tuple[float, float, float]]:
    """The gap and event weights as fitted now, and the overnight share with its interval."""
    prices = log_bars(series.daily)
    days = tuple(bar.day for bar in series.daily)
    gap = (prices.open[1:] - prices.close[:-1]) ** 2
    sample = gaps.GapSample(days[1:], days[:-1], gap, parkinson(prices)[1:])
    fitted = gaps.fit_gap_weights(sample, np.random.default_rng(SEED))
    events = gaps.fit_event_weights(sample, series.events, np.random.default_rng(SEED))
    return (*fitted, *events), gaps.share_interval(sample, np.random.default_rng(SEED))


def daily_panels(sample: DailySample) -> list[Panel]:
    found = []
    for horizon in HORIZONS:
        made = study(sample, served(), horizon, fit_garch)
        now = sample.ranged / sample.units * made.units
        found.append(Panel(made, sample.days, next_sum(sample.ranged, horizon), now))
    return found


def quarter_panels(sample: DailySample, series: Series, panels: Sequence[Panel]) -> list[Panel]:
    """15-minute realised variance with its gap as outcome; HAR on it, with jumps, beside the daily models."""
    at = {day: n for n, day in enumerate(sample.days)}
    rows = np.array([at[day] for day in series.quarters.days if day in at])
    inside = jumps.measures(series.quarters.returns[[day in at for day in series.quarters.days]])
    realised = inside.rv + sample.gaps[rows]
    designs = {
        "har_rv": design_rv(realised),
        "har_j": design_j(realised, inside.jump),
        "har_cj": design_cj(inside.continuous + sample.gaps[rows], inside.jump),
    }
    found = []
    for horizon, panel in zip(HORIZONS, panels, strict=True):
        outcome = next_sum(realised, horizon)
        mine = {name: horizon * har(x, outcome / horizon, horizon, QUARTERS_WARM_UP) for name, x in designs.items()}
        daily = {name: values[rows] for name, values in panel.study.forecasts.items()}
        days = tuple(sample.days[row] for row in rows)
        made = Study(horizon, {**daily, **mine}, panel.study.units[rows])
        found.append(Panel(made, days, outcome, horizon * realised))
    return found


def model_rows(panel: Panel, train: tuple[date, date] | None, test: tuple[date, date]) -> Iterator[tuple[Any, ...]]:
    """(model, QLIKE in the training span, QLIKE, R², realised / forecast, direction, t against each baseline)."""
    horizon = panel.study.horizon
    early = panel.within(*train) if train else None
    rows = panel.within(*test)
    y = panel.realised[rows]
    losses = {name: qlike(y, values[rows]) for name, values in panel.study.forecasts.items()}
    for name, values in panel.study.forecasts.items():
        f = values[rows]
        before = None if early is None else float(np.mean(qlike(panel.realised[early], values[early])))
        hits = direction_hits(y, f, panel.now[rows])
        against = [
            None if name == other else diebold_mariano(losses[name], losses[other], horizon).t
            for other in (*BASELINES, FORMER)
        ]
        ratio = float(np.sum(y) / np.sum(f))
        yield (name, before, float(np.mean(losses[name])), r_squared(y, f), ratio, hits, *against)


def today_rows(sample: DailySample, series: Series) -> Iterator[tuple[Any, ...]]:
    """(sessions after today, time, days, QLIKE before, served without implied, served) on days after the fit."""
    parameters = served()
    late = np.array([day > TODAY_TRAINED_TO for day in series.quarters.days])
    days = tuple(day for day in series.quarters.days if day > TODAY_TRAINED_TO)
    intraday = IntradaySample(days, series.quarters.returns[late] ** 2)
    averages = trailing(sample.ranged, sample.units, parameters.spans)
    for row, after in zip(parameters.forecast, (0, 1, 4, 21), strict=True):
        alone = averages @ np.array(row.alone)
        past = averages @ np.array(row.beside)
        for bars, time in TIMES.items():
            usual = parameters.diurnal[bars - 1]
            former, plain, full = (
                training.moments(sample, intraday, values, after, {bars: share})
                for values, share in ((ewma(sample.squared), bars / 25), (alone, usual), (past, usual))
            )
            yield (
                after,
                time,
                full.past.size,
                training.today_loss(former, 0.5, NO_LEAN),
                training.today_loss(plain, row.today_alone, NO_LEAN),
                training.today_loss(full, row.today_beside, _leans(row)),
            )


def coverage_rows(panels: Sequence[Panel]) -> Iterator[tuple[Any, ...]]:
    """(horizon, days, share inside the served 90 % interval, below it, above it) out of sample."""
    rows = {row.horizon_sessions: row for row in served().forecast}
    for panel in panels:
        span = panel.within(*TEST)
        y, f = panel.realised[span], panel.study.forecasts[SERVED][span]
        row = rows[float(panel.study.horizon)]
        low, high = f * np.exp(row.low), f * np.exp(row.high)
        yield panel.study.horizon, y.size, coverage(y, low, high), float(np.mean(y < low)), float(np.mean(y > high))


def monthly_expiries(days: Sequence[date]) -> set[date]:
    """Last Thursday of each month (from September 2025 the last Tuesday), or the trading day before it."""
    trading, found = sorted(days), set()
    for year, month in sorted({(day.year, day.month) for day in trading}):
        first_of_next = date(year + month // 12, month % 12 + 1, 1)
        weekday = 1 if date(year, month, 1) >= TUESDAYS_FROM else 3
        last = first_of_next - timedelta(days=1)
        last -= timedelta(days=(last.weekday() - weekday) % 7)
        found.add(max((day for day in trading if day <= last), default=last))
    return found


def expiry_rows(panels: Sequence[Panel], days: Sequence[date]) -> Iterator[tuple[Any, ...]]:
    """(horizon, subset, days, QLIKE of served, RiskMetrics, VIX, realised / forecast, t of the subsets' difference)."""
    expiries = monthly_expiries(days)
    weeks = {expiry.isocalendar()[:2] for expiry in expiries}
    after = dict(pairwise(days))
    for panel in panels:
        span = panel.within(*TEST)
        inside = np.array([after.get(day, day).isocalendar()[:2] in weeks for day in panel.days])
        t = _difference(panel, span, inside)
        for name, mask in (("expiry week", span & inside), ("other", span & ~inside)):
            y, made = panel.realised[mask], panel.study.forecasts
            losses = [float(np.mean(qlike(y, made[model][mask]))) for model in (SERVED, "riskmetrics", "vix")]
            ratio = float(np.sum(y) / np.sum(made[SERVED][mask]))
            yield panel.study.horizon, name, y.size, *losses, ratio, t


def _difference(panel: Panel, span: Bools, inside: Bools) -> float:
    """t of log(realised / served) on being in an expiry week, Newey–West."""
    errors = np.log(panel.realised[span] / panel.study.forecasts[SERVED][span])
    design = np.column_stack([np.ones(errors.size), inside[span].astype(float)])
    fit = least_squares(design, errors, 2 * panel.study.horizon + 5)
    return float(fit.coefficients[1] / fit.errors[1])


def minute_rows(series: Series) -> Iterator[tuple[str, float, float]]:
    """(estimator, mean session variance as annual vol of the session alone, correlation with the 5-minute one)."""
    returns, x = series.minutes.returns, np.log(series.minutes.prices)
    fives = np.diff(x[:, ::5], axis=1)
    measured = jumps.measures(fives)
    reference = jumps.subsampled(x, 5)
    estimators: Mapping[str, Floats] = {
        "1-minute": jumps.realised(returns),
        "5-minute": measured.rv,
        "5-minute, five grids": reference,
        "15-minute": jumps.realised(np.diff(x[:, ::15], axis=1)),
        "bipower, 5-minute": measured.bipower,
        "MedRV, 5-minute": measured.medrv,
        "continuous part (test at 0.1 %)": measured.continuous,
        "Parkinson of the same minutes": (x.max(axis=1) - x.min(axis=1)) ** 2 / (4 * np.log(2)),
        "squared open to close": (x[:, -1] - x[:, 0]) ** 2,
    }
    for name, values in estimators.items():
        yield name, float(np.sqrt(252 * np.mean(values))), float(np.corrcoef(values, reference)[0, 1])


def jump_days(series: Series) -> tuple[list[date], int]:
    """Days of 2024 on which the 5-minute test finds a jump, and how many were tested."""
    found = jumps.measures(np.diff(np.log(series.minutes.prices[:, ::5]), axis=1))
    flagged = [day for day, jump in zip(series.minutes.days, found.jump, strict=True) if jump > 0]
    return flagged, len(series.minutes.days)


def weight_rows(sample: DailySample) -> Iterator[tuple[Any, ...]]:
    """(horizon, stored and refitted weights alone, beside) on the training span."""
    train = sample.before(TRAIN[1])
    stored = {row.horizon_sessions: row for row in served().forecast}
    for horizon in HORIZONS:
        fit, row = training.fit_horizon(train, served().spans, horizon), stored[float(horizon)]
        yield horizon, row.alone, fit.alone, (*row.beside, *_leans(row)), (*fit.beside.tolist(), *fit.leans)


def _leans(row: ForecastWeights) -> tuple[float, float]:
    return row.implied_above, row.implied_below


def today_fits(sample: DailySample, series: Series) -> tuple[Floats, list[tuple[float, float]]]:
    """The diurnal shares, and the weights of today's path by horizon row, alone and beside; on 2021 and 2022."""
    parameters = served()
    early = np.array([day <= TODAY_TRAINED_TO for day in series.quarters.days])
    days = tuple(day for day in series.quarters.days if day <= TODAY_TRAINED_TO)
    intraday = IntradaySample(days, series.quarters.returns[early] ** 2)
    usual = {bars: parameters.diurnal[bars - 1] for bars in TIMES}
    averages = trailing(sample.ranged, sample.units, parameters.spans)
    found = []
    for row, after in zip(parameters.forecast, (0, 1, 4, 21), strict=True):
        pasts = averages @ np.array(row.alone), averages @ np.array(row.beside)
        alone, beside = (training.moments(sample, intraday, past, after, usual) for past in pasts)
        found.append((training.fit_today(alone, NO_LEAN), training.fit_today(beside, _leans(row))))
    return training.fit_diurnal(intraday), found
