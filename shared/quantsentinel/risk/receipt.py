"""Receipts: a verdict whose input hash says which decision it belongs to and what the guard read.

`input_hash` is `<stamp>.<hash>`: the stamp is the same for every guard of one decision (tenant, cycle, snapshot and
decision time), so that a receipt of another decision is recognised; the hash is over the guard's own inputs.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Generic, NamedTuple, TypeVar

from quantsentinel.frozen import dataclass, draft_of
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


def stamp(tenant_id: str, cycle_id: str, snapshot_digest: str, decided_at: datetime) -> str:
    """16 hex characters that name a decision."""
    text = f"{tenant_id}|{cycle_id}|{snapshot_digest}|{decided_at.timestamp():.6f}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Exact(Reading):
    """A reading whose numbers are quantised already."""


_Draft = draft_of(Verdict)
"""A decision makes some hundred verdicts: slots that may still be set take their values in a third of the time."""


def receipt(decision: str, name: str, outcome: Outcome, reading: Reading, *inputs: object) -> Verdict:
    """A verdict of version 1 of guard `name`. `inputs` are the plain values it read: their text is hashed."""
    draft: Any = _Draft()
    measured, limit, draft.unit, draft.detail = reading
    if type(reading) is not Exact:
        if isinstance(measured, float):
            measured = round(measured, 6) + 0.0
        if isinstance(limit, float):
            limit = round(limit, 6) + 0.0
    draft.guard, draft.version, draft.outcome = name, 1, outcome
    draft.measured, draft.limit = measured, limit
    draft.input_hash = f"{decision}.{blake2b(f'{name}{inputs!r}'.encode(), digest_size=16).hexdigest()}"
    draft.__class__ = Verdict
    verdict: Verdict = draft
    return verdict


def stamped(decision: str, verdict: Verdict) -> Verdict:
    """A verdict that was made without a decision (`""`), as a receipt of this one."""
    draft: Any = _Draft()
    draft.guard, draft.version, draft.outcome = verdict.guard, verdict.version, verdict.outcome
    draft.measured, draft.limit, draft.unit = verdict.measured, verdict.limit, verdict.unit
    draft.detail, draft.input_hash = verdict.detail, decision + verdict.input_hash
    draft.__class__ = Verdict
    made: Verdict = draft
    return made


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


def at_most(decision: str, name: str, reading: Reading, *inputs: object) -> Verdict:
    """A verdict on measured <= limit, both to 1e-6; unknown, and nothing measured, when either is no finite number."""
    measured, limit, unit, detail = reading
    if not _comparable(measured, limit):
        return receipt(decision, name, Outcome.UNKNOWN, _unmeasured(reading), measured, limit, *inputs)
    exact, bound = round(measured, 6) + 0.0, round(limit, 6) + 0.0  # type: ignore[arg-type]  # both are numbers
    outcome = _PASSED if exact <= bound else _BLOCKED
    return receipt(decision, name, outcome, _exact(Exact, (exact, bound, unit, detail)), measured, limit, *inputs)


def at_least(decision: str, name: str, reading: Reading, *inputs: object) -> Verdict:
    """The mirror image of `at_most`."""
    measured, limit, unit, detail = reading
    if not _comparable(measured, limit):
        return receipt(decision, name, Outcome.UNKNOWN, _unmeasured(reading), measured, limit, *inputs)
    exact, bound = round(measured, 6) + 0.0, round(limit, 6) + 0.0  # type: ignore[arg-type]  # both are numbers
    outcome = _PASSED if exact >= bound else _BLOCKED
    return receipt(decision, name, outcome, _exact(Exact, (exact, bound, unit, detail)), measured, limit, *inputs)


_PASSED, _BLOCKED = Outcome.PASSED, Outcome.BLOCKED
"""An Enum's member is looked up through its class at every mention."""


def _comparable(measured: Measured, limit: Measured) -> bool:
    """Both are finite numbers."""
    try:
        return math.isfinite(measured) and math.isfinite(limit)  # type: ignore[arg-type]  # what is none raises
    except TypeError:
        return False


_exact: Callable[[type[Exact], tuple[Measured, Measured, str, str]], Exact] = tuple.__new__
"""A named tuple's own constructor takes twice the time."""


def _unmeasured(reading: Reading) -> Reading:
    known_limit = _comparable(0.0, reading.limit)
    return Reading(None, reading.limit if known_limit else None, reading.unit, reading.detail or "not known")
