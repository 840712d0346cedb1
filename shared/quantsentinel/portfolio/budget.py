"""What a tenant may still spend on a running book: worked out once per book, read by sizing and by the walls."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from quantsentinel.accounts.account import Account
from quantsentinel.frozen import dataclass
from quantsentinel.portfolio.book import Book
from quantsentinel.units import Rupees, rupees


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits in rupees beside what is used of them; `knob` in percent."""

    trade_loss: Decimal
    day_loss: Decimal
    day_spent: Rupees
    margin: Rupees
    """All positions together may block equity / (1 + buffer), so that the buffer stays free, and never more than the
    share of equity above which the utilisation switch trips."""
    margin_used: Rupees
    max_lots: int
    knob: int
    equity: Rupees
    """Marked, of the worse book."""


def budget_of(book: Book, account: Account) -> Budget:
    limits, capital = account.limits, account.capital
    equity = book.equity(capital)
    return Budget(
        trade_loss=share_of(capital, limits.max_loss_per_trade),
        day_loss=share_of(capital, limits.max_loss_per_day),
        day_spent=book.entered_loss,
        margin=rupees(min(equity / (1 + _exact(limits.margin_buffer)), equity * _exact(limits.max_margin_utilisation))),
        margin_used=book.margin,
        max_lots=limits.max_lots,
        knob=limits.knob,
        equity=equity,
    )


def share_of(capital: Decimal, share: float) -> Decimal:
    """Exact: the share as it was declared, not as its nearest binary fraction."""
    return capital * _exact(share)


@lru_cache(maxsize=1024, typed=True)
def _exact(share: float) -> Decimal:
    """Typed, because 1 and 1.0 are the same key and not the same text: a receipt's hash must not depend on the past."""
    return Decimal(str(share))
