"""The firewall against the fault library: every fault at every severity, judged as the poller judges."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from datetime import datetime

import numpy as np

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.firewall import Firewall, IntegrityContext, check
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.simulator.faults.fault import Answer, Fault, Injected, Level, Scene

PLACES = 12
"""Snapshots tried for a fault that cannot be laid everywhere, before it counts as not laid."""
HISTORY_SHARE = 0.005
"""Rows that may be masked otherwise when a good chain comes after a hole: what clean days are allowed to lose."""
SCHEMA = "schema"
"""What stands for the guards where the parser refuses."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What the poller remembers between two snapshots of one underlying."""

    previous: Snapshot | None = None
    last_seen: Snapshot | None = None


def judge(
    snapshot: Snapshot, rules: RuleBook, memory: Memory, decided_at: datetime | None = None
) -> tuple[Firewall, Memory]:
    """One snapshot through the firewall, as `poll_market` does it, and what is remembered after it."""
    contract = contract_for(snapshot.source)
    context = IntegrityContext(
        underlying=(memory.previous or snapshot).underlying,
        contract=contract,
        rules=rules,
        decided_at=decided_at or snapshot.received_at,
        previous=memory.previous,
        last_seen=memory.last_seen if contract.clock == "receipt" else None,
    )
    firewall = check(snapshot, context)
    return firewall, Memory(firewall.snapshot if firewall.accepted else memory.previous, snapshot)


@dataclass(frozen=True, slots=True, eq=False)
class CleanRun:
    """A day as it came: one firewall a snapshot, and what was remembered before each."""

    firewalls: tuple[Firewall, ...]
    memories: tuple[Memory, ...]


def run_clean(snapshots: Sequence[Snapshot], rules: RuleBook) -> CleanRun:
    """Judges a day in order."""
    memory, firewalls, memories = Memory(), [], []
    for snapshot in snapshots:
        memories.append(memory)
        firewall, memory = judge(snapshot, rules, memory)
        firewalls.append(firewall)
    return CleanRun(tuple(firewalls), tuple(memories))


@dataclass(frozen=True, slots=True)
class Tried:
    """One fault laid once. `guard` caught it (empty where nothing did); `touched` and `used` count rows.

    `lost` counts near-the-money rows that the fault did not touch and that were masked because of it.
    """

    at: datetime
    caught: bool
    guard: str
    touched: int
    used: int
    lost: int


@dataclass(frozen=True, slots=True)
class Tally:
    """One fault at one severity. `gated` is false for severities below what anybody could notice."""

    fault: Fault
    severity: float
    gated: bool
    tried: tuple[Tried, ...] = field(default=())

    @property
    def caught(self) -> int:
        return sum(item.caught for item in self.tried)

    @property
    def guards(self) -> dict[str, int]:
        """How often each guard was the one that caught it, the most frequent first."""
        return dict(Counter(item.guard for item in self.tried if item.caught).most_common())


def run_trial(
    scene: Scene,
    faults: Sequence[Fault],
    per_fault: int,
    seed: int,
    tell: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> list[Tally]:
    """Lays every fault `per_fault` times at every severity into accepted snapshots of the scene; pure in the seed."""
    clean = run_clean(scene.snapshots, scene.rules)
    places = np.array([place for place, firewall in enumerate(clean.firewalls) if firewall.accepted and place > 2])
    if not len(places):
        raise BadInput("no accepted snapshot to lay a fault into", where="fault trial", fix="Run qs chain check on it")
    jobs = [
        (fault, float(level), gated)
        for fault in faults
        for levels, gated in ((fault.below, False), (fault.severities, True))
        for level in levels
    ]
    tallies = []
    for done, (fault, level, gated) in enumerate(jobs):
        tell(done, len(jobs), fault.name)
        tries = (_once(scene, clean, places, fault, level, (seed, number)) for number in range(per_fault))
        tallies.append(Tally(fault, level, gated, tuple(item for item in tries if item is not None)))
    return tallies


def _once(
    scene: Scene, clean: CleanRun, places: np.ndarray, fault: Fault, level: float, key: tuple[int, int]
) -> Tried | None:
    """One injection at a random place; None where the fault cannot be laid at any of the places tried."""
    # By name: a new fault in the library must not move the places of the others.
    random = np.random.default_rng([*key, zlib.crc32(f"{fault.name} {level}".encode())])
    for place in random.choice(places, min(PLACES, len(places)), replace=False).tolist():
        injected = fault(scene, place, level, random)
        if injected is not None:
            return _tried(scene.rules, clean, place, fault, injected)
    return None


def _tried(rules: RuleBook, clean: CleanRun, place: int, fault: Fault, injected: Injected) -> Tried:
    reference = clean.firewalls[place]
    at, touched = injected.snapshot.received_at, int(np.count_nonzero(injected.touched))
    if injected.raw is not None:
        try:
            parsed = parse(injected.raw, rules)
        except BadInput:
            return Tried(at, fault.answer is Answer.REFUSED, SCHEMA, touched, 0, 0)
        if injected.raw.parser != "canonical":
            return Tried(at, False, "", touched, touched, 0)
        injected = replace(injected, snapshots=_placed(injected, parsed), raw=None)
    firewall = _judged(rules, clean, injected)
    caught = _is_right(fault, injected, firewall, reference)
    used = int(np.count_nonzero(firewall.mask & injected.touched)) if firewall.accepted else 0
    guard = _guard(fault, firewall, injected) if caught else ""
    return Tried(at, caught, guard, touched, used, _lost(firewall, injected, reference))


def _placed(injected: Injected, snapshot: Snapshot) -> tuple[Snapshot, ...]:
    return (*injected.snapshots[: injected.at], snapshot, *injected.snapshots[injected.at + 1 :])


def _judged(rules: RuleBook, clean: CleanRun, injected: Injected) -> Firewall:
    """From the first changed snapshot on, so that what is remembered is what a poller would remember."""
    memory = clean.memories[injected.begins]
    for place in range(injected.begins, injected.at):
        memory = judge(injected.snapshots[place], rules, memory)[1]
    return judge(injected.snapshot, rules, memory, injected.decided_at)[0]


def _is_right(fault: Fault, injected: Injected, firewall: Firewall, reference: Firewall) -> bool:
    if fault.answer is Answer.REFUSED:
        return not firewall.accepted
    if fault.answer is Answer.MASKED:
        return not firewall.accepted or not (firewall.mask & injected.touched).any()
    if fault.answer is Answer.SAFE:
        return not firewall.accepted or _forwards_agree(firewall, reference)
    if "before" in fault.changes:  # history differs, so what history masks may differ a little
        changed = int(np.count_nonzero(firewall.mask != reference.mask))
        return (
            firewall.accepted and _forwards_agree(firewall, reference) and changed <= HISTORY_SHARE * len(firewall.mask)
        )
    same = np.array_equal(firewall.quotes.forward, reference.quotes.forward, equal_nan=True)
    return firewall.accepted and same and np.array_equal(firewall.mask, reference.mask)


def _forwards_agree(firewall: Firewall, reference: Firewall) -> bool:
    """Every forward within the index's move of 60 s and two standard errors of the fit."""
    known = {part.expiry: fit for part, fit in zip(reference.snapshot.slices, reference.forwards, strict=True)}
    for part, fit in zip(firewall.snapshot.slices, firewall.forwards, strict=True):
        honest = known.get(part.expiry)
        if honest is None or not fit.is_fitted or not honest.is_fitted:
            continue
        room = reference.quotes.tolerance + 2 * (fit.stderr + honest.stderr)
        if abs(fit.forward - honest.forward) > room:
            return False
    return True


def _guard(fault: Fault, firewall: Firewall, injected: Injected) -> str:
    """The guard that refused, or the flag that most touched rows carry; empty where nothing stands against them."""
    if firewall.first_stop is not None:
        return firewall.first_stop.guard
    if fault.answer is not Answer.MASKED:
        return ""
    flags = firewall.quotes.flags
    counts = {name: int(np.count_nonzero(flags[name] & injected.touched)) for name in flags}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else ""


def _lost(firewall: Firewall, injected: Injected, reference: Firewall) -> int:
    if not firewall.accepted or len(firewall.mask) != len(reference.mask):
        return 0
    beside = reference.quotes.near & ~injected.touched
    return int(np.count_nonzero(beside & reference.mask & ~firewall.mask))


def by_level(tallies: Iterable[Tally], level: Level) -> list[Tally]:
    """The gated tallies of one level."""
    return [tally for tally in tallies if tally.fault.level is level and tally.gated]
