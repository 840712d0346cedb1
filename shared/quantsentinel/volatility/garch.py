"""GARCH(1,1): the recursion, its likelihood with analytic scores, and the forecast from what a batch fit stored.

σ²_t = ω + α ε²_t-1 + β σ²_t-1, ε_t = r_t - μ. Before the sample ε² and σ² are the mean squared residual (Fiorentini,
Calzolari and Panattoni 1996, the benchmark of McCullough and Renfro 1999). Serving needs `Stored` alone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter
from scipy.special import gammaln

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass

Floats = NDArray[np.float64]
_ROUNDS = 200
_ROUNDED = 1e-6
"""Twice what a step could still gain: below it the sum of thousands of logarithms no longer shows a gain."""


@dataclass(frozen=True, slots=True)
class Garch:
    """`nu`: degrees of freedom of Student's t scaled to unit variance; None for normal errors."""

    mu: float
    omega: float
    alpha: float
    beta: float
    nu: float | None = None

    def __post_init__(self) -> None:
        if not (self.omega > 0 and self.alpha >= 0 and self.beta >= 0 and self.alpha + self.beta < 1):
            raise BadInput(f"{self} has no finite variance", where="Garch")
        if self.nu is not None and not self.nu > 2:
            raise BadInput(f"nu {self.nu} has no variance", where="Garch")


@dataclass(frozen=True, slots=True)
class Stored:
    """What serving keeps of a fit: (ω, α, β) and σ² of the next session."""

    omega: float
    alpha: float
    beta: float
    next_variance: float


def conditional_variance(returns: ArrayLike, model: Garch) -> Floats:
    """σ² of each return, (n,), and of the one after them as the last: (n + 1,)."""
    r = _checked(returns)
    squares = (r - model.mu) ** 2
    start = float(np.mean(squares))
    drive = model.omega + model.alpha * np.concatenate(([start], squares))
    found, _ = lfilter([1.0], [1.0, -model.beta], drive, zi=[model.beta * start])
    return np.asarray(found)


def log_likelihood(returns: ArrayLike, model: Garch) -> float:
    """Sum over the returns, constants included."""
    r = _checked(returns)
    variance = conditional_variance(r, model)[:-1]
    squares = (r - model.mu) ** 2
    if model.nu is None:
        return float(-0.5 * np.sum(math.log(2 * math.pi) + np.log(variance) + squares / variance))
    nu = model.nu
    constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * math.log(math.pi * (nu - 2))
    tail = 0.5 * (nu + 1) * np.log1p(squares / (variance * (nu - 2)))
    return float(np.sum(constant - 0.5 * np.log(variance) - tail))


def scores(returns: ArrayLike, model: Garch) -> Floats:
    """d log-likelihood / d(μ, ω, α, β) of each return, (n, 4), normal errors. Raises `BadInput` for others."""
    if model.nu is not None:
        raise BadInput("analytic scores are those of normal errors", where="scores")
    r = _checked(returns)
    variance = conditional_variance(r, model)[:-1]
    error = r - model.mu
    start, slope = float(np.mean(error**2)), -2.0 * float(np.mean(error))
    squares = np.concatenate(([start], error[:-1] ** 2))
    pushed = np.concatenate(([slope], -2.0 * error[:-1]))
    before = np.concatenate(([start], variance[:-1]))
    drives = (model.alpha * pushed, np.ones(r.size), squares, before)
    starts = (model.beta * slope, 0.0, 0.0, 0.0)
    moved = [lfilter([1.0], [1.0, -model.beta], drive, zi=[zi])[0] for drive, zi in zip(drives, starts, strict=True)]
    weight = 0.5 * (error**2 / variance - 1) / variance
    found = weight[:, None] * np.column_stack(moved)
    found[:, 0] += error / variance
    return np.asarray(found)


def refine(returns: ArrayLike, start: Garch) -> Garch:
    """The maximum of the normal likelihood from a start near it: BHHH steps on analytic scores, halved until they gain.

    Raises `BadInput` when it has not settled after 200 steps.
    """
    r, model = _checked(returns), start
    best = log_likelihood(r, model)
    for _ in range(_ROUNDS):
        each = scores(r, model)
        slope = each.sum(axis=0)
        step = np.linalg.solve(each.T @ each, slope)
        left = float(slope @ step)
        if left < 1e-12:
            return model
        better, best = _stepped(r, model, step, best)
        if better is model and left < _ROUNDED:
            return model
        model = better
    raise BadInput("the likelihood has not settled", where="refine", fix="Start from another fit")


def _stepped(r: Floats, model: Garch, step: Floats, best: float) -> tuple[Garch, float]:
    """The longest of the halved steps that gains; the model itself where none does any more."""
    at = np.array([model.mu, model.omega, model.alpha, model.beta])
    for halving in range(40):
        mu, omega, alpha, beta = (at + step / 2**halving).tolist()
        if omega > 0 and alpha >= 0 and beta >= 0 and alpha + beta < 1:
            tried = Garch(mu, omega, alpha, beta)
            gained = log_likelihood(r, tried)
            if gained > best:
                return tried, gained
    return model, best


def stored(returns: ArrayLike, model: Garch) -> Stored:
    """The state after the last return."""
    return Stored(model.omega, model.alpha, model.beta, float(conditional_variance(returns, model)[-1]))


def total_variance(state: Stored, sessions: int) -> float:
    """Of the next `sessions` together: h V + (σ² - V) (1 - p^h) / (1 - p), with p = α + β and V = ω / (1 - p)."""
    persistence = state.alpha + state.beta
    level = state.omega / (1 - persistence)
    return sessions * level + (state.next_variance - level) * (1 - persistence**sessions) / (1 - persistence)


def _checked(returns: ArrayLike) -> Floats:
    r = np.asarray(returns, dtype=np.float64)
    if r.ndim != 1 or r.size < 2 or not np.all(np.isfinite(r)) or not np.any(r != r[0]):
        raise BadInput("needs two or more different finite returns", where="garch")
    return r
