"""Equity has not fallen below the tenant's floor; tripped until the next open (`definitions.md` §8)."""

from __future__ import annotations

from dataclasses import replace

from quantsentinel.portfolio.book import Book
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Outcome, Verdict

NAME = "capital_floor"


def capital_floor(facts: TenantFacts) -> Verdict:
    floor = facts.account.limits.capital_floor
    if not facts.is_marked:
        reading = Reading(None, float(floor), "INR", "a position is not marked")
        return receipt(NAME, Outcome.UNKNOWN, reading, floor)
    equity = facts.equity
    latched = facts.book.floor_latched_on == facts.view.session
    detail = "tripped in this session; re-arms at the next open" if latched else ""
    reading = Reading(float(equity), float(floor), "INR", detail)
    return receipt(NAME, passes(equity >= floor and not latched), reading, equity, floor, latched)


def latched(book: Book, facts: TenantFacts) -> Book:
    """The book after the marks: remembers that equity was below the floor in this session."""
    session, below = facts.view.session, facts.equity < facts.account.limits.capital_floor
    return replace(book, floor_latched_on=session) if below and book.floor_latched_on != session else book
