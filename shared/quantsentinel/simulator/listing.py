"""Which contracts stand in a simulated chain, how liquid they are, and what the rule book says of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.simulator.path import SECONDS_PER_YEAR

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEAR_DAYS: Final = 100
"""Expiries further away list few strikes, at a wide step."""
LONG_STEP: Final = 20
NEAR_HALF_WIDTH: Final = 0.085
LONG_HALF_WIDTH: Final = 0.25


@dataclass(frozen=True, slots=True)
class Liquidity:
    """`two_sided` is the share of contracts with both quotes, `turnover` and `interest` are relative to the front."""

    spread: float
    two_sided: float
    turnover: float
    interest: float


_WEEKLY: Final = (
    Liquidity(1.0, 1.0, 1.0, 1.0),
    Liquidity(1.6, 1.0, 0.08, 0.25),
    Liquidity(3.0, 1.0, 0.01, 0.05),
    Liquidity(6.0, 0.75, 0.004, 0.02),
)
_MONTHLY: Final = (
    Liquidity(1.5, 1.0, 0.04, 0.35),
    Liquidity(3.0, 0.92, 0.006, 0.1),
    Liquidity(6.0, 0.85, 0.002, 0.04),
)
_LONG: Final = (
    Liquidity(15.0, 0.7, 2e-4, 0.06),
    Liquidity(20.0, 0.55, 1e-4, 0.03),
    Liquidity(40.0, 0.25, 2e-5, 0.01),
    Liquidity(60.0, 0.05, 1e-6, 0.002),
)


@dataclass(frozen=True, slots=True)
class Contracts:
    """All pairs of a chain, ordered by expiry and strike; arrays are (n_pairs,), except those by expiry (n_expiries,).

    `slot` is the expiry's index of each pair, `round_strike` how much business a strike attracts (1 for the odd ones),
    `settles` the settlement observation and `last_trades` the last trade of each expiry, `lot` in units.
    """

    expiries: tuple[date, ...]
    settles: tuple[datetime, ...]
    last_trades: tuple[datetime, ...]
    lot: Floats
    liquidity: tuple[Liquidity, ...]
    slot: Ints
    strike: Floats
    round_strike: Floats
    notes: tuple[str, ...]

    def by_pair(self, name: str) -> Floats:
        """A `Liquidity` field as an array by pair."""
        return np.array([getattr(part, name) for part in self.liquidity])[self.slot]

    def years_from(self, at: datetime) -> Floats:
        """ACT/365 years from `at` to each settlement, never negative; (n_expiries,)."""
        return np.array([max((end - at).total_seconds(), 0.0) / SECONDS_PER_YEAR for end in self.settles])


def list_contracts(underlying: str, on: date, level: float, rules: RuleBook) -> Contracts:
    """The listed expiries of the rule book with strikes around `level`.

    An expiry without a confirmed lot or settlement is left out with a note; raises `BadInput` when none stands.
    """
    step = rules.strike_step(underlying, on).value
    facts: dict[date, tuple[datetime, datetime, float]] = {}
    notes = []
    for expiry in rules.expiries(underlying, on):
        try:
            settles, last = rules.settlement(underlying, expiry).observed_at, rules.last_trade(underlying, expiry)
            facts[expiry] = (settles, last, float(rules.lot(underlying, expiry, on).value))
        except RuleGap as gap:
            notes.append(f"{expiry} left out: {gap}")
    if not facts:
        raise BadInput(f"no expiry of {underlying} can be listed on {on}", where="simulator", fix="; ".join(notes))
    expiries = tuple(sorted(facts))
    liquidity = tuple(_liquidity(expiries, on)[expiry] for expiry in expiries)
    strikes = [_strikes(level, step, expiry, on, expiry in _month_ends(expiries)) for expiry in expiries]
    strike = np.concatenate(strikes)
    return Contracts(
        expiries=expiries,
        settles=tuple(facts[expiry][0] for expiry in expiries),
        last_trades=tuple(facts[expiry][1] for expiry in expiries),
        lot=np.array([facts[expiry][2] for expiry in expiries]),
        liquidity=liquidity,
        slot=np.repeat(np.arange(len(expiries)), [len(part) for part in strikes]),
        strike=strike,
        round_strike=_round_strike(strike, step),
        notes=tuple(notes),
    )


def _month_ends(expiries: tuple[date, ...]) -> frozenset[date]:
    """The last listed expiry of each month."""
    last: dict[tuple[int, int], date] = {(expiry.year, expiry.month): expiry for expiry in expiries}
    return frozenset(last.values())


def _liquidity(expiries: tuple[date, ...], on: date) -> Mapping[date, Liquidity]:
    """The front expiry is busiest; then weeklies by rank, monthlies by rank, long-dated ones by rank."""
    month_ends = _month_ends(expiries)
    near = [expiry for expiry in expiries if (expiry - on).days <= NEAR_DAYS]
    weekly = [expiry for expiry in near if expiry not in month_ends]
    monthly = [expiry for expiry in near if expiry in month_ends]
    far = [expiry for expiry in expiries if expiry not in near]
    found = {}
    for group, table in ((weekly, _WEEKLY), (monthly, _MONTHLY), (far, _LONG)):
        found.update({expiry: table[min(rank, len(table) - 1)] for rank, expiry in enumerate(group)})
    if near:
        found[near[0]] = _WEEKLY[0]
    return found


def _strikes(level: float, step: float, expiry: date, on: date, is_monthly: bool) -> Floats:
    if (expiry - on).days > NEAR_DAYS:
        return _grid(level, step * LONG_STEP, LONG_HALF_WIDTH)
    near = _grid(level, step, NEAR_HALF_WIDTH)
    if is_monthly:
        return np.union1d(near, _grid(level, step * 10, LONG_HALF_WIDTH))
    return near


def _grid(level: float, step: float, half_width: float) -> Floats:
    low, high = np.ceil(level * (1 - half_width) / step), np.floor(level * (1 + half_width) / step)
    return np.asarray(np.arange(low, high + 1) * step, dtype=np.float64)


def _round_strike(strike: Floats, step: float) -> Floats:
    """Business at a strike relative to an odd multiple of the step: 2, 10 and 20 steps draw it together."""
    index = np.rint(strike / step).astype(np.int64)
    return np.select([index % 20 == 0, index % 10 == 0, index % 2 == 0], [6.0, 4.0, 1.8], default=1.0)
