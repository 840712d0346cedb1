"""The assumed book of a tenant: one document, every commit carries update-if-version on it (`definitions.md` §5).

Every issued entry is assumed filled at the worse end of its zone until it is answered, or until it expires undelivered
on every channel. Net prices are in points per unit, positive when paid; a higher price is worse when entering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from quantsentinel.market.instruments import Family, Package
from quantsentinel.units import Rupees, rupees

ZERO = rupees(0)


@dataclass(frozen=True, slots=True)
class EntryKey:
    """One live entry per key and tenant."""

    underlying: str
    expiry: date
    family: Family

    def __str__(self) -> str:
        return f"{self.underlying}|{self.expiry.isoformat()}|{self.family.value}"

    @staticmethod
    def of(package: Package) -> EntryKey:
        return EntryKey(package.underlying, package.expiry, package.family)


@dataclass(frozen=True, slots=True)
class Mark:
    """What closing a position would return now: `price` in net points per unit, `pnl` after charges incl. exit.

    `legs` are the prices each leg was marked at, in the package's order; `forward` is the expiry's forward then.
    """

    at: datetime
    price: float
    legs: tuple[float, ...]
    forward: float | None
    exit_charges: Rupees
    pnl: Rupees
    flagged: bool
    """True when a leg had no quote and was marked at its adverse value."""
    snapshot: str


@dataclass(frozen=True, slots=True)
class Position:
    """One open entry. `entry_price` is the worst limit of its life; `max_loss` and `margin` are of all lots."""

    signal_id: str
    n: int
    opportunity_id: str
    package: Package
    lot: int
    lots: int
    tick: float
    freeze_units: int
    entry_price: float
    entry_charges: Rupees
    entry_zone: tuple[float, float]
    opened_at: datetime
    valid_until: datetime
    target: float
    stop: float
    time_stop: datetime
    max_loss: Rupees
    """Net of charges, positive."""
    max_profit: Rupees | None
    margin: Rupees
    """Funds it blocks: the larger margin of now and the expiry day, plus a debit that was paid."""
    mode: str
    sequence: int
    """The sequence number of the newest signal event about it."""
    updated_at: datetime
    withdrawn: bool = False
    """The entry was withdrawn inside its validity; it stays assumed, because it may have been taken before."""
    mark: Mark | None = None

    @property
    def key(self) -> EntryKey:
        return EntryKey.of(self.package)

    @property
    def units(self) -> int:
        return self.lot * self.lots


@dataclass(frozen=True, slots=True)
class ClosedEntry:
    """What is left of a key after its entry ended: for the cool-down and the next `n`."""

    n: int
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class RefusalTally:
    """How often the same refusal came since it was last recorded."""

    count: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Book:
    """`applied` names the newest cycle applied per underlying, with its decided_at: twice equals once.

    `settlement_pnl` is realised plus unrealised at the previous session's settlement mark, the base of the daily loss
    (P&L, not equity, so that declaring more capital during the day cannot hide a loss); the latches name the session
    on which a switch tripped that re-arms at the next open; `rearm` counts the fresh snapshots an underlying still
    needs after a gap; `entered_loss` sums the maximum losses of the entries opened on `session`.
    """

    session: date | None = None
    capital: Rupees | None = None
    """The declaration that `realised` counts from, with its day; None before the first pass."""
    capital_declared_on: date | None = None
    positions: tuple[Position, ...] = ()
    closed: Mapping[str, ClosedEntry] = field(default_factory=dict)
    realised: Rupees = ZERO
    """Since the capital was declared, net of charges."""
    settlement_pnl: Rupees = ZERO
    entered_loss: Rupees = ZERO
    loss_latched_on: date | None = None
    floor_latched_on: date | None = None
    rearm: Mapping[str, int] = field(default_factory=dict)
    peak_equity: Rupees | None = None
    """The highest marked equity since the capital was declared or the drawdown switch was re-armed."""
    latched: Mapping[str, str] = field(default_factory=dict)
    """Switches that trip above one level and re-arm below a lower one: name -> since when (ISO)."""
    confirmed: tuple[Position, ...] = ()
    """What the tenant said it really holds, at its own prices and lots (`portfolio.confirmed`)."""
    confirmed_realised: Rupees = ZERO
    """Of the confirmed book, since the capital was declared, net of charges."""
    answered: Mapping[str, str] = field(default_factory=dict)
    """signal id -> the newest answer that was applied: `taken`, `skipped` or `closed`."""
    unreconciled: Mapping[str, date] = field(default_factory=dict)
    """signal id -> the session since which the two books disagree about it."""
    applied: Mapping[str, str] = field(default_factory=dict)
    """underlying -> `<decided_at ISO>|<cycle id>` of the newest applied cycle that changed something."""
    audit_seq: int = 0
    refusals: Mapping[str, RefusalTally] = field(default_factory=dict)
    """`guard|underlying|family` -> tally."""

    @property
    def unrealised(self) -> Rupees:
        """After entry and exit charges, at the newest mark of every position."""
        return rupees(sum((position.mark.pnl for position in self.positions if position.mark), Decimal(0)))

    @property
    def margin(self) -> Rupees:
        return rupees(sum((position.margin for position in self.positions), Decimal(0)))

    def equity(self, capital: Rupees) -> Rupees:
        """Declared capital + realised + unrealised − charges incl. exit (`definitions.md` §5)."""
        return rupees(capital + self.realised + self.unrealised)

    def day_pnl(self) -> Rupees:
        """Against the previous session's settlement mark, overnight included; negative is a loss."""
        return rupees(self.realised + self.unrealised - self.settlement_pnl)

    def live(self, key: EntryKey) -> Position | None:
        return next((position for position in self.positions if position.key == key), None)
