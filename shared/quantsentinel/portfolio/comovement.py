"""How alike packages gain and lose: the signed correlation of their P&L over one set of scenarios of a day.

Scenarios move every index and every vol at once: fixed draws of a low-discrepancy sequence, mirrored and whitened, so
that their mean is zero and their covariance exactly that of the view's factors (60 sessions, shrunk). The vol factor
goes with the mean of the indices. Every package is revalued in full, in points per unit; a book is a sum over units.
A package that no scenario moves goes with nothing: correlation 0.

A trade is compared with each held package and with all of them together, not with a book that it is itself part of:
of two unrelated packages each has correlation 0.71 with their sum. Each held package is compared with the rest of the
book after the trade too, as the cluster switch will: no entry trips it by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from quantsentinel.desk import Desk
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.factors import Factors
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import Position
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.scenarios import Valuation, held_legs, offered_legs
from quantsentinel.units import quantise

Floats = NDArray[np.float64]
LEAST = 1e-12
STILL = 1e-9
"""Rupees squared: a position whose P&L varies by less is not moved."""


@dataclass(frozen=True, slots=True, eq=False)
class Gains:
    """(s,) P&L of one unit in each scenario, points, less its mean."""

    centred: Floats


@dataclass(frozen=True, slots=True)
class Moved:
    """`gains` is None with the reason why a package's P&L is not known."""

    gains: Gains | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Alike:
    """The largest signed correlation and between whom; `value` None with a reason where it is not known, and where
    there are fewer than two packages (`reason` is empty then)."""

    value: float | None
    names: str = ""
    reason: str = ""


_BOOKS: Memo[tuple[tuple[Position, ...], Alike]] = Memo(64)
"""A book is asked twice in a pass: by the latch and by the switch."""
_GAINS: Memo[tuple[Valuation, Moved]] = Memo()
_PAIRS: Memo[tuple[Gains, Gains, float]] = Memo(16_384)


def book_correlation(positions: tuple[Position, ...], view: MarketView, desk: Desk) -> Alike:
    """The largest correlation of two positions, or of one with all others together."""
    if len(positions) < 2:
        return Alike(None)
    key = (id(positions), "" if view.factors is None else view.factors.key, desk.digest)
    return _BOOKS.get(key, lambda: (positions, _book_correlation(positions, view, desk)))[1]


def _book_correlation(positions: tuple[Position, ...], view: MarketView, desk: Desk) -> Alike:
    moved = [_moved(held_legs(one, desk), one.package.underlying, view, desk) for one in positions]
    book = _joint(moved, [one.units for one in positions])
    if isinstance(book, str):
        return Alike(None, reason=book)
    names = [one.signal_id for one in positions]
    found = [_against(index, book, names) for index in range(len(names))]
    return max(found, key=_value)


def trade_correlation(offer: Opportunity, lots: int, held: Sequence[Position], view: MarketView, desk: Desk) -> Alike:
    """The largest correlation that the book would have with the offer in it, but for pairs that it holds already."""
    if not held:
        return Alike(None)
    moved = [_moved(offered_legs(offer, view, desk), offer.package.underlying, view, desk)]
    moved += [_moved(held_legs(one, desk), one.package.underlying, view, desk) for one in held]
    book = _joint(moved, [offer.lot * lots, *(one.units for one in held)])
    if isinstance(book, str):
        return Alike(None, reason=book)
    names = ["the offer", *(one.signal_id for one in held)]
    rest = [_with_rest(index, book, names) for index in range(1, len(names))] if len(held) > 1 else []
    return max([_against(0, book, names), *rest], key=_value)


def _joint(moved: Sequence[Moved], units: Sequence[int]) -> list[list[float]] | str:
    """The covariance of every two packages at their units, rupees squared; or why one of them is not known."""
    known: list[tuple[Gains, int]] = []
    for one, count in zip(moved, units, strict=True):
        if one.gains is None:
            return one.reason
        known.append((one.gains, count))
    matrix = [[0.0] * len(known) for _ in known]
    for row, (first, a) in enumerate(known):
        for column in range(row + 1):
            second, b = known[column]
            matrix[row][column] = matrix[column][row] = a * b * _covariance(first, second)
    return matrix


def _against(index: int, matrix: Sequence[Sequence[float]], names: Sequence[str]) -> Alike:
    """The package at `index` against each other one, and against all of them together where there are several."""
    own, others = matrix[index], [place for place in range(len(matrix)) if place != index]
    best, name = max((_ratio(own[place], own[index], matrix[place][place]), names[place]) for place in others)
    pair = Alike(quantise(best), f"{names[index]} with {name}")
    return max(pair, _with_rest(index, matrix, names), key=_value) if len(others) > 1 else pair


def _with_rest(index: int, matrix: Sequence[Sequence[float]], names: Sequence[str]) -> Alike:
    """The package at `index` against all others together."""
    own, others = matrix[index], [place for place in range(len(matrix)) if place != index]
    whole = sum(matrix[first][second] for first in others for second in others)
    joint = _ratio(sum(own[place] for place in others), own[index], whole)
    return Alike(quantise(joint), f"{names[index]} with all others")


def _value(alike: Alike) -> float:
    return -1.0 if alike.value is None else alike.value


def _covariance(one: Gains, other: Gains) -> float:
    """Of one unit of each, points squared."""

    def work_out() -> tuple[Gains, Gains, float]:
        return one, other, float(np.mean(one.centred * other.centred))

    return _PAIRS.get((id(one), id(other)), work_out)[2]  # the memory holds both, so their id()s stay theirs


def _ratio(covariance: float, first: float, second: float) -> float:
    """0 where one of them does not move."""
    return max(min(covariance / math.sqrt(first * second), 1.0), -1.0) if first > STILL and second > STILL else 0.0


def _moved(found: Valuation, underlying: str, view: MarketView, desk: Desk) -> Moved:
    """Remembered per valuation and factors."""
    factors = view.factors
    if factors is None:
        return Moved(None, "too few daily closes to know how indices move")
    known = _GAINS.get(
        (id(found), factors.key, desk.digest), lambda: (found, _work_out(found, underlying, factors, desk))
    )
    return known[1]


def _work_out(found: Valuation, underlying: str, factors: Factors, desk: Desk) -> Moved:
    if found.legs is None:
        return Moved(None, found.reason)
    moves, scales = scenario_moves(factors, desk)
    gains = found.legs.gains(moves[:, factors.index_of(underlying)], scales)
    if not np.all(np.isfinite(gains)):
        return Moved(None, "a scenario has no value")
    return Moved(Gains(gains - gains.mean()))


def scenario_moves(factors: Factors, desk: Desk) -> tuple[Floats, Floats]:
    """((s, k) index moves as shares, (s,) multiples of vol) of the policy's number of draws."""
    policy, count = desk.policy.scenarios, len(factors.names)
    draws = normal_draws(policy.draws, count + 1)
    indices = draws[:, :count] @ _root(factors).T
    together = indices.mean(axis=1)
    together = together / max(float(together.std()), LEAST)
    own = math.sqrt(1.0 - policy.vol_index_correlation**2)
    vol = policy.vol_of_vol_daily * (policy.vol_index_correlation * together + own * draws[:, count])
    return np.expm1(indices * np.array(factors.vol_daily)), np.exp(vol)


def _root(factors: Factors) -> Floats:
    """The lower root of the correlation; one common factor where raised correlations contradict each other."""
    correlation = np.array(factors.correlation)
    try:
        return np.asarray(np.linalg.cholesky(correlation))
    except np.linalg.LinAlgError:
        return np.asarray(np.eye(1, len(correlation)).repeat(len(correlation), axis=0))


@lru_cache(maxsize=8)
def normal_draws(count: int, dimensions: int) -> Floats:
    """(count, dimensions) fixed normals: mean 0 and covariance the identity exactly; `count` even.

    The additive recurrence of the root of x^(d+1) = x + 1 (Roberts 2018), through the inverse normal, mirrored.
    """
    base = 2.0
    for _ in range(64):
        base = (1.0 + base) ** (1.0 / (dimensions + 1))
    steps = base ** -np.arange(1, dimensions + 1)
    uniform = (0.5 + np.outer(np.arange(1, count // 2 + 1), steps)) % 1.0
    half = ndtri(uniform)
    draws = np.vstack([half, -half])
    root = np.linalg.cholesky(draws.T @ draws / len(draws))
    return np.asarray(np.linalg.solve(root, draws.T).T)
