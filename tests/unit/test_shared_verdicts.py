"""What is judged once for all tenants is what each of them would have been told; a decision puts its stamp on it."""

from __future__ import annotations

import gc
import pickle
import weakref
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from quantsentinel.canonical import canonical_bytes
from quantsentinel.risk.castle import CONDITIONS, WALLS
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, receipt
from quantsentinel.verdict import Outcome, Verdict, Verdicts, first_stop, signed
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
    assert _asked(ours) == _asked(theirs)
    said = tuple(_asked(ours).values())
    for mine, other in zip(Verdicts("ours", said), Verdicts("theirs", said), strict=True):
        assert mine.input_hash.startswith("ours.")
        assert (mine.decision, other.decision) == ("ours", "theirs")
        assert other == replace(mine, input_hash=mine.input_hash.replace("ours", "theirs"))


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


def test_what_is_shared_keeps_the_newest_views_alone() -> None:
    facts, seen = wall_facts(), []
    for _ in range(8):
        view = replace(facts.tenant.view)
        seen.append(weakref.ref(view))
        _asked(replace(facts, tenant=replace(facts.tenant, view=view)))
    del view
    gc.collect()
    assert [ref() is not None for ref in seen] == [False] * 4 + [True] * 4


def test_a_receipt_is_a_verdict_like_any_other_and_cannot_be_changed() -> None:
    made = signed("decision", receipt("master", Outcome.PASSED, Reading(1.0, 2.0, "share", "why"), 1.0))
    written = Verdict("master", 1, Outcome.PASSED, 1.0, 2.0, "share", made.input_hash, "why")
    assert made == written
    assert (hash(made), type(made), pickle.loads(pickle.dumps(made))) == (hash(written), Verdict, written)
    assert made.input_hash.startswith("decision.")
    assert pickle.loads(pickle.dumps(made)).decision == written.decision == "decision"
    with pytest.raises(FrozenInstanceError):
        made.outcome = Outcome.BLOCKED  # type: ignore[misc]  # that is what must fail


def test_a_receipt_of_one_decision_is_not_signed_again_and_a_hard_rules_never() -> None:
    said = receipt("master", Outcome.PASSED, Reading(1.0, 2.0, "share"), 1.0)
    mine, rule = signed("mine", said), Verdict("net_ev", 1, Outcome.PASSED, 1.0, 0.0, "INR", "sha256:offer")
    assert (said.decision, mine.decision, rule.decision) == ("", "mine", None)
    assert tuple(Verdicts("theirs", (said, mine, rule))) == (signed("theirs", said), mine, rule)


def test_verdicts_read_like_a_tuple_of_signed_receipts() -> None:
    said = tuple(receipt(name, Outcome.PASSED, Reading(1.0, 2.0, "share"), name) for name in ("a", "b", "c"))
    found, plain = Verdicts("mine", said), tuple(signed("mine", one) for one in said)
    assert (tuple(found), found[1], tuple(found[1:]), len(found), first_stop(found)) == (
        plain,
        plain[1],
        plain[1:],
        3,
        None,
    )
    assert plain[0] in found
    assert (found == Verdicts("mine", said), found == Verdicts("theirs", said)) == (True, False)
    assert hash(found) == hash(Verdicts("mine", said))
    assert [one.detail for one in found.retold("b", "why")] == ["", "why", ""]
    assert found.retold("b", "why")[1].input_hash == plain[1].input_hash


@pytest.mark.parametrize("first", ["hash", "decision"])
def test_what_is_worked_out_when_it_is_read_does_not_depend_on_what_is_read_first(first: str) -> None:
    made = signed("mine", receipt("master", Outcome.BLOCKED, Reading(1.0, 2.0, "share"), 1.0, "x"))
    written = replace(made)
    if first == "decision":
        assert (made.decision, written.decision) == ("mine", "mine")
    assert made == written
    with pytest.raises(AttributeError, match="evidence"):
        written.evidence  # noqa: B018  # that is what must fail: nobody knows any more what it was made of
    with pytest.raises(AttributeError, match="profit"):
        made.profit  # type: ignore[attr-defined]  # noqa: B018  # neither has it what no verdict has


def test_the_text_of_a_shared_receipt_under_a_stamp_is_that_of_the_signed_one() -> None:
    said = receipt("master", Outcome.BLOCKED, Reading(1.0, None, 'a "unit"', "ž"), 1.0, "x")
    rule = Verdict("net_ev", 1, Outcome.PASSED, 1.0, 0.0, "INR", "sha256:offer")
    found = Verdicts("mine", (said, signed("theirs", said), rule))
    assert list(found.texts()) == [canonical_bytes(one).decode() for one in found]
