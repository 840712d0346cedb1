"""Tail bounds from vertical spreads: by hand, on a model's own prices, and with the linear programme as oracle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.special import ndtr

from quantsentinel.errors import BadInput
from quantsentinel.pricing import black76
from quantsentinel.pricing.tails import tail_bounds
from tests.bench.pricing import real_slices

TICK = 0.05
STRIKES = np.arange(23_000.0, 26_001.0, 100.0)


def _quotes(half_spread: float, sigma: float = 0.12, years: float = 0.05) -> tuple[np.ndarray, ...]:
    call, put = (black76.price(24_500.0, STRIKES, years, sigma, 0.99, side) for side in (True, False))
    sides = [np.maximum(call - half_spread, 0), call + half_spread, np.maximum(put - half_spread, 0), put + half_spread]
    return tuple(np.asarray(side) for side in sides)


def test_two_strikes_by_hand() -> None:
    """Call spread 100 wide bought at 30 - 8 = 22 and sold at 28 - 10 = 18; the puts say less."""
    bounds = tail_bounds([100.0, 200.0], [28.0, 8.0], [30.0, 10.0], [20.0, 95.0], [29.0, 110.0], 1.0)
    assert bounds.upper == pytest.approx([1.0, 0.22])
    assert bounds.lower == pytest.approx([0.18, 0.0])
    assert bounds.above([50.0, 100.0, 150.0, 200.0, 300.0])[0] == pytest.approx([0.18, 0.18, 0.0, 0.0, 0.0])
    assert bounds.above([50.0, 100.0, 150.0, 200.0, 300.0])[1] == pytest.approx([1.0, 1.0, 1.0, 0.22, 0.22])
    low, high = bounds.below([100.0, 200.0])
    assert (low.tolist(), high.tolist()) == (pytest.approx([0.0, 0.78]), pytest.approx([0.82, 1.0]))


@pytest.mark.parametrize("half_spread", [0.0, 0.25, 2.0, 50.0])
def test_a_models_own_digital_lies_within_its_bounds(half_spread: float) -> None:
    bounds = tail_bounds(STRIKES, *_quotes(half_spread), 0.99)
    deviation = 0.12 * np.sqrt(0.05)
    digital = ndtr(np.log(24_500.0 / STRIKES) / deviation - deviation / 2)
    assert not bounds.crossed.any()
    assert bounds.excess == 0.0
    assert np.all((bounds.lower <= digital + 1e-12) & (digital <= bounds.upper + 1e-12))


def test_wider_quotes_never_narrow_the_bounds_and_exact_ones_are_as_wide_as_the_strikes_are_apart() -> None:
    widths = [tail_bounds(STRIKES, *_quotes(half), 0.99) for half in (0.0, 0.5, 5.0)]
    spans = [bounds.upper - bounds.lower for bounds in widths]
    assert np.all(spans[0] <= spans[1] + 1e-12)
    assert np.all(spans[1] <= spans[2] + 1e-12)
    assert spans[0].max() < 0.16
    assert spans[2].min() > 0.02


def test_bounds_that_cross_are_reported_and_keep_both_ends() -> None:
    sides = [side.copy() for side in _quotes(0.25)]
    sides[0][15] += 40.0  # a bid 40 points above its neighbours' worth
    sides[1][15] += 40.0
    bounds = tail_bounds(STRIKES, *sides, 0.99)
    assert bounds.crossed.any()
    assert bounds.excess > 0.3
    low, high = bounds.above(STRIKES[bounds.crossed])
    assert np.all(low == bounds.upper[bounds.crossed])
    assert np.all(high == bounds.lower[bounds.crossed])


def test_a_side_that_cannot_be_dealt_on_bounds_nothing() -> None:
    sides = [np.full(3, value) for value in (5.0, 4.0, np.nan, 1.0)]  # crossed calls, puts without a bid
    bounds = tail_bounds([100.0, 110.0, 120.0], *sides, 1.0)
    assert (bounds.lower.tolist(), bounds.upper.tolist()) == ([0.0] * 3, [1.0] * 3)


@pytest.mark.parametrize(
    ("strike", "bid", "discount"),
    [([2.0, 1.0], [1.0, 1.0], 1.0), ([1.0, 2.0], [1.0], 1.0), ([1.0, 2.0], [1.0, 1.0], 0.0), ([], [], 1.0)],
)
def test_malformed_chains_are_refused(strike: list[float], bid: list[float], discount: float) -> None:
    with pytest.raises(BadInput):
        tail_bounds(strike, bid, bid, bid, bid, discount)


@settings(max_examples=60)
@given(st.lists(st.floats(0.001, 1), min_size=12, max_size=12), st.integers(0, 10_000))
def test_whatever_distribution_made_the_quotes_lies_within_the_bounds(mass: list[float], seed: int) -> None:
    random = np.random.default_rng(seed)
    strike = np.cumsum(random.uniform(20, 200, 10)) + 1000
    at = np.concatenate([[900.0], strike[:-1] + random.uniform(0.1, 0.9, 9) * np.diff(strike), [4000.0, 5000.0]])
    share = np.array(mass) / np.sum(mass)
    call, put = (np.maximum(sign * (at[:, None] - strike), 0).T @ share for sign in (1, -1))
    half = random.uniform(0, 5, (4, 10)) * np.array([[-1], [1], [-1], [1]])
    sides = (np.maximum(mid + part, 0.0) for mid, part in zip((call, call, put, put), half, strict=True))
    bounds = tail_bounds(strike, *sides, 1.0)
    true = (at[:, None] > strike).T @ share
    assert np.all((bounds.lower <= true + 1e-9) & (true <= bounds.upper + 1e-9))


# --- the linear programme ---


@dataclass(frozen=True)
class _Programme:
    """Masses on atoms that reprice every quote up to `slack` ticks, the fewest that make it feasible."""

    atoms: np.ndarray
    rows: np.ndarray
    limits: np.ndarray
    slack: float

    @staticmethod
    def of(strike: np.ndarray, sides: tuple[np.ndarray, ...], discount: float) -> _Programme:
        # Payoffs are linear between strikes: atoms there, between, at zero and far out lose nothing that matters here.
        atoms = np.unique(np.concatenate([[0.0, 0.5 * strike[0]], strike, 0.5 * (strike[1:] + strike[:-1]),
                                          strike[-1] * np.array([1.1, 1.5, 4.0])]))  # fmt: skip
        parts, limits = [], []
        for sign, bid, ask in ((1, *sides[:2]), (-1, *sides[2:])):
            value = discount * np.maximum(sign * (atoms - strike[:, None]), 0.0)
            good = (bid >= 0) & (ask > 0) & (bid <= ask)
            parts += [value[good], -value[good]]
            limits += [ask[good], -bid[good]]
        rows, limit = np.concatenate(parts), np.concatenate(limits)
        loose = np.hstack([rows, np.full((len(rows), 1), -TICK)])
        goal, total = np.append(np.zeros(len(atoms)), 1.0), np.append(np.ones(len(atoms)), 0.0)[None, :]
        slack = linprog(goal, A_ub=loose, b_ub=limit, A_eq=total, b_eq=[1.0], method="highs").fun
        return _Programme(atoms, rows, limit, float(slack))

    def interval(self, strike: float, more: float) -> tuple[float, float]:
        """[lo, hi] of P(S > strike) with `more` ticks of slack than needed."""
        limit = self.limits + TICK * (self.slack + more) + 1e-6
        total = np.ones((1, len(self.atoms)))
        low, high = (
            linprog(goal, A_ub=self.rows, b_ub=limit, A_eq=total, b_eq=[1.0], method="highs").fun
            for goal in ((self.atoms > strike).astype(float), -(self.atoms >= strike).astype(float))
        )
        return float(low), -float(high)


def _contained(
    strike: np.ndarray, sides: tuple[np.ndarray, ...], discount: float, more: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Widths of the closed form and of the programme at every 16th strike; one must hold the other."""
    programme = _Programme.of(strike, sides, discount)
    give = TICK * (programme.slack + more) + 1e-6
    good = [(low >= 0) & (high > 0) & (low <= high) for low, high in (sides[:2], sides[2:])]
    wide = [np.where(good[i // 2], side + (give if i % 2 else -give), np.nan) for i, side in enumerate(sides)]
    bounds = tail_bounds(strike, np.maximum(wide[0], 0), wide[1], np.maximum(wide[2], 0), wide[3], discount)
    ours, theirs = [], []
    for at in range(4, len(strike) - 4, 16):
        low, high = programme.interval(strike[at], more)
        assert bounds.lower[at] <= low + 1e-6
        assert high <= bounds.upper[at] + 1e-6
        ours.append(bounds.upper[at] - bounds.lower[at])
        theirs.append(high - low)
    return np.array(ours), np.array(theirs), programme.slack


def test_the_programme_finds_no_slack_in_a_models_prices_and_stays_within_the_closed_form() -> None:
    ours, theirs, slack = _contained(STRIKES, _quotes(1.0), 0.99, 0.0)
    assert slack == pytest.approx(0.0, abs=1e-6)
    assert np.all(theirs > 0)
    assert np.median(ours / theirs) < 2.0


@pytest.mark.marketdata
@pytest.mark.parametrize("snapshot", [100])
def test_on_real_chains_the_programme_with_its_least_slack_stays_within_the_closed_form(
    marketdata: Path, snapshot: int
) -> None:
    """NSE's quotes are not simultaneous: without slack most slices have no distribution at all."""
    slacks = []
    for part in real_slices(marketdata, snapshot)[:5:2]:
        ours, theirs, slack = _contained(part.strike, part.sides, part.discount, 1.0)
        assert np.all(ours >= theirs - 1e-6)
        slacks.append(slack)
    assert max(slacks) > 0.5
