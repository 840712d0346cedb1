"""One simulated session of one underlying, its snapshots and the daily bars before it: a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import Session
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Slice, Snapshot
from quantsentinel.simulator.config import SimulatorConfig, default_config
from quantsentinel.simulator.flow import simulate_flow
from quantsentinel.simulator.listing import Contracts, list_contracts
from quantsentinel.simulator.path import Calendar, DayPath, Streams, simulate_path, snapshot_times, streams
from quantsentinel.simulator.quotes import (
    Conditions,
    FairValues,
    Moments,
    fair_values,
    last_prices,
    quote_side,
    vendor_vols,
)
from quantsentinel.simulator.surface import Expectation, surface_path
from quantsentinel.volatility.clock import SESSIONS_PER_YEAR, VarianceClock
from quantsentinel.volatility.forecast import ewma_variance

Floats = NDArray[np.float64]

SOURCE: Final = "simulator"
_LAG_S: Final = (0.2, 2.8)
"""Receipt after exchange time, by snapshot and slice."""


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """`daily` ends with the session before the day; its last close is the config's level."""

    snapshots: tuple[Snapshot, ...]
    daily: tuple[DailyBar, ...]


def simulate_day(
    underlying: str, day: date, seed: int, rules: RuleBook, config: SimulatorConfig | None = None
) -> SimulatedDay:
    """The same arguments give the same day, bit for bit on one machine.

    Raises `BadInput` for an unknown underlying, a closed day or a seed below 0, `RuleGap` for a day or history that the
    rule book does not cover.
    """
    rules.require_underlying(underlying)
    settings = config or default_config(underlying)
    if seed < 0:
        raise BadInput(f"seed {seed} is below 0", where="simulate")
    session = rules.session(day)
    if session is None:
        raise BadInput(f"{day} is not a session", where="simulate", fix="Take a trading day")
    random = streams(seed, underlying, day.toordinal())
    contracts = list_contracts(underlying, day, settings.level, rules)
    calendar = _calendar(session, contracts, settings, rules)
    path = simulate_path(settings.dynamics, settings.level, calendar, random)
    # Where the only expiry stops trading before the session ends, nothing is left to show after it.
    times = tuple(at for at in snapshot_times(session, settings.interval_s) if at < max(contracts.last_trades))
    if not times:
        raise BadInput(f"the session of {day} is shorter than two minutes", where="simulate")
    market = _Market(underlying, times, contracts, calendar, path, settings)
    return SimulatedDay(_snapshots(market, rules, random), path.daily)


def _calendar(session: Session, contracts: Contracts, settings: SimulatorConfig, rules: RuleBook) -> Calendar:
    past = [rules.previous_session(session.day)]
    while len(past) <= settings.history_sessions:
        past.append(rules.previous_session(past[-1].day))
    ahead = rules.sessions(session.day, max(contracts.expiries))
    clock = VarianceClock([window for part in (*past[::-1], *ahead) for window in part.windows])
    rate = rules.repo_rate(session.day).value
    return Calendar(tuple(past[::-1]), session, clock, rate - settings.dynamics.dividend_yield)


@dataclass(frozen=True, slots=True)
class _Market:
    underlying: str
    times: tuple[datetime, ...]
    contracts: Contracts
    calendar: Calendar
    path: DayPath
    settings: SimulatorConfig


def _snapshots(market: _Market, rules: RuleBook, random: Streams) -> tuple[Snapshot, ...]:
    day = market.calendar.today.day
    lags = random.quotes.uniform(*_LAG_S, (len(market.times), len(market.contracts.expiries))).round(1)
    moments = _moments(market, lags, rules.repo_rate(day).value)
    steps = np.array([market.path.step(at) for at in market.times])
    variance = market.path.variance[steps] + market.settings.dynamics.jump_variance
    closes = np.array([bar.close for bar in market.path.daily])
    expectation = Expectation(variance, SESSIONS_PER_YEAR * ewma_variance(closes))
    settings = market.settings
    surface = surface_path(settings.surface, settings.dynamics, expectation, moments.clock_years, random.surface)
    fair = fair_values(market.contracts, moments, surface)
    conditions = _conditions(market, rules.tick(market.underlying, day).value, random)
    sides = [_side(market, fair, moments, is_call, conditions, random) for is_call in (True, False)]
    return tuple(_snapshot(market, index, lags[index], sides) for index in range(len(market.times)))


def _moments(market: _Market, lags: Floats, rate: float) -> Moments:
    """Each slice is priced at its own exchange time, a little before the snapshot was collected."""
    contracts, clock, start = market.contracts, market.calendar.clock, market.calendar.today.open
    reference = market.calendar.past[-1].close
    carry = np.array([market.calendar.growth(reference, end) for end in contracts.settles])
    whole = np.array([clock.variance_years(start, max(end, start)) for end in contracts.settles])
    elapsed = np.array([clock.variance_years(start, at) for at in market.times])
    calendar_years = np.array([contracts.years_from(at) for at in market.times])
    observed = [
        [at - timedelta(seconds=lag) for lag in row] for at, row in zip(market.times, lags.tolist(), strict=True)
    ]
    core = np.array([[market.path.core[market.path.step(at)] for at in row] for row in observed])
    return Moments(
        forward=core * carry,
        discount=np.exp(-rate * calendar_years),
        clock_years=np.maximum(whole - elapsed[:, None], 0.0),
        calendar_years=calendar_years,
    )


def _conditions(market: _Market, tick: float, random: Streams) -> Conditions:
    """Wider and busier than usual at the open, in a fast index, and by plain luck."""
    steps = np.array([market.path.step(at) for at in market.times])
    logs = np.log(market.path.core[steps])
    moves = np.abs(np.diff(logs, prepend=logs[0]))
    fast = np.minimum(0.8 + 0.2 * moves / max(float(np.median(moves)), 1e-6), 4.0)
    opening = 1 + 1.5 * np.exp(-np.arange(len(steps)) / 8)
    stress = fast * opening * np.exp(0.1 * random.flow.standard_normal(len(steps)))
    burst = np.exp(0.4 * random.flow.standard_normal(len(steps)) - 0.08)
    return Conditions(stress, stress * burst * market.settings.interval_s / 60, market.settings.activity, tick)


def _side(
    market: _Market,
    fair: FairValues,
    moments: Moments,
    is_call: bool,
    conditions: Conditions,
    random: Streams,
) -> Mapping[str, Floats]:
    """All value columns of the calls, or of the puts; each (n_snapshots, n_pairs)."""
    side = quote_side(market.contracts, fair, is_call, conditions, random.quotes)
    flow = simulate_flow(market.contracts, fair, is_call, conditions, random.flow)
    return {
        "bid": side.bid,
        "ask": side.ask,
        "bid_size": side.bid_size,
        "ask_size": side.ask_size,
        "ltp": last_prices(side, fair.side(is_call), flow.traded, conditions.tick, random.quotes),
        "oi": flow.oi,
        "oi_change": flow.oi_change,
        "volume": flow.volume,
        **vendor_vols(side, fair, moments, market.contracts.slot),
    }


def _snapshot(market: _Market, index: int, lags: Floats, sides: list[Mapping[str, Floats]]) -> Snapshot:
    contracts, at = market.contracts, market.times[index]
    live = np.array([at < end for end in contracts.last_trades])
    keep = live[contracts.slot]
    slices = {
        expiry: Slice(expiry, at - timedelta(seconds=lag), at)
        for expiry, lag, is_live in zip(contracts.expiries, lags.tolist(), live, strict=True)
        if is_live
    }
    call, put = ({name: column[index][keep] for name, column in side.items()} for side in sides)
    days = np.array(contracts.expiries, dtype="datetime64[D]")[contracts.slot]
    index_now = market.path.core[market.path.step(at)] * market.calendar.growth(market.calendar.past[-1].close, at)
    return Snapshot.build(
        underlying=market.underlying,
        source=SOURCE,
        capability="quotes",
        slices=slices,
        expiry=days[keep],
        strike=contracts.strike[keep],
        call=call,
        put=put,
        spot=round(round(float(index_now) / 0.05) * 0.05, 2),
        notes=contracts.notes,
    )
