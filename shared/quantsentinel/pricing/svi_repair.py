"""The search behind `svi.without_arbitrage`: the best slice found without butterfly arbitrage, many slices at once.

A grid over (m, ln sigma) closes in on its best admissible point round by round; a point is admissible when the slice
with its best linear part, flattened by `shape`, has g >= 0 on a line. Shapes of arrays as in `svi_loss`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantsentinel.pricing.svi_loss import Batch, Linear, Parameters, Slice, project, raw_of
from quantsentinel.pricing.svi_search import grid
from quantsentinel.pricing.svi_slice import LEE_SLOPE, butterfly_g, derivatives

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_NODES, _ROUNDS, _BLOCK = 9, 5, 16
_LINE = 0.02 * np.sinh(np.linspace(-np.arcsinh(150.0), np.arcsinh(150.0), 161))
_FREE_MARGIN = 5e-4  # on the coarse line of the search, so that the dense check passes too


def search_free(slices: Sequence[Slice], shape: float) -> list[Parameters | None]:
    """The admissible slice with the least loss found for each set of quotes, None where no point of the first grid is.

    `shape` < 1 flattens every candidate towards the weighted mean by that factor.
    """
    batch = Batch.build(slices)
    low, high = batch.bounds
    best, best_loss = np.full((5, len(slices)), np.nan), np.full(len(slices), np.inf)
    centre = np.zeros((len(slices), 1, 2))
    for _ in range(_ROUNDS):
        theta = grid(low, high, (_NODES, _NODES))
        linear = _flattened(batch, project(batch, theta), shape)
        raw = raw_of(batch, theta, linear)
        rows, at = _first_free(raw, linear.loss, best_loss)
        best[:, rows], best_loss[rows], centre[rows, 0] = raw[:, rows, at], linear.loss[rows, at], theta[rows, at]
        if not np.isfinite(best_loss).any():
            break
        cell = (high - low) / (_NODES - 1)
        low, high = np.maximum(centre - 1.5 * cell, batch.bounds[0]), np.minimum(centre + 1.5 * cell, batch.bounds[1])
    found = np.isfinite(best_loss)
    return [tuple(row) if good else None for row, good in zip(best.T.tolist(), found, strict=True)]


def _flattened(batch: Batch, best: Linear, shape: float) -> Linear:
    """(d, c) times `shape`; the loss along that ray is a parabola with its vertex at the best (d, c)."""
    svv = batch.sums[2]
    loss = svv - (2 * shape - shape * shape) * (svv - best.loss)
    return Linear(shape * best.d, shape * best.c, best.z_mean, best.szz, best.sxz, loss, best.on_edge)


def _first_free(raw: Floats, loss: Floats, below: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of each slice the candidate of least loss under `below` (L,) that is admissible, as (rows, columns); asked in
    blocks, best first. A slice without one is not among the rows."""
    order = np.argsort(loss, axis=1, kind="stable")
    wanted = np.take_along_axis(loss, order, axis=1) < below[:, None]
    found = np.full(len(loss), -1)
    open_rows = np.arange(len(loss))
    for at in range(0, loss.shape[1], _BLOCK):
        open_rows = open_rows[wanted[open_rows, at] & (found[open_rows] < 0)]
        if not open_rows.size:
            break
        block = order[open_rows, at : at + _BLOCK]
        passed = free_on_line(raw[:, open_rows[:, None], block]) & wanted[open_rows, at : at + _BLOCK]
        first = np.argmax(passed, axis=1)
        found[open_rows] = np.where(passed.any(axis=1), block[np.arange(len(block)), first], -1)
    rows = np.nonzero(found >= 0)[0]
    return rows, found[rows]


def free_on_line(raw: Floats) -> Bools:
    """(...,) of raw parameters (5, ...): `butterfly_free` on one coarse line from -3 to 3."""
    a, b, rho, _, sigma = raw
    passed = np.asarray((a + b * sigma * np.sqrt(1 - rho * rho) > 0) & (b * (1 + np.abs(rho)) <= LEE_SLOPE))
    g = butterfly_g(_LINE, *derivatives(_LINE, raw[:, passed, None]))
    passed[passed] = g.min(axis=1) >= _FREE_MARGIN
    return passed
