"""The fates of all mutants as the page `docs/reports/guards.md`: no date, so that a second run writes the same."""

from __future__ import annotations

from collections.abc import Sequence

from tests.mutation.mutants import SHOWN_BY, Mutant, families
from tests.mutation.total import TOTAL

HEAD = """# Guards: every one of them made to lie

Made by `python -m tests.mutation.run --report FILE`. Each guard is disabled (always yes), inverted (the opposite) and
starved (yes where it knows nothing); of a reason for which a row is masked, its rows are no longer masked for it. A
mutant is caught when a test fails that passes with the honest guard. A cell is the number of tests that saw the honest
guard give an answer which the mutant changes; the quickest of them are asked first, until one fails.
"""


def report(ended: Sequence[tuple[Mutant, bool]]) -> str:
    """`ended` holds each mutant and whether it was caught."""
    by_guard: dict[str, dict[str, str]] = {}
    for mutant, is_caught in ended:
        number = str(len(mutant.tests))
        by_guard.setdefault(mutant.guard, {})[mutant.kind] = number if is_caught else f"**survived** ({number})"
    caught = sum(is_caught for _, is_caught in ended)
    counts = f"**{len(by_guard)} guards, {len(ended)} mutants, {caught} caught.**\n"
    tables = [_table(family, names, by_guard) for family, names in families().items()]
    return "\n".join([HEAD, counts, *tables, _total(by_guard)])


def _table(family: str, names: Sequence[str], by_guard: dict[str, dict[str, str]]) -> str:
    asked = [name for name in names if name in by_guard]
    mutants = sum(len(by_guard[name]) for name in asked)
    rows = [f"| {name} | " + " | ".join(by_guard[name].get(kind, "–") for kind in SHOWN_BY) + " |" for name in asked]
    head = [
        f"## {family.capitalize()}: {len(asked)} guards, {mutants} mutants",
        "",
        "| guard | disabled | inverted | starved |",
    ]
    return "\n".join([*head, "|---|---|---|---|", *rows, ""])


def _total(by_guard: dict[str, dict[str, str]]) -> str:
    rows = [f"| {name} | {why} |" for name, why in TOTAL.items() if name in by_guard]
    head = f"## {len(rows)} guards that always know, and cannot be starved"
    return "\n".join([head, "", "| guard | why |", "|---|---|", *rows, ""])
