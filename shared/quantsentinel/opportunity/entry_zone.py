"""At which net prices every hard rule still holds, and where the held package is closed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import ExitPolicy, HardRules, Policy
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.payoff_profile import Profile, win_probability
from quantsentinel.units import quantise_price

DEARER = 1.001
"""A worse price also costs a little more in charges: at most 0.1 % of what it is worse by."""
EPSILON = 1e-9
Floats = NDArray[np.float64]
DEBIT_PROFIT = 2.0
PROBES = 32
"""Prices at which the win probability is asked at once: two calls find the tick that a bisection finds in seven."""


@dataclass(frozen=True, eq=False)
class PriceLine:
    """What the rules need as functions of the entry price x, in points per unit of one lot.

    `value` is D E[payoff], the mid plus the gross edge; `flat` the costs of entering that do not depend on x (depth
    impact, charges), `exit` those of settlement; `stressed` is the stressed loss when entering at `executable`.
    """

    mid: float
    executable: float
    value: float
    flat: float
    exit: float
    stressed: float

    @property
    def gross(self) -> float:
        return self.value - self.mid


@dataclass(frozen=True, eq=False)
class Shape:
    """Of one package, before its entry cost: `bounds` limits loss and profit, `outcome` is what it pays at its exit,
    where the price is distributed by `cdf` at `nodes`. Held to settlement the two are one; a calendar's are not."""

    bounds: Profile
    outcome: Profile
    nodes: Floats
    cdf: Floats

    @property
    def is_closed(self) -> bool:
        """Traded back before settlement (a calendar)."""
        return self.outcome is not self.bounds

    def win_probability(self, entry_cost: Floats) -> Floats:
        return win_probability(self.outcome, entry_cost, self.nodes, self.cdf)


@dataclass(frozen=True, slots=True)
class Levels:
    """Net prices on the tick grid: the entry zone from its best (the mid) to its worst price, target and stop."""

    best: float
    worst: float
    target: float
    stop: float


def worst_price(line: PriceLine, shape: Shape, rules: HardRules, tick: float) -> float:
    """The highest net price on the tick grid at which every hard rule holds.

    Each rule holds up to a price and fails above it, so it is the lowest of their limits: in closed form, and by
    asking `PROBES` prices at a time for the win probability. Never below the tick under the mid: there no rule need
    hold and none is asked.
    """
    room = line.value - line.flat - line.exit
    share = rules.min_net_ev_of_stressed_loss
    limits = [
        room,
        line.mid + rules.max_cost_ratio * line.gross - line.flat - line.exit,
        (room - share * (line.stressed - line.executable)) / (1.0 + share),
    ]
    if rules.profile == "balanced" and line.executable > 0:
        limits.append(room / (1.0 + rules.balanced_min_net_ev_of_premium))
    limit = min(limits)
    if limit > line.executable:
        limit = line.executable + (limit - line.executable) / DEARER
    floor = math.floor(line.mid / tick) - 1
    ticks = max(math.floor(limit / tick - EPSILON), floor)
    if rules.profile == "article" or line.executable < 0:
        ticks = _within_win_probability(range(floor, ticks + 1), line, shape, rules, tick)
    return quantise_price(ticks * tick, tick)


def _within_win_probability(ticks: range, line: PriceLine, shape: Shape, rules: HardRules, tick: float) -> int:
    """The highest of `ticks` at which the win probability reaches its limit; the lowest when none does."""

    low, high = ticks[0], ticks[-1]
    while high > low:
        # No step is below a tick, so that no two are the same.
        count = min(PROBES, high - low)
        asked = low + 1 + np.arange(count) * (high - low - 1) // max(count - 1, 1)
        cost = np.asarray(asked * tick + line.flat, dtype=np.float64)
        won = shape.win_probability(cost)
        held = asked[won >= rules.min_win_probability]
        low = int(held[-1]) if held.size else low
        failed = asked[asked > low]
        high = int(failed[0]) - 1 if failed.size else low
    return low


def price_levels(line: PriceLine, shape: Shape, policy: Policy, tick: float, *, holds: bool) -> Levels:
    """`holds`: every rule was shown to hold at the executable price, so the zone reaches at least that far."""
    worst = worst_price(line, shape, policy.hard_rules, tick)
    if holds:
        worst = max(worst, line.executable)
    target, stop = exit_levels(worst, line.flat, shape.bounds, policy.exits, tick)
    if shape.is_closed and worst > 0:
        # Its least value lies at an index of zero, where interest on the strike is lost too: no level for a stop.
        paid = worst + line.flat
        stop = max(stop, quantise_price(worst - policy.exits.stop_share_of_max_loss * paid, tick))
    return Levels(min(quantise_price(line.mid, tick), worst), worst, target, stop)


def exit_levels(entry: float, flat: float, shape: Profile, exits: ExitPolicy, tick: float) -> tuple[float, float]:
    """(target, stop): closing prices at a share of the maximum profit and loss from the worst entry price.

    The profit of a paid package counts up to twice its price: an index at zero is no target.
    """
    highest, lowest = float(shape.highest()[0]), float(shape.lowest()[0])
    profit = highest - entry - flat
    if entry > 0:
        profit = min(profit, DEBIT_PROFIT * entry)
    target = max(entry + exits.target_share_of_max_profit * profit, entry + tick) if math.isfinite(profit) else entry
    loss = entry + flat - lowest if math.isfinite(lowest) else abs(entry)
    stop = min(entry - exits.stop_share_of_max_loss * loss, entry - tick)
    return quantise_price(target, tick), quantise_price(stop, tick)
