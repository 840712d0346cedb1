"""Refusals that came again within their minute and changed nothing else: counted, and told with the next record.

Such a cycle writes no document of its tenant. Its batch's record carries, tenant by tenant, what the chain has not been
told: which rows, by object and digest, and the tallies as they stand. The cycle after takes them up, because it reads
the record of the batch that it follows anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any

from quantsentinel.canonical import sha256
from quantsentinel.frozen import dataclass
from quantsentinel.portfolio.book import Book
from quantsentinel.ports import Document
from quantsentinel.signals.decision import TenantDecision


@dataclass(frozen=True, slots=True)
class Waiting:
    """`rows` are (cycle, object, row digest) by time; `tallies` are the counts that the stored book does not know."""

    rows: tuple[tuple[str, str, str], ...] = ()
    tallies: Mapping[str, int] = field(default_factory=dict)

    def in_book(self, book: Book) -> Book:
        """The book with the refusals counted that were not written to it."""
        if not self.tallies:
            return book
        counts = {key: replace(tally, count=self.tallies.get(key, tally.count)) for key, tally in book.refusals.items()}
        return replace(book, refusals=counts)

    def after(self, decision: TenantDecision, row: bytes, key: str) -> Waiting:
        """What is left once the row stands in object `key`: nothing when the decision was written."""
        if decision.must_commit:
            return NOTHING
        if not decision.refusals:
            return self
        mine = {refusal.tally_key for refusal in decision.refusals} | self.tallies.keys()
        tallies = {name: tally.count for name, tally in decision.book_after.refusals.items() if name in mine}
        return Waiting((*self.rows, (decision.as_of.cycle_id, key, sha256(row))), tallies)

    def plain(self) -> dict[str, Any]:
        return {"rows": [list(row) for row in self.rows], "tallies": dict(self.tallies)}


NOTHING = Waiting()


def left_by(batches: Iterable[Document]) -> dict[str, Waiting]:
    """What these batches left, by tenant."""
    return {
        tenant: Waiting(tuple((row[0], row[1], row[2]) for row in data["rows"]), data["tallies"])
        for batch in batches
        for tenant, data in batch.data.get("waiting", {}).items()
    }
