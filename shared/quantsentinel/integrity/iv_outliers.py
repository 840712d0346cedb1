"""The second look at quotes: implied vols that stand alone off the surface fitted through their own expiry.

What a slice cannot follow (a real skew, a bend before an event) is shared by neighbouring strikes; a wrong quote is
not. So each residual is held against those around it, never against zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quantsentinel.errors import BadInput

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]

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


def iv_outliers(residuals_annual: Sequence[Floats], half_spreads_annual: Sequence[Floats]) -> list[Bools]:
    """(n,) outliers of each fitted slice; the arguments are (n,) a slice, ascending by strike.

    A residual is market less fitted vol, a half-spread that of the quote in vol. With the lone part l = r - what the
    residuals within `BESIDE` strikes say of it (a robust line, its own left out), an outlier has
    |l| > max(`DEVIATIONS`·1.4826·median|l|, `SPREADS`·half-spread, `FLOOR_ANNUAL`); of neighbours that accuse each
    other only the largest. Raises `BadInput` for unequal shapes or numbers that are none.
    """
    for one, other in zip(residuals_annual, half_spreads_annual, strict=True):
        if one.shape != other.shape or one.ndim != 1:
            raise BadInput(f"shapes {one.shape} and {other.shape}", where="iv_outliers", fix="Give two (n,) arrays")
        if not (np.isfinite(one).all() and np.isfinite(other).all() and (other >= 0).all()):
            raise BadInput("residuals or spreads are no numbers", where="iv_outliers", fix="Leave such quotes out")
    found = [np.zeros(len(residual), dtype=np.bool_) for residual in residuals_annual]
    judged = [place for place, residual in enumerate(residuals_annual) if len(residual) >= MIN_QUOTES]
    if judged:
        residual, half = (np.concatenate([side[i] for i in judged]) for side in (residuals_annual, half_spreads_annual))
        sizes = np.array([len(residuals_annual[i]) for i in judged])
        outlier = _outliers(residual, half, sizes)
        for place, rows in zip(judged, np.split(outlier, np.cumsum(sizes)[:-1]), strict=True):
            found[place] = rows
    return found


def _outliers(residual: Floats, half: Floats, sizes: Places) -> Bools:
    """(N,) of slices one after the other, of `sizes` (L,)."""
    slices, first = np.repeat(np.arange(len(sizes)), sizes), np.cumsum(sizes) - sizes
    rank = np.arange(len(residual)) - first[slices]
    lone = np.abs(residual - _company(residual, rank, sizes[slices]))
    table = np.full((len(sizes), sizes.max()), np.inf)
    table[slices, rank] = lone
    usual = _median(table, sizes)[slices]
    excess = lone / np.maximum(np.maximum(SPREADS * half, FLOOR_ANNUAL), DEVIATIONS * _MAD_TO_SIGMA * usual)
    # With `BESIDE` zeros between the slices nobody has a neighbour in another one.
    padded, place = np.zeros(len(excess) + BESIDE * (len(sizes) + 1)), np.arange(len(excess)) + BESIDE * slices
    padded[place + BESIDE] = excess
    peak = excess >= sliding_window_view(padded, 2 * BESIDE + 1).max(axis=1)[place]
    order = np.lexsort((-excess, slices))
    worst = np.empty(len(excess), dtype=np.bool_)
    worst[order] = rank < (MAX_SHARE * sizes).astype(np.int64)[slices]
    return np.asarray(peak & (excess > 1.0) & worst)


def _company(residual: Floats, rank: Places, size: Places) -> Floats:
    """What the nearest 2 · `BESIDE` other strikes of its slice say of each, by Theil and Sen's line through their
    ranks; `rank` of each in its slice, `size` of that, (N,)."""
    start = np.minimum(np.maximum(rank - BESIDE, 0), size - 2 * BESIDE - 1) - rank
    away = start[:, None] + np.arange(2 * BESIDE)
    away += away >= 0  # its own place is left out
    theirs = residual[np.arange(len(residual))[:, None] + away]
    slope = _median((theirs[:, _TWO] - theirs[:, _ONE]) / (away[:, _TWO] - away[:, _ONE]))
    return _median(theirs - slope[:, None] * away)


def _median(values: Floats, count: Places | None = None) -> Floats:
    """Of the first `count` of each row of (n, k), sorted: as np.median, which takes five times as long over rows this
    short. What is not counted is infinite."""
    ordered, rows = np.sort(values, axis=1), np.arange(len(values))
    of = values.shape[1] if count is None else count
    return np.asarray(0.5 * (ordered[rows, (of - 1) // 2] + ordered[rows, of // 2]))
