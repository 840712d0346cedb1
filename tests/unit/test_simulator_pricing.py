"""What the pricing library reads out of a simulated chain is what the simulator put in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from quantsentinel.market.rulebook import RuleBook, load_rules
from quantsentinel.market.snapshot import Chain, Floats
from quantsentinel.pricing.forward import ForwardFit, forward_from_parity
from quantsentinel.pricing.implied_vol import implied_vol
from quantsentinel.pricing.svi import calendar_ok, fit_slice
from quantsentinel.simulator.day import SimulatedDay, simulate_day
from quantsentinel.volatility.clock import VarianceClock

DAY = date(2025, 8, 29)
LIQUID = 5
LOG_STRIKES = np.linspace(-0.03, 0.03, 61)


@dataclass(frozen=True)
class Read:
    """One slice as a reader sees it: log-strikes, total variances of out-of-the-money mids, and the forward's fit."""

    forward: ForwardFit
    k: Floats
    total_variance: Floats


@pytest.fixture(scope="module")
def rules() -> RuleBook:
    return load_rules()


@pytest.fixture(scope="module")
def simulated(rules: RuleBook) -> SimulatedDay:
    return simulate_day("NIFTY", DAY, 7, rules)


def read_slice(chain: Chain, rules: RuleBook, clock: VarianceClock) -> Read:
    at, end = chain.slice.received_at, rules.settlement("NIFTY", chain.expiry).observed_at
    discount = float(np.exp(-rules.repo_rate(DAY).value * (end - at).total_seconds() / (365 * 86_400)))
    call, put = chain.call, chain.put
    fit = forward_from_parity(chain.strike, call["bid"], call["ask"], put["bid"], put["ask"], discount)
    is_call = chain.strike >= fit.forward
    bid, ask = (np.where(is_call, call[name], put[name]) for name in ("bid", "ask"))
    k, years = np.log(chain.strike / fit.forward), clock.variance_years(at, end)
    vol = implied_vol((bid + ask) / 2, fit.forward, chain.strike, years, discount, is_call)
    good = (bid > 1) & (np.abs(k) < 0.04) & np.isfinite(vol)
    return Read(fit, k[good], vol[good] ** 2 * years)


@pytest.fixture(scope="module")
def slices(rules: RuleBook, simulated: SimulatedDay) -> list[Read]:
    chains = simulated.snapshots[120].chains()[:LIQUID]
    sessions = rules.sessions(DAY, chains[-1].expiry)
    clock = VarianceClock([(session.open, session.close) for session in sessions])
    return [read_slice(chain, rules, clock) for chain in chains]


def test_every_liquid_slice_gives_a_forward_that_carries_the_index(simulated: SimulatedDay, slices: list[Read]) -> None:
    forwards = np.array([read.forward.forward for read in slices])
    spot = simulated.snapshots[120].spot
    assert (np.diff(forwards) > 0).all()
    # Repo rate less dividends over a month: 5.5 % - 1.2 % is 0.37 % of the index.
    assert 0 < forwards[0] - spot < forwards[-1] - spot < 0.005 * spot
    assert all(read.forward.stderr < 1.0 for read in slices)


def test_svi_fits_every_slice_without_arbitrage(slices: list[Read]) -> None:
    fits = [fit_slice(read.k, read.total_variance, np.ones(len(read.k))) for read in slices]
    for read, fit in zip(slices, fits, strict=True):
        assert fit.is_fitted
        assert fit.arbitrage_free
        assert fit.rmse < 0.02 * read.total_variance.mean()
    assert calendar_ok([fit.params for fit in fits if fit.params], LOG_STRIKES) == [True] * (LIQUID - 1)


def test_the_smile_is_skewed_to_the_downside(slices: list[Read]) -> None:
    for read in slices:
        low, middle, high = (np.interp(at, read.k, read.total_variance) for at in (-0.03, 0.0, 0.03))
        assert low > 1.2 * middle
        assert low > high
