"""GARCH(1,1): recursion and likelihood against arch, scores against differences, the forecast against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from arch import arch_model

from quantsentinel.errors import BadInput
from quantsentinel.volatility.garch import (
    Garch,
    Stored,
    conditional_variance,
    log_likelihood,
    refine,
    scores,
    stored,
    total_variance,
)
from quantsentinel.volatility.garch_fit import fit_garch

TRUE = Garch(0.02, 0.03, 0.12, 0.84)


def _simulated(n: int, model: Garch = TRUE, seed: int = 11) -> np.ndarray:
    random = np.random.default_rng(seed)
    shocks = random.standard_normal(n)
    if model.nu is not None:
        shocks = random.standard_t(model.nu, n) * np.sqrt((model.nu - 2) / model.nu)
    variance, found = model.omega / (1 - model.alpha - model.beta), np.empty(n)
    for t in range(n):
        error = np.sqrt(variance) * shocks[t]
        found[t] = model.mu + error
        variance = model.omega + model.alpha * error**2 + model.beta * variance
    return found


RETURNS = _simulated(2000)


@pytest.mark.parametrize("nu", [None, 6.0])
def test_variance_and_likelihood_are_those_of_arch(nu: float | None) -> None:
    model = Garch(TRUE.mu, TRUE.omega, TRUE.alpha, TRUE.beta, nu)
    peer = arch_model(RETURNS, mean="Constant", vol="GARCH", dist="t" if nu else "normal", rescale=False)
    values = [model.mu, model.omega, model.alpha, model.beta, *([nu] if nu else [])]
    fixed = peer.fix(values)
    # arch takes the backcast of its fit: a weighted mean of the first squares; ours is the mean of all.
    found = conditional_variance(RETURNS, model)[:-1]
    assert found[300:] == pytest.approx(fixed.conditional_volatility[300:] ** 2, rel=1e-9)
    errors = np.array([nu] if nu else [])
    theirs = peer.distribution.loglikelihood(errors, RETURNS - model.mu, found)
    assert log_likelihood(RETURNS, model) == pytest.approx(float(theirs), rel=1e-12)


def test_scores_are_the_slopes_of_the_likelihood() -> None:
    values, step = np.array([0.01, 0.05, 0.1, 0.8]), 1e-6
    found = scores(RETURNS, Garch(*values)).sum(axis=0)
    for index in range(4):
        up, down = (Garch(*(values + sign * step * np.eye(4)[index])) for sign in (1, -1))
        slope = (log_likelihood(RETURNS, up) - log_likelihood(RETURNS, down)) / (2 * step)
        assert found[index] == pytest.approx(slope, rel=1e-5)


def test_the_normal_fit_is_a_maximum_and_agrees_with_arch() -> None:
    ours = refine(RETURNS, Garch(0.0, 0.1, 0.1, 0.7))
    assert np.abs(scores(RETURNS, ours).sum(axis=0)).max() < 1e-2
    model = arch_model(RETURNS, mean="Constant", vol="GARCH", rescale=False)
    peer = model.fit(disp="off", backcast=float(np.mean((RETURNS - ours.mu) ** 2)))
    assert [ours.mu, ours.omega, ours.alpha, ours.beta] == pytest.approx(peer.params.tolist(), abs=1e-4)
    assert log_likelihood(RETURNS, ours) == pytest.approx(float(peer.loglikelihood), abs=1e-6)


@pytest.mark.parametrize(("errors", "nu"), [("normal", None), ("t", 5.0)])
def test_a_fit_of_fractions_finds_what_the_series_was_made_with(errors: str, nu: float | None) -> None:
    made = Garch(0.0, 0.02, 0.08, 0.9, nu)
    found = fit_garch(_simulated(20_000, made) / 100, errors)  # type: ignore[arg-type]  # a parameter of the test
    assert found.alpha == pytest.approx(0.08, abs=0.015)
    assert found.beta == pytest.approx(0.9, abs=0.02)
    assert found.omega * 1e4 == pytest.approx(0.02, rel=0.4)
    assert (found.nu is None) == (nu is None)
    assert found.nu is None or found.nu == pytest.approx(5.0, abs=0.6)


def test_the_forecast_is_the_recursion_taken_on_in_expectation() -> None:
    state = stored(RETURNS, TRUE)
    expected, variance = 0.0, state.next_variance
    for _ in range(22):
        expected += variance
        variance = TRUE.omega + (TRUE.alpha + TRUE.beta) * variance
    assert total_variance(state, 22) == pytest.approx(expected, rel=1e-12)
    assert total_variance(state, 1) == pytest.approx(state.next_variance)
    assert total_variance(Stored(0.02, 0.1, 0.8, 0.2), 1000) == pytest.approx(200.0, rel=1e-3)


def test_what_has_no_variance_is_refused() -> None:
    for values in ((0.0, 0.0, 0.1, 0.8), (0.0, 0.1, 0.2, 0.8), (0.0, 0.1, -0.1, 0.8), (0.0, 0.1, 0.1, 0.8, 2.0)):
        with pytest.raises(BadInput):
            Garch(*values)
    for returns in ([1.0], [0.0, float("nan")], [0.1, 0.1]):
        with pytest.raises(BadInput):
            conditional_variance(returns, TRUE)
    with pytest.raises(BadInput, match="normal"):
        scores(RETURNS, Garch(0.0, 0.1, 0.1, 0.8, 5.0))
