"""One place through which every guard speaks, so that any of them can be made to lie: a pytest plugin.

Loaded before the code under test (`-p tests.mutation.plugin`), it wraps what makes a guard's answer: a receipt of the
castle, a finding of the firewall, the reasons for which a row is masked, a verdict of the hard rules and of whether
there are offers at all. `MUTATION_MUTANT=<guard>:<kind>` makes one guard lie; `MUTATION_RECORD=<file>` writes which
test saw which guard say what. The product knows nothing of this.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, settings

from quantsentinel.integrity import finding, quotes
from quantsentinel.integrity.finding import Severity
from quantsentinel.opportunity import exact, hard_rules
from quantsentinel.risk import receipt, shared_verdicts
from quantsentinel.verdict import Outcome, Verdict
from tests.mutation.mutants import MASKS, OFFERS

PASSED, BLOCKED, UNKNOWN = Outcome.PASSED, Outcome.BLOCKED, Outcome.UNKNOWN
KINDS: dict[str, Callable[[Outcome], Outcome]] = {
    "disable": lambda said: PASSED,
    "invert": lambda said: {PASSED: BLOCKED, BLOCKED: PASSED}.get(said, said),
    "starve": lambda said: PASSED if said is UNKNOWN else said,
}
"""What a mutant answers instead: always yes, the opposite, or yes where it knows nothing."""
SEVERITIES = {outcome: severity for severity, outcome in finding.OUTCOMES.items()}

_mutant: list[tuple[str, Callable[[Outcome], Outcome]]] = []
_seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
_seconds: dict[str, float] = {}
_test: list[str] = []


def mutate(guard: str, kind: str) -> None:
    """From now on `guard` lies."""
    _mutant[:] = [(guard, KINDS[kind])]


def _answer(guard: str, said: Outcome) -> Outcome:
    _note(guard, said)
    return next((lie(said) for name, lie in _mutant if name == guard), said)


def _note(guard: str, said: Outcome) -> None:
    if _test:
        _seen[guard][said.value].add(_test[0])


def _install() -> None:
    honest_receipt, honest_finding = receipt.receipt, finding.Guard._finding
    honest_shared = shared_verdicts._shared

    def lying_receipt(name: str, outcome: Outcome, *rest: Any) -> Verdict:
        return honest_receipt(name, _answer(name, outcome), *rest)

    def noted_shared(*asked: Any) -> Any:
        """It repeats what a receipt said to another tenant: the lie is in it already."""
        found = honest_shared(*asked)
        for verdict in found if isinstance(found, tuple) else (found,):
            if isinstance(verdict, Verdict):
                _note(verdict.guard, verdict.outcome)
        return found

    def lying_finding(guard: finding.Guard, severity: Severity, *rest: Any) -> finding.Finding:
        made = honest_finding(guard, severity, *rest)
        said = _answer(guard.name, finding.OUTCOMES[severity])
        return replace(made, severity=SEVERITIES[said])

    def lying_verdict(*, guard: str, outcome: Outcome, **rest: Any) -> Verdict:
        return Verdict(guard=guard, outcome=_answer(guard, outcome), **rest)

    def lying_offers(*, guard: str, outcome: Outcome, **rest: Any) -> Verdict:
        return Verdict(guard=guard, outcome=_answer(OFFERS, outcome), **rest)

    for owner, name, lying in (
        (receipt, "receipt", lying_receipt),
        (shared_verdicts, "_shared", noted_shared),
        (finding.Guard, "_finding", lying_finding),
        (hard_rules, "Verdict", lying_verdict),
        (exact, "Verdict", lying_offers),
        (quotes.QuoteMask, "__init__", _lying_mask(quotes.QuoteMask.__init__)),
    ):
        setattr(owner, name, lying)


def _lying_mask(honest: Callable[..., None]) -> Callable[..., None]:
    """A mask that has lost a reason: its rows are flagged for the others alone."""

    def lying(mask: quotes.QuoteMask, **fields: Any) -> None:
        flags = dict(fields["flags"])
        for reason, guard in MASKS.items():
            said = BLOCKED if flags[reason].any() else PASSED
            if _answer(guard, said) is not said:
                flags[reason] = np.zeros_like(flags[reason])
                fields |= {"flags": flags, "usable": ~np.logical_or.reduce(list(flags.values()))}
        honest(mask, **fields)

    return lying


_install()
if "MUTATION_MUTANT" in os.environ:
    mutate(*os.environ["MUTATION_MUTANT"].rsplit(":", 1))


def pytest_configure() -> None:
    """The same examples for the honest guard and for the mutant; that one fails is enough, which is smallest is not."""
    settings.register_profile("mutation", deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
    settings.load_profile("mutation")


def pytest_runtest_logstart(nodeid: str) -> None:
    _test[:] = [nodeid]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish() -> None:
    target = os.environ.get("MUTATION_RECORD")
    if target:
        seen = {
            guard: {outcome: sorted(tests) for outcome, tests in sorted(said.items())}
            for guard, said in sorted(_seen.items())
        }
        Path(target).write_text(json.dumps({"seen": seen, "seconds": _seconds}), encoding="utf-8")
