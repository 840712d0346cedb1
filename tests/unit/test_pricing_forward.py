"""The parity forward: exact on clean quotes, steady under a wrong one, silent without pairs."""

from __future__ import annotations

import numpy as np
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.pricing import black76
from quantsentinel.pricing.forward import NEAR_PAIRS, ForwardFit, forward_from_parity, forwards_from_parity

FORWARD, DISCOUNT = 24_588.35, 0.9994
STRIKES = np.arange(22_000.0, 27_001.0, 50.0)


def _quotes(half_spread: float = 0.5) -> list[np.ndarray]:
    """Call bid, call ask, put bid, put ask; the spread widens with the option's price."""
    sides = []
    for is_call in (True, False):
        mid = black76.price(FORWARD, STRIKES, 4 / 252, 0.11, DISCOUNT, is_call) + 2.0
        half = half_spread + 0.005 * mid
        sides += [mid - half, mid + half]
    return sides


def test_clean_quotes_give_the_forward_to_rounding_from_the_pairs_nearest_the_money() -> None:
    fit = forward_from_parity(STRIKES, *_quotes(), DISCOUNT)
    assert fit.is_fitted
    assert fit.forward == pytest.approx(FORWARD, abs=1e-7)
    assert fit.n_pairs == NEAR_PAIRS
    assert np.max(np.abs(fit.strike - FORWARD)) < 50 * (NEAR_PAIRS / 2 + 1)
    assert fit.stderr < 1e-7


@pytest.mark.parametrize("error", [-400.0, -20.0, 20.0, 400.0])
@pytest.mark.parametrize("offset", [-3, -1, 0, 1, 3])
def test_one_wrong_quote_near_the_money_moves_the_forward_by_less_than_a_quarter_spread(
    error: float, offset: int
) -> None:
    sides = _quotes()
    at = int(np.argmin(np.abs(STRIKES - FORWARD))) + offset
    for side in sides[2:]:
        side[at] = max(side[at] + error, 0.05)
    fit = forward_from_parity(STRIKES, *sides, DISCOUNT)
    assert abs(fit.forward - FORWARD) < 0.25 * fit.spread_median


def test_noise_inside_the_spread_gives_an_error_within_a_few_standard_errors() -> None:
    random = np.random.default_rng(3)
    errors = []
    for _ in range(200):
        sides = _quotes()
        noise = random.normal(0, 0.5, len(STRIKES))
        fit = forward_from_parity(STRIKES, sides[0] + noise, sides[1] + noise, *sides[2:], DISCOUNT)
        errors.append((fit.forward - FORWARD) / fit.stderr)
    assert 0.6 < np.std(errors) < 1.7
    assert abs(np.mean(errors)) < 0.3


def test_fewer_than_three_two_sided_pairs_give_no_forward_and_a_reason() -> None:
    sides = _quotes()
    for side in sides:
        side[2:] = 0.0
    fit = forward_from_parity(STRIKES, *sides, DISCOUNT)
    assert not fit.is_fitted
    assert fit.reason == "too_few_pairs"
    assert fit.n_pairs == 2
    assert np.isnan(fit.forward)


def test_crossed_and_one_sided_quotes_take_no_part() -> None:
    sides = _quotes()
    near = int(np.argmin(np.abs(STRIKES - FORWARD)))
    sides[0][near] = sides[1][near] + 50.0
    sides[2][near + 1] = 0.0
    fit = forward_from_parity(STRIKES, *sides, DISCOUNT)
    assert STRIKES[near] not in fit.strike
    assert STRIKES[near + 1] not in fit.strike
    assert fit.forward == pytest.approx(FORWARD, abs=1e-7)


def test_strikes_may_come_in_any_order() -> None:
    order = np.random.default_rng(1).permutation(len(STRIKES))
    mixed = forward_from_parity(STRIKES[order], *(side[order] for side in _quotes()), DISCOUNT)
    assert mixed.forward == pytest.approx(forward_from_parity(STRIKES, *_quotes(), DISCOUNT).forward, abs=1e-9)


def test_each_expiry_of_a_batch_is_fitted_as_if_it_were_alone() -> None:
    table = np.zeros((5, 3, len(STRIKES)))
    for place, size in enumerate((len(STRIKES), 55, 2)):
        table[:, place, :size] = STRIKES[:size], *(side[:size] for side in _quotes())
    table[1:, 0, 50] += 300.0
    batch = forwards_from_parity(table[0], table[1:], np.array([DISCOUNT, 0.99, 0.98]))
    alone = [forward_from_parity(*table[:, i], discount) for i, discount in enumerate((DISCOUNT, 0.99, 0.98))]

    def figures(fit: ForwardFit) -> list[float]:
        return [fit.forward, fit.stderr, fit.n_pairs, fit.spread_median, *fit.strike, *fit.residuals, *fit.spreads]

    for one, other in zip(batch, alone, strict=True):
        assert figures(one) == pytest.approx(figures(other), rel=1e-9, abs=1e-9, nan_ok=True)
    assert [fit.reason for fit in batch] == [None, None, "too_few_pairs"]


@pytest.mark.parametrize("discount", [0.0, -0.5, 1.2, float("nan")])
def test_an_impossible_discount_is_refused(discount: float) -> None:
    with pytest.raises(BadInput, match="discount"):
        forward_from_parity(STRIKES, *_quotes(), discount)


def test_where_weights_tie_the_last_bits_of_a_quote_do_not_choose_the_forward() -> None:
    """Found on BANKNIFTY, 2025-08-29, under two sets of CPU features; here a tie between six equal weights."""
    strike, put = 100.0 + np.arange(6), np.full(6, 20.0)
    call = np.array([20.85, 22.45, 18.55, 17.6, 16.6, 18.35])
    lowest = np.argmin(strike + call - put)

    def forward(nudge: float) -> float:
        ask = call + 0.5
        ask[lowest] += nudge
        return forward_from_parity(strike, call - 0.5, ask, put - 0.5, put + 0.5, 1.0).forward

    assert forward(1e-12) == pytest.approx(forward(-1e-12), abs=1e-9)
