"""A fault is a value: what a real feed did wrong, how badly, and what a system that notices must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from enum import StrEnum

import numpy as np

from quantsentinel.frozen import dataclass
from quantsentinel.market.raw import RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Bools, Snapshot


class Level(StrEnum):
    """What goes wrong: single rows, a chain (or one expiry of it), or the payload before it is parsed."""

    QUOTE = "quote"
    CHAIN = "chain"
    RAW = "raw"


class Answer(StrEnum):
    """What is right to do."""

    REFUSED = "refused"
    """The chain is not accepted."""
    MASKED = "masked"
    """No touched row is used; refusing the chain is right too."""
    UNCHANGED = "unchanged"
    """The fault lies in what decisions do not read: accepted, the same rows used, the same forwards."""
    SAFE = "safe"
    """Refused, or accepted with forwards that moved by less than the index does in 60 s."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The day a fault is laid into, and where its wrong values come from.

    `foreign` is the same day of another underlying, `earlier` a session some weeks before of the same one; both may be
    empty: faults that need them then cannot be laid.
    """

    snapshots: tuple[Snapshot, ...] = field(repr=False)
    rules: RuleBook = field(repr=False)
    foreign: tuple[Snapshot, ...] = field(default=(), repr=False)
    earlier: tuple[Snapshot, ...] = field(default=(), repr=False)

    def with_snapshot(self, at: int, snapshot: Snapshot) -> tuple[Snapshot, ...]:
        return (*self.snapshots[:at], snapshot, *self.snapshots[at + 1 :])


@dataclass(frozen=True, slots=True, eq=False)
class Injected:
    """The day with the fault in it. `touched` are the rows of `snapshots[at]` that now tell something wrong.

    `begins` is the first snapshot that differs from the clean day. `decided_at` is set where the fault lies in our own
    clock; without it the decision falls on the receipt. `raw` replaces the parsed snapshot where the payload is wrong.
    """

    snapshots: tuple[Snapshot, ...] = field(repr=False)
    at: int
    touched: Bools
    begins: int
    decided_at: datetime | None = None
    raw: RawSnapshot | None = field(default=None, repr=False)

    @property
    def snapshot(self) -> Snapshot:
        return self.snapshots[self.at]


Inject = Callable[[Scene, int, float, np.random.Generator], Injected | None]
"""(scene, at, severity, random) -> the day with the fault; None where it cannot be laid there."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`sources` are keys of `registry.SOURCES`; `changes` names the parts of the judged snapshot that may differ.

    `severities` are those at which it must be noticed, in `unit`. `below` are levels that the tolerance of
    `definitions.md` §3 covers: they are tried and published, but nobody could notice them all. `floor` says why the
    lowest level stands where it does.
    """

    name: str
    sources: tuple[str, ...]
    level: Level
    answer: Answer
    changes: frozenset[str]
    unit: str
    severities: tuple[float, ...]
    inject: Inject
    below: tuple[float, ...] = field(default=())
    floor: str = ""

    def __call__(self, scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
        """Pure: the same scene, place, severity and state of `random` give the same fault."""
        return self.inject(scene, at, severity, random)
