"""Two or three faults at once, as a broken feed has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from quantsentinel.simulator.faults import absent, foreign, scales, shapes, sides, stale
from quantsentinel.simulator.faults.fault import Answer, Fault, Injected, Level, Scene

_ALONE = {"frozen_quote", "infinite", "astronomic"}
"""What changes the days before, or leaves no number that another fault could be laid over."""
QUOTES: tuple[Fault, ...] = tuple(
    fault
    for family in (foreign, stale, scales, sides, shapes, absent)
    for fault in family.FAULTS
    if fault.level is Level.QUOTE and fault.answer is Answer.MASKED and fault.name not in _ALONE
)
"""Faults of single rows that leave the rows where they are."""
CHAINS: tuple[Fault, ...] = tuple(
    fault
    for family in (foreign, scales)
    for fault in family.FAULTS
    if fault.level is Level.CHAIN and fault.answer is Answer.REFUSED and "everything" not in fault.changes
)


def _laid(scene: Scene, at: int, chosen: Sequence[Fault], random: np.random.Generator) -> Injected | None:
    """Each of them in turn, on the result of the one before; None when one cannot be laid."""
    touched = np.zeros(len(scene.snapshots[at]), dtype=np.bool_)
    found: Injected | None = None
    for fault in chosen:
        found = fault(scene, at, float(random.choice(fault.severities)), random)
        if found is None:
            return None
        touched |= found.touched
        scene = replace(scene, snapshots=found.snapshots)
    return None if found is None else replace(found, touched=touched)


def _quotes(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    picked = random.choice(len(QUOTES), int(severity), replace=False)
    return _laid(scene, at, [QUOTES[place] for place in picked], random)


def _chain_and_quotes(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    picked = random.choice(len(QUOTES), int(severity) - 1, replace=False)
    # The chain's fault first: laid last, it would also change what the others spoilt.
    chosen = [CHAINS[int(random.integers(len(CHAINS)))], *(QUOTES[place] for place in picked)]
    return _laid(scene, at, chosen, random)


_ANY = frozenset({"values"})
FAULTS = (
    Fault(
        "mixed_quotes", ("openalgo_foreign_price",), Level.QUOTE, Answer.MASKED, _ANY, "faults at once", (2, 3), _quotes
    ),
    Fault(
        "mixed_chain",
        ("openalgo_foreign_price",),
        Level.CHAIN,
        Answer.REFUSED,
        _ANY,
        "faults at once",
        (2, 3),
        _chain_and_quotes,
    ),
)
