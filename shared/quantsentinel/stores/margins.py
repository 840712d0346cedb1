"""What a broker's margin calculator answered for a cycle's offers: one object a cycle, written once.

    margins/{underlying}/{date}/{cycle}.json

The cycle names the object and the view's digest covers the figures in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from quantsentinel.accounts.codec import decode
from quantsentinel.canonical import canonical_bytes
from quantsentinel.errors import BadInput, Broken
from quantsentinel.opportunity.broker_margin import MarginAnswer
from quantsentinel.ports import Objects


def margins_key(underlying: str, session: date, cycle_id: str) -> str:
    return f"margins/{underlying}/{session.isoformat()}/{cycle_id}.json"


class MarginStore:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def put(self, key: str, answers: Sequence[MarginAnswer]) -> tuple[MarginAnswer, ...]:
        """Keeps the first answers of a cycle; returns those that are kept."""
        self._objects.put_if_absent(key, canonical_bytes(list(answers)))
        return self.get(key)

    def find(self, key: str) -> tuple[MarginAnswer, ...] | None:
        """None when nobody was asked yet. Raises `Broken` for an object that cannot be read."""
        data = self._objects.get(key)
        if data is None:
            return None
        try:
            return tuple(decode(MarginAnswer, item) for item in json.loads(data))
        except (ValueError, TypeError, BadInput) as error:
            raise Broken(f"the stored margins cannot be read: {error}", where=key) from None

    def get(self, key: str) -> tuple[MarginAnswer, ...]:
        """Raises `Broken` when the object is missing or cannot be read."""
        found = self.find(key)
        if found is None:
            raise Broken(
                "the stored margins are missing", where=key, fix="Restore the object: a cycle was decided on it"
            )
        return found
