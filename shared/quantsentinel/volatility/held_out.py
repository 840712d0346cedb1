"""Judges fitted parameters on sessions that their fit did not see, against a plain average and what is in force.

The declared test: the candidate's mean QLIKE lies below the rule's in every row, and where the rows' losses are a
series, Diebold–Mariano's t at or below -1.645 (one-sided 5 %).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.volatility.clock import OVERNIGHT_SHARE
from quantsentinel.volatility.convex import ahead, trailing
from quantsentinel.volatility.fit_history import FitHistory
from quantsentinel.volatility.parameters import ForecastWeights, GapWeights, Parameters
from quantsentinel.volatility.ranges import log_bars, parkinson
from quantsentinel.volatility.scores import diebold_mariano, qlike
from quantsentinel.volatility.training import DailySample, IntradaySample, leaning, moments, today_loss

Floats = NDArray[np.float64]
HELD_OUT_SESSIONS = 756
"""Three years: at 22 sessions ahead that is 34 outcomes that do not overlap."""
RULE_SESSIONS = 22
CRITICAL_T = -1.645
DIGITS = 6
MOMENTS = (5, 10, 15, 20)
"""Quarters of an hour after which a running session is judged: 10:30, 11:45, 13:00, 14:15."""
HORIZONS = (1, 5, 22)
SESSIONS_AFTER = {0.5: 0, 1.0: 1, 5.0: 4, 22.0: 21}
"""Sessions that a row's horizon takes in after today's, while today's runs."""


@dataclass(frozen=True, slots=True)
class Score:
    """Mean QLIKE of candidate, rule and what is in force over `n` held-out outcomes; t against each, None where the
    outcomes are no series of sessions."""

    row: str
    n: int
    candidate: float
    rule: float
    in_force: float
    t_rule: float | None
    t_in_force: float | None

    @property
    def beats_rule(self) -> bool:
        return self.candidate < self.rule and (self.t_rule is None or self.t_rule <= CRITICAL_T)


def cut(history: FitHistory) -> date:
    """The last session of the judged fit: those after it are held out. Raises `BadInput` for too short a history."""
    if len(history.daily) < 3 * HELD_OUT_SESSIONS:
        what = f"{len(history.daily)} sessions, needs {3 * HELD_OUT_SESSIONS}"
        raise BadInput(what, where="held-out evaluation", fix="Hand over a longer history: `qs models history`")
    return history.daily[-HELD_OUT_SESSIONS - 1].day


# --- The clock ---
def judge_clock(history: FitHistory, candidate: GapWeights, in_force: GapWeights) -> tuple[Score, ...]:
    """Squared gaps against the mean session variance of the 22 sessions before, times the gap's share and weight.

    The three differ only in the weight; the rule counts every gap as the average one.
    """
    prices, days = log_bars(history.daily), [bar.day for bar in history.daily]
    level = trailing(parkinson(prices), np.ones(len(days)), [RULE_SESSIONS])[:-1, 0]
    average = level * OVERNIGHT_SHARE / (1 - OVERNIGHT_SHARE)
    gaps = (prices.open[1:] - prices.close[:-1]) ** 2
    rows = np.isfinite(level) & (level > 0) & np.array([day > cut(history) for day in days[1:]])
    pairs = list(pairwise(days))
    losses = [
        qlike(gaps[rows], (average * [weights.gap(*pair) for pair in pairs])[rows])
        for weights in (candidate, GapWeights(), in_force)
    ]
    return (_score("gaps", losses, 1),)


# --- The forecast ---
def judge_forecast(
    history: FitHistory, sample: DailySample, candidate: Parameters, in_force: Parameters
) -> tuple[Score, ...]:
    """At the close at each fitted horizon, then while a session runs, beside the average of the 22 sessions before."""
    last = cut(history)
    plain = trailing(sample.ranged, sample.units, [RULE_SESSIONS])[:, 0]
    closes = (_at_the_close(sample, last, (candidate, in_force), plain, horizon) for horizon in HORIZONS)
    late = history.intraday(last)
    return (*closes, *(_while_it_runs(sample, late, (candidate, in_force), plain, row) for row in SESSIONS_AFTER))


def _at_the_close(
    sample: DailySample, last: date, models: tuple[Parameters, Parameters], plain: Floats, horizon: int
) -> Score:
    outcome = ahead(sample.ranged, sample.units, horizon)
    candidate, in_force = (_beside(sample, model, model.nearest(horizon)) for model in models)
    forecasts = (candidate, plain, in_force)
    rows = np.isfinite(outcome) & np.all(np.isfinite(forecasts), axis=0) & [day > last for day in sample.days]
    losses = [qlike(outcome[rows], values[rows]) for values in forecasts]
    return _score(f"{horizon} sessions at the close", losses, horizon)


def _beside(sample: DailySample, model: Parameters, row: ForecastWeights) -> Floats:
    past = trailing(sample.ranged, sample.units, model.spans) @ np.array(row.beside)
    return leaning(past, sample.implied, (row.implied_above, row.implied_below))


def _while_it_runs(
    sample: DailySample,
    late: IntradaySample,
    models: tuple[Parameters, Parameters],
    plain: Floats,
    horizon: float,
) -> Score:
    after = SESSIONS_AFTER[horizon]
    losses = []
    for model in models:
        row = model.nearest(horizon)
        past = trailing(sample.ranged, sample.units, model.spans) @ np.array(row.beside)
        seen = moments(sample, late, past, after, usual_shares(model.diurnal))
        losses.append(today_loss(seen, row.today_beside, (row.implied_above, row.implied_below)))
    seen = moments(sample, late, plain, after, usual_shares(models[0].diurnal))
    rule = today_loss(seen, 0.0, (0.0, 0.0))
    candidate, in_force = losses
    return _rounded(f"today and {after} sessions", seen.past.size, (candidate, rule, in_force), ())


def usual_shares(diurnal: tuple[float, ...]) -> Mapping[int, float]:
    """Of a session's variance, what has usually come by each of `MOMENTS`."""
    return {bars: diurnal[bars - 1] for bars in MOMENTS}


def _score(name: str, losses: list[Floats], horizon: int) -> Score:
    candidate, rule, in_force = losses
    against = [diebold_mariano(candidate, other, horizon).t for other in (rule, in_force)]
    return _rounded(name, candidate.size, [float(np.mean(values)) for values in losses], against)


def _rounded(name: str, n: int, means: Sequence[float], against: Sequence[float]) -> Score:
    """Quantised before they are judged: the last bits differ between machines."""
    candidate, rule, in_force = (round(value, DIGITS) for value in means)
    t_rule, t_in_force = (round(value, DIGITS) for value in against) if against else (None, None)
    return Score(name, n, candidate, rule, in_force, t_rule, t_in_force)
