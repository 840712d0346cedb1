"""Funds blocked over marked equity: entries stop above the limit and go on below 15/16 of it (80 and 75 %)."""

from __future__ import annotations

from decimal import Decimal

from quantsentinel.portfolio.book import Book, with_latch, without_latch
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, known, passes, receipt
from quantsentinel.units import quantise
from quantsentinel.verdict import Outcome, Verdict

NAME = "margin_utilisation"
UNIT = "of marked equity"


def margin_utilisation(facts: TenantFacts) -> Verdict:
    """Measured is the share; None when no equity is left, which blocks, or when it is not known."""
    funds, equity, limit = facts.book.margin, facts.equity, facts.account.limits.max_margin_utilisation
    since = facts.book.latched.get(NAME)
    if not known(funds, equity, limit) or not facts.is_marked:
        reading = Reading(None, limit if known(limit) else None, UNIT, "funds or equity are not known")
        return receipt(NAME, Outcome.UNKNOWN, reading, funds, equity, limit, since)
    share = _share(funds, equity)
    detail = "" if since is None else f"tripped at {since}; re-arms below {_rearm(facts):g}"
    reading = Reading(share, limit, UNIT, detail if share is not None else "no equity is left")
    holds = share is not None and share <= limit and since is None
    return receipt(NAME, passes(holds), reading, funds, equity, since)


def latched(book: Book, facts: TenantFacts) -> Book:
    """The book after its marks and exits. What is not known changes nothing: it stops entries by itself."""
    funds, equity, limit = book.margin, facts.equity, facts.account.limits.max_margin_utilisation
    if not known(funds, equity, limit) or not facts.is_marked:
        return book
    share, since = _share(funds, equity), book.latched.get(NAME)
    if since is None and (share is None or share > limit):
        return with_latch(book, NAME, facts.as_of.decided_at)
    if since is not None and share is not None and share < _rearm(facts):
        return without_latch(book, NAME)
    return book


def _share(funds: Decimal, equity: Decimal) -> float | None:
    return quantise(float(funds / equity)) if equity > 0 else None


def _rearm(facts: TenantFacts) -> float:
    return facts.account.limits.max_margin_utilisation * facts.desk.policy.walls.rearm_utilisation
