"""A signal cannot be constructed without complete, fresh receipts (`architecture.md` §5.2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quantsentinel.errors import Broken
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.risk.castle import GUARDS
from quantsentinel.signals.lifecycle import NEXT, is_over, may_follow, require_step
from quantsentinel.signals.signal import SignalEvent, SignalState
from quantsentinel.verdict import Outcome, Verdict, Verdicts, signed
from tests.builders import account, as_of, desk, market, offering


@pytest.fixture
def created() -> SignalEvent:
    view = offering(market())
    return tenant_pass(view, Book(), account(), desk(), as_of(view)).entries[0]


def _given(created: SignalEvent, receipts: tuple[Verdict, ...]) -> Verdicts:
    return Verdicts(created.receipts.decision, receipts)


def test_every_guard_of_the_castle_has_exactly_one_receipt(created: SignalEvent) -> None:
    names = [verdict.guard for verdict in created.receipts]
    assert len(names) == len(set(names)) == len(GUARDS) + len(created.opportunity.verdicts)


@pytest.mark.parametrize("guard", sorted(GUARDS) + ["net_ev"])
def test_a_signal_without_one_receipt_cannot_exist(created: SignalEvent, guard: str) -> None:
    fewer = tuple(verdict for verdict in created.receipts if verdict.guard != guard)
    with pytest.raises(Broken, match="not complete"):
        replace(created, receipts=_given(created, fewer))


@pytest.mark.parametrize("outcome", [Outcome.BLOCKED, Outcome.UNKNOWN])
def test_a_signal_with_a_stopping_receipt_cannot_exist(created: SignalEvent, outcome: Outcome) -> None:
    stopped = (replace(created.receipts[0], outcome=outcome), *created.receipts[1:])
    with pytest.raises(Broken, match="master"):
        replace(created, receipts=_given(created, stopped))


def test_a_receipt_given_twice_is_refused(created: SignalEvent) -> None:
    with pytest.raises(Broken, match="not complete"):
        replace(created, receipts=_given(created, (*created.receipts, created.receipts[0])))


@pytest.mark.parametrize(
    "change",
    [
        {"tenant_id": "other-fund"},
        {"cycle_id": "cyc-other"},
        {"snapshot_digest": "sha256:other"},
        {"decided_at": as_of(market()).decided_at + timedelta(seconds=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_receipts_of_another_decision_are_not_fresh(created: SignalEvent, change: dict[str, object]) -> None:
    with pytest.raises(Broken, match="another decision"):
        replace(created, **change)


def test_a_hard_rule_receipt_must_be_the_opportunitys_own(created: SignalEvent) -> None:
    forged = tuple(
        replace(verdict, measured=99.0) if verdict.guard == "net_ev" else verdict for verdict in created.receipts
    )
    with pytest.raises(Broken, match="net_ev is of another decision"):
        replace(created, receipts=_given(created, forged))


def test_one_receipt_of_another_decision_among_fresh_ones_is_found_out(created: SignalEvent) -> None:
    stale = signed("0123456789abcdef", created.receipts.said[3])
    mixed = tuple(stale if one.guard == stale.guard else one for one in created.receipts)
    with pytest.raises(Broken, match=f"{stale.guard} is of another decision"):
        replace(created, receipts=_given(created, mixed))


def test_a_guards_receipt_of_another_version_is_found_out(created: SignalEvent) -> None:
    old = (replace(created.receipts[0], version=0), *created.receipts[1:])
    with pytest.raises(Broken, match="master is of another decision"):
        replace(created, receipts=_given(created, old))


def test_receipts_that_are_read_one_by_one_are_as_good(created: SignalEvent) -> None:
    assert replace(created, receipts=_given(created, tuple(created.receipts))) == created


@pytest.mark.parametrize("missing", ["opportunity", "terms", "sizing"])
def test_an_offer_without_its_substance_cannot_exist(created: SignalEvent, missing: str) -> None:
    with pytest.raises(Broken, match="without opportunity, terms or sizing"):
        replace(created, **{missing: None})


def test_sequence_and_supersedes_run_together(created: SignalEvent) -> None:
    with pytest.raises(Broken, match="supersedes"):
        replace(created, sequence=3, supersedes=1)


def test_a_signal_ends_once(created: SignalEvent) -> None:
    assert {state for state in SignalState if is_over(state)} == {SignalState.CLOSED, SignalState.EXPIRED}
    assert all(not may_follow(SignalState.CREATED, before) for before in SignalState)
    assert set(NEXT) == {None, *SignalState}
    require_step(created, None)
    with pytest.raises(Broken, match="cannot follow"):
        require_step(created, created)
