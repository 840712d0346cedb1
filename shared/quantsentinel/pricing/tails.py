"""What quotes alone say about tail probabilities: [lo, hi] of P(S > K), with no model between the quotes.

A vertical spread of width w pays at most w, and all of it beyond its far strike, so for K1 < K2, undiscounted:

    (C(K1) - C(K2)) / (K2 - K1) >= P(S > K2)   bought at ask - bid: an upper bound for every K >= K2
    (C(K1) - C(K2)) / (K2 - K1) <= P(S > K1)   sold at bid - ask: a lower bound for every K <= K1

and the mirror image with puts. The best bound over all pairs of strikes is taken, in closed form. Bounds that cross
(lo > hi) are an arbitrage in the quotes as they stand, or quotes that were not simultaneous: a finding, never repaired.
The linear programme over all portfolios of options is at least as tight (it is their oracle in the tests).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class TailBounds:
    """`strike` (n,) ascending, points; `lower`, `upper` (n,): the raw bounds of P(S > strike), in [0, 1].

    A strike where lower > upper is `crossed`: no distribution of S can have these quotes.
    """

    strike: Floats
    lower: Floats
    upper: Floats

    @property
    def crossed(self) -> Bools:
        """(n,) where the bounds contradict each other."""
        return np.asarray(self.lower > self.upper)

    @property
    def excess(self) -> float:
        """By how much the worst pair of bounds crosses, as a probability; 0 where none does."""
        return float(np.max(self.lower - self.upper, initial=0.0))

    def above(self, strikes: ArrayLike) -> tuple[Floats, Floats]:
        """[lo, hi] of P(S > K), shape of `strikes`: between strikes the bounds of the neighbours, [0, 1] beyond them.

        Where bounds cross, both ends are kept, in order: the adverse one is still there.
        """
        k = np.asarray(strikes, dtype=np.float64)
        up, low = np.append(1.0, self.upper), np.append(self.lower, 0.0)
        hi = up[np.searchsorted(self.strike, k, side="right")]
        lo = low[np.searchsorted(self.strike, k, side="left")]
        return np.asarray(np.minimum(lo, hi)), np.asarray(np.maximum(lo, hi))

    def below(self, strikes: ArrayLike) -> tuple[Floats, Floats]:
        """[lo, hi] of P(S <= K): what is left of `above`."""
        lo, hi = self.above(strikes)
        return np.asarray(1.0 - hi), np.asarray(1.0 - lo)


def tail_bounds(
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    discount: float,
) -> TailBounds:
    """Bounds of every strike from executable vertical spreads of calls and of puts.

    All arrays (n,), strikes strictly ascending, discounted points as quoted. A side that is NaN, an ask that is not
    positive, or a bid above its ask is not executable and bounds nothing; a bid of zero is one: nobody pays. Cost n^2
    (86 strikes 0.1 ms). Raises `BadInput` when strikes do not ascend, lengths differ or the discount is not in (0, 1].
    """
    k, cb, ca, pb, pa = (np.asarray(x, dtype=np.float64) for x in (strike, call_bid, call_ask, put_bid, put_ask))
    if not 0 < discount <= 1:
        raise BadInput(f"discount {discount} is not in (0, 1]", where="tail_bounds")
    if k.ndim != 1 or not k.size or any(x.shape != k.shape for x in (cb, ca, pb, pa)) or not np.all(np.diff(k) > 0):
        raise BadInput("strikes must ascend and every side have their length", where="tail_bounds")
    (cb, ca), (pb, pa) = _executable(cb, ca), _executable(pb, pa)
    width = discount * (k[None, :] - k[:, None])  # [i, j]: near strike i, far strike j
    upper = np.minimum(
        _least(ca[:, None] - cb[None, :], width, by_far=True),
        1.0 + _least(pa[:, None] - pb[None, :], width, by_far=True),
    )
    lower = np.maximum(
        -_least(ca[None, :] - cb[:, None], width, by_far=False),
        1.0 - _least(pa[None, :] - pb[:, None], width, by_far=False),
    )
    return TailBounds(k, np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0))


def _executable(bid: Floats, ask: Floats) -> tuple[Floats, Floats]:
    """Both sides, NaN where the quote cannot be dealt on."""
    good = np.isfinite(bid) & np.isfinite(ask) & (bid >= 0) & (ask > 0) & (bid <= ask)
    return np.where(good, bid, np.nan), np.where(good, ask, np.nan)


def _least(price: Floats, width: Floats, by_far: bool) -> Floats:
    """(n,) the lowest price / width of all pairs whose far strike is at or below each strike (`by_far`), else of those
    whose near strike is at or above it; infinite where there is none."""
    ratio = np.full(price.shape, np.inf)
    np.divide(price, width, out=ratio, where=(width > 0) & np.isfinite(price))
    if by_far:
        return np.asarray(np.minimum.accumulate(ratio.min(axis=0)))
    return np.asarray(np.minimum.accumulate(ratio.min(axis=1)[::-1])[::-1])
