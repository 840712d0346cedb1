"""The search behind `svi.fit_slices`: variable projection over (m, ln sigma), all slices and all starts at once.

Arrays: L slices, S starts, n quotes (shorter slices padded with weight zero). Each slice works in its own units,
x = (k - mean) / width and v = (w - mean) / deviation, p being its weights. With z = sqrt((x - mu)^2 + s^2) it is
v = d x + c (z - mean z), linear in (d, c), and c >= 0, |d| <= RHO_MAX c. What is left is a loss in (mu, ln s); its
gradient and its exact Hessian are taken after projecting the linear part out:

    H = F_tt - F_tb G^-1 F_bt,   G the normal matrix of the linear part        (Golub and Pereyra 1973)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Slice = tuple[Floats, Floats, Floats]
"""Log-moneyness, total variance and weight, which sums to one, of the quotes of one expiry: (n,) each."""

Parameters = tuple[float, float, float, float, float]
"""a, b, rho, m, sigma of raw SVI."""

RHO_MAX = 0.999
SIGMA_RANGE = (0.01, 1.0)
"""Of the quotes' width. Beyond, a slice is a parabola, or a kink between two quotes."""
_GRID_M, _GRID_SIGMA = 9, 6
_STARTS = 3
_MIN_STEPS, _MAX_STEPS, _POLISH_STEPS = 3, 40, 8
_CONVERGED = 1e-8  # relative gain of the mean square that a step still promises
_ROUNDING = 1e-11  # of a residual: Newton steps square it once more
_MAX_DAMPING = 30.0  # a step this damped that does not help: we are there
_ALL_BUT_Z = [0, 1, 3, 4, 5]  # rows of the block of derivatives
_LOSS, _G_M, _G_S, _H_MM, _H_MS, _H_SS = range(2, 8)  # columns of a state; the first two are theta


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """L slices in their own units. x, v, p (L, 1, n); moments (L, n, 3) = p, p x, p v; sums (L, 1) of p x x,
    p x v, p v v; scales (4, L, 1) mean k, width, mean w, deviation; bounds (2, L, 1, 2) least and most (mu, ln s)."""

    x: Floats
    v: Floats
    p: Floats
    moments: Floats
    sums: tuple[Floats, Floats, Floats]
    scales: Floats
    bounds: Floats

    @staticmethod
    def build(slices: Sequence[Slice]) -> Batch:
        n = max(len(k) for k, _, _ in slices)
        x, v, p = np.zeros((3, len(slices), n))
        scales = np.empty((4, len(slices), 1))
        bounds = np.empty((2, len(slices), 1, 2))
        for i, (k, w, weight) in enumerate(slices):
            k_mean, w_mean, width = float(weight @ k), float(weight @ w), float(np.ptp(k))
            scale = max(float(np.sqrt(weight @ (w - w_mean) ** 2)), 1e-9 * w_mean)
            x[i, : len(k)], v[i, : len(k)], p[i, : len(k)] = (k - k_mean) / width, (w - w_mean) / scale, weight
            scales[:, i, 0] = k_mean, width, w_mean, scale
            bounds[:, i, 0, 0] = (k.min() - k_mean) / width, (k.max() - k_mean) / width
        bounds[..., 1] = np.log(SIGMA_RANGE)[:, None, None]
        moments = np.stack([p, p * x, p * v], axis=2)
        sxx, sxv, svv = (np.sum(p * left * right, axis=1, keepdims=True) for left, right in ((x, x), (x, v), (v, v)))
        return Batch(x[:, None], v[:, None], p[:, None], moments, (sxx, sxv, svv), scales, bounds)


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The best admissible (d, c) of each start, mean z, the weighted mean square (inf when there is none), and whether
    |d| stands at its limit; (L, S) each."""

    d: Floats
    c: Floats
    z_mean: Floats
    loss: Floats
    on_edge: Bools


def raw_of(batch: Batch, theta: Floats, linear: Linear) -> Floats:
    """(L, S, 5) a, b, rho, m, sigma in natural units from theta (L, S, 2) and its linear part."""
    mu, s = theta[..., 0], np.exp(theta[..., 1])
    k_mean, width, w_mean, scale = batch.scales
    raw = np.empty((*mu.shape, 5))
    raw[..., 0] = w_mean + scale * (linear.d * mu - linear.c * linear.z_mean)
    raw[..., 1] = scale * linear.c / width
    raw[..., 2] = np.divide(linear.d, linear.c, out=np.zeros_like(linear.d), where=linear.c > 0)
    raw[..., 3] = k_mean + width * mu
    raw[..., 4] = width * s
    return raw


def search(slices: Sequence[Slice]) -> list[Parameters | None]:
    """The best admissible slice through each set of quotes, None where there is none."""
    batch = Batch.build(slices)
    best = _polished(batch, _descended(batch, _starts(batch)))[..., :2]
    linear = project(batch, best)
    rows = raw_of(batch, best, linear)[:, 0].tolist()
    return [tuple(row) if good else None for row, good in zip(rows, np.isfinite(linear.loss[:, 0]), strict=True)]


def grid(low: Floats, high: Floats, shape: tuple[int, int]) -> Floats:
    """(L, shape product, 2) points from `low` to `high`, (L, 1, 2) each."""
    share = np.stack(np.meshgrid(*(np.linspace(0.0, 1.0, count) for count in shape), indexing="ij"), axis=-1)
    return np.asarray(low + (high - low) * share.reshape(-1, 2))


def _starts(batch: Batch) -> Floats:
    """(L, `_STARTS`, 2) the lowest local minima of a grid, then its lowest points."""
    theta = grid(batch.bounds[0], batch.bounds[1], (_GRID_M, _GRID_SIGMA))
    loss = project(batch, theta).loss
    padded = np.full((len(loss), _GRID_M + 2, _GRID_SIGMA + 2), np.inf)
    padded[:, 1:-1, 1:-1] = loss.reshape(-1, _GRID_M, _GRID_SIGMA)
    around = [padded[:, i : i + _GRID_M, j : j + _GRID_SIGMA] for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    hollow = (padded[:, 1:-1, 1:-1] <= np.minimum.reduce(around)).reshape(loss.shape)
    # Two stable sorts: by loss, and hollows before the rest.
    by_loss = np.argsort(loss, axis=1, kind="stable")
    order = np.argsort(~np.take_along_axis(hollow, by_loss, axis=1), axis=1, kind="stable")[:, :_STARTS]
    chosen = np.take_along_axis(by_loss, order, axis=1)
    return np.asarray(np.take_along_axis(theta, chosen[..., None], axis=1))


def project(batch: Batch, theta: Floats) -> Linear:
    """The inner linear problem of every start, theta (L, S, 2)."""
    return _project(batch, theta, _roots(batch, theta)[1])


def _roots(batch: Batch, theta: Floats) -> tuple[Floats, Floats]:
    """x - mu and z, (L, S, n)."""
    y = batch.x - theta[..., :1]
    z = y * y
    z += np.exp(2.0 * theta[..., 1:])  # in place: over a grid of starts these are large enough to cost page faults
    return y, np.sqrt(z, out=z)


def _project(batch: Batch, theta: Floats, z: Floats) -> Linear:
    mu, s = theta[..., 0], np.exp(theta[..., 1])
    sxx, sxv, svv = batch.sums
    z_mean, sxz, szv = np.moveaxis(z @ batch.moments, -1, 0)
    szz = np.maximum(sxx + mu * mu + s * s - z_mean * z_mean, 1e-300)
    determinant = sxx * szz - sxz * sxz
    regular = determinant > 1e-12 * sxx * szz
    safe = np.where(regular, determinant, 1.0)
    d, c = (sxv * szz - szv * sxz) / safe, (szv * sxx - sxv * sxz) / safe
    inside = regular & (c >= 0) & (np.abs(d) <= RHO_MAX * c)
    loss = np.where(inside, svv - d * sxv - c * szv, np.inf)
    for edge in () if inside.all() else (-RHO_MAX, RHO_MAX):
        against = edge * sxv + szv
        along = np.maximum(against / (edge * edge * sxx + 2 * edge * sxz + szz), 0.0)
        better = ~inside & (svv - along * against < loss)
        d, c = np.where(better, edge * along, d), np.where(better, along, c)
        loss = np.where(better, svv - along * against, loss)
    lowest = batch.scales[2] / batch.scales[3] + d * mu - c * z_mean + s * np.sqrt(np.maximum(c * c - d * d, 0.0))
    return Linear(d, c, z_mean, np.where(lowest > 0, np.maximum(loss, 0.0), np.inf), ~inside)


def _evaluated(batch: Batch, theta: Floats) -> Floats:
    """State (L, S, 8) of each start: theta, the mean square, gradient and Hessian of half of it."""
    y, z = _roots(batch, theta)
    linear = _project(batch, theta, z)
    d, c = linear.d[..., None], linear.c[..., None]
    z_free = z - linear.z_mean[..., None]
    residual = batch.v - d * batch.x - c * z_free
    p_residual = batch.p * residual
    r = 1.0 / z
    # One block of rows, filled in place: u = dz/dmu, q = dz/d ln s, z - mean z; then the second derivatives.
    rows = np.empty((*z.shape[:2], 6, z.shape[2]))
    u, q, qr = rows[:, :, 0], rows[:, :, 1], rows[:, :, 3]
    np.multiply(-y, r, out=u)
    np.multiply(np.exp(2.0 * theta[..., 1:]), r, out=q)
    rows[:, :, 2] = z_free
    np.multiply(q, r, out=qr)
    np.multiply(-u, qr, out=rows[:, :, 4])
    np.subtract(2.0 * q, q * qr, out=rows[:, :, 5])
    qr *= r
    weighted = rows[:, :, :3] * batch.p[:, :, None]
    gram = weighted @ np.swapaxes(rows[:, :, :3], 2, 3)
    mean = weighted.sum(axis=3)
    with_x = (weighted @ batch.x[..., None])[..., 0]
    with_residual = (rows @ p_residual[..., None])[..., _ALL_BUT_Z, 0]
    loss = np.where(np.isfinite(linear.loss), (p_residual * residual).sum(axis=2), np.inf)
    state = np.empty((*loss.shape, 8))
    state[..., :2], state[..., _LOSS] = theta, loss
    state[..., _G_M : _G_S + 1] = -c * with_residual[..., :2]
    state[..., _H_MM:] = _hessian(batch, linear, gram - mean[..., None] * mean[..., None, :], (with_x, with_residual))
    return state


def _hessian(batch: Batch, linear: Linear, gram: Floats, products: tuple[Floats, Floats]) -> Floats:
    """(L, S, 3): mm, ms, ss of the exact Hessian where that is positive, else of Gauss and Newton's."""
    with_x, with_residual = products
    c = linear.c
    sxx, sxz, szz = batch.sums[0], with_x[..., 2], np.maximum(gram[..., 2, 2], 1e-300)
    determinant = np.maximum(sxx * szz - sxz * sxz, 1e-12 * sxx * szz)
    edge = np.where(c > 0, linear.d / np.where(c > 0, c, 1.0), 0.0)
    along = np.maximum(edge * edge * sxx + 2 * edge * sxz + szz, 1e-300)
    # Inverse of the linear part's normal matrix; at the limit of |d| only one direction is left.
    inverse_xx = np.where(linear.on_edge, edge * edge / along, szz / determinant)
    inverse_xz = np.where(linear.on_edge, edge / along, -sxz / determinant)
    inverse_zz = np.where(linear.on_edge, 1.0 / along, sxx / determinant)

    def reduced(exact: float) -> tuple[Floats, Floats, Floats]:
        fx = c * with_x[..., 0], c * with_x[..., 1]
        fz = tuple(c * gram[..., i, 2] - exact * with_residual[..., i] for i in range(2))
        parts = []
        for i, j, at in ((0, 0, 2), (0, 1, 3), (1, 1, 4)):
            direct = c * c * gram[..., i, j] - exact * c * with_residual[..., at]
            through = fx[i] * fx[j] * inverse_xx + (fx[i] * fz[j] + fz[i] * fx[j]) * inverse_xz
            parts.append(direct - through - fz[i] * fz[j] * inverse_zz)
        return parts[0], parts[1], parts[2]

    mm, ms, ss = reduced(1.0)
    sound = (mm > 0) & (ss > 0) & (mm * ss - ms * ms > 1e-6 * mm * ss)
    if sound.all():
        return np.stack([mm, ms, ss], axis=-1)
    gauss = reduced(0.0)
    return np.stack([np.where(sound, own, other) for own, other in zip((mm, ms, ss), gauss, strict=True)], axis=-1)


def _descended(batch: Batch, theta: Floats) -> Floats:
    """The best start (L, 1, 8) after damped Newton steps, each start with its own damping, until it is there."""
    state = _evaluated(batch, theta)
    damping = np.full(theta.shape[:2], 1e-3)
    rows = np.arange(len(state))
    for step in range(_MAX_STEPS):
        trial = _evaluated(batch, _proposed(batch, state, damping))
        better = trial[..., _LOSS] < state[..., _LOSS]
        state = np.where(better[..., None], trial, state)
        damping = np.where(better, damping * 0.1, damping * 10.0)
        finished = (_slope(batch, state) <= _CONVERGED * state[..., _LOSS]) | (damping > _MAX_DAMPING)
        best = np.argmin(state[..., _LOSS], axis=1)
        if step + 1 >= _MIN_STEPS and finished[rows, best].all():
            break
    return np.asarray(state[rows, best][:, None])


def _polished(batch: Batch, state: Floats) -> Floats:
    """States (L, 1, 8) taken to the root of their gradients by full Newton steps, while those shrink.

    The descent stops where the loss no longer tells steps apart, some 1e-7 of a vol away: CPUs that differ in the last
    bit would then differ in the seventh digit. The gradient tells them apart to rounding.
    """
    undamped = np.zeros(state.shape[:2])
    for _ in range(_POLISH_STEPS):
        trial = _evaluated(batch, _proposed(batch, state, undamped))
        here, there = _slope(batch, state), _slope(batch, trial)
        better = np.isfinite(trial[..., _LOSS]) & (there < here)
        state = np.where(better[..., None], trial, state)
        if not (better & (there > _ROUNDING**2 * trial[..., _LOSS])).any():
            break
    return state


def _held(batch: Batch, state: Floats) -> Bools:
    """(L, S, 2) parameters at a bound that the descent would leave."""
    theta, gradient = state[..., :2], state[..., _G_M : _G_S + 1]
    return np.asarray(((theta <= batch.bounds[0]) & (gradient > 0)) | ((theta >= batch.bounds[1]) & (gradient < 0)))


def _slope(batch: Batch, state: Floats) -> Floats:
    """(L, S) squared length of the free gradient, each parameter on the scale of its own curvature."""
    free = np.where(_held(batch, state), 0.0, state[..., _G_M : _G_S + 1])
    return np.asarray(np.sum(free**2 / np.maximum(state[..., [_H_MM, _H_SS]], 1e-300), axis=-1))


def _proposed(batch: Batch, state: Floats, damping: Floats) -> Floats:
    """theta (L, S, 2) after the step -(H + damping diag H)^-1 gradient, within the bounds.

    A parameter that would leave its bounds is held there, so that the other one keeps its own full step.
    """
    held = _held(batch, state)
    gradient = np.where(held, 0.0, state[..., _G_M : _G_S + 1])
    cross = np.where(held.any(axis=-1), 0.0, state[..., _H_MS])
    first = state[..., _H_MM] * (1 + damping) + 1e-100
    last = state[..., _H_SS] * (1 + damping) + 1e-100
    determinant = np.maximum(first * last - cross * cross, 1e-14 * first * last)
    step_m = (gradient[..., 1] * cross - gradient[..., 0] * last) / determinant
    step_s = (gradient[..., 0] * cross - gradient[..., 1] * first) / determinant
    return np.asarray(np.clip(state[..., :2] + np.stack([step_m, step_s], axis=-1), batch.bounds[0], batch.bounds[1]))
