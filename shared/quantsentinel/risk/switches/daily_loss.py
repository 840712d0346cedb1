"""Marked loss since the previous session's settlement mark, overnight included; latched until the next open."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from quantsentinel.accounts.account import Account
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.budget import share_of
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Outcome, Verdict

NAME = "daily_loss"


def daily_loss(facts: TenantFacts) -> Verdict:
    """Measured is the loss in rupees, positive when lost; reaching the limit blocks."""
    limit = _limit(facts.account)
    if not facts.is_marked:
        reading = Reading(None, float(limit), "INR", "a position is not marked")
        return receipt(NAME, Outcome.UNKNOWN, reading, limit)
    loss = -facts.day_pnl
    latched = facts.book.loss_latched_on == facts.view.session
    detail = "tripped in this session; re-arms at the next open" if latched else ""
    reading = Reading(float(loss), float(limit), "INR", detail)
    return receipt(NAME, passes(loss < limit and not latched), reading, loss, limit, latched)


def latched(book: Book, facts: TenantFacts) -> Book:
    """The book after the marks: remembers that the loss reached the limit in this session."""
    session, tripped = facts.view.session, -facts.day_pnl >= _limit(facts.account)
    return replace(book, loss_latched_on=session) if tripped and book.loss_latched_on != session else book


def _limit(account: Account) -> Decimal:
    return share_of(account.capital, account.limits.daily_loss)
