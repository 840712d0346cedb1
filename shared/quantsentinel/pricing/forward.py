"""The forwards of expiries from put-call parity; the discount is given, only the forward is fitted.

Each two-sided pair gives F_i = K + (C_mid - P_mid)/D with an uncertainty of half its combined spread. Fitting forward
and discount together on a weekly expiry gives rates between -33 % and +29 % (`definitions.md` §3), so it is not done.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NEAR_PAIRS = 12
"""Pairs nearest to the money that take part in the fit."""
MIN_PAIRS = 3
HUBER = 1.5
"""Residuals beyond this many robust deviations lose influence."""
_REWEIGHTINGS = 5
TIE = 1e-9
_MAD_TO_SIGMA = 1.4826
_sum = np.add.reduce  # np.sum without its overhead, which on a dozen values is most of it


@dataclass(frozen=True, slots=True, eq=False)
class ForwardFit:
    """`forward` and its standard error in points (NaN with a `reason` when there are too few pairs).

    `strike`, `residuals` (F_i - forward, points) and `spreads` (C spread + P spread, points), each
    (n_pairs,), ascend by strike.
    """

    forward: float
    stderr: float
    n_pairs: int
    spread_median: float
    strike: Floats
    residuals: Floats
    spreads: Floats
    reason: str | None = None

    @property
    def is_fitted(self) -> bool:
        return self.reason is None


def forward_from_parity(
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    discount: float,
) -> ForwardFit:
    """`forwards_from_parity` of one expiry: all arrays (n,)."""
    k, *sides = (np.asarray(x, dtype=np.float64)[None] for x in (strike, call_bid, call_ask, put_bid, put_ask))
    return forwards_from_parity(k, np.stack(sides), np.array([discount]))[0]


def forwards_from_parity(strike: Floats, sides: Floats, discount: Floats) -> list[ForwardFit]:
    """Of each expiry the robust weighted mean of the parity forwards of its `NEAR_PAIRS` two-sided pairs nearest the
    money, each as if it were alone.

    `strike` (S, n) in any order, `sides` (4, S, n) call bid, call ask, put bid, put ask, `discount` (S,); short
    expiries are padded with quotes of 0. A quote counts as two-sided when 0 < bid <= ask. The money is found from the
    pairs themselves (weighted median of all parity forwards), so no spot is needed. One wrong quote moves the result by
    less than the spread (Huber weights). Raises `BadInput` when a discount is not in (0, 1].
    """
    wrong = discount[~((discount > 0) & (discount <= 1))]
    if wrong.size:
        raise BadInput(f"discount {wrong[0]} is not in (0, 1]", where="forwards_from_parity")
    usable = ((sides[::2] > 0) & (sides[1::2] >= sides[::2])).all(axis=0) & np.isfinite(strike + sides[1] + sides[3])
    count = usable.sum(axis=1)
    enough = count >= MIN_PAIRS
    found = iter(_fitted(strike[enough], sides[:, enough], discount[enough], usable[enough]) if enough.any() else ())
    pairs = zip(count.tolist(), enough.tolist(), strict=True)
    return [next(found) if good else _not_fitted(n_pairs, "too_few_pairs") for n_pairs, good in pairs]


def _fitted(strike: Floats, sides: Floats, discount: Floats, usable: Bools) -> list[ForwardFit]:
    """Of expiries with enough `usable` pairs."""
    k = np.where(usable, strike, 0.0)
    call_bid, call_ask, put_bid, put_ask = np.where(usable, sides, 0.0)
    implied = k + 0.5 * (call_bid + call_ask - put_bid - put_ask) / discount[:, None]
    spread = (call_ask - call_bid) + (put_ask - put_bid)
    # A locked quote (spread 0) is one tick uncertain at least; the floor keeps its weight finite.
    positive = spread > 0
    typical = _medians(spread, positive)
    spread = np.maximum(spread, np.where(positive.any(axis=1), 0.25 * typical, 1.0)[:, None])
    centre = _weighted_medians(implied, np.where(usable, spread**-2, 0.0), usable)
    away = np.where(usable, np.abs(k - centre[:, None]), np.inf)
    near = np.sort(np.argsort(away, axis=1, kind="stable")[:, :NEAR_PAIRS], axis=1)
    return _robust_means(*(np.take_along_axis(part, near, axis=1) for part in (k, implied, spread, usable)))


def _robust_means(strike: Floats, implied: Floats, spread: Floats, usable: Bools) -> list[ForwardFit]:
    base = np.where(usable, spread**-2, 0.0)
    centre = _weighted_medians(implied, base, usable)
    for _ in range(_REWEIGHTINGS):
        # In units of each pair's own spread, so that a wide pair may be further off than a tight one.
        scaled = np.abs(implied - centre[:, None]) / spread
        scale = np.maximum(_MAD_TO_SIGMA * _medians(scaled, usable), 1e-3)
        weight = base * np.minimum(1.0, (HUBER * scale)[:, None] / np.maximum(scaled, 1e-12))
        total = _sum(weight, axis=1)
        centre = _sum(weight * implied, axis=1) / total
    residuals = implied - centre[:, None]
    effective = total**2 / _sum(weight**2, axis=1)
    variance = _sum(weight * residuals**2, axis=1) / total
    stderr = np.sqrt(variance / np.maximum(effective - 1.0, 1.0))
    values = zip(centre.tolist(), stderr.tolist(), _medians(spread, usable).tolist(), strict=True)
    return [
        ForwardFit(level, error, int(_sum(here)), middle, strike[i, here], residuals[i, here], spread[i, here])
        for i, ((level, error, middle), here) in enumerate(zip(values, usable, strict=True))
    ]


def _medians(values: Floats, counted: Bools) -> Floats:
    """(S,) of each row's `counted` values, infinite where there is none."""
    ordered, count, rows = (
        np.sort(np.where(counted, values, np.inf), axis=1),
        counted.sum(axis=1),
        np.arange(len(values)),
    )
    return np.asarray(0.5 * (ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, count // 2]))


def _weighted_medians(values: Floats, weights: Floats, counted: Bools) -> Floats:
    """(S,) of each row's `counted` values; the weights of the others are 0."""
    order = np.where(counted, values, np.inf).argsort(axis=1, kind="stable")
    cumulated = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    # A hair below a half: where the weights tie, the last bits of a CPU must not choose the value.
    place = (cumulated < (0.5 - TIE) * cumulated[:, -1:]).sum(axis=1)
    rows = np.arange(len(values))
    return np.asarray(values[rows, order[rows, place]])


def _not_fitted(n_pairs: int, reason: str) -> ForwardFit:
    empty = np.empty(0)
    return ForwardFit(float("nan"), float("nan"), n_pairs, float("nan"), empty, empty, empty, reason)
