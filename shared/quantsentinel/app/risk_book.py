"""The risk of all tenants together: Greeks, stress grid, how much of each limit is used, who is not reconciled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal

from quantsentinel.accounts.account import Account
from quantsentinel.app.book import overdue_now
from quantsentinel.app.platform import Platform
from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.budget import budget_of, share_of
from quantsentinel.portfolio.greeks import BookGreeks, book_greeks
from quantsentinel.portfolio.scenarios import StressGrid, stress_grid
from quantsentinel.units import Rupees, quantise


@dataclass(frozen=True, slots=True)
class LimitUse:
    """`used` and `limit` in one unit; `share` of the limit, None where it allows nothing or is not known."""

    name: str
    used: float | None
    limit: float
    unit: str
    share: float | None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The two books disagree about `signal_id` since then; `overdue` ones block entries (None: not known)."""

    signal_id: str
    since: datetime
    overdue: bool | None


@dataclass(frozen=True, slots=True)
class TenantRisk:
    tenant_id: str
    session: date | None
    positions: int
    capital: Rupees
    equity: Rupees
    day_pnl: Rupees
    margin: Rupees
    stress_worst: Rupees
    limits: tuple[LimitUse, ...]
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True, slots=True)
class RiskBook:
    """`unreadable` tenants are in no sum: their books were refused, with the reason, and they are halted."""

    at: datetime
    tenants: tuple[TenantRisk, ...]
    greeks: BookGreeks
    stress: StressGrid
    unreadable: dict[str, str]


def risk_book(platform: Platform, tenant_id: str = "") -> RiskBook:
    """Of one tenant, or of all. Whatever may be held counts: assumed entries and confirmed ones (`Book.held`)."""
    risks: list[TenantRisk] = []
    held: list[Position] = []
    unreadable: dict[str, str] = {}
    for name in [tenant_id] if tenant_id else platform.tenants.ids():
        store = platform.tenants.store(name)
        try:
            account, (book, _) = store.account(), store.book()
        except BadInput as error:
            unreadable[name] = str(error)
            continue
        risks.append(tenant_risk(platform, account, book))
        held.extend(book.held)
    greeks, stress = book_greeks(held, platform.desk), stress_grid(held, platform.desk)
    return RiskBook(platform.clock.now(), tuple(risks), greeks, stress, unreadable)


def tenant_risk(platform: Platform, account: Account, book: Book) -> TenantRisk:
    late = overdue_now(platform, book)
    return TenantRisk(
        tenant_id=account.tenant_id,
        session=book.session,
        positions=len(book.held),
        capital=account.capital,
        equity=book.equity(account.capital),
        day_pnl=book.day_pnl(),
        margin=book.margin,
        stress_worst=stress_grid(book.held, platform.desk).worst,
        limits=tuple(limit_uses(account, book, platform.desk)),
        mismatches=tuple(
            Mismatch(signal, since, None if late is None else signal in late)
            for signal, since in book.unreconciled.items()
        ),
    )


def limit_uses(account: Account, book: Book, desk: Desk) -> Iterator[LimitUse]:
    """Every limit of the account that a book can use up, as the switches and walls measure it."""
    limits, capital, held = account.limits, account.capital, book.held
    equity, budget = book.equity(capital), budget_of(book, account)
    losses = [position.max_loss for position in held]
    yield _money("max_loss_per_trade", max(losses, default=Decimal(0)), budget.trade_loss)
    yield _money("max_loss_per_day", budget.day_spent, budget.day_loss)
    yield _money("daily_loss", max(-book.day_pnl(), Decimal(0)), share_of(capital, limits.daily_loss))
    yield _use("max_drawdown", drawdown(book.peak_equity, equity), limits.max_drawdown, "of peak equity")
    utilisation = quantise(float(book.margin / equity)) if equity > 0 else None
    yield _use("max_margin_utilisation", utilisation, limits.max_margin_utilisation, "of equity")
    yield _money("margin_buffer", budget.margin_used, budget.margin)
    yield _use("max_positions", len(held), limits.max_positions, "positions")
    yield _use("max_per_expiry", _most((p.package.underlying, p.package.expiry) for p in held), limits.max_per_expiry)
    yield _use("max_per_family", _most(p.package.family for p in held), limits.max_per_family)
    yield _use("max_single_leg", sum(len(p.package.legs) == 1 for p in held), limits.max_single_leg)
    yield _money("max_sector_loss", _sector_loss(held, desk), share_of(capital, limits.max_sector_loss))
    whole = sum(losses, Decimal(0))
    share = quantise(float(max(losses) / whole)) if len(held) > 1 and whole > 0 else 0.0
    yield _use("max_share_of_book", share, limits.max_share_of_book, "of book")
    yield _money("capital_floor", limits.capital_floor, equity)


def drawdown(peak: Rupees | None, equity: Rupees) -> float | None:
    """Share of the peak that is lost; 0 before there is a peak, None where a share of it means nothing."""
    if peak is None:
        return 0.0
    return quantise(float(max(1 - equity / peak, Decimal(0)))) if peak > 0 else None


def _most(keys: Iterable[object]) -> int:
    return max(Counter(keys).values(), default=0)


def _sector_loss(held: tuple[Position, ...], desk: Desk) -> Decimal:
    """Of the sector that can lose most; an underlying without one counts as its own."""
    sums: dict[str, Decimal] = {}
    for position in held:
        name = position.package.underlying
        sector = desk.policy.walls.sectors.get(name, name)
        sums[sector] = sums.get(sector, Decimal(0)) + position.max_loss
    return max(sums.values(), default=Decimal(0))


def _money(name: str, used: Decimal, limit: Decimal) -> LimitUse:
    return _use(name, float(used), float(round(limit, 2)), "INR")


def _use(name: str, used: float | None, limit: float, unit: str = "positions") -> LimitUse:
    share = quantise(used / limit) if used is not None and limit > 0 else None
    return LimitUse(name, used, limit, unit, share)
