"""Fits the clock's weights on bars: how much variance a gap holds by the days it spans, and a session by its event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.volatility.parameters import FittedWeight

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
LEVEL = (0.025, 0.975)
_AROUND = 11  # sessions on either side whose median is an event session's ordinary level
_LEAST_DAYS = 5
_SATURDAY = 5


@dataclass(frozen=True, eq=False)
class GapSample:
    """`gap` squared close-to-open log-returns, `session` the variance of the session after each, (n,), of `days`."""

    days: tuple[date, ...]
    before: tuple[date, ...]
    gap: Floats
    session: Floats

    def __post_init__(self) -> None:
        if not len(self.days) == len(self.before) == self.gap.size == self.session.size or self.gap.size < 2:
            raise BadInput("needs two or more gaps with their sessions", where="GapSample")


def gap_kind(before: date, after: date) -> str:
    """`night`, `weekend`, `holiday` (closed weekdays only) or `long` (weekend and holiday)."""
    closed = [before + timedelta(days=n) for n in range(1, (after - before).days)]
    weekend = sum(day.weekday() >= _SATURDAY for day in closed)
    if not closed:
        return "night"
    return "weekend" if weekend == len(closed) else "holiday" if not weekend else "long"


def fit_gap_weights(sample: GapSample, random: np.random.Generator, draws: int = 1000) -> tuple[FittedWeight, ...]:
    """Each kind's gap variance per session variance (sum over sum), as a multiple of that of all gaps together.

    `night` and `closed` (all others together) are served where their intervals lie apart, else every gap counts as the
    average one; the kinds of closed gaps overlap one another and only show. Intervals are 95 % of a bootstrap over the
    gaps of the kind and over all. Raises `BadInput` for an empty kind.
    """
    kinds = np.array([gap_kind(*pair) for pair in zip(sample.before, sample.days, strict=True)])
    groups = {"night": kinds == "night", "closed": kinds != "night"}
    groups |= {name: kinds == name for name in ("weekend", "holiday", "long")}
    every = np.arange(kinds.size)
    found: list[FittedWeight] = []
    for name, mask in groups.items():
        places = np.flatnonzero(mask)
        if not places.size:
            raise BadInput(f"no gap of kind {name}", where="fit_gap_weights")
        multiples = _draws(lambda own, all_: _share(sample, own) / _share(sample, all_), (places, every), random, draws)
        low, high = (float(value) for value in np.quantile(multiples, LEVEL))
        multiple = _share(sample, places) / _share(sample, every)
        found.append(FittedWeight(name, multiple, low, high, places.size, is_served=False))
    night, closed = found[:2]
    apart = night.high < closed.low
    return (replace(night, is_served=apart), replace(closed, is_served=apart), *found[2:])


def share_interval(sample: GapSample, random: np.random.Generator, draws: int = 1000) -> tuple[float, float, float]:
    """Overnight share of all variance, with its 95 % bootstrap interval."""
    every = np.arange(sample.gap.size)
    ratio = _share(sample, every)
    drawn = _draws(lambda own, _: _share(sample, own), (every, every), random, draws)
    low, high = np.quantile(drawn / (1 + drawn), LEVEL)
    return ratio / (1 + ratio), float(low), float(high)


def fit_event_weights(
    sample: GapSample, events: Mapping[str, Sequence[date]], random: np.random.Generator, draws: int = 1000
) -> tuple[FittedWeight, ...]:
    """Mean session variance on each event's days over that of days without one; `NAME morning`: the gap before them.

    Every value is taken against the median session of the 22 around it. Intervals are 95 % over all of them together
    (Bonferroni). Served: an interval that lies above one. An event with fewer than five days is left out.
    """
    around = range(sample.session.size)
    usual = np.array([np.median(sample.session[max(0, n - _AROUND) : n + _AROUND]) for n in around])
    marked = {name: np.array([day in set(days) for day in sample.days]) for name, days in sorted(events.items())}
    plain = np.flatnonzero(~np.any(list(marked.values()), axis=0))
    tails = np.array(LEVEL) + np.array([-1, 1]) * LEVEL[0] * (1 - 0.5 / len(events))
    found = []
    for name, mask in marked.items():
        places = np.flatnonzero(mask)
        if places.size >= _LEAST_DAYS:
            for suffix, values in (("", sample.session / usual), (" morning", sample.gap / usual)):
                ratio = partial(_ratio, values)
                drawn = _draws(ratio, (places, plain), random, draws)
                low, high = (float(value) for value in np.quantile(drawn, tails))
                found.append(FittedWeight(name + suffix, ratio(places, plain), low, high, places.size, low > 1.0))
    return tuple(found)


def _ratio(values: Floats, own: Places, other: Places) -> float:
    return float(np.mean(values[own]) / np.mean(values[other]))


def _share(sample: GapSample, places: Places) -> float:
    return float(np.sum(sample.gap[places]) / np.sum(sample.session[places]))


def _draws(
    of: Callable[[Places, Places], float], places: tuple[Places, Places], random: np.random.Generator, draws: int
) -> Floats:
    return np.array([of(*(random.choice(part, part.size) for part in places)) for _ in range(draws)])
