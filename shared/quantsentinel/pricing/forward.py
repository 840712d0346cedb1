"""The forward of one expiry from put-call parity; the discount is given, only the forward is fitted.

Each two-sided pair gives F_i = K + (C_mid - P_mid)/D with an uncertainty of half its combined spread. Fitting forward
and discount together on a weekly expiry gives rates between -33 % and +29 % (`definitions.md` §3), so it is not done.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput

Floats = NDArray[np.float64]

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
    """Robust weighted mean of the parity forwards of the `NEAR_PAIRS` two-sided pairs nearest the money.

    All arrays (n,), strikes in any order; a quote counts as two-sided when 0 < bid <= ask. The money is found from the
    pairs themselves (weighted median of all parity forwards), so no spot is needed. One wrong quote moves the result by
    less than the spread (Huber weights). Raises `BadInput` when the discount is not in (0, 1].
    """
    if not 0 < discount <= 1:
        raise BadInput(f"discount {discount} is not in (0, 1]", where="forward_from_parity")
    k, cb, ca, pb, pa = (np.asarray(x, dtype=np.float64) for x in (strike, call_bid, call_ask, put_bid, put_ask))
    usable = (cb > 0) & (pb > 0) & (ca >= cb) & (pa >= pb) & np.isfinite(k + ca + pa)
    if np.count_nonzero(usable) < MIN_PAIRS:
        return _not_fitted(int(np.count_nonzero(usable)), "too_few_pairs")
    k, cb, ca, pb, pa = k[usable], cb[usable], ca[usable], pb[usable], pa[usable]
    implied = k + 0.5 * (cb + ca - pb - pa) / discount
    spread = (ca - cb) + (pa - pb)
    # A locked quote (spread 0) is one tick uncertain at least; the floor keeps its weight finite.
    positive = spread[spread > 0]
    spread = np.maximum(spread, 0.25 * _median(positive) if positive.size else 1.0)
    centre = _weighted_median(implied, spread**-2)
    near = np.sort(np.argsort(np.abs(k - centre), kind="stable")[:NEAR_PAIRS])
    return _fit(k[near], implied[near], spread[near])


def _fit(strike: Floats, implied: Floats, spread: Floats) -> ForwardFit:
    base = spread**-2
    centre = _weighted_median(implied, base)
    weight = base
    for _ in range(_REWEIGHTINGS):
        # In units of each pair's own spread, so that a wide pair may be further off than a tight one.
        scaled = np.abs(implied - centre) / spread
        scale = max(_MAD_TO_SIGMA * _median(scaled), 1e-3)
        weight = base * np.minimum(1.0, HUBER * scale / np.maximum(scaled, 1e-12))
        centre = float(_sum(weight * implied) / _sum(weight))
    residuals = implied - centre
    total = float(_sum(weight))
    effective = total**2 / float(_sum(weight**2))
    variance = float(_sum(weight * residuals**2)) / total
    return ForwardFit(
        forward=centre,
        stderr=float(np.sqrt(variance / max(effective - 1.0, 1.0))),
        n_pairs=len(strike),
        spread_median=_median(spread),
        strike=strike,
        residuals=residuals,
        spreads=spread,
    )


def _median(values: Floats) -> float:
    """np.median without its overhead on a dozen values."""
    ordered = values.copy()
    ordered.sort()
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else 0.5 * (ordered[middle - 1] + ordered[middle]))


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = values.argsort(kind="stable")
    cumulated = weights[order].cumsum()
    # A hair below a half: where the weights tie, the last bits of a CPU must not choose the value.
    return float(values[order[cumulated.searchsorted((0.5 - TIE) * cumulated[-1])]])


def _not_fitted(n_pairs: int, reason: str) -> ForwardFit:
    empty = np.empty(0)
    return ForwardFit(float("nan"), float("nan"), n_pairs, float("nan"), empty, empty, empty, reason)
