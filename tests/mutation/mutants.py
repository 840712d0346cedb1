"""Which guards there are, which mutants of each, and who is asked: the tests that saw the honest answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quantsentinel.integrity.quotes import REASONS
from tests.mutation.total import TOTAL

OFFERS = "entries_offered"
"""Under this name the market pass says that there are offers; where there are none it names the reason instead."""
MASKS = {reason: f"mask.{reason}" for reason in REASONS}
"""A reason for which a row is masked speaks for each row; as a guard it has a name of its own besides."""
SHOWN_BY = {"disable": ("blocked", "unknown", "limited"), "invert": ("blocked", "passed"), "starve": ("unknown",)}
"""Which honest answers of a guard a mutant changes; tests that saw one are asked, the telling ones first."""
MASK_KINDS = ("disable",)
"""A masking reason is a column of yes and no: it can be lost, but it knows no third answer and refuses no chain."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """`tests` are all that saw an answer which this mutant changes, quickest first."""

    guard: str
    kind: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.guard}:{self.kind}"


def families() -> Mapping[str, tuple[str, ...]]:
    """Every guard there is, from the registries."""
    from quantsentinel.integrity.firewall import GUARDS as FIREWALL
    from quantsentinel.opportunity.hard_rules import HARD_RULES
    from quantsentinel.risk.castle import CONDITIONS, SIZE, SWITCHES, WALLS

    return {
        "switches": tuple(guard.name for guard in SWITCHES),
        "conditions": tuple(guard.name for guard in (*CONDITIONS, *SIZE)),
        "walls": tuple(check for wall in WALLS for check in wall.checks),
        "hard rules": (OFFERS, *(name for name, _ in HARD_RULES)),
        "firewall": tuple(guard.__name__ for guard in FIREWALL),
        "masking reasons": tuple(MASKS.values()),
    }


def guards() -> list[str]:
    return [name for names in families().values() for name in names]


def kinds_of(guard: str) -> tuple[str, ...]:
    """A guard that always knows cannot be starved."""
    if guard in MASKS.values():
        return MASK_KINDS
    return tuple(kind for kind in SHOWN_BY if kind != "starve" or guard not in TOTAL)


def mutants(names: Sequence[str], record: Mapping[str, Any]) -> Iterator[Mutant]:
    """A mutant that no test can know of has no tests: it survives."""
    for guard in names:
        said = record["seen"].get(guard, {})
        for kind in kinds_of(guard):
            tests = [test for answer in SHOWN_BY[kind] for test in _fastest(said.get(answer, []), record["seconds"])]
            yield Mutant(guard, kind, tuple(dict.fromkeys(tests)))


def wrongly_total(record: Mapping[str, Any]) -> list[str]:
    """Guards that are said to know always, and were seen without an answer."""
    return [guard for guard in TOTAL if "unknown" in record["seen"].get(guard, {})]


def _fastest(tests: Sequence[str], seconds: Mapping[str, float]) -> list[str]:
    return sorted(tests, key=lambda test: (seconds.get(test, 0.0), test))
