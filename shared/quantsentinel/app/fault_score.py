"""Recall of the fault trial and false refusals of clean days against their targets, with Wilson intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from quantsentinel.app.clean_days import CleanTally
from quantsentinel.app.fault_trial import Tally
from quantsentinel.frozen import dataclass
from quantsentinel.simulator.faults.fault import Level

NORMAL_95: Final = 1.959963984540054
MIN_RECALL: Final = {Level.CHAIN: 1.0, Level.RAW: 1.0, Level.QUOTE: 0.99}
MAX_FALSE_REFUSALS: Final = 0.001
"""Of the chains of clean days."""
MAX_FALSE_MASKS: Final = 0.005
"""Of the near-the-money quotes of clean days."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with the 95 % interval of Wilson (1927) and its target, which a share of nothing does not reach."""

    name: str
    count: int
    total: int
    target: float
    at_least: bool

    @property
    def share(self) -> float | None:
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.count, self.total)

    @property
    def reached(self) -> bool:
        if self.share is None:
            return False
        return self.share >= self.target if self.at_least else self.share <= self.target

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "count": self.count,
            "total": self.total,
            "share": self.share,
            "interval_95": list(self.interval),
            "target": self.target,
            "kind": "at least" if self.at_least else "at most",
            "reached": self.reached,
        }


def wilson(count: int, total: int) -> tuple[float, float]:
    """Two-sided 95 % score interval of a share; (0, 1) of nothing. Wilson, JASA 22 (1927) 209."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = count / total, NORMAL_95**2
    middle = share + z2 / (2 * total)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    low, high = (middle - half) / (1 + z2 / total), (middle + half) / (1 + z2 / total)
    return (0.0 if count == 0 else low), (1.0 if count == total else high)


def recall_rates(tallies: Sequence[Tally]) -> list[Rate]:
    """Caught of tried by level, over the severities that must be noticed."""
    rates = []
    for level, target in MIN_RECALL.items():
        gated = [tally for tally in tallies if tally.gated and tally.fault.level is level]
        if gated:
            caught, tried = sum(tally.caught for tally in gated), sum(len(tally.tried) for tally in gated)
            rates.append(Rate(f"{level} faults noticed", caught, tried, target, at_least=True))
    return rates


def clean_rates(clean: Sequence[CleanTally]) -> list[Rate]:
    """False refusals over all clean days together."""
    refused, chains = sum(day.refused.total() for day in clean), sum(day.chains for day in clean)
    masked, near = sum(day.masked for day in clean), sum(day.near_quotes for day in clean)
    return [
        Rate("clean chains refused", refused, chains, MAX_FALSE_REFUSALS, at_least=False),
        Rate("clean near-the-money quotes masked", masked, near, MAX_FALSE_MASKS, at_least=False),
    ]


def faults_json(tallies: Sequence[Tally]) -> list[dict[str, Any]]:
    """One entry a fault, with what happened at each severity."""
    entries: dict[str, dict[str, Any]] = {}
    for tally in tallies:
        fault = tally.fault
        entry = entries.setdefault(
            fault.name,
            {
                "fault": fault.name,
                "level": fault.level,
                "right_answer": fault.answer,
                "sources": list(fault.sources),
                "unit": fault.unit,
                "floor": fault.floor,
                "severities": [],
            },
        )
        entry["severities"].append(_severity_json(tally))
    return list(entries.values())


def _severity_json(tally: Tally) -> dict[str, Any]:
    tried = len(tally.tried)
    return {
        "severity": tally.severity,
        "counts": tally.gated,
        "tried": tried,
        "caught": tally.caught,
        "recall": tally.caught / tried if tried else None,
        "interval_95": list(wilson(tally.caught, tried)),
        "caught_by": tally.guards,
        "rows_touched": sum(item.touched for item in tally.tried),
        "touched_rows_used": sum(item.used for item in tally.tried),
        "near_rows_lost_a_case": sum(item.lost for item in tally.tried) / tried if tried else None,
    }


def guards_of(tallies: Sequence[Tally]) -> Counter[str]:
    """How often each guard was the one that caught a fault."""
    return sum((Counter(tally.guards) for tally in tallies), Counter())
