"""Marked equity has not fallen too far from its peak (open positions count, not closed trades alone).

Tripped until a person acknowledges: the latch stands in the tenant's book, the person's word in `kills/strategy:<id>`.
The pass that sees a word younger than the latch lets go of it, and counts the peak anew from there.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from quantsentinel.frozen import evolve
from quantsentinel.portfolio.book import Book, with_latch, without_latch
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.kill_state import KillState
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.units import Rupees, quantise
from quantsentinel.verdict import Outcome, Verdict

NAME = "strategy_drawdown"


def strategy_drawdown(facts: TenantFacts) -> Verdict:
    """Measured is 1 − equity / peak, quantised; above the limit blocks, and so does the latch or a pulled switch."""
    limit, since = facts.account.limits.max_drawdown, facts.book.latched.get(NAME)
    equity = facts.equity if facts.is_marked else None
    drawdown, state = _drawdown(facts.book.peak_equity, equity), facts.kill(scope_of(facts))
    inputs = (equity, facts.book.peak_equity, limit, since, state is not None)
    if drawdown is None or facts.as_of.kills is None:
        reading = Reading(drawdown, limit, "share of peak equity", "marks, peak or switches are not known")
        return receipt(NAME, Outcome.UNKNOWN, reading, *inputs)
    detail = f"tripped at {since}; a person re-arms it" if since else ""
    detail = f"{state.scope} switched off by {state.who}: {state.why}" if state else detail
    holds = drawdown <= limit and since is None and state is None
    return receipt(NAME, passes(holds), Reading(drawdown, limit, "share of peak equity", detail), *inputs)


def scope_of(facts: TenantFacts) -> str:
    return f"strategy:{facts.account.tenant_id}"


def latched(book: Book, facts: TenantFacts) -> Book:
    """The book after the marks: a new peak, a trip, or its release. A book whose equity is not known stays as it is."""
    if not facts.is_marked:
        return book
    equity = facts.equity
    book = _released(book, equity, facts)
    if book.peak_equity is None or equity > book.peak_equity:
        book = evolve(book, peak_equity=equity)
    drawdown = _drawdown(book.peak_equity, equity)
    if drawdown is None or drawdown <= facts.account.limits.max_drawdown or NAME in book.latched:
        return book
    return with_latch(book, NAME, facts.as_of.decided_at)


def _released(book: Book, equity: Rupees, facts: TenantFacts) -> Book:
    since, scope = book.latched.get(NAME), scope_of(facts)
    state = next((item for item in facts.as_of.kills or () if item.scope == scope), None)
    if since is None or state is None or not _answers(state, since, facts.as_of.decided_at):
        return book
    return evolve(without_latch(book, NAME), peak_equity=equity)


def _answers(state: KillState, since: str, decided_at: datetime) -> bool:
    """Whether a person's release is about this trip, and not about one before."""
    if state.released is None or state.is_on(decided_at):
        return False
    return state.released.at >= datetime.fromisoformat(since)


def _drawdown(peak: Rupees | None, equity: Rupees | None) -> float | None:
    """0 without a peak: nothing was marked before this. None where a share of it has no meaning."""
    if equity is None:
        return None
    if peak is None:
        return 0.0
    if not peak.is_finite() or peak <= 0:
        return None
    return quantise(float(max(1 - equity / peak, Decimal(0))))
