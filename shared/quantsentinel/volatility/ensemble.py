"""An ensemble whose weights follow each member's own out-of-sample record: QLIKE, and the direction it called."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.volatility.scores import qlike

Floats = NDArray[np.float64]
WINDOW = 250
"""Sessions of record that count."""
SHARPNESS = 20.0
"""Weight e^(-20 · excess loss): a member 0.05 of QLIKE worse counts 0.37 times as much."""
DIRECTION = 0.2
"""Loss added for always calling the wrong direction."""


def rolling_weights(forecasts: Floats, realised: Floats, now: Floats, horizon: int) -> Floats:
    """Weights of each session, (n, members), that sum to one; equal until a record of `WINDOW` / 5 sessions is known.

    `forecasts` (n, members) of the mean variance of the next `horizon` sessions, `realised` (n,) what it became (NaN
    while unknown), `now` (n,) the level known at the time. A loss is known `horizon` sessions later; nothing later
    counts. Raises `BadInput` for shapes that do not fit or a horizon below one.
    """
    n, members = forecasts.shape
    if realised.shape != (n,) or now.shape != (n,) or horizon < 1:
        raise BadInput("forecasts, outcomes and levels must have one length", where="rolling_weights")
    known = np.isfinite(realised) & np.isfinite(forecasts).all(axis=1)
    losses = np.zeros((n, members))
    wrong = (forecasts > now[:, None]) != (realised > now)[:, None]
    losses[known] = qlike(realised[known, None], forecasts[known]) + DIRECTION * wrong[known]
    total = np.concatenate([np.zeros((1, members)), np.cumsum(losses, axis=0)])
    count = np.concatenate([[0], np.cumsum(known)])
    # At session t the outcome of the forecast made at t - horizon is the newest one known.
    end = np.maximum(np.arange(n) - horizon + 1, 0)
    start = np.maximum(end - WINDOW, 0)
    seen = count[end] - count[start]
    mean = (total[end] - total[start]) / np.maximum(seen, 1)[:, None]
    raw = np.exp(-SHARPNESS * (mean - mean.min(axis=1, keepdims=True)))
    raw[seen < WINDOW // 5] = 1.0
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))
