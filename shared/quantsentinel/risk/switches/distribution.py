"""The declared distribution mode is enforced (`conventions.md` §6): the one place that says who may get a signal.

`own_account` serves declared self or family accounts only; `paper` limits to paper; third parties, in any mode, need a
legal row that names its basis. What is not declared blocks.
"""

from __future__ import annotations

from functools import partial

from quantsentinel.distribution import FAMILY, Distribution, DistributionMode, LegalRow, Relation
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, receipt
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.verdict import Outcome, Verdict

NAME = "distribution"
LIMIT = "self or family, or a third party with a legal row"


def distribution(facts: TenantFacts) -> Verdict:
    return of_cycle(facts, _ASKED[facts.account.relation])


def _of(relation: Relation, facts: TenantFacts) -> Verdict:
    declared = facts.desk.distribution
    basis = declared.basis(facts.view.session)
    outcome, detail = _judged(declared, relation, basis)
    row = basis.id if basis else ""
    reading = Reading(f"{declared.mode.value}, {relation.value}", LIMIT, "mode, relation", detail)
    return receipt(NAME, outcome, reading, declared.mode, declared.registration, relation, row)


_ASKED = {relation: partial(_of, relation) for relation in Relation}
"""The same for all tenants of a relation."""


def _judged(declared: Distribution, relation: Relation, basis: LegalRow | None) -> tuple[Outcome, str]:
    if relation is Relation.UNDECLARED:
        return Outcome.UNKNOWN, "the account's relation is not declared"
    if declared.mode is DistributionMode.REGISTERED and not declared.registration:
        return Outcome.BLOCKED, "registered without a registration number"
    if relation not in FAMILY:
        if declared.mode is DistributionMode.OWN_ACCOUNT:
            return Outcome.BLOCKED, "own_account serves declared self or family accounts only"
        if basis is None:
            return Outcome.BLOCKED, f"no legal row lets third parties be served in mode {declared.mode.value}"
    limited = declared.mode is DistributionMode.PAPER
    return (Outcome.LIMITED if limited else Outcome.PASSED), (f"basis {basis.id}: {basis.basis}" if basis else "")
