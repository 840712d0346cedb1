"""The search behind `svi.fit_slices`: damped Newton steps down the loss of `svi_loss` from the best starts of a grid.

All slices and all starts at once; shapes of arrays as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from quantsentinel.pricing.svi_loss import (
    CROSS,
    DIAGONAL,
    GRADIENT,
    LOSS,
    THETA,
    Batch,
    Parameters,
    Slice,
    evaluated,
    project,
    raw_of,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_GRID_M, _GRID_SIGMA = 9, 6
_STARTS = 3
_MIN_STEPS, _MAX_STEPS, _POLISH_STEPS = 3, 40, 8
_CONVERGED = 1e-6  # relative gain of the mean square that a step still promises
_ROUNDING = 1e-9  # of a residual: the Newton step that brought it there has squared it
_FIRST_DAMPING = 0.3  # after a step that did not help: less than that hardly shortens it
_MAX_DAMPING = 1e3  # a step this damped that does not help: we are there


def search(slices: Sequence[Slice]) -> list[Parameters | None]:
    """The best admissible slice through each set of quotes, None where there is none."""
    batch = Batch.build(slices)
    best = _polished(batch, _descended(batch, _starts(batch)))[THETA].transpose(1, 2, 0)
    linear = project(batch, best)
    rows = raw_of(batch, best, linear)[..., 0].T.tolist()
    return [tuple(row) if good else None for row, good in zip(rows, np.isfinite(linear.loss[:, 0]), strict=True)]


def grid(low: Floats, high: Floats, shape: tuple[int, int]) -> Floats:
    """(L, shape product, 2) points from `low` to `high`, (L, 1, 2) each."""
    return np.asarray(low + (high - low) * _unit_grid(shape))


@cache
def _unit_grid(shape: tuple[int, int]) -> Floats:
    share = np.stack(np.meshgrid(*(np.linspace(0.0, 1.0, count) for count in shape), indexing="ij"), axis=-1)
    return share.reshape(-1, 2)


def _starts(batch: Batch) -> Floats:
    """(L, `_STARTS`, 2) the lowest local minima of a grid, then its lowest points."""
    theta = grid(batch.bounds[0], batch.bounds[1], (_GRID_M, _GRID_SIGMA))
    loss = project(batch, theta).loss
    padded = np.full((len(loss), _GRID_M + 2, _GRID_SIGMA + 2), np.inf)
    padded[:, 1:-1, 1:-1] = loss.reshape(-1, _GRID_M, _GRID_SIGMA)
    across = np.minimum(np.minimum(padded[:, :-2], padded[:, 2:]), padded[:, 1:-1])
    around = np.minimum(np.minimum(across[..., :-2], across[..., 2:]), across[..., 1:-1])
    hollow = (padded[:, 1:-1, 1:-1] <= around).reshape(loss.shape)
    # Two stable sorts: by loss, and hollows before the rest.
    by_loss = np.argsort(loss, axis=1, kind="stable")
    order = np.argsort(~np.take_along_axis(hollow, by_loss, axis=1), axis=1, kind="stable")[:, :_STARTS]
    chosen = np.take_along_axis(by_loss, order, axis=1)
    return np.asarray(np.take_along_axis(theta, chosen[..., None], axis=1))


def _descended(batch: Batch, theta: Floats) -> Floats:
    """The best start (8, L, 1) after damped Newton steps, each start with its own damping, until it is there."""
    state = evaluated(batch, np.ascontiguousarray(theta.transpose(2, 0, 1)))
    damping = np.full(theta.shape[:2], 1e-3)
    rows = np.arange(len(theta))
    for step in range(_MAX_STEPS):
        trial = evaluated(batch, _proposed(batch, state, damping))
        better = trial[LOSS] < state[LOSS]
        state = np.where(better, trial, state)
        damping = np.where(better, 0.1 * damping, np.maximum(10.0 * damping, _FIRST_DAMPING))
        best = np.argmin(state[LOSS], axis=1)
        if step + 1 >= _MIN_STEPS:
            finished = (_slope(batch, state) <= _CONVERGED * state[LOSS]) | (damping > _MAX_DAMPING)
            if finished[rows, best].all():
                break
    return np.asarray(state[:, rows, best][..., None])


def _polished(batch: Batch, state: Floats) -> Floats:
    """States (8, L, 1) taken to the root of their gradients by full Newton steps, while those shrink.

    The descent stops where the loss no longer tells steps apart, some 1e-7 of a vol away: CPUs that differ in the last
    bit would then differ in the seventh digit. The gradient tells them apart to rounding.
    """
    undamped = np.zeros(state.shape[1:])
    here = _slope(batch, state)
    for _ in range(_POLISH_STEPS):
        trial = evaluated(batch, _proposed(batch, state, undamped))
        there = _slope(batch, trial)
        better = np.isfinite(trial[LOSS]) & (there < here)
        state, here = np.where(better, trial, state), np.where(better, there, here)
        if not (better & (there > _ROUNDING**2 * trial[LOSS])).any():
            break
    return state


def _held(batch: Batch, state: Floats) -> Bools:
    """(2, L, S) parameters at a bound that the descent would leave."""
    (low, high), theta, gradient = batch.bounds.transpose(0, 3, 1, 2), state[THETA], state[GRADIENT]
    return np.asarray(((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0)))


def _slope(batch: Batch, state: Floats) -> Floats:
    """(L, S) squared length of the free gradient, each parameter on the scale of its own curvature."""
    free = np.where(_held(batch, state), 0.0, state[GRADIENT])
    along_m, along_s = free * free / np.maximum(state[DIAGONAL], 1e-300)
    return np.asarray(along_m + along_s)


def _proposed(batch: Batch, state: Floats, damping: Floats) -> Floats:
    """theta (2, L, S) after the step -(H + damping diag H)^-1 gradient, within the bounds.

    A parameter that would leave them stops there, and the other one takes the best step beside that one: on a bound
    the two are often nearly the same direction, and a step that is only cut back goes up.
    """
    (low, high), theta, gradient = batch.bounds.transpose(0, 3, 1, 2), state[THETA], state[GRADIENT]
    diagonal, cross = state[DIAGONAL] * (1 + damping) + 1e-100, state[CROSS]
    full = diagonal[0] * diagonal[1]
    determinant = np.maximum(full - cross * cross, 1e-14 * full)
    whole = theta + (gradient[::-1] * cross - gradient * diagonal[::-1]) / determinant
    found = np.minimum(np.maximum(whole, low), high)
    cut = (found != whole).any(axis=0)
    if cut.any():
        for one, other in ((1, 0), (0, 1)):
            best = theta[one] - (gradient[one] + cross * (found[other] - theta[other])) / diagonal[one]
            found[one] = np.where(cut, np.minimum(np.maximum(best, low[one]), high[one]), found[one])
    return np.asarray(found)
