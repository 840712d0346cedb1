"""Receipts: what a guard measured, and a hash of what it read.

A guard knows of no decision: the castle puts the stamp of one (tenant, cycle, snapshot and decision time) on what it
asked for (`verdict.Verdicts`), so that a receipt of another decision is recognised.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from quantsentinel.frozen import dataclass, draft_of
from quantsentinel.units import counted
from quantsentinel.verdict import Measured, Outcome, Verdict

F = TypeVar("F")


class Reading(NamedTuple):
    """What a guard measured against which limit, in one unit, and a sentence for people."""

    measured: Measured
    limit: Measured
    unit: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Guard(Generic[F]):
    """A registered guard: `ask` is pure and always answers."""

    name: str
    version: int
    ask: Callable[[F], Verdict]


@dataclass(frozen=True, slots=True)
class Wall(Generic[F]):
    """A registered wall: `ask` is pure and answers all of `checks`, in that order. Their names are `<wall>.<check>`."""

    name: str
    version: int
    checks: tuple[str, ...]
    ask: Callable[[F], tuple[Verdict, ...]]


@lru_cache(maxsize=256)
def stamp(tenant_id: str, cycle_id: str, snapshot_digest: str, decided_at: datetime) -> str:
    """16 hex characters that name a decision. Its facts ask for them, and each of its signals again."""
    text = f"{tenant_id}|{cycle_id}|{snapshot_digest}|{decided_at.timestamp():.6f}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_Draft = draft_of(Verdict)
"""A decision makes some hundred verdicts: slots that may still be set take their values in a third of the time."""

Plain = tuple[Measured, Measured, str, str]
"""A reading without names, which takes a third of the time to make: to `receipt` one that is quantised already."""


def receipt(name: str, outcome: Outcome, reading: Reading | Plain, *inputs: object) -> Verdict:
    """A verdict of version 1 of guard `name`. `inputs` are the plain values it read: the hash is of their text."""
    draft: Any = _Draft()
    measured, limit, draft.unit, draft.detail = reading
    if type(reading) is Reading:
        if isinstance(measured, float):
            measured = round(measured, 6) + 0.0
        if isinstance(limit, float):
            limit = round(limit, 6) + 0.0
    draft.guard, draft.version, draft.outcome = name, 1, outcome
    draft.measured, draft.limit = measured, limit
    draft.decision, draft.evidence = "", inputs
    draft.__class__ = Verdict
    verdict: Verdict = draft
    return verdict


@lru_cache(maxsize=256, typed=True)
def at(lots: int) -> str:
    """`at 3 lots`: what was measured depends on the size."""
    return f"at {counted(lots, 'lot')}"


def passes(condition: bool | None) -> Outcome:
    """Unknown means no."""
    if condition is None:
        return Outcome.UNKNOWN
    return Outcome.PASSED if condition else Outcome.BLOCKED


def known(*numbers: Decimal | float | None) -> bool:
    """All of them are finite numbers."""
    for number in numbers:  # noqa: SIM110  # a generator takes three times as long, forty times a decision
        if number is None or not math.isfinite(number):
            return False
    return True


def at_most(name: str, reading: Plain, *inputs: object) -> Verdict:
    """A verdict on measured <= limit, both to 1e-6; unknown, and nothing measured, when either is no finite number."""
    measured, limit, unit, detail = reading
    try:
        exact, bound = round(measured, 6) + 0.0, round(limit, 6) + 0.0  # type: ignore[arg-type]  # others raise
    except (TypeError, OverflowError):
        return _unknown(name, reading, inputs)
    if -_INF < exact <= bound < _INF:
        return receipt(name, _PASSED, (exact, bound, unit, detail), measured, limit, *inputs)
    if math.isfinite(exact) and math.isfinite(bound):
        return receipt(name, _BLOCKED, (exact, bound, unit, detail), measured, limit, *inputs)
    return _unknown(name, reading, inputs)


def at_least(name: str, reading: Plain, *inputs: object) -> Verdict:
    """The mirror image of `at_most`."""
    measured, limit, unit, detail = reading
    try:
        exact, bound = round(measured, 6) + 0.0, round(limit, 6) + 0.0  # type: ignore[arg-type]  # others raise
    except (TypeError, OverflowError):
        return _unknown(name, reading, inputs)
    if _INF > exact >= bound > -_INF:
        return receipt(name, _PASSED, (exact, bound, unit, detail), measured, limit, *inputs)
    if math.isfinite(exact) and math.isfinite(bound):
        return receipt(name, _BLOCKED, (exact, bound, unit, detail), measured, limit, *inputs)
    return _unknown(name, reading, inputs)


_INF = math.inf
_PASSED, _BLOCKED = Outcome.PASSED, Outcome.BLOCKED
"""An Enum's member is looked up through its class at every mention."""


def _unknown(name: str, reading: Plain, inputs: tuple[object, ...]) -> Verdict:
    measured, limit, unit, detail = reading
    told = limit if isinstance(limit, int | float) and math.isfinite(limit) else None
    unmeasured = Reading(None, told, unit, detail or "not known")
    return receipt(name, Outcome.UNKNOWN, unmeasured, measured, limit, *inputs)
