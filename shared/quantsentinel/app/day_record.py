"""One session day as people look at it: plain values, collected from the stores, rendered by the report.

Prices are index points, vols annual fractions, times tz-aware, money `Decimal` rupees. A package's net price is in
points per unit, positive when paid (`opportunity.opportunity`). None means unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal

from quantsentinel.app.book_record import NO_BOOKS, Books
from quantsentinel.frozen import dataclass


# --- The market -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MarketPoint:
    """One accepted snapshot: the parity forward of the nearest expiry and its at-the-money vol."""

    at: datetime
    forward: float | None
    atm_vol: float | None
    forecast_vol: float | None = None
    """What the forecast says the same period's vol is: the other side of the trade."""


@dataclass(frozen=True, slots=True)
class SmilePoint:
    """Implied vols of one strike's out-of-the-money option; None where not invertible or not quoted."""

    strike: float
    bid_iv: float | None
    mid_iv: float | None
    ask_iv: float | None


@dataclass(frozen=True, slots=True)
class Smile:
    """One expiry's smile at the record's moment; `fit` is (strike, iv) pairs of the SVI slice, empty without a fit."""

    expiry: date
    at: datetime
    forward: float
    atm_vol: float | None
    years: float
    points: tuple[SmilePoint, ...]
    fit: tuple[tuple[float, float], ...] = ()
    note: str = ""
    """Why there is no fit, or what the guards said about it."""


@dataclass(frozen=True, slots=True)
class Density:
    """Risk-neutral density of the settlement value; `forecast` is the same density rescaled to the forecast's variance.

    `price`, `implied` and `forecast` (empty without a forecast) have one length; densities per index point.
    """

    expiry: date
    price: tuple[float, ...]
    implied: tuple[float, ...]
    forecast: tuple[float, ...] = ()
    forward: float | None = None


@dataclass(frozen=True, slots=True)
class StrikeInterest:
    """Open interest in units; dealer gamma in rupees per 1 % move (signed by the assumed dealer position)."""

    strike: float
    call_oi: float
    put_oi: float
    dealer_gamma: float | None = None


@dataclass(frozen=True, slots=True)
class ViewLine:
    """What one alpha view said at the end of the day, or why it abstained."""

    name: str
    horizon: str
    axis: str
    score: float | None
    confidence: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MaskLine:
    """Quoted rows that one guard took out of use, over all accepted snapshots of the day."""

    guard: str
    quotes: int
    snapshots: int


@dataclass(frozen=True, slots=True)
class SliceLine:
    """One expiry at the record's moment: what was fitted through it, and what is wrong with it."""

    expiry: date
    forward: float | None
    forward_stderr: float | None
    atm_vol: float | None
    usable: int
    outliers: int
    flags: tuple[str, ...]
    note: str = ""
    """Why there is no forward, vol, fit or smile."""


@dataclass(frozen=True, slots=True)
class MarketDay:
    """One underlying's day. `refused_by` counts snapshots by guard, `candidate_reasons` candidates by reason."""

    underlying: str
    snapshots_read: int
    snapshots_accepted: int
    refused_by: Mapping[str, int]
    cycles: int
    opportunities: int
    candidate_reasons: Mapping[str, int]
    path: tuple[MarketPoint, ...]
    smiles: tuple[Smile, ...] = ()
    densities: tuple[Density, ...] = ()
    interest: tuple[StrikeInterest, ...] = ()
    interest_expiry: date | None = None
    dealer_convention: str = ""
    """How the dealers' side was taken, in words, e.g. `dealers long calls, short puts`."""
    views: tuple[ViewLine, ...] = ()
    masks: tuple[MaskLine, ...] = ()
    slices: tuple[SliceLine, ...] = ()
    entries_refused: str = ""
    """Why no entry could be issued from this underlying at all, or empty."""


# --- Signals ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CardLeg:
    """`side` +1 buys, -1 sells; `iv` annual at decision, for the T+0 curve."""

    side: int
    ratio: int
    strike: float
    right: str
    bid: float
    ask: float
    iv: float | None


@dataclass(frozen=True, slots=True)
class SignalStep:
    """One event in the signal's life."""

    state: str
    sequence: int
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class CostLine:
    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class VerdictLine:
    guard: str
    outcome: str
    measured: float | str | None
    limit: float | str | None
    unit: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SignalCard:
    """One signal with all its money at its lots. `forward`, `years` and `discount` are those of the decision."""

    signal_id: str
    tenant_id: str
    underlying: str
    family: str
    expiry: date
    mode: str
    state: str
    """The newest state."""
    decided_at: datetime
    valid_until: datetime
    time_stop: datetime
    legs: tuple[CardLeg, ...]
    lots: int
    lot: int
    limit_price: float
    entry_zone: tuple[float, float]
    target: float
    stop: float
    max_loss: Decimal
    max_profit: Decimal | None
    margin_now: Decimal
    margin_expiry_day: Decimal
    charges: Decimal
    net_ev: Decimal
    win_probability: float
    breakevens: tuple[float, ...]
    forward: float
    atm_vol: float | None
    years: float
    discount: float
    steps: tuple[SignalStep, ...]
    cost_lines: tuple[CostLine, ...] = ()
    verdicts: tuple[VerdictLine, ...] = ()
    rule_rows: tuple[str, ...] = ()
    slices: int = 1
    margin_source: str = "estimate"
    """Or `broker` with its name."""
    exit_price: float | None = None
    pnl: Decimal | None = None
    snapshot: str = ""

    @property
    def units(self) -> int:
        return self.lot * self.lots


# --- Tenants and deliveries -------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class EquityPoint:
    at: datetime
    equity: Decimal


@dataclass(frozen=True, slots=True)
class TenantDay:
    """`refusals_by` counts refused opportunities by the first guard that stopped them."""

    tenant_id: str
    name: str
    mode: str
    status: str
    age_days: int
    capital: Decimal
    signals: tuple[SignalCard, ...]
    refusals_by: Mapping[str, int]
    opportunities: int
    """Offered to this tenant over the day."""
    equity: tuple[EquityPoint, ...] = ()
    books: Books = NO_BOOKS
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """One message to one channel: its last status and how often it was tried."""

    at: datetime
    tenant_id: str
    channel: str
    signal_id: str
    state: str
    sequence: int
    status: str
    attempts: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DayRecord:
    """The report's input. `source` says where the chains came from (`simulator, seed 7`, a file's name)."""

    session: date
    source: str
    profile: str
    distribution_mode: str
    disclosure: str
    code_version: str
    produced_at: datetime
    markets: tuple[MarketDay, ...]
    tenants: tuple[TenantDay, ...]
    deliveries: tuple[DeliveryLine, ...]
    decision_digest: str = ""
    notes: tuple[str, ...] = field(default=())
