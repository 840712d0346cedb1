"""Receipts: a verdict whose input hash says which decision it belongs to and what the guard read.

`input_hash` is `<stamp>.<hash>`: the stamp is the same for every guard of one decision (tenant, cycle, snapshot and
decision time), so that a receipt of another decision is recognised; the hash is over the guard's own inputs.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Generic, NamedTuple, TypeGuard, TypeVar

from quantsentinel.units import quantise
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


def receipt(decision: str, name: str, outcome: Outcome, reading: Reading, *inputs: object) -> Verdict:
    """A verdict of version 1 of guard `name`. `inputs` are the plain values it read: their text is hashed."""
    hashed = blake2b(f"{name}{inputs!r}".encode(), digest_size=16).hexdigest()
    measured, limit, unit, detail = reading
    if type(reading) is not Exact:
        if isinstance(measured, float):
            measured = quantise(measured)
        if isinstance(limit, float):
            limit = quantise(limit)
    return Verdict(name, 1, outcome, measured, limit, unit, f"{decision}.{hashed}", detail)


def passes(condition: bool | None) -> Outcome:
    """Unknown means no."""
    if condition is None:
        return Outcome.UNKNOWN
    return Outcome.PASSED if condition else Outcome.BLOCKED


def known(*numbers: Decimal | float | None) -> bool:
    """All of them are finite numbers."""
    return all(number is not None and math.isfinite(number) for number in numbers)


def at_most(decision: str, name: str, reading: Reading, *inputs: object) -> Verdict:
    """A verdict on measured <= limit, both to 1e-6; unknown, and nothing measured, when either is no finite number."""
    measured, limit, unit, detail = reading
    if _is_number(measured) and _is_number(limit):
        left, right = quantise(measured), quantise(limit)
        return receipt(decision, name, passes(left <= right), Exact(left, right, unit, detail), *reading[:2], *inputs)
    return receipt(decision, name, Outcome.UNKNOWN, _unmeasured(reading), *reading[:2], *inputs)


def at_least(decision: str, name: str, reading: Reading, *inputs: object) -> Verdict:
    """The mirror image of `at_most`."""
    measured, limit, unit, detail = reading
    if _is_number(measured) and _is_number(limit):
        left, right = quantise(measured), quantise(limit)
        return receipt(decision, name, passes(left >= right), Exact(left, right, unit, detail), *reading[:2], *inputs)
    return receipt(decision, name, Outcome.UNKNOWN, _unmeasured(reading), *reading[:2], *inputs)


def _is_number(value: Measured) -> TypeGuard[float]:
    return value is not None and not isinstance(value, str) and math.isfinite(value)


def _unmeasured(reading: Reading) -> Reading:
    limit = reading.limit if _is_number(reading.limit) else None
    return Reading(None, limit, reading.unit, reading.detail or "not known")
