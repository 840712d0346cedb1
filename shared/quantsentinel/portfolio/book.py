"""Both books of a tenant: one document, every commit carries update-if-version on it (`definitions.md` §5).

Assumed: every issued entry, filled at the worse end of its zone until it is answered, or until it expires undelivered
on every channel. Confirmed: what the tenant said it really holds. Every limit counts the worse of both. A paper entry
cannot be answered, so it stands in both books alike. Net prices are in points per unit, positive when paid; a higher
price is worse when entering.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal

from quantsentinel.frozen import dataclass, evolve
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Family, Package
from quantsentinel.units import Rupees, rupees

ZERO = rupees(0)
PAPER = "paper"


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
class PaperFill:
    """What entering at the market would have cost on the snapshot that offered it; recorded, never a limit's base.

    `price` in net points per unit, depth impact included, on the tick; `orders` counts the freeze slices of all legs.
    """

    at: datetime
    price: float
    legs: tuple[float, ...]
    impact: Rupees
    orders: int
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
    taken_at: datetime | None = None
    """When the tenant said that it took it; price and lots are its own from then on."""
    paper_fill: PaperFill | None = None

    @property
    def is_paper(self) -> bool:
        return self.mode == PAPER

    @property
    def opened_on(self) -> date:
        """The session of its entry."""
        return self.opened_at.astimezone(IST).date()

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
class Lapsed:
    """A live entry that the assumed book ended while the tenant has not said how it ended for him.

    `pnl` is what the assumed book realised on it; the tenant's own exit takes its place.
    """

    position: Position
    ended_at: datetime
    pnl: Rupees


@dataclass(frozen=True, slots=True)
class Settled:
    """A position that settled on a proxy and waits for the exchange's value; `pnl` is what was booked, and where."""

    position: Position
    pnl: Rupees
    in_assumed: bool
    in_confirmed: bool


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
    confirmed_settlement_pnl: Rupees = ZERO
    """As `settlement_pnl`, of the confirmed book."""
    answered: Mapping[str, str] = field(default_factory=dict)
    """signal id -> `<kind>|<ISO time>` of the newest answer that was applied."""
    lapsed: tuple[Lapsed, ...] = ()
    provisional: tuple[Settled, ...] = ()
    unreconciled: Mapping[str, datetime] = field(default_factory=dict)
    """signal id -> since when the two books disagree about it (`portfolio.reconcile`)."""
    applied: Mapping[str, str] = field(default_factory=dict)
    """underlying -> `<decided_at ISO>|<cycle id>` of the newest applied cycle that changed something."""
    audit_seq: int = 0
    refusals: Mapping[str, RefusalTally] = field(default_factory=dict)
    """`guard|underlying|family` -> tally."""

    @property
    def unrealised(self) -> Rupees:
        """Of the assumed book, after entry and exit charges, at the newest mark of every position."""
        return marked_pnl(self.positions)

    @property
    def held(self) -> tuple[Position, ...]:
        """Whatever may be held: every assumed position, and confirmed ones that the assumed book has ended."""
        if not self.confirmed:
            return self.positions
        assumed = {position.signal_id for position in self.positions}
        return (*self.positions, *(item for item in self.confirmed if item.signal_id not in assumed))

    @property
    def margin(self) -> Rupees:
        return Rupees(sum((position.margin for position in self.held), ZERO))

    @property
    def assumed_pnl(self) -> Rupees:
        return Rupees(self.realised + self.unrealised)

    @property
    def confirmed_pnl(self) -> Rupees:
        paper = [position for position in self.positions if position.is_paper]
        return Rupees(self.confirmed_realised + marked_pnl(self.confirmed) + marked_pnl(paper))

    def equity(self, capital: Rupees) -> Rupees:
        """Declared capital + realised + unrealised − charges incl. exit, of the worse book (`definitions.md` §5)."""
        return Rupees(capital + min(self.assumed_pnl, self.confirmed_pnl))

    def day_pnl(self) -> Rupees:
        """Of the worse book, against the previous session's settlement mark, overnight included; negative is a loss."""
        assumed = self.assumed_pnl - self.settlement_pnl
        return Rupees(min(assumed, self.confirmed_pnl - self.confirmed_settlement_pnl))

    def live(self, key: EntryKey) -> Position | None:
        return next((position for position in self.held if position.key == key), None)

    def assumed_of(self, signal_id: str) -> Position | None:
        return next((position for position in self.positions if position.signal_id == signal_id), None)

    def confirmed_of(self, signal_id: str) -> Position | None:
        return next((position for position in self.confirmed if position.signal_id == signal_id), None)

    def lapsed_of(self, signal_id: str) -> Lapsed | None:
        return next((item for item in self.lapsed if item.position.signal_id == signal_id), None)


def marked_pnl(positions: Iterable[Position]) -> Rupees:
    """Exact to the paisa, as every P&L of a mark is."""
    total: Decimal = ZERO
    for position in positions:
        if position.mark is not None:
            total += position.mark.pnl
    return Rupees(total)


def with_position(positions: tuple[Position, ...], position: Position) -> tuple[Position, ...]:
    """`position` in the place of the one with its id, or at the end."""
    same = position.signal_id
    if all(other.signal_id != same for other in positions):
        return (*positions, position)
    return tuple(position if other.signal_id == same else other for other in positions)


def without_position(positions: tuple[Position, ...], signal_id: str) -> tuple[Position, ...]:
    return tuple(other for other in positions if other.signal_id != signal_id)


def with_latch(book: Book, name: str, at: datetime) -> Book:
    return evolve(book, latched={**book.latched, name: at.isoformat()})


def without_latch(book: Book, name: str) -> Book:
    return evolve(book, latched={other: since for other, since in book.latched.items() if other != name})
