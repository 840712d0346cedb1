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
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import Desk
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.factors import Factors
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import Position
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.scenarios import Valuation, held_legs, offered_legs
from quantsentinel.pricing.special import ndtri
from quantsentinel.units import quantise

Floats = NDArray[np.float64]
T = TypeVar("T")
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


@dataclass(frozen=True, slots=True)
class Together:
    """What is held beside each other: `matrix[i][j]` is the covariance of two positions at their units, rupees squared,
    `whole` its sum, and `without[i]` its sum but for row and column i. Empty with the reason where one is not known."""

    names: tuple[str, ...]
    units: tuple[int, ...]
    gains: tuple[Gains, ...]
    matrix: tuple[tuple[float, ...], ...]
    whole: float
    without: tuple[float, ...]
    reason: str = ""


_HELD: Memo[tuple[tuple[Position, ...], Factors | None, Together]] = Memo(64)
"""A book is asked about by the latch, by the switch and for every offer."""
_BOOKS: Memo[tuple[Together, Alike]] = Memo(64)
_OFFERED: Memo[tuple[Opportunity, Moved]] = Memo(1024)
_GAINS: Memo[tuple[Valuation, Moved]] = Memo()
_PAIRS: Memo[tuple[Gains, Gains, float]] = Memo(16_384)


def book_correlation(positions: tuple[Position, ...], view: MarketView, desk: Desk) -> Alike:
    """The largest correlation of two positions, or of one with all others together."""
    if len(positions) < 2:
        return Alike(None)
    book = _together(positions, view, desk)
    if book.reason:
        return Alike(None, reason=book.reason)
    return _BOOKS.get(id(book), lambda: (book, _most_alike(book)))[1]


def _most_alike(book: Together) -> Alike:
    found = []
    for one, name in enumerate(book.names):
        found.append(_pair(book.matrix[one], one, book, name))
        if len(book.names) > 2:
            found.append(_with_rest(_but(book.matrix[one], one), book.matrix[one][one], book.without[one], name))
    return max(found, key=_value)


def trade_correlation(offer: Opportunity, lots: int, held: tuple[Position, ...], view: MarketView, desk: Desk) -> Alike:
    """The largest correlation that the book would have with the offer in it, but for pairs that it holds already."""
    if not held:
        return Alike(None)
    moved, book = _offered(offer, view, desk), _together(held, view, desk)
    if moved.gains is None or book.reason:
        return Alike(None, reason=moved.reason or book.reason)
    gains, units = moved.gains, offer.lot * lots
    own = units * units * _covariance(gains, gains)
    row = [units * count * _covariance(gains, other) for other, count in zip(book.gains, book.units, strict=True)]
    best = _pair((*row, own), len(row), book, "the offer")
    if len(held) == 1:
        return best
    found = [best, _with_rest(row, own, book.whole, "the offer")]
    for one, name in enumerate(book.names):
        beside = [row[one], *_but(book.matrix[one], one)]
        # The rest of the book after the trade: the offer, what else is held, and how they go together.
        rest = own + 2.0 * sum(_but(row, one)) + book.without[one]
        found.append(_with_rest(beside, book.matrix[one][one], rest, name))
    return max(found, key=_value)


def _together(positions: tuple[Position, ...], view: MarketView, desk: Desk) -> Together:
    key = (id(positions), id(view.factors), desk.digest)
    return _HELD.get(key, lambda: (positions, view.factors, _beside(positions, view, desk)))[2]


def _beside(positions: tuple[Position, ...], view: MarketView, desk: Desk) -> Together:
    names, units = tuple(one.signal_id for one in positions), tuple(one.units for one in positions)
    gains: list[Gains] = []
    for one in positions:
        moved = _moved(held_legs(one, desk), one.package.underlying, view, desk)
        if moved.gains is None:
            return Together(names, units, (), (), 0.0, (), moved.reason)
        gains.append(moved.gains)
    known = list(zip(gains, units, strict=True))
    matrix = tuple(tuple(a * b * _covariance(first, second) for second, b in known) for first, a in known)
    without = tuple(sum(sum(_but(row, one)) for row in _but(matrix, one)) for one in range(len(known)))
    return Together(names, units, tuple(gains), matrix, sum(map(sum, matrix)), without)


def _but(row: Sequence[T], place: int) -> list[T]:
    return [*row[:place], *row[place + 1 :]]


def _pair(row: Sequence[float], own: int, book: Together, name: str) -> Alike:
    """The package whose variance stands at `own` in its row against each that is held, but for itself."""
    variance, matrix = row[own], book.matrix
    best, other = max(
        (_ratio(row[place], variance, matrix[place][place]), book.names[place])
        for place in range(len(book.names))
        if place != own
    )
    return Alike(quantise(best), f"{name} with {other}")


def _with_rest(row: Sequence[float], own: float, whole: float, name: str) -> Alike:
    """A package against all others together: `row` its covariances with them, `whole` their variance as one."""
    return Alike(quantise(_ratio(sum(row), own, whole)), f"{name} with all others")


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


def _offered(offer: Opportunity, view: MarketView, desk: Desk) -> Moved:
    """Remembered per opportunity object."""
    key = (id(offer), view.snapshot_digest, view.history_digest, desk.digest)

    def work_out() -> tuple[Opportunity, Moved]:
        return offer, _moved(offered_legs(offer, view, desk), offer.package.underlying, view, desk)

    return _OFFERED.get(key, work_out)[1]


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
