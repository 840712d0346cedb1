"""What the book remembers of switches that re-arm later: loss and floor at the next open, staleness after three fresh
snapshots, a drawdown when a person says so, utilisation and correlation below a lower level."""

from __future__ import annotations

from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.switches import (
    capital_floor,
    correlation_cluster,
    daily_loss,
    margin_utilisation,
    stale_data,
    strategy_drawdown,
)


def latched(facts: TenantFacts) -> TenantFacts:
    """The facts with a book that has counted this snapshot, after its marks and exits."""
    book = stale_data.counted(facts.book, facts.view.underlying, facts.gap)
    book = capital_floor.latched(book, facts)
    book = daily_loss.latched(book, facts)
    book = strategy_drawdown.latched(book, facts)
    book = margin_utilisation.latched(book, facts)
    book = correlation_cluster.latched(book, facts)
    return facts if book is facts.book else facts.latched(book)
