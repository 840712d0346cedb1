"""India VIX against its own published chain and against the index: the daily relations behind `definition_changed`.

`vix_link`: NSE prints yesterday's close beside today's row (and opens at it); on 2,900 of 2,916 sessions of 2014-2025
it is exactly the close that was stored. Rows of another definition break it, whatever the market does.

`vix_close`: the change of log VIX, given what the index did. With v the previous VIX per session as a fraction
(V / 100 / sqrt(252)), the index moves in units of v:

    E[d log V] = X b,  X = 1, r, min(r, 0), min(|r|, 3)^2, gap, lag, log(V/15), range, overnight, weekend, closed days,
                           up, down, previous r
    scale      = exp(Z g),  Z = 1, min(|r|, 5), gap, log range, |lag|, |lag of lag|, log(V/15)

gap = log(V / forecast), the previous VIX over an EWMA(0.94) of range-based variance; lag = the change before of log V.
`fit_vix_change` (Huber regression of d log V, then of the logarithm of its residuals, in turn) made the packaged model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.relation_alarm import Reading
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.vix import VixBar
from quantsentinel.volatility.clock import SESSIONS_PER_YEAR

Floats = NDArray[np.float64]

_DECAY = 0.94
_USUAL_VIX = 15.0
_SCALE_BOUNDS = (0.01, 0.3)
_ROUNDS = 12
_HUBER = 1.5
_TO_SIGMA = 1.4826
_LEAST_SESSIONS = 250
_MOVE_NAMES = 14
_SCALE_NAMES = 7


@dataclass(frozen=True, slots=True)
class VixChange:
    """`move` (14,) and `scale` (7,) are b and g above, fitted on sessions `first` to `last`."""

    version: int
    first: date
    last: date
    move: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        if (len(self.move), len(self.scale)) != (_MOVE_NAMES, _SCALE_NAMES):
            raise BadInput("14 coefficients of the move and 7 of its scale belong to the model", where="vix change")


@dataclass(frozen=True, slots=True, eq=False)
class _Sessions:
    """Sessions on which both have a bar; the arrays are of the n - 1 changes into `days`."""

    days: tuple[date, ...]
    change: Floats
    move: Floats
    scale: Floats


def link_readings(bars: Sequence[VixBar], sessions: Iterable[date] = ()) -> list[Reading]:
    """log(printed previous close / stored close) of each bar after the first.

    None where one of `sessions` (all days on which the market was open, if known) lies between the two bars: the
    printed close is then that of a session we do not have.
    """
    known = np.array(sorted(set(sessions) | {bar.day for bar in bars}), dtype="datetime64[D]")
    place = np.searchsorted(known, np.array([bar.day for bar in bars], dtype="datetime64[D]"))
    return [
        Reading(bar.day, float(np.log(bar.previous / before.close)) if follows == 1 else None)
        for before, bar, follows in zip(bars, bars[1:], np.diff(place), strict=False)
    ]


def close_readings(vix: Sequence[VixBar], index: Sequence[DailyBar], model: VixChange) -> list[Reading]:
    """The change of log VIX into each common session with what the index makes usual. Only earlier sessions count."""
    found = _sessions(vix, index)
    expected = found.move @ np.array(model.move)
    scale = np.clip(np.exp(found.scale @ np.array(model.scale)), *_SCALE_BOUNDS)
    rows = zip(found.days[1:], found.change.tolist(), expected.tolist(), scale.tolist(), strict=True)
    return [Reading(*row) for row in rows]


def fit_vix_change(vix: Sequence[VixBar], index: Sequence[DailyBar], first: date, last: date) -> VixChange:
    """The model of the sessions `first` to `last`. Raises `BadInput` with fewer than 250 of them."""
    found = _sessions(vix, index)
    chosen = np.array([first <= day <= last for day in found.days[1:]], dtype=np.bool_)
    if np.count_nonzero(chosen) < _LEAST_SESSIONS:
        where = f"{first} to {last}"
        raise BadInput(f"{np.count_nonzero(chosen)} sessions, {_LEAST_SESSIONS} are needed", where=where)
    change, move, scale = found.change[chosen], found.move[chosen], found.scale[chosen]
    deviation = np.full(len(change), float(np.std(change)))
    b, g = np.zeros(_MOVE_NAMES), np.zeros(_SCALE_NAMES)
    for _ in range(_ROUNDS):
        b = _huber(move / deviation[:, None], change / deviation)
        off = np.abs(change - move @ b)
        g = _huber(scale, np.log(np.maximum(off, 1e-3)))
        g[0] += np.log(_TO_SIGMA * np.median(off / np.exp(scale @ g)))
        deviation = np.exp(scale @ g)
    digits = 5
    return VixChange(1, first, last, tuple(np.round(b, digits).tolist()), tuple(np.round(g, digits).tolist()))


@cache
def packaged_model() -> VixChange:
    """The model of `vix_change.toml`: fitted on 2013-2018, so that everything from 2019 on is out of sample."""
    text = resources.files("quantsentinel.integrity").joinpath("vix_change.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    return VixChange(raw["version"], raw["first"], raw["last"], tuple(raw["move"]), tuple(raw["scale"]))


def _sessions(vix: Sequence[VixBar], index: Sequence[DailyBar]) -> _Sessions:
    by_day = {bar.day: bar for bar in index}
    both = [(bar, by_day[bar.day]) for bar in vix if bar.day in by_day]
    if len(both) < 2:
        raise BadInput("VIX and index have no two sessions in common", where="vix relation")
    days = tuple(bar.day for bar, _ in both)
    closes = np.array([bar.close for bar, _ in both])
    change = np.diff(np.log(closes))
    move, scale = _features(days, closes, np.array([(b.open, b.high, b.low, b.close) for _, b in both]).T)
    return _Sessions(days, change, move, scale)


def _features(days: Sequence[date], vix: Floats, prices: Floats) -> tuple[Floats, Floats]:
    """X (n - 1, 14) and Z (n - 1, 7) of the module's formula."""
    opens, highs, lows, closes = prices
    before, unit = closes[:-1], vix[:-1] / 100 / np.sqrt(SESSIONS_PER_YEAR)
    overnight = np.log(opens[1:] / before) / unit
    r = np.log(closes[1:] / before) / unit
    span = np.log(highs[1:] / lows[1:]) / unit
    up, down = np.maximum(np.log(highs[1:] / before) / unit, r), np.minimum(np.log(lows[1:] / before) / unit, r)
    change = np.diff(np.log(vix))
    lag = np.append(0.0, change[:-1])
    gap = np.log(vix / 100) - 0.5 * np.log(SESSIONS_PER_YEAR * _ewma(vix, prices))
    level = np.log(vix[:-1] / _USUAL_VIX)
    closed = np.diff(np.array(days, dtype="datetime64[D]")).astype(np.float64) - 1
    one = np.ones(len(r))
    move = [one, r, np.minimum(r, 0), np.minimum(np.abs(r), 3) ** 2, gap[:-1], lag, level, span, overnight]
    move += [(closed > 0) * 1.0, closed, up, down, np.append(0.0, r[:-1])]
    size = np.minimum(np.abs(lag), 0.3)
    scale = [one, np.minimum(np.abs(r), 5), gap[:-1], np.log(np.clip(span, 0.1, 8)), size, np.append(0.0, size[:-1])]
    return np.column_stack(move), np.column_stack([*scale, level])


def _ewma(vix: Floats, prices: Floats) -> Floats:
    """(n,) variance a session: squared overnight return + Parkinson's range, smoothed, begun at the VIX's own."""
    opens, highs, lows, closes = prices
    seen = np.log(highs / lows) ** 2 / (4 * np.log(2))
    seen[1:] += np.log(opens[1:] / closes[:-1]) ** 2
    smooth = np.empty(len(vix))
    state = (vix[0] / 100) ** 2 / SESSIONS_PER_YEAR
    for place, value in enumerate(seen.tolist()):
        state = _DECAY * state + (1 - _DECAY) * value
        smooth[place] = state
    return smooth


def _huber(x: Floats, y: Floats) -> Floats:
    """Huber's regression by reweighting: least squares of y (n,) on x (n, k) with far residuals weighted down."""
    b = np.linalg.lstsq(x, y, rcond=None)[0]
    for _ in range(2 * _ROUNDS):
        off = np.abs(y - x @ b)
        limit = _HUBER * _TO_SIGMA * np.median(off)
        weight = np.sqrt(np.minimum(1.0, limit / np.maximum(off, 1e-12)))
        b = np.linalg.lstsq(x * weight[:, None], y * weight, rcond=None)[0]
    return np.asarray(b)
