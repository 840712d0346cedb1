"""What is judged once for all tenants is what each of them would have been told, under its own stamp."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from quantsentinel.risk.castle import CONDITIONS, WALLS
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, receipt, stamped
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import account, condor_package, vertical_package
from tests.wall_facts import wall_facts, with_offer, with_policy, with_terms


def _of(tenant_id: str, facts: Facts) -> Facts:
    """The same offer, asked by another tenant."""
    return replace(facts, tenant=replace(facts.tenant, account=account(tenant_id)))


def _asked(facts: Facts) -> dict[str, Verdict]:
    walls = [verdict for wall in WALLS for verdict in wall.ask(facts)]
    return {verdict.guard: verdict for verdict in (*walls, *(guard.ask(facts) for guard in CONDITIONS))}


def test_two_tenants_get_the_same_answers_each_under_the_stamp_of_its_own_decision() -> None:
    facts = wall_facts()
    ours, theirs = _of("one-fund", facts), _of("other-fund", facts)
    for mine, other in zip(_asked(ours).values(), _asked(theirs).values(), strict=True):
        assert mine.input_hash.startswith(f"{ours.tenant.stamp}.")
        assert other == replace(mine, input_hash=mine.input_hash.replace(ours.tenant.stamp, theirs.tenant.stamp))


@pytest.mark.parametrize("package", [condor_package(), vertical_package()], ids=["condor", "vertical"])
def test_what_was_asked_before_does_not_change_an_answer(package: Any) -> None:
    facts = wall_facts(package)
    first = _asked(facts)
    _asked(with_terms(facts, lots=facts.terms.lots + 1))
    _asked(with_offer(facts, executable=facts.opportunity.executable + 1.0))
    _asked(with_policy(facts, "age", max_age_s=1.0))
    assert _asked(facts) == first == _asked(wall_facts(package))


def test_another_offer_other_terms_and_another_desk_are_judged_anew() -> None:
    facts = wall_facts()
    first = _asked(facts)
    assert _asked(with_terms(facts, cost_ratio=0.99))["cost.ratio"].measured == 0.99 != first["cost.ratio"].measured
    assert _asked(with_policy(facts, "age", max_age_s=1.0))["snapshot_age"].limit == 1.0 != first["snapshot_age"].limit


def test_a_receipt_is_a_verdict_like_any_other_and_cannot_be_changed() -> None:
    made = stamped("decision", receipt("", "master", Outcome.PASSED, Reading(1.0, 2.0, "share", "why"), 1.0))
    written = Verdict("master", 1, Outcome.PASSED, 1.0, 2.0, "share", made.input_hash, "why")
    assert made == written
    assert (hash(made), type(made), pickle.loads(pickle.dumps(made))) == (hash(written), Verdict, written)
    assert made.input_hash.startswith("decision.")
    with pytest.raises(FrozenInstanceError):
        made.outcome = Outcome.BLOCKED  # type: ignore[misc]  # that is what must fail
