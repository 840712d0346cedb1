"""Tenant pass: budget 0.5 ms a tenant with three offers, 10,000 tenants in 5 s on one core. CPU time, medians."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from quantsentinel.accounts.account import Account
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.codec import decode_book, encode_book
from quantsentinel.units import rupees
from tests import builders
from tests.figures import row

TENANTS = 1_000
ROUNDS = 3
BUDGET_MS = 0.5
CODEC_MS = 0.5


def tenants() -> list[Account]:
    """Different sizes, so that different lots are priced."""
    return [builders.account(f"tenant-{n:05d}", capital=rupees(300_000 + 2_000 * (n % 500))) for n in range(TENANTS)]


def rows() -> list[dict[str, Any]]:
    packages = (builders.condor_package(), builders.vertical_package(), builders.condor_package(width=200.0))
    moved = builders.market(builders.TEN + timedelta(minutes=1), move=10.0)
    first, later = builders.offering(builders.market(), *packages), builders.offering(moved, *packages)
    house, accounts = builders.desk(), tenants()
    fresh, next_cycle = builders.as_of(first), builders.as_of(later)
    books = [tenant_pass(first, Book(), tenant, house, fresh).book_after for tenant in accounts]
    held = list(zip(accounts, books, strict=True))
    decided = [tenant_pass(later, book, tenant, house, next_cycle) for tenant, book in held[:200]]
    documents = [encode_book(book) for book in books]
    return [
        _row(
            "tenant pass, 3 offers, empty book", lambda item: tenant_pass(first, Book(), item, house, fresh), accounts
        ),
        _row(
            "tenant pass, 3 offers, 2 positions",
            lambda item: tenant_pass(later, item[1], item[0], house, next_cycle),
            held,
        ),
        _row("decision row of a tenant", lambda item: type(item).row_bytes.func(item), decided, CODEC_MS),
        _row("book to document", encode_book, books, CODEC_MS),
        _row("document to book", decode_book, documents, CODEC_MS),
    ]


def _row(
    name: str, work: Callable[[Any], object], items: list[Any], budget: float | None = BUDGET_MS
) -> dict[str, Any]:
    """CPU milliseconds an item: the median of `ROUNDS` runs over all items, after one to warm up."""
    samples = []
    for _ in range(ROUNDS + 1):
        started = time.process_time()
        for item in items:
            work(item)
        samples.append(1000 * (time.process_time() - started) / len(items))
    note = f"CPU time, {len(items)} tenants of made-up offers"
    return row(name, statistics.median(samples[1:]), "ms", budget, note=note)


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
