"""The receipt of one guard, switch or wall that actually ran."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

from quantsentinel.errors import Broken


class Outcome(StrEnum):
    PASSED = "passed"
    LIMITED = "limited"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


_BLOCKED, _UNKNOWN = Outcome.BLOCKED, Outcome.UNKNOWN
STOPS = frozenset({_BLOCKED, _UNKNOWN})
"""Unknown means no."""

Measured = float | str | None
"""What a guard measured or compared with: a number, a text, or None when it could not be measured."""


@dataclass(frozen=True, slots=True, init=False)
class Verdict:
    """One guard's answer.

    `measured` and `limit` share `unit`; `input_hash` is the digest of what the guard saw; `detail` is a sentence for
    people. A decision makes some hundred of them: its own `__init__` writes the slots three times as fast as a frozen
    dataclass does.
    """

    guard: str
    version: int
    outcome: Outcome
    measured: Measured
    limit: Measured
    unit: str
    input_hash: str
    detail: str = ""

    def __init__(  # noqa: PLR0913  # the fields, in order
        self,
        guard: str,
        version: int,
        outcome: Outcome,
        measured: Measured,
        limit: Measured,
        unit: str,
        input_hash: str,
        detail: str = "",
    ) -> None:
        _guard(self, guard)
        _version(self, version)
        _outcome(self, outcome)
        _measured(self, measured)
        _limit(self, limit)
        _unit(self, unit)
        _input_hash(self, input_hash)
        _detail(self, detail)

    @property
    def stops(self) -> bool:
        # Identity: a set would ask for the hash of an Enum, which is slow, some hundred times a decision.
        return self.outcome is _BLOCKED or self.outcome is _UNKNOWN


_guard, _version, _outcome, _measured, _limit, _unit, _input_hash, _detail = (
    vars(Verdict)[field.name].__set__ for field in fields(Verdict)
)


def first_stop(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The canonical reason: the first verdict that blocks or is unknown. Raises `Broken` when nothing was asked."""
    asked = None
    for asked in verdicts:
        if asked.outcome is _BLOCKED or asked.outcome is _UNKNOWN:
            return asked
    if asked is None:
        raise Broken("no guard was asked", where="verdict.first_stop", fix="An empty registry never passes")
    return None
