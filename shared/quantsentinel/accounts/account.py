"""A tenant as the risk side sees it: values only."""

from __future__ import annotations

import math
from dataclasses import field
from datetime import date, datetime, timedelta
from enum import StrEnum

from quantsentinel.distribution import Relation
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.units import Rupees, rupees

DRY_RUN_LOCK = timedelta(days=14)
ABSURD = 10**12
"""Rupees or a count above which a limit is a slip of the pen."""


class Mode(StrEnum):
    """What a signal is for: `paper` while the dry-run lock holds or when the tenant chose it."""

    LIVE = "live"
    PAPER = "paper"


class Status(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


SHARES = (
    "max_loss_per_trade",
    "max_loss_per_day",
    "daily_loss",
    "max_drawdown",
    "max_margin_utilisation",
    "max_correlation",
    "max_sector_loss",
    "max_share_of_book",
)
COUNTS = (
    "max_positions",
    "capital_floor",
    "margin_buffer",
    "max_lots",
    "max_per_expiry",
    "max_per_family",
    "max_single_leg",
)


WHOLE = ("knob", "max_positions", "max_lots", "max_per_expiry", "max_per_family", "max_single_leg")


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares are fractions of the declared capital. `knob` is the tenant's own size in percent, 0 to 100."""

    knob: int = 100
    max_positions: int = 5
    max_loss_per_trade: float = 0.02
    max_loss_per_day: float = 0.05
    """The sum of the maximum losses of entries opened on a day."""
    daily_loss: float = 0.03
    """Marked loss since the previous settlement mark at which entries stop until the next open."""
    capital_floor: Rupees = field(default_factory=lambda: rupees(50_000))
    margin_buffer: float = 0.30
    """Share of the blocked funds that stays free on top of them."""
    max_lots: int = 50
    max_drawdown: float = 0.10
    """Of marked equity from its peak, at which the strategy stops until a person re-arms it."""
    max_margin_utilisation: float = 0.80
    """Funds blocked over marked equity at which entries stop; they go on below 15/16 of it (75 % of the default)."""
    max_correlation: float = 0.70
    """Signed correlation of scenario P&L between packages (`definitions.md` §8)."""
    max_per_expiry: int = 3
    max_per_family: int = 3
    max_single_leg: int = 1
    max_sector_loss: float = 0.06
    """Maximum losses of all positions of one sector (NIFTY: broad market, BANKNIFTY: banks), of the capital."""
    max_share_of_book: float = 1.0
    """Maximum loss of one position in that of the whole book, once the book holds two or more."""

    def __post_init__(self) -> None:
        """Raises `BadInput` naming every limit that is out of range."""
        shares = {name: getattr(self, name) for name in SHARES}
        wrong = [f"{name} {share} is not a share in [0, 1]" for name, share in shares.items() if not 0 <= share <= 1]
        counts = {name: getattr(self, name) for name in COUNTS}
        wrong += [
            f"{name} {count} is not in 0 to {ABSURD:,}"
            for name, count in counts.items()
            if not (math.isfinite(count) and 0 <= count <= ABSURD)
        ]
        whole = {name: getattr(self, name) for name in WHOLE}
        wrong += [f"{name} {count!r} is not a whole number" for name, count in whole.items() if type(count) is not int]
        if not 0 <= self.knob <= 100:
            wrong.append(f"knob {self.knob} is not in 0 to 100")
        if wrong:
            raise BadInput("; ".join(wrong), where="limits")


@dataclass(frozen=True, slots=True)
class Account:
    """`created_at` is the create time of the tenant's document, which nobody can write: the dry-run lock's anchor."""

    tenant_id: str
    name: str
    created_at: datetime
    status: Status
    mode: Mode
    capital: Rupees
    capital_declared_on: date
    underlyings: tuple[str, ...] = ("NIFTY", "BANKNIFTY")
    limits: Limits = field(default_factory=Limits)
    expiry_day_premium: bool = False
    """Opted in to premium-collecting entries on a contract's expiry day."""
    relation: Relation = Relation.UNDECLARED
    """To whoever runs the installation, as declared; undeclared gets no signal."""

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise BadInput(f"naive creation time {self.created_at}", where=f"account {self.tenant_id}")
        if not self.capital.is_finite() or not 0 <= self.capital <= ABSURD:
            fix = f"Declare rupees, 0 to {ABSURD:,}"
            raise BadInput(f"capital {self.capital}", where=f"account {self.tenant_id}", fix=fix)

    @property
    def live_from(self) -> datetime:
        return self.created_at + DRY_RUN_LOCK
