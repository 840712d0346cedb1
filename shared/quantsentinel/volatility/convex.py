"""Weights on a simplex: a forecast that is an average of averages, so that a constant variance forecasts itself.

Averages are per clock unit over trailing spans; the weights minimise QLIKE. HAR without its intercept (Corsi 2009) in
other words: the longest span takes the intercept's place, so that the forecast scales with the market.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput

Floats = NDArray[np.float64]
FLOOR = 1e-7
"""Least realised variance a session counts with: 0.03 % of movement; QLIKE of zero is infinite."""
_ROUNDS = 2000
_TOLERANCE = 1e-13


def trailing(variance: Floats, units: Floats, spans: Sequence[int]) -> Floats:
    """Variance per unit over the last `span` sessions up to each, (n, len(spans)); NaN before there are as many."""
    total, unit = (np.concatenate(([0.0], np.cumsum(values))) for values in (variance, units))
    found = np.full((variance.size, len(spans)), np.nan)
    for column, span in enumerate(spans):
        found[span - 1 :, column] = (total[span:] - total[:-span]) / (unit[span:] - unit[:-span])
    return found


def ahead(variance: Floats, units: Floats, horizon: int) -> Floats:
    """Variance per unit over the next `horizon` sessions after each, (n,); NaN where they are not all known."""
    found = np.full(variance.size, np.nan)
    if variance.size > horizon:
        found[:-horizon] = trailing(variance, units, [horizon])[horizon:, 0]
    return found


def latest(variance: Floats, units: Floats, spans: Sequence[int]) -> Floats:
    """The last row of `trailing`, (len(spans),); a span longer than the history takes what there is."""
    return np.array([np.sum(variance[-span:]) / np.sum(units[-span:]) for span in spans])


def fit_simplex(regressors: Floats, target: Floats) -> Floats:
    """Non-negative weights that sum to one and minimise mean(y / f + ln f), f = regressors @ weights.

    `regressors` (n, k), `target` (n,), positive. Exponentiated gradient with a step that halves when the loss rises:
    deterministic, from equal weights, to a change below 1e-13. Raises `BadInput` for values that are not positive and
    finite, or fewer rows than columns.
    """
    x, y = np.asarray(regressors, dtype=np.float64), np.maximum(target, FLOOR)
    if x.ndim != 2 or x.shape[0] != y.size or x.shape[0] <= x.shape[1] or not np.all(np.isfinite(x) & (x > 0)):
        raise BadInput("needs more rows than columns, all positive", where="fit_simplex")
    if not np.all(np.isfinite(y)):
        raise BadInput("a target is not finite", where="fit_simplex")
    weights = np.full(x.shape[1], 1.0 / x.shape[1])
    loss, step = _loss(x @ weights, y), 1.0
    for _ in range(_ROUNDS):
        slope = _gradient(x, y, x @ weights)
        tried = weights * np.exp(-step * (slope - weights @ slope))
        tried /= np.sum(tried)
        now = _loss(x @ tried, y)
        if now > loss:
            step /= 2
            continue
        if loss - now < _TOLERANCE:
            return tried
        weights, loss, step = tried, now, step * 1.2
    return weights


def _loss(forecast: Floats, y: Floats) -> float:
    return float(np.mean(y / forecast + np.log(forecast)))


def _gradient(x: Floats, y: Floats, forecast: Floats) -> Floats:
    return np.asarray(x.T @ ((forecast - y) / forecast**2) / y.size)
