"""What is held gains and loses together: entries stop above the limit and go on below a lower level.

The wall keeps packages apart when they are entered; markets move them together afterwards.
"""

from __future__ import annotations

from quantsentinel.portfolio.book import Book, with_latch, without_latch
from quantsentinel.portfolio.comovement import Alike, book_correlation
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, known, passes, receipt
from quantsentinel.verdict import Outcome, Verdict

NAME = "correlation_cluster"
UNIT = "correlation of scenario P&L"


def correlation_cluster(facts: TenantFacts) -> Verdict:
    """Measured is the largest correlation between two held packages, or of one with all others; None below two."""
    limit, since, found = facts.account.limits.max_correlation, facts.book.latched.get(NAME), _found(facts.book, facts)
    inputs = (found.value, limit, since, len(facts.book.held))
    if found.reason or not known(limit):
        reading = Reading(None, limit if known(limit) else None, UNIT, found.reason or "the limit is not known")
        return receipt(NAME, Outcome.UNKNOWN, reading, *inputs)
    below = found.value is None or found.value <= limit
    detail = found.names if since is None else f"tripped at {since}; re-arms below {_rearm(facts):g} ({found.names})"
    reading = Reading(found.value, limit, UNIT, detail or "fewer than two packages")
    return receipt(NAME, passes(below and since is None), reading, *inputs)


def latched(book: Book, facts: TenantFacts) -> Book:
    """The book after its marks and exits. What is not known changes nothing: it stops entries by itself."""
    found, since = _found(book, facts), book.latched.get(NAME)
    if found.reason:
        return book
    value = -1.0 if found.value is None else found.value
    if since is None and value > facts.account.limits.max_correlation:
        return with_latch(book, NAME, facts.as_of.decided_at)
    if since is not None and (found.value is None or value < _rearm(facts)):
        return without_latch(book, NAME)
    return book


def _found(book: Book, facts: TenantFacts) -> Alike:
    return book_correlation(book.held, facts.view, facts.desk)


def _rearm(facts: TenantFacts) -> float:
    return facts.account.limits.max_correlation - facts.desk.policy.walls.rearm_correlation
