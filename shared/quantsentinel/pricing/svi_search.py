"""The search behind `svi.fit_slice`: variable projection over (m, ln sigma), many starts at once.

Arrays: S starts, n quotes. `p` are weights that sum to one. With y = k - m and z = sqrt(y^2 + sigma^2) the slice is
w = a + d y + c z, linear in (a, d, c); a slice is admissible when c >= 0, |d| <= RHO_MAX c and
a + sigma sqrt(c^2 - d^2) > 0 (positive variance everywhere).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RHO_MAX = 0.999
_GRID_M, _GRID_SIGMA = 9, 6
_GRID_SIZES = np.geomspace(0.03, 1.0, _GRID_SIGMA)  # of the quotes' width
_STARTS = 3
_ROUNDING = 1e-12  # of a residual: the gradient is zero
_MIN_STEPS, _MAX_STEPS, _POLISH_STEPS = 4, 40, 12
_SIGMA_RANGE = (0.01, 1.0)  # of the quotes' width in k
_ZOOM_NODES, _ZOOM_ROUNDS, _BLOCK = 9, 5, 16
_CONVERGED = 1e-6  # relative gain of the mean square
_MAX_DAMPING = 30.0  # a step this damped that does not help: we are there


@dataclass(frozen=True, slots=True, eq=False)
class _Quotes:
    """The quotes and the moments that do not depend on (m, sigma). `moments` (n, 3): p, p (k - mean), p (w - mean)."""

    k: Floats
    w: Floats
    p: Floats
    k_mean: float
    w_mean: float
    moments: Floats
    syy: float
    syw: float
    sww: float

    @staticmethod
    def build(k: Floats, w: Floats, p: Floats) -> _Quotes:
        k_mean, w_mean = float(p @ k), float(p @ w)
        dk, dw = k - k_mean, w - w_mean
        moments = np.stack([p, p * dk, p * dw], axis=1)
        return _Quotes(
            k, w, p, k_mean, w_mean, moments, float(p @ (dk * dk)), float(p @ (dk * dw)), float(p @ (dw * dw))
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Linear:
    """The best admissible (a, d, c) of each start and its weighted mean square (inf when none), each (S,)."""

    a: Floats
    d: Floats
    c: Floats
    loss: Floats


Allowed = Callable[["Raw"], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """Raw parameters of S slices, each (S, 1), ready to broadcast against a line of log-moneyness."""

    a: Floats
    b: Floats
    rho: Floats
    m: Floats
    sigma: Floats


def search_where(
    k: Floats, w: Floats, p: Floats, allowed: Allowed, shape: float = 1.0
) -> tuple[float, float, float, float, float] | None:
    """(a, b, rho, m, sigma) with the least loss among those that `allowed` passes: a grid over (m, ln sigma) that
    closes in on its best point round by round. None when no point of the first grid passes. `shape` < 1 flattens every
    candidate towards the weighted mean by that factor."""
    quotes = _Quotes.build(k, w, p)
    bounds = _bounds(k)
    low, high = bounds[0], bounds[1]
    best: tuple[float, float, float, float, float] | None = None
    best_loss = np.inf
    for _ in range(_ZOOM_ROUNDS):
        axes = [np.linspace(low[i], high[i], _ZOOM_NODES) for i in range(2)]
        theta = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        linear = _flattened(quotes, _project(quotes, theta), shape)
        found = _first_allowed(theta, linear, allowed, best_loss)
        if found is not None:
            best, best_loss = found
        if best is None:
            return None
        cell = (high - low) / (_ZOOM_NODES - 1)
        centre = np.array([best[3], np.log(best[4])])
        low, high = np.maximum(centre - 1.5 * cell, bounds[0]), np.minimum(centre + 1.5 * cell, bounds[1])
    return best


def _first_allowed(
    theta: Floats, linear: _Linear, allowed: Allowed, below: float
) -> tuple[tuple[float, float, float, float, float], float] | None:
    """The candidate of least loss under `below` that `allowed` passes; asked in blocks, best first."""
    order = np.argsort(linear.loss, kind="stable")
    order = order[linear.loss[order] < below]
    for block in (order[at : at + _BLOCK] for at in range(0, len(order), _BLOCK)):
        c, d = linear.c[block], linear.d[block]
        rho = np.divide(d, c, out=np.zeros_like(d), where=c > 0)
        columns = (linear.a[block], c, rho, theta[block, 0], np.exp(theta[block, 1]))
        passed = allowed(Raw(*(column[:, None] for column in columns)))
        if passed.any():
            first = int(np.argmax(passed))
            a, b, r, m, sigma = (float(column[first]) for column in columns)
            return (a, b, r, m, sigma), float(linear.loss[block[first]])
    return None


def search(k: Floats, w: Floats, p: Floats) -> tuple[float, float, float, float, float] | None:
    """(a, b, rho, m, sigma) of the best admissible slice, or None when there is none."""
    quotes = _Quotes.build(k, w, p)
    bounds = _bounds(k)
    theta, linear = _best_starts(quotes)
    if not np.isfinite(linear.loss).any():
        return None
    theta, linear = _descend(quotes, theta, linear, bounds)
    best = int(np.argmin(linear.loss))
    theta, linear = _polished(quotes, theta[best : best + 1], bounds)
    a, d, c = float(linear.a[0]), float(linear.d[0]), float(linear.c[0])
    rho = d / c if c > 0 else 0.0
    return a, c, rho, float(theta[0, 0]), float(np.exp(theta[0, 1]))


def _bounds(k: Floats) -> Floats:
    """(2, 2) lowest and highest (m, ln sigma): the kink lies within the quotes and is no wider than them.

    Beyond these bounds a slice is a parabola with arbitrary wings: the fit gains little and the wings mean nothing.
    """
    width = float(np.ptp(k))
    low, high = np.log(np.array(_SIGMA_RANGE) * width)
    return np.array([[k.min(), low], [k.max(), high]])


def _best_starts(quotes: _Quotes) -> tuple[Floats, _Linear]:
    width = float(np.ptp(quotes.k))
    centres = np.linspace(quotes.k.min(), quotes.k.max(), _GRID_M)
    sizes = np.log(width * _GRID_SIZES)
    theta = np.stack(np.meshgrid(centres, sizes, indexing="ij"), axis=-1).reshape(-1, 2)
    loss = _project(quotes, theta).loss
    chosen = np.argsort(loss, kind="stable")[:_STARTS]
    return theta[chosen], _project(quotes, theta[chosen])


def _project(quotes: _Quotes, theta: Floats) -> _Linear:
    """The inner linear problem of every start, theta (S, 2)."""
    m, sigma = theta[:, 0], np.exp(theta[:, 1])
    y = quotes.k - m[:, None]
    square = y * y + (sigma * sigma)[:, None]
    z_moments = np.sqrt(square) @ quotes.moments
    z_mean, syz, szw = z_moments.T
    szz = np.maximum(square @ quotes.p - z_mean * z_mean, 1e-300)
    determinant = quotes.syy * szz - syz * syz
    regular = determinant > 1e-12 * quotes.syy * szz
    safe = np.where(regular, determinant, 1.0)
    d = (quotes.syw * szz - szw * syz) / safe
    c = (szw * quotes.syy - quotes.syw * syz) / safe
    loss = np.where(regular, _loss(quotes, d, c, (syz, szz, szw)), np.inf)
    inside = regular & (c >= 0) & (np.abs(d) <= RHO_MAX * c)
    loss = np.where(inside, loss, np.inf)
    for edge in () if inside.all() else (-RHO_MAX, RHO_MAX):
        on_edge = (edge * quotes.syw + szw) / (edge * edge * quotes.syy + 2 * edge * syz + szz)
        on_edge = np.maximum(on_edge, 0.0)
        edge_loss = np.where(inside, np.inf, _loss(quotes, edge * on_edge, on_edge, (syz, szz, szw)))
        better = edge_loss < loss
        c, d = np.where(better, on_edge, c), np.where(better, edge * on_edge, d)
        loss = np.where(better, edge_loss, loss)
    a = quotes.w_mean - d * (quotes.k_mean - m) - c * z_mean
    lowest = a + sigma * np.sqrt(np.maximum(c * c - d * d, 0.0))
    return _Linear(a, d, c, np.where(lowest > 0, np.maximum(loss, 0.0), np.inf))


def _flattened(quotes: _Quotes, best: _Linear, shape: float) -> _Linear:
    """(d, c) times `shape`; the loss along that ray is a parabola with its vertex at the best (a, d, c)."""
    explained = quotes.sww - best.loss
    return _Linear(
        quotes.w_mean + shape * (best.a - quotes.w_mean),
        shape * best.d,
        shape * best.c,
        quotes.sww - (2 * shape - shape * shape) * explained,
    )


def _loss(quotes: _Quotes, d: Floats, c: Floats, sums: tuple[Floats, Floats, Floats]) -> Floats:
    syz, szz, szw = sums
    return np.asarray(quotes.sww - 2 * (d * quotes.syw + c * szw) + d * d * quotes.syy + 2 * d * c * syz + c * c * szz)


def _descend(quotes: _Quotes, theta: Floats, linear: _Linear, bounds: Floats) -> tuple[Floats, _Linear]:
    """Levenberg-Marquardt on the projected residual, each start with its own damping, until the best one is there."""
    damping = np.full(len(theta), 1e-3)
    for step in range(_MAX_STEPS):
        gradient, hessian = _normal_equations(quotes, theta, linear)
        # A parameter that would leave its bounds is held there, so that the other one keeps its own full step.
        held = _held(theta, gradient, bounds)
        gradient = np.where(held, 0.0, gradient)
        cross = np.where(held.any(axis=1), 0.0, hessian[:, 0, 1])
        proposal = np.clip(theta + _damped_step(gradient, hessian, cross, damping), bounds[0], bounds[1])
        trial = _project(quotes, proposal)
        better = trial.loss < linear.loss
        gain = np.where(better, linear.loss - trial.loss, 0.0)
        finished = (gain <= _CONVERGED * linear.loss) & (better | (damping > _MAX_DAMPING))
        theta = np.where(better[:, None], proposal, theta)
        linear = _Linear(
            *(np.where(better, new, old) for new, old in zip(_columns(trial), _columns(linear), strict=True))
        )
        damping = np.where(better, damping * 0.1, damping * 10.0)
        if step + 1 >= _MIN_STEPS and finished[np.argmin(linear.loss)]:
            break
    return theta, linear


def _held(theta: Floats, gradient: Floats, bounds: Floats) -> NDArray[np.bool_]:
    """Parameters at a bound that the step would leave."""
    return np.asarray(((theta <= bounds[0]) & (gradient < 0)) | ((theta >= bounds[1]) & (gradient > 0)))


def _polished(quotes: _Quotes, theta: Floats, bounds: Floats) -> tuple[Floats, _Linear]:
    """One start (1, 2) taken to the root of its gradient by Broyden's method, while the gradient shrinks.

    The descent stops where the loss no longer tells steps apart, some 1e-7 of a vol away: CPUs that differ in the last
    bit would then differ in the seventh digit. The gradient tells them apart to rounding.
    """
    linear = _project(quotes, theta)
    gradient, hessian = _normal_equations(quotes, theta, linear)
    free = ~_held(theta, gradient, bounds)[0]
    scale = np.where(free, 1 / np.sqrt(np.maximum(np.diag(hessian[0]), 1e-300)), 0.0)
    slope = np.where(np.outer(free, free), hessian[0] * np.outer(scale, scale), np.eye(2))
    here = gradient[0] * scale
    for _ in range(_POLISH_STEPS):
        step = np.linalg.solve(slope, here)
        proposal = np.clip(theta + step * scale, bounds[0], bounds[1])
        trial = _project(quotes, proposal)
        there = _normal_equations(quotes, proposal, trial)[0][0] * scale
        if not np.isfinite(trial.loss[0]) or not there @ there < here @ here:
            break
        # Broyden's rank-one update of the gradient's slope (Dennis and Schnabel 1983); a full step leaves `there`.
        slope = slope - np.outer(there, step) / (step @ step)
        theta, linear, here = proposal, trial, there
        if here @ here <= _ROUNDING**2 * linear.loss[0]:
            break
    return theta, linear


def _columns(linear: _Linear) -> tuple[Floats, Floats, Floats, Floats]:
    return linear.a, linear.d, linear.c, linear.loss


def _normal_equations(quotes: _Quotes, theta: Floats, linear: _Linear) -> tuple[Floats, Floats]:
    """Gradient (S, 2) and Gauss-Newton matrix (S, 2, 2) of half the loss after projecting out the linear part."""
    m, sigma = theta[:, 0], np.exp(theta[:, 1])
    y = quotes.k - m[:, None]
    z = np.sqrt(y * y + (sigma * sigma)[:, None])
    c, d = linear.c[:, None], linear.d[:, None]
    residual = quotes.w - linear.a[:, None] - d * y - c * z
    jacobian = np.empty((len(theta), 2, y.shape[1]))
    jacobian[:, 0] = -d - c * y / z
    jacobian[:, 1] = c * (sigma * sigma)[:, None] / z
    dk = (quotes.k - quotes.k_mean) / np.sqrt(quotes.syy)
    dz = z - (z @ quotes.p)[:, None]
    dz = dz - (dz @ (quotes.p * dk))[:, None] * dk
    norm = np.sqrt(np.maximum((dz * dz) @ quotes.p, 1e-300))
    dz = dz / norm[:, None]
    jacobian = jacobian - (jacobian @ quotes.p)[..., None]
    jacobian = jacobian - (jacobian @ (quotes.p * dk))[..., None] * dk
    jacobian = jacobian - np.sum(jacobian * (quotes.p * dz)[:, None, :], axis=2)[..., None] * dz[:, None, :]
    weighted = jacobian * quotes.p
    gradient = np.sum(weighted * residual[:, None, :], axis=2)
    return gradient, weighted @ np.swapaxes(jacobian, 1, 2)


def _damped_step(gradient: Floats, hessian: Floats, cross: Floats, damping: Floats) -> Floats:
    """Solve (H + damping diag(H)) step = gradient for every start in closed form, H's off-diagonal being `cross`."""
    first = hessian[:, 0, 0] * (1 + damping) + 1e-300
    second = hessian[:, 1, 1] * (1 + damping) + 1e-300
    determinant = np.maximum(first * second - cross * cross, 1e-14 * first * second)
    step_m = (gradient[:, 0] * second - gradient[:, 1] * cross) / determinant
    step_s = (gradient[:, 1] * first - gradient[:, 0] * cross) / determinant
    return np.stack([step_m, step_s], axis=1)
