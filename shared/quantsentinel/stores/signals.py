"""A tenant's signals: one step is one record, and a signal's first step claims its id.

tenants/{t}/signals/{id}-{seq}   the only step of its cycle, create only
tenants/{t}/audit/{seq}          several steps of one cycle: `signals` beside the record, outside of its hash,
                                 because a cycle of one tenant has few writes
signal_owners/{signal_id}        a signal id that reaches a second tenant fails here
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quantsentinel.errors import BadInput, Conflict
from quantsentinel.ports import Create, Documents, Json, Where, Write

MOST_BESIDE = 8
"""Steps in one audit document: some 25 kB and a thousand indexed values each, of 1 MiB and 40,000."""


class SignalRecords:
    def __init__(self, documents: Documents, root: str) -> None:
        self._documents = documents
        self._own, self._audit, self._tenant = f"{root}/signals", f"{root}/audit", root.rpartition("/")[2]

    def writes(self, steps: Sequence[Json]) -> tuple[list[Write], Json]:
        """Claims and documents of a cycle's steps, and what its audit document holds of them. Raises `Conflict` for a
        step of another tenant."""
        for step in steps:
            if step["tenant_id"] != self._tenant:
                raise Conflict(f"a signal of {step['tenant_id']}", where=f"{self._own}/{_name(step)}")
        beside = steps[:MOST_BESIDE] if len(steps) > 1 else []
        made: list[Write] = [
            Create(f"signal_owners/{step['signal_id']}", {"tenant_id": self._tenant})
            for step in steps
            if step["sequence"] == 1
        ]
        made += [Create(f"{self._own}/{_name(step)}", step) for step in steps[len(beside) :]]
        if not beside:
            return made, {}
        return made, {"signals": list(beside), "signal_steps": [_name(step) for step in beside], "has_signals": True}

    def of(self, signal_id: str, sequence: int) -> Json:
        """One step. Raises `BadInput` when there is none."""
        name = f"{signal_id}-{sequence:03d}"
        document = self._documents.get(f"{self._own}/{name}")
        if document is not None:
            return document.data
        where = [Where("signal_steps", "array_contains", name)]
        for found in self._documents.query(self._audit, where, limit=1):
            return next(step for step in _steps(found.data) if _name(step) == name)
        raise BadInput(f"no event {sequence} of {signal_id}", where=self._own)

    def all(self) -> list[Json]:
        """Every step, each signal's in their order."""
        own = [document.data for document in self._documents.query(self._own)]
        return sorted([*own, *self.beside()], key=_name)

    def beside(self) -> Iterator[Json]:
        """Those that stand beside audit records."""
        where = [Where("has_signals", "==", True)]
        for document in self._documents.query(self._audit, where):
            yield from _steps(document.data)


def _steps(audit: Json) -> list[Json]:
    return list(audit["signals"])


def _name(step: Json) -> str:
    return f"{step['signal_id']}-{step['sequence']:03d}"
