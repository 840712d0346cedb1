"""The receipt of one guard, switch or wall that actually ran."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass


class Outcome(StrEnum):
    PASSED = "passed"
    LIMITED = "limited"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


_BLOCKED, _UNKNOWN = Outcome.BLOCKED, Outcome.UNKNOWN

Measured = float | str | None
"""What a guard measured or compared with: a number, a text, or None when it could not be measured."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One guard's answer.

    `measured` and `limit` share `unit`; `input_hash` is the digest of what the guard saw; `detail` is a sentence for
    people. `risk.receipt` writes the hundred of a decision faster than this class does.
    """

    guard: str
    version: int
    outcome: Outcome
    measured: Measured
    limit: Measured
    unit: str
    input_hash: str
    detail: str = ""

    @property
    def stops(self) -> bool:
        """Unknown means no."""
        # Identity: a set would ask for the hash of an Enum, which is slow, some hundred times a decision.
        return self.outcome is _BLOCKED or self.outcome is _UNKNOWN


def first_stop(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The canonical reason: the first verdict that blocks or is unknown. Raises `Broken` when nothing was asked."""
    asked = None
    for asked in verdicts:
        if asked.outcome is _BLOCKED or asked.outcome is _UNKNOWN:
            return asked
    if asked is None:
        raise Broken("no guard was asked", where="verdict.first_stop", fix="An empty registry never passes")
    return None
