"""The loss behind `svi.fit_slices`: variable projection over (mu, ln s), all slices and all starts at once.

Arrays: L slices, S starts, n quotes (shorter slices padded with weight zero). Each slice works in its own units,
x = (k - mean) / width and v = (w - mean) / deviation, p being its weights. With z = sqrt((x - mu)^2 + s^2) it is
v = d x + c (z - mean z), linear in (d, c), and c >= 0, |d| <= RHO_MAX c. What is left is a loss in (mu, ln s); its
gradient and its exact Hessian are taken after projecting the linear part out:

    H = F_tt - F_tb G^-1 F_bt,   G the normal matrix of the linear part        (Golub and Pereyra 1973)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Slice = tuple[Floats, Floats, Floats]
"""Log-moneyness, total variance and weight, which sums to one, of the quotes of one expiry: (n,) each."""

Parameters = tuple[float, float, float, float, float]
"""a, b, rho, m, sigma of raw SVI."""

RHO_MAX = 0.999
_EDGES = np.array([-RHO_MAX, RHO_MAX])[:, None, None]
SIGMA_RANGE = (0.01, 1.0)
"""Of the quotes' width. Beyond, a slice is a parabola, or a kink between two quotes."""
_LOG_SIGMA_RANGE = np.log(SIGMA_RANGE)[:, None, None]
THETA, LOSS, GRADIENT, DIAGONAL, CROSS = slice(0, 2), 2, slice(3, 5), slice(5, 7), 7
"""Rows of a state (8, L, S)."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """L slices in their own units. x, v, p (L, 1, n), padded with a quote of no weight; moments (L, n, 4) = p v, p,
    p x, p x x; one_and_x (L, n, 2); sums (4, L, 1) of p x x, p x v, p v v, and mean w / deviation; scales (4, L, 1)
    mean k, width, mean w, deviation; bounds (2, L, 1, 2) least and most (mu, ln s)."""

    x: Floats
    v: Floats
    p: Floats
    moments: Floats
    one_and_x: Floats
    sums: Floats
    scales: Floats
    bounds: Floats

    @staticmethod
    def build(slices: Sequence[Slice]) -> Batch:
        n = max(len(k) for k, _, _ in slices)
        k, w, p = np.empty((3, len(slices), n))
        for i, (moneyness, variance, weight) in enumerate(slices):
            size = len(moneyness)
            k[i, :size], w[i, :size], p[i, :size] = moneyness, variance, weight
            k[i, size:], w[i, size:], p[i, size:] = moneyness[0], variance[0], 0.0
        low, high = k.min(axis=1, keepdims=True), k.max(axis=1, keepdims=True)
        width = high - low
        k_mean, w_mean = (p * k).sum(axis=1, keepdims=True), (p * w).sum(axis=1, keepdims=True)
        x, v = (k - k_mean) / width, w - w_mean
        scale = np.maximum(np.sqrt((p * v * v).sum(axis=1, keepdims=True)), 1e-9 * w_mean)
        v /= scale
        bounds = np.empty((2, len(slices), 1, 2))
        bounds[..., 0] = (low - k_mean) / width, (high - k_mean) / width
        bounds[..., 1] = _LOG_SIGMA_RANGE
        px = p * x
        moments, one_and_x = np.empty((*x.shape, 4)), np.ones((*x.shape, 2))
        moments[..., 0], moments[..., 1], moments[..., 2], moments[..., 3] = p * v, p, px, px * x
        one_and_x[..., 1] = x
        sums = np.array([*(side.sum(axis=1, keepdims=True) for side in (px * x, px * v, p * v * v)), w_mean / scale])
        scales = np.array([k_mean, width, w_mean, scale])
        return Batch(x[:, None], v[:, None], p[:, None], moments, one_and_x, sums, scales, bounds)


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The best admissible (d, c) of each start, mean z, centred sums of z z and x z, the weighted mean square (inf when
    there is none), and whether |d| stands at its limit; (L, S) each."""

    d: Floats
    c: Floats
    z_mean: Floats
    szz: Floats
    sxz: Floats
    loss: Floats
    on_edge: Bools


def raw_of(batch: Batch, theta: Floats, linear: Linear) -> Floats:
    """(5, L, S) a, b, rho, m, sigma in natural units from theta (L, S, 2) and its linear part."""
    mu, s = theta[..., 0], np.exp(theta[..., 1])
    k_mean, width, w_mean, scale = batch.scales
    a = w_mean + scale * (linear.d * mu - linear.c * linear.z_mean)
    rho = np.divide(linear.d, linear.c, out=np.zeros_like(linear.d), where=linear.c > 0)
    return np.array([a, scale * linear.c / width, rho, k_mean + width * mu, width * s])


def project(batch: Batch, theta: Floats) -> Linear:
    """The inner linear problem of every start, theta (L, S, 2)."""
    mu, s = np.ascontiguousarray(theta[..., 0]), np.exp(theta[..., 1])
    z = batch.x - mu[..., None]
    z *= z  # in place: over a grid of starts these are large enough to cost page faults
    ss = s * s
    z += ss[..., None]
    of_z = np.sqrt(z, out=z) @ batch.moments[..., :3]
    return _project(batch, (mu, s, ss), np.ascontiguousarray(of_z.transpose(2, 0, 1)))


def _project(batch: Batch, at: tuple[Floats, Floats, Floats], of_z: Floats) -> Linear:
    """At mu, s and s^2, (L, S) each; `of_z` (3, L, S): sums of z with p v, p and p x."""
    # Repeated instead of broadcast, as everything here is copied into (L, S): on arrays of thirty numbers that are not
    # contiguous a sum takes three times as long.
    (mu, s, ss), (szv, z_mean, sxz), (sxx, sxv, svv, level) = at, of_z, batch.sums.repeat(at[0].shape[1], axis=2)
    szz = np.maximum(sxx + mu * mu + ss - z_mean * z_mean, 1e-300)
    full = sxx * szz
    determinant = full - sxz * sxz
    regular = determinant > 1e-12 * full
    safe = np.where(regular, determinant, 1.0)
    d, c = (sxv * szz - szv * sxz) / safe, (szv * sxx - sxv * sxz) / safe
    outside = ~(regular & (np.abs(d) <= RHO_MAX * c))
    loss = svv - d * sxv - c * szv
    if outside.any():
        against = _EDGES * sxv + szv
        along = np.maximum(against / (RHO_MAX * RHO_MAX * sxx + 2 * _EDGES * sxz + szz), 0.0)
        gain = along * against
        up = gain[1] > gain[0]
        edge = np.where(up, along[1], along[0])
        np.copyto(c, edge, where=outside)
        np.copyto(d, np.where(up, RHO_MAX, -RHO_MAX) * edge, where=outside)
        np.copyto(loss, svv - np.maximum(gain[0], gain[1]), where=outside)
    lowest = level + d * mu - c * z_mean + s * np.sqrt(c * c - d * d)
    return Linear(d, c, z_mean, szz, sxz, np.where(lowest > 0, np.maximum(loss, 0.0), np.inf), outside)


def evaluated(batch: Batch, theta: Floats) -> Floats:
    """State (8, L, S) of each start, theta (2, L, S): theta, the mean square, gradient and Hessian of half of it.

    With y = x - mu and r = 1/z, dz/dmu = -y r and dz/d ln s = s^2 r: both are T (r, x r) with T = ((mu, -1), (s^2, 0)).
    So a few moments of z, r and r^2 make the Hessian. The gradient is summed over the residuals themselves: it is right
    to their rounding.
    """
    mu, s = theta[0], np.exp(theta[1])
    ss = s * s
    powers = _powers(batch, mu, ss)
    of_z, of_r, of_rr = _over_quotes(powers, batch.moments)
    linear = _project(batch, (mu, s, ss), of_z[:3])
    square, first, third = _with_residual(batch, linear, powers)
    state = np.empty((8, *mu.shape))
    state[THETA], state[LOSS] = theta, np.where(linear.loss < np.inf, square[0], np.inf)
    state[3], state[4] = linear.c * (first[1] - mu * first[0]), -linear.c * ss * first[0]
    state[5:] = _hessian(batch, linear, (mu, ss), (of_r[1:], of_rr[1:]), (first, third))
    return state


def _powers(batch: Batch, mu: Floats, ss: Floats) -> Floats:
    """(L, 3, S, n): z, 1/z and 1/z^2."""
    powers = np.empty((len(mu), 3, mu.shape[1], batch.x.shape[2]))
    z, r, rr = powers[:, 0], powers[:, 1], powers[:, 2]
    np.subtract(batch.x, mu[..., None], out=z)
    np.multiply(z, z, out=z)
    z += ss[..., None]
    np.sqrt(z, out=z)
    np.divide(1.0, z, out=r)
    np.multiply(r, r, out=rr)
    return powers


def _over_quotes(rows: Floats, columns: Floats) -> Floats:
    """(k, m, L, S): sums over the quotes of k rows (L, k, S, n) times m columns (L, n, m)."""
    count, k, starts, n = rows.shape
    sums = (rows.reshape(count, k * starts, n) @ columns).reshape(count, k, starts, -1)
    return np.ascontiguousarray(sums.transpose(1, 3, 0, 2))


def _with_residual(batch: Batch, linear: Linear, powers: Floats) -> Floats:
    """(3, 2, L, S): sums of the weighted residual times itself, 1/z and 1/z^3, with 1 and with x. Uses up `powers`."""
    z, r, rr = powers[:, 0], powers[:, 1], powers[:, 2]
    residual = batch.v - linear.d[..., None] * batch.x
    z -= linear.z_mean[..., None]
    z *= linear.c[..., None]
    residual -= z
    np.multiply(batch.p, residual, out=z)
    r *= z
    rr *= r
    z *= residual
    return _over_quotes(powers, batch.one_and_x)


def _hessian(
    batch: Batch,
    linear: Linear,
    at: tuple[Floats, Floats],
    moments: tuple[Floats, Floats],
    with_residual: tuple[Floats, Floats],
) -> Floats:
    """(3, L, S): mm, ss, ms of the exact Hessian where that is positive, else of Gauss and Newton's. `moments` are sums
    (3, L, S) of r and of r^2 with p, p x, p x x."""
    (mu, ss), (of_r, of_rr), (first, third), c = at, moments, with_residual, linear.c
    inverse_xx, inverse_xz, inverse_zz = _inverse(linear, batch.sums[0])
    # In the basis (r, x r): its products, centred, as 00, 01, 11; its products with c x and with c z.
    own = (c * c) * (of_rr - of_r[[0, 0, 1]] * of_r[[0, 1, 1]])
    fx, fz = c * of_r[1:], -(c * linear.z_mean) * of_r[:2]
    fz[0] += c

    def reduced(fz: Floats) -> Floats:
        gx, gz = fx * inverse_xx + fz * inverse_xz, fx * inverse_xz + fz * inverse_zz
        same, cross = fx * gx + fz * gz, fx[0] * gx[1] + fz[0] * gz[1]
        square, product = own[0] - same[0], own[1] - cross
        tilted = mu * square - product
        parts = np.empty_like(own)
        parts[0], parts[1], parts[2] = mu * (tilted - product) + (own[2] - same[1]), ss * ss * square, ss * tilted
        return parts

    exact = reduced(fz - first)
    bent = c * ss
    bend = bent * third[0]
    exact[0] -= bend
    exact[1] -= 2.0 * bent * first[0] - ss * bend
    exact[2] -= bent * third[1] - mu * bend
    mm, along, ms = exact
    full = mm * along
    sound = (mm > 0) & (along > 0) & (full - ms * ms > 1e-6 * full)
    return exact if sound.all() else np.where(sound, exact, reduced(fz))


def _inverse(linear: Linear, sxx: Floats) -> tuple[Floats, Floats, Floats]:
    """xx, xz, zz of the inverse of the linear part's normal matrix; at the limit of |d| only one direction is left."""
    szz, sxz = linear.szz, linear.sxz
    full = sxx * szz
    determinant = np.maximum(full - sxz * sxz, 1e-12 * full)
    inverse = szz / determinant, -sxz / determinant, sxx / determinant
    if not linear.on_edge.any():
        return inverse
    rising = linear.c > 0
    edge = np.where(rising, linear.d / np.where(rising, linear.c, 1.0), 0.0)
    along = np.maximum(edge * edge * sxx + 2 * edge * sxz + szz, 1e-300)
    limited = edge * edge / along, edge / along, 1.0 / along
    for part, other in zip(inverse, limited, strict=True):
        np.copyto(part, other, where=linear.on_edge)
    return inverse
