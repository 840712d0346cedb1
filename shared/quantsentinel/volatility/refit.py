"""Fits a part of the stored parameters again, and judges that way of fitting on sessions held out of it.

Two fits: one that ends before the held-out sessions is judged, one on the whole history is offered. What is offered
was therefore never judged itself: its card holds both, side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.volatility.convex import trailing
from quantsentinel.volatility.fit_history import FitHistory, require_one_definition
from quantsentinel.volatility.gaps import GapSample, fit_event_weights, fit_gap_weights
from quantsentinel.volatility.held_out import (
    HORIZONS,
    SESSIONS_AFTER,
    Score,
    cut,
    judge_clock,
    judge_forecast,
    usual_shares,
)
from quantsentinel.volatility.parameters import FittedWeight, GapWeights, Parameters, with_parts
from quantsentinel.volatility.ranges import log_bars, parkinson
from quantsentinel.volatility.training import (
    DailySample,
    HorizonFit,
    daily_sample,
    fit_diurnal,
    fit_horizon,
    fit_today,
    moments,
    served_clock,
)

SEED = 20261121
EVENTS = {"UNION_BUDGET": "budget", "RBI_MPC": "rbi_mpc", "INDIA_GDP": "gdp"}
SERVABLE = frozenset({"night", "closed", "budget"})
"""Weights that the clock has a place for; another one shows, and cannot serve."""
NO_LEAN = (0.0, 0.0)
DIGITS = 4
Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refit:
    """`judged` ends before the held-out sessions and has the `scores`; `offered` is of the whole history."""

    part: str
    offered: Table
    judged: Table
    scores: tuple[Score, ...]

    @property
    def beats_rule(self) -> bool:
        """In every row; and a clock that weighs no gap apart is the rule itself."""
        apart = self.part != "clock" or any(row["is_served"] for row in self.offered["weight"][:2])
        return apart and all(score.beats_rule for score in self.scores)


def refit(part: str, history: FitHistory, in_force: Parameters) -> Refit:
    """Raises `BadInput` for an unknown part, a history that is too short or that spans two definitions."""
    require_one_definition(history, part)
    if part == "clock":
        return _refit_clock(history, in_force)
    if part == "forecast":
        return _refit_forecast(history, in_force)
    raise BadInput(f"no part {part!r}", where="refit", fix="clock or forecast")


def standing(part: str, history: FitHistory, in_force: Parameters) -> tuple[Score, ...]:
    """What is in force on the newest sessions, judged as a candidate would be."""
    if part == "clock":
        return judge_clock(history, in_force.gaps, in_force.gaps)
    return judge_forecast(history, sample_of(history, in_force), in_force, in_force)


def sample_of(history: FitHistory, in_force: Parameters) -> DailySample:
    return daily_sample(history.daily, served_clock(in_force.gaps), dict(history.vix))


# --- The clock ---
def _refit_clock(history: FitHistory, in_force: Parameters) -> Refit:
    early = history.until(cut(history))
    judged, offered = clock_table(early), clock_table(history)
    weights = {row["name"]: row["multiple"] for row in judged["weight"]}
    # Whether the two lay apart back then is not asked: the held-out gaps say whether they do.
    candidate = GapWeights(night=weights["night"], closed=weights["closed"])
    return Refit("clock", offered, judged, judge_clock(history, candidate, in_force.gaps))


def clock_table(history: FitHistory) -> Table:
    """The table `[clock]`: each gap's and each event's weight with its interval."""
    prices, days = log_bars(history.daily), tuple(bar.day for bar in history.daily)
    gaps = GapSample(days[1:], days[:-1], (prices.open[1:] - prices.close[:-1]) ** 2, parkinson(prices)[1:])
    known = {name: history.events[key] for key, name in EVENTS.items() if history.events.get(key)}
    if "budget" not in known:
        raise BadInput("no day of a Union Budget", where="fit history", fix="Hand over the events' file with it")
    rows = fit_gap_weights(gaps, np.random.default_rng(SEED))
    rows += fit_event_weights(gaps, known, np.random.default_rng(SEED))
    return {
        "command": "qs retrain --part clock",
        "trained": _span(days[1], days[-1]),
        "source": "NIFTY daily bars; session variance by Parkinson; 95 % bootstrap intervals",
        "budget_days": [day.isoformat() for day in known["budget"] if day >= days[0]],
        "weight": [_weight(replace(row, is_served=row.is_served and row.name in SERVABLE)) for row in rows],
    }


def _weight(row: FittedWeight) -> Table:
    numbers = {name: round(getattr(row, name), DIGITS) for name in ("multiple", "low", "high")}
    return {"name": row.name, **numbers, "n": int(row.n), "is_served": bool(row.is_served)}


# --- The forecast ---
def _refit_forecast(history: FitHistory, in_force: Parameters) -> Refit:
    sample, last = sample_of(history, in_force), cut(history)
    judged = forecast_table(history.until(last), sample.before(last), in_force.spans)
    offered = forecast_table(history, sample, in_force.spans)
    scores = judge_forecast(history, sample, with_parts({"forecast": judged}), in_force)
    return Refit("forecast", offered, judged, scores)


def forecast_table(history: FitHistory, sample: DailySample, spans: tuple[int, ...]) -> Table:
    """The table `[forecast]`: weights, leans and intervals by horizon, the shape of a session, today's weights."""
    shares = [round(float(value), DIGITS) for value in fit_diurnal(history.intraday())]
    fits = {float(horizon): fit_horizon(sample, spans, horizon) for horizon in HORIZONS}
    averages = trailing(sample.ranged, sample.units, spans)
    rows = [_within_today(fits[1.0])] + [_row(horizon, fit) for horizon, fit in fits.items()]
    intraday, usual = history.intraday(), usual_shares(tuple(shares))
    for row in rows:
        for kind, leans in (("alone", NO_LEAN), ("beside", (row["implied_above"], row["implied_below"]))):
            past = averages @ np.array(row[kind])
            seen = moments(sample, intraday, past, SESSIONS_AFTER[row["horizon_sessions"]], usual)
            row[f"today_{kind}"] = fit_today(seen, leans)
    return {
        "command": "qs retrain --part forecast",
        "trained": _span(sample.days[0], sample.days[-1]),
        "source": f"simplex weights and leans of least QLIKE on daily bars; today's on {len(intraday.days)} sessions",
        "spans_sessions": list(spans),
        "diurnal": [*shares[:-1], 1.0],
        "horizon": rows,
    }


def _row(horizon: float, fit: HorizonFit) -> dict[str, Any]:
    above, below = fit.leans
    return {
        "horizon_sessions": horizon,
        "alone": _simplex(fit.alone.tolist()),
        "beside": _simplex(fit.beside.tolist()),
        "implied_above": round(above, DIGITS),
        "implied_below": round(below, DIGITS),
        "low": round(fit.low, DIGITS),
        "high": round(fit.high, DIGITS),
    }


def _within_today(fit: HorizonFit) -> dict[str, Any]:
    """Of what is left of one session the month says nothing (docs/adr/0016)."""
    alone = _simplex(fit.alone.tolist())
    return {**_row(0.5, fit), "beside": alone, "implied_above": 0.0, "implied_below": 0.0}


def _simplex(weights: list[float]) -> list[float]:
    """Rounded, and still of sum one: the largest takes what rounding left."""
    rounded = [round(value, DIGITS) for value in weights]
    largest = rounded.index(max(rounded))
    rounded[largest] = round(rounded[largest] + 1.0 - sum(rounded), DIGITS)
    return rounded


def _span(first: date, last: date) -> str:
    return f"{first}..{last}"
