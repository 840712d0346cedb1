"""HAR and Newey–West against statsmodels, and designs that know nothing later than their row."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from quantsentinel.errors import BadInput
from quantsentinel.volatility.har import design_cj, design_j, design_rv, least_squares, next_mean

RANDOM = np.random.default_rng(3)
LEVEL = np.exp(np.cumsum(0.1 * RANDOM.standard_normal(1000)) * 0.3)
CONTINUOUS = 1e-4 * LEVEL * np.exp(0.5 * RANDOM.standard_normal(1000))
JUMP = np.where(RANDOM.random(1000) < 0.1, 0.4 * CONTINUOUS, 0.0)
RV = CONTINUOUS + JUMP
DESIGNS = {"RV": design_rv(RV), "J": design_j(RV, JUMP), "CJ": design_cj(CONTINUOUS, JUMP)}


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("horizon", [1, 5, 22])
def test_coefficients_and_newey_west_errors_are_those_of_statsmodels(name: str, horizon: int) -> None:
    x, y = DESIGNS[name], next_mean(RV, horizon)
    known = np.isfinite(x).all(axis=1) & np.isfinite(y)
    lags = 2 * horizon + 3
    ours = least_squares(x[known], y[known], lags)
    peer = sm.OLS(y[known], x[known]).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    assert ours.coefficients == pytest.approx(peer.params, rel=1e-9)
    assert ours.errors == pytest.approx(peer.bse, rel=1e-9)
    assert ours.r_squared == pytest.approx(peer.rsquared, rel=1e-9)


def test_it_finds_the_coefficients_that_a_series_was_made_with() -> None:
    random = np.random.default_rng(8)
    x = np.column_stack([np.ones(50_000), random.random((50_000, 3))])
    y = x @ [0.1, 0.4, 0.3, 0.2] + 0.1 * random.standard_normal(50_000)
    fit = least_squares(x, y, 5)
    assert np.all(np.abs(fit.coefficients - [0.1, 0.4, 0.3, 0.2]) < 4 * fit.errors)


@pytest.mark.parametrize("cut", [23, 100, 700])
def test_no_row_of_a_design_changes_with_what_comes_later(cut: int) -> None:
    shorter = (design_rv(RV[:cut]), design_j(RV[:cut], JUMP[:cut]), design_cj(CONTINUOUS[:cut], JUMP[:cut]))
    for part, whole in zip(shorter, DESIGNS.values(), strict=True):
        assert part[21:] == pytest.approx(whole[21:cut], rel=1e-9)


def test_the_target_is_the_mean_of_the_next_sessions() -> None:
    found = next_mean(np.arange(6.0), 2)
    assert found[:4] == pytest.approx([1.5, 2.5, 3.5, 4.5])
    assert np.isnan(found[4:]).all()


@pytest.mark.parametrize(
    ("design", "target"),
    [
        (np.ones((3, 3)), np.ones(3)),
        (np.ones((9, 2)), np.ones(9)),
        (np.column_stack([np.ones(9), np.zeros(9)]), np.ones(9)),
        (np.full((9, 1), np.nan), np.ones(9)),
        (np.ones((9, 1)), np.ones(8)),
    ],
)
def test_designs_that_determine_nothing_are_refused(design: np.ndarray, target: np.ndarray) -> None:
    with pytest.raises(BadInput):
        least_squares(design, target, 2)
