"""A priced opportunity: a package with everything a trader, a wall and an auditor need to know about it.

Signs: a package's **net price** is in points per unit, positive when it is paid (debit), negative when it is received
(credit); the worse price is always the higher one. Money is per **one lot** unless a name says otherwise.
"""

from __future__ import annotations

from datetime import datetime

from quantsentinel.costs.charges import ChargeLine
from quantsentinel.features.analytics import LegPrice as LegPrice
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Family, Package
from quantsentinel.units import Rupees
from quantsentinel.verdict import Verdict


@dataclass(frozen=True, slots=True)
class PackageGreeks:
    """Rupees per lot: delta per index point, gamma per point squared, vega per vol point, theta per calendar day."""

    delta: float
    gamma: float
    vega: float
    theta: float


@dataclass(frozen=True, slots=True)
class LegExpectation:
    """One leg at the declared exit under the physical density. Held to settlement: E[intrinsic] in undiscounted points
    and P(in the money); closed before (a calendar): the expected price in points, and 1."""

    intrinsic: float
    in_the_money: float


@dataclass(frozen=True, slots=True)
class Economics:
    """`definitions.md` §4, per lot, quantised: money to the paisa, ratios to 1e-6."""

    gross_edge: Rupees
    frictions: Rupees
    net_ev: Rupees
    cost_ratio: float | None
    """frictions / gross edge; None when the gross edge is not positive."""
    win_probability: float
    stressed_loss: Rupees
    cost_lines: tuple[ChargeLine, ...]
    half_spread: Rupees
    depth_impact: Rupees
    exit_charges: Rupees
    """Expected at settlement; of a calendar, all that closing it in the market costs, spread and depth included."""


@dataclass(frozen=True, slots=True)
class Opportunity:
    """What the market pass offers to every tenant, eligible or with the verdict that stops it.

    `max_profit` and `max_loss` (positive) are per lot at the worst price of the zone, net of entry charges and depth
    impact; None when unbounded.
    """

    opportunity_id: str
    package: Package
    legs: tuple[LegPrice, ...]
    lot: int
    tick: float
    freeze_units: int
    mid: float
    executable: float
    """Net price at which all legs trade now (buy at ask, sell at bid)."""
    entry_zone: tuple[float, float]
    """(best, worst) net prices at which every hard rule still holds; `worst` is the limit price."""
    target: float
    stop: float
    """Net prices of the held package at which to close: what closing it returns, same sign convention as entry."""
    time_stop: datetime
    valid_until: datetime
    max_profit: Rupees | None
    max_loss: Rupees | None
    breakevens: tuple[float, ...]
    margin_now: Rupees
    margin_expiry_day: Rupees
    greeks: PackageGreeks
    economics: Economics
    score: float
    verdicts: tuple[Verdict, ...]
    """The hard rules, each a receipt."""
    rule_rows: tuple[str, ...]
    expectations: tuple[LegExpectation, ...] = ()
    """One a leg, in the order of the package: what settlement costs at other numbers of lots follows from them."""

    @property
    def family(self) -> Family:
        return self.package.family

    @property
    def is_eligible(self) -> bool:
        return bool(self.verdicts) and not any(verdict.stops for verdict in self.verdicts)
