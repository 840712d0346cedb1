"""Raw SVI slices fitted to quotes: of each expiry from its own quotes alone, all expiries of a snapshot at once.

By variable projection: for given (m, ln sigma) the weighted least squares in (a, b rho, b) is linear and solved in
closed form, so only two parameters are searched, by Newton's method from several starts (a warm start would make the
result depend on what came before). A slice that is flagged for butterfly arbitrage is fitted again without it; slices
whose total variance falls with time are fitted again on a floor. References: Gatheral and Jacquier (2014),
Arbitrage-free SVI volatility surfaces; Golub and Pereyra (1973), Kaufman (1975) for the projection.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.pricing.svi_loss import Parameters, Slice
from quantsentinel.pricing.svi_repair import search_free
from quantsentinel.pricing.svi_search import search
from quantsentinel.pricing.svi_slice import (
    SviParams,
    butterfly_free,
    butterfly_g,
    calendar_ok,
    check_lines,
    derivatives,
    durrleman_g,
    is_free,
    total_variance,
    variance_derivatives,
)

__all__ = [
    "MIN_QUOTES",
    "SviFit",
    "SviParams",
    "butterfly_free",
    "butterfly_g",
    "calendar_ok",
    "durrleman_g",
    "fit_arbitrage_free",
    "fit_of",
    "fit_slice",
    "fit_slices",
    "repaired",
    "total_variance",
    "variance_derivatives",
    "without_arbitrage",
]

Floats = NDArray[np.float64]
Quotes = tuple[ArrayLike, ArrayLike, ArrayLike]
"""k = ln(K/F), total variance and weight (inverse variance of each quote's total variance, any scale), (n,) each."""

MIN_QUOTES = 7
"""Five parameters and two to disagree."""
_SHAPES = (1.0, 0.95, 0.9, 0.8, 0.65, 0.5, 0.3)
_INSIDE = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True)
class SviFit:
    """A fitted slice, or `params` None with a `reason` (`too_few_quotes`, `no_admissible_fit`).

    `rmse` is unweighted, in total variance; `k_low`, `k_high` bound the quotes; `g_min` is the lowest Durrleman g on
    the whole checked line and `g_min_quoted` between the quotes. `arbitrage_free`: no butterfly arbitrage anywhere.
    """

    params: SviParams | None
    rmse: float
    n: int
    arbitrage_free: bool
    reason: str | None
    k_low: float = float("nan")
    k_high: float = float("nan")
    g_min: float = float("nan")
    g_min_quoted: float = float("nan")

    @property
    def is_fitted(self) -> bool:
        return self.params is not None


def fit_slice(k: ArrayLike, total_variance_quoted: ArrayLike, weight: ArrayLike) -> SviFit:
    """Weighted least squares in total variance: `fit_slices` of one expiry."""
    return fit_slices([(k, total_variance_quoted, weight)])[0]


def fit_slices(quotes: Sequence[Quotes]) -> list[SviFit]:
    """The weighted least-squares slice of each expiry, each as if it were alone (to some 1e-10 of its variance).

    Raises `BadInput` when a value is not finite, a total variance or weight not positive, or the lengths differ.
    """
    checked = [_checked(*part) for part in quotes]
    enough = [len(set(part[0].tolist())) >= MIN_QUOTES for part in checked]
    fitted = [part for part, is_enough in zip(checked, enough, strict=True) if is_enough]
    found = iter(_described(fitted, search(fitted)) if fitted else ())
    return [
        next(found) if is_enough else SviFit(None, float("nan"), part[0].size, False, "too_few_quotes")
        for part, is_enough in zip(checked, enough, strict=True)
    ]


def fit_arbitrage_free(k: ArrayLike, total_variance_quoted: ArrayLike, weight: ArrayLike) -> SviFit:
    """`fit_slice`, and where that is flagged for butterfly arbitrage the best slice found without it.

    The second search costs a little fit (on real NIFTY slices 5-12 % of the weighted error, which is a fifth of a vol
    point); slices that stay flagged are flattened step by step. Arguments and errors as `fit_slices`.
    """
    return without_arbitrage(fit_slice(k, total_variance_quoted, weight), k, total_variance_quoted, weight)


def without_arbitrage(free: SviFit, k: ArrayLike, total_variance_quoted: ArrayLike, weight: ArrayLike) -> SviFit:
    """The second half of `fit_arbitrage_free` for a caller who has the first: `free` is `fit_slice` of these quotes."""
    return repaired([free], [(k, total_variance_quoted, weight)])[0]


def repaired(fits: Sequence[SviFit], quotes: Sequence[Quotes]) -> list[SviFit]:
    """`fits` of `quotes`, those flagged for butterfly arbitrage fitted again without it, all of them at once."""
    result = list(fits)
    flagged = [i for i, fit in enumerate(fits) if fit.is_fitted and not fit.arbitrage_free]
    checked = {i: _checked(*quotes[i]) for i in flagged}
    for shape in _SHAPES if flagged else ():
        parts = [checked[i] for i in flagged]
        for i, again in zip(flagged, _described(parts, search_free(parts, shape)), strict=True):
            result[i] = again if again.arbitrage_free else result[i]
        flagged = [i for i in flagged if not result[i].arbitrage_free]
        if not flagged:
            break
    return result


def _checked(k: ArrayLike, w: ArrayLike, weight: ArrayLike) -> Slice:
    """The three arrays, weights summing to one."""
    x, v, p = (np.asarray(value, dtype=np.float64) for value in (k, w, weight))
    if not x.shape == v.shape == p.shape or x.ndim != 1:
        raise BadInput("k, total variance and weight differ in length", where="fit_slice")
    if not np.all(np.isfinite(x) & np.isfinite(v) & np.isfinite(p) & (v > 0) & (p > 0)):
        raise BadInput("k must be finite, total variance and weight positive and finite", where="fit_slice")
    return x, v, p / np.sum(p)


def _described(slices: Sequence[Slice], found: Sequence[Parameters | None]) -> list[SviFit]:
    """What `SviFit` says of each, all in one batch."""
    raw = np.array([values or (1.0, 0.0, 0.0, 0.0, 1.0) for values in found])
    sizes = np.array([x.size for x, _, _ in slices])
    first = np.cumsum(sizes) - sizes
    k, w = (np.concatenate([part[column] for part in slices]) for column in (0, 1))
    low, high = np.minimum.reduceat(k, first), np.maximum.reduceat(k, first)
    between = low[:, None] + (high - low)[:, None] * _INSIDE
    line = np.concatenate([check_lines(raw[:, 3], raw[:, 4]), between], axis=1)
    g = butterfly_g(line, *derivatives(line, raw.T[..., None]))
    missed = derivatives(k, np.repeat(raw, sizes, axis=0).T)[0] - w
    rmse = np.sqrt(np.add.reduceat(missed * missed, first) / sizes)
    reach = zip(low.tolist(), high.tolist(), strict=True)
    numbers = (rmse, sizes, g[:, : -_INSIDE.size].min(axis=1), g[:, -_INSIDE.size :].min(axis=1))
    rows = zip(found, *(column.tolist() for column in numbers), reach, strict=True)
    return [_fit_of(*row) for row in rows]


def fit_of(quotes: Quotes, params: SviParams) -> SviFit:
    """What `SviFit` says of any raw slice and these quotes."""
    values = (params.a, params.b, params.rho, params.m, params.sigma)
    return _described([_checked(*quotes)], [values])[0]


def _fit_of(
    values: Parameters | None, rmse: float, n: int, g_min: float, g_min_quoted: float, reach: tuple[float, float]
) -> SviFit:
    if values is None:
        return SviFit(None, float("nan"), n, False, "no_admissible_fit")
    params = SviParams(*values)
    return SviFit(params, rmse, n, is_free(params, g_min), None, *reach, g_min, g_min_quoted)
