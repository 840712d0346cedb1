"""The second look at quotes: implied vols that stand alone off the surface fitted through their own expiry.

What a slice cannot follow (a real skew, a bend before an event) is shared by neighbouring strikes; a wrong quote is
not. So each residual is held against those around it, never against zero.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quantsentinel.errors import BadInput

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MIN_QUOTES = 10
"""With fewer there is no telling what is usual: none is an outlier."""
BESIDE = 3
"""Strikes on each side whose residuals are the company of one."""
DEVIATIONS = 5.0
"""Robust standard deviations (1.4826 · MAD) of the slice's own lone residuals."""
SPREADS = 2.0
"""Half-spreads in vol: within them nobody can tell."""
FLOOR_ANNUAL = 0.002
"""0.2 vol points: closer than that a surface is not."""
MAX_SHARE = 0.2
"""Of the quotes: with more outliers it is the fit that is wrong, the worst of them go."""
_MAD_TO_SIGMA = 1.4826
_ONE, _TWO = np.triu_indices(2 * BESIDE, k=1)


def iv_outliers(residual_annual: Floats, half_spread_annual: Floats) -> Bools:
    """(n,) outliers of one fitted slice; the arguments are (n,), ascending by strike.

    `residual_annual` is market less fitted vol, `half_spread_annual` half of the quote's spread in vol. With the lone
    part l = r - what the residuals within `BESIDE` strikes say of it (a robust line, its own left out), an outlier has
    |l| > max(`DEVIATIONS`·1.4826·median|l|, `SPREADS`·half-spread, `FLOOR_ANNUAL`); of neighbours that accuse each
    other only the largest. Raises `BadInput` for unequal shapes or numbers that are none.
    """
    residual, half = (np.asarray(x, dtype=np.float64) for x in (residual_annual, half_spread_annual))
    if residual.shape != half.shape or residual.ndim != 1:
        raise BadInput(f"shapes {residual.shape} and {half.shape}", where="iv_outliers", fix="Give two (n,) arrays")
    if not (np.isfinite(residual).all() and np.isfinite(half).all() and (half >= 0).all()):
        raise BadInput("residuals or spreads are no numbers", where="iv_outliers", fix="Leave such quotes out")
    if len(residual) < MIN_QUOTES:
        return np.zeros(len(residual), dtype=np.bool_)
    lone = np.abs(residual - _company(residual))
    limit = np.maximum(np.maximum(SPREADS * half, FLOOR_ANNUAL), DEVIATIONS * _MAD_TO_SIGMA * _median(lone[None])[0])
    excess = lone / limit
    padded = np.pad(excess, BESIDE)
    peak = excess >= sliding_window_view(padded, 2 * BESIDE + 1).max(axis=1)
    outlier = peak & (excess > 1.0)
    worst = np.argsort(-excess, kind="stable")[: int(MAX_SHARE * len(residual))]
    kept = np.zeros(len(residual), dtype=np.bool_)
    kept[worst] = True
    return np.asarray(outlier & kept)


def _company(residual: Floats) -> Floats:
    """What the nearest 2 · `BESIDE` other strikes say of each, by Theil and Sen's line through their ranks."""
    others, away, run = _others(len(residual))
    theirs = residual[others]
    slope = _median((theirs[:, _TWO] - theirs[:, _ONE]) / run)
    return _median(theirs - slope[:, None] * away)


@lru_cache(maxsize=256)
def _others(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each of `count` strikes its company: places, how far away they are, how far each pair of them is apart."""
    start = np.clip(np.arange(count) - BESIDE, 0, count - 2 * BESIDE - 1)
    window = start[:, None] + np.arange(2 * BESIDE + 1)
    others = window[window != np.arange(count)[:, None]].reshape(count, 2 * BESIDE)
    away = others - np.arange(count)[:, None]
    found = others, away, away[:, _TWO] - away[:, _ONE]
    for array in found:
        array.setflags(write=False)
    return found


def _median(values: Floats) -> Floats:
    """Of each row of (n, k): as np.median, which takes five times as long over rows this short."""
    ordered, middle = np.sort(values, axis=1), values.shape[1] // 2
    if values.shape[1] % 2:
        return np.asarray(ordered[:, middle])
    return np.asarray(0.5 * (ordered[:, middle - 1] + ordered[:, middle]))
