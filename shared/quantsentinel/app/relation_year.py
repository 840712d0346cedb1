"""A simulated year of a vendor's implied vols and Greeks against ours: false alarms, and changes spliced into it.

The vendor is made as untidy as the real ones: every session its own small bias, every quote its own error, a third of
the implied vols missing, some absurd. A change of definition multiplies a column, which shifts the median log ratio by
the factor's logarithm, so it is spliced into the readings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from quantsentinel.frozen import dataclass
from quantsentinel.integrity.quotes import QuoteMask, quote_mask
from quantsentinel.integrity.relation_alarm import Reading, watch
from quantsentinel.integrity.relations import CHAIN, RELATIONS, chain_measurements, chain_readings, vix_chain_readings
from quantsentinel.integrity.vendor_gap import NAMES
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Floats, Snapshot
from quantsentinel.pricing import black76
from quantsentinel.simulator.config import default_config
from quantsentinel.simulator.day import simulate_day

IN_TIME = 2
SESSION_BIAS, QUOTE_ERROR, MISSING, ABSURD = 0.02, 0.05, 0.33, 0.03
_EVERY_S = 7200.0
WATCHED = ("vix_chain", *CHAIN)
CHANGES: Mapping[str, tuple[str, float]] = {
    "vol by trading days (×√(252/365))": ("vendor_iv", 0.5 * math.log(252 / 365)),
    "vol by calendar days (×√(365/252))": ("vendor_iv", 0.5 * math.log(365 / 252)),
    "vol ×1.10": ("vendor_iv", math.log(1.10)),
    "vol ×0.95": ("vendor_iv", math.log(0.95)),
    "vol as fraction": ("vendor_iv", -math.log(100)),
    "India VIX ×√(252/365)": ("vix_chain", 0.5 * math.log(252 / 365)),
    "India VIX ×1.15": ("vix_chain", math.log(1.15)),
    "India VIX ×0.90": ("vix_chain", math.log(0.90)),
    "theta a year": ("vendor_theta", math.log(365)),
    "theta a trading day": ("vendor_theta", math.log(365 / 252)),
    "vega for 1.00 of vol": ("vendor_vega", math.log(100)),
    "gamma for a 1 % move": ("vendor_gamma", math.log(250)),
    "OI in lots": ("oi_unit", -math.log(75)),
    "prices in paise": ("price_tick", math.log(100)),
    "future for spot": ("spot_basis", -0.005),
}


@dataclass(frozen=True, slots=True)
class Year:
    """`sessions` ascend, each with what its snapshots measured; `vix`: the published closes, per cent."""

    sessions: tuple[tuple[date, tuple[Mapping[str, float], ...]], ...]
    vix: Mapping[date, float]

    def readings(self, name: str) -> list[Reading]:
        if name == "vix_chain":
            return vix_chain_readings(self.sessions, self.vix)
        return chain_readings(name, self.sessions)


@dataclass(frozen=True, slots=True)
class Outcome:
    change: str
    relation: str
    spliced: int
    in_time: int
    spread: float
    """The relation's own deviation over the year: how much it moves by itself."""


def simulated_year(
    days: Sequence[date], seed: int, rules: RuleBook, tell: Callable[[int, int, str], None] | None = None
) -> Year:
    """NIFTY, one made-up session a day; the same arguments give the same year. Raises `RuleGap` for uncovered days."""
    level = default_config("NIFTY").level
    sessions = []
    vix: dict[date, float] = {}
    for number, day in enumerate(days):
        if tell is not None:
            tell(number + 1, len(days), day.isoformat())
        config = replace(default_config("NIFTY"), interval_s=_EVERY_S, level=level)
        made = simulate_day("NIFTY", day, seed, rules, config)
        random = np.random.default_rng((seed, day.toordinal()))
        sessions.append((day, tuple(_measured(made.snapshots, rules, random))))
        level = _next_level(made.daily, random)
        own = [item["own_vix"] for item in sessions[-1][1] if "own_vix" in item]
        vix |= {day: math.exp(own[-1] + SESSION_BIAS * random.standard_normal())} if own else {}
    return Year(tuple(sessions), vix)


def _next_level(daily: Sequence[DailyBar], random: np.random.Generator) -> float:
    """A level that wanders, so that strikes and forwards do."""
    return float(daily[-1].close * math.exp(0.008 * random.standard_normal()))


def _measured(
    snapshots: Sequence[Snapshot], rules: RuleBook, random: np.random.Generator
) -> Iterator[Mapping[str, float]]:
    bias = SESSION_BIAS * random.standard_normal(len(NAMES))
    for snapshot in snapshots:
        quotes = quote_mask(snapshot, rules)
        columns = {**snapshot.columns, **_vendor(snapshot, quotes, bias, random)}
        yield chain_measurements(replace(snapshot, source="upstox", columns=columns), quotes, rules)


def _vendor(snapshot: Snapshot, quotes: QuoteMask, bias: Floats, random: np.random.Generator) -> dict[str, Floats]:
    """The untidy vendor's columns, in the units that the contract of `upstox` declares."""
    counts = np.diff(snapshot.offsets)
    years, discount, forward = (np.repeat(part, counts) for part in (quotes.years, quotes.discounts, quotes.forward))
    vol = snapshot.columns["vendor_iv"]
    greeks = black76.greeks(forward, snapshot.strike, years, vol, discount, snapshot.is_call)
    exact = (vol, greeks.delta, greeks.gamma, greeks.theta, greeks.vega / 100)
    errors = np.exp(bias[:, None] + QUOTE_ERROR * random.standard_normal((len(NAMES), len(vol))))
    luck = random.random(len(vol))
    errors[0] *= np.where(luck < MISSING, 0.0, np.where(luck > 1 - ABSURD, 5.0, 1.0))
    return {name: np.nan_to_num(value * error) for name, value, error in zip(NAMES, exact, errors, strict=True)}


def year_alarms(year: Year) -> dict[str, int]:
    """Alarms of each relation on the year as it was."""
    return {name: len(watch(RELATIONS[name], "simulated", year.readings(name)).alarms) for name in WATCHED}


def splice(year: Year, change: str, a_year: int) -> Outcome:
    """The change spliced in at sessions spread evenly over the year after the learning time."""
    name, shift = CHANGES[change]
    readings = year.readings(name)
    first = RELATIONS[name].least + 5
    span = len(readings) - first - 5
    places = [first + (2 * k + 1) * span // (2 * a_year) for k in range(a_year)]
    hits = 0
    for place in places:
        moved = [item if i < place or item.value is None else replace(item, value=item.value + shift)
                 for i, item in enumerate(readings)]  # fmt: skip
        in_time = {item.session for item in readings[place : place + IN_TIME]}
        hits += any(alarm.session in in_time for alarm in watch(RELATIONS[name], "simulated", moved).alarms)
    values = np.array([item.value for item in readings if item.value is not None])
    spread = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return Outcome(change, name, len(places), hits, spread)
