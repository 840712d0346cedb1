"""What was fitted and is served: gap weights, forecast weights, each with its training window (`parameters.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from quantsentinel.canonical import digest
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass


@dataclass(frozen=True, slots=True)
class GapWeights:
    """Multiples of the average gap (`night`, `closed`) and of an ordinary session (`budget`, on `budget_days`).

    A gap is `closed` when a calendar day lies between its close and its open: a weekend, a holiday or both; their own
    intervals overlap, so they share one weight.
    """

    night: float = 1.0
    closed: float = 1.0
    budget: float = 1.0
    budget_days: frozenset[date] = frozenset()

    def gap(self, before: date, after: date) -> float:
        return self.closed if (after - before).days > 1 else self.night

    def session(self, day: date) -> float:
        return self.budget if day in self.budget_days else 1.0


@dataclass(frozen=True, slots=True)
class FittedWeight:
    """A multiple with its 95 % interval from `n` observations; `is_served` where the interval left no choice."""

    name: str
    multiple: float
    low: float
    high: float
    n: int
    is_served: bool


@dataclass(frozen=True, slots=True)
class ForecastWeights:
    """Of one horizon, in sessions: simplex weights of the history averages without (`alone`) and `beside` a 30-day
    implied variance, which takes the share `implied_above` of its distance to the history where it lies above, and
    `implied_below` where below: an implied variance holds a premium, so it says less when it is high. `today_*`: the
    share of the history's weight that today's path takes at the close; `low` and `high`: the 5 % and 95 % quantiles of
    log(realised / forecast variance) in the training window."""

    horizon_sessions: float
    alone: tuple[float, ...]
    beside: tuple[float, ...]
    implied_above: float
    implied_below: float
    today_alone: float
    today_beside: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Parameters:
    version: int
    gaps: GapWeights
    fitted: tuple[FittedWeight, ...]
    spans: tuple[int, ...]
    diurnal: tuple[float, ...]
    """Share of a full session's variance gained by the end of each of its 25 quarters of an hour."""
    forecast: tuple[ForecastWeights, ...]
    trained: Mapping[str, str]
    digest: str

    def nearest(self, horizon_sessions: float) -> ForecastWeights:
        """The forecast weights whose horizon lies nearest."""
        return min(self.forecast, key=lambda row: abs(row.horizon_sessions - horizon_sessions))


PARTS = ("clock", "forecast")
"""What is fitted apart, each a table of `parameters.toml` with a cadence of its own in the policy."""


@cache
def served() -> Parameters:
    """The packaged parameters."""
    return with_parts({})


def with_parts(tables: Mapping[str, Mapping[str, Any]]) -> Parameters:
    """The packaged parameters with these parts' tables in place of their own. Raises as `parse_parameters`."""
    text = resources.files("quantsentinel.volatility").joinpath("parameters.toml").read_text(encoding="utf-8")
    return parse_parameters({**tomllib.loads(text), **tables})


def parse_parameters(raw: Mapping[str, Any]) -> Parameters:
    """Raises `BadInput` for a missing or unknown field, or weights that do not sum to one."""
    try:
        clock, ahead = raw["clock"], raw["forecast"]
        fitted = tuple(FittedWeight(**row) for row in clock["weight"])
        multiples = {row.name: row.multiple for row in fitted if row.is_served}
        found = Parameters(
            version=raw["version"],
            gaps=GapWeights(**multiples, budget_days=frozenset(map(_day, clock["budget_days"]))),
            fitted=fitted,
            spans=tuple(ahead["spans_sessions"]),
            diurnal=tuple(ahead["diurnal"]),
            forecast=tuple(_weights(row) for row in ahead["horizon"]),
            trained={"clock": clock["trained"], "forecast": ahead["trained"]},
            digest=digest(_plain(raw)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"field {error}", where="volatility parameters") from None
    _require_simplex(found)
    return found


def _day(value: date | str) -> date:
    """TOML has days, JSON their text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def _weights(row: Mapping[str, Any]) -> ForecastWeights:
    return ForecastWeights(**{**row, "alone": tuple(row["alone"]), "beside": tuple(row["beside"])})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _require_simplex(found: Parameters) -> None:
    """Weights that sum to one make the forecast of a constant variance that variance (`definitions.md` §3)."""
    for row in found.forecast:
        sums = (sum(row.alone), sum(row.beside))
        if any(abs(total - 1.0) > 1e-6 for total in sums) or not len(row.alone) == len(row.beside) == len(found.spans):
            raise BadInput(f"weights sum to {sums}, not to one", where=f"horizon {row.horizon_sessions}")
    if list(found.diurnal) != sorted(found.diurnal) or not found.diurnal or found.diurnal[-1] != 1.0:
        raise BadInput(f"shares {found.diurnal} do not ascend to one", where="diurnal")
    horizons = [row.horizon_sessions for row in found.forecast]
    if not horizons or horizons != sorted(set(horizons)):
        raise BadInput(f"horizons {horizons} do not ascend", where="volatility parameters")
