"""Documents that end by themselves, at the time in their field `expire_at`.

Firestore removes them within about a day of it, by a TTL field of each collection group (`terraform/indexes.json` holds
the same groups); where no Firestore is, the sweep does. Nobody may rely on one being gone: each means the same until
it is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from quantsentinel.ports import MAX_BATCH_WRITES, Delete, Documents, Where

FIELD = "expire_at"
COLLECTIONS = ("dropped", "inbox", "self_tests", "self_tests/*/answers", "self_tests/*/arrivals")
"""Where the field may stand (`*` is any id): anywhere else a document would pass for one that ends, and stay."""
_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}\+00:00")


def expiry(moment: datetime) -> str:
    """The field's one form: UTC with microseconds, as a timestamp reads back, and in the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment_of(text: Any) -> datetime | None:
    """The time in a field that `expiry` wrote; None for anything else."""
    if not isinstance(text, str) or not _TEXT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def collection_of(path: str) -> str:
    """The collection of a document's path with `*` for every id in it."""
    parts = path.split("/")[:-1]
    return "/".join("*" if number % 2 else part for number, part in enumerate(parts))


def remove_expired(documents: Documents, now: datetime) -> int:
    """Removes what has ended, at most one batch a collection; returns how many.

    Firestore does this by itself, within a day and also below `self_tests/*`, which only a deployment writes.
    """
    removed = 0
    for collection in COLLECTIONS:
        if "*" not in collection:
            ended = documents.query(
                collection, [Where(FIELD, "<=", expiry(now))], order_by=FIELD, limit=MAX_BATCH_WRITES
            )
            documents.commit([Delete(document.path) for document in ended])
            removed += len(ended)
    return removed
