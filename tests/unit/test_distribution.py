"""Who may get a signal: the declared mode, the declared relation, and the legal row where it is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from quantsentinel.distribution import (
    DISCLOSURES,
    FAMILY,
    Distribution,
    DistributionMode,
    LegalRow,
    Relation,
    disclosure,
    disclosure_version,
    read_legal_rows,
)
from quantsentinel.errors import BadInput
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.signals.card import webhook_data
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import SESSION, account, as_of, desk, market, offering

NUMBER = "INH000012345"
OWN, PAPER, REGISTERED = DistributionMode
STRANGER = Relation.THIRD_PARTY


def row(mode: DistributionMode, registration: str = "") -> LegalRow:
    return LegalRow(
        id="legal.1", mode=mode, basis="SEBI registration", source="certificate", registration=registration,
        effective=SESSION - timedelta(days=1), until=SESSION,
    )  # fmt: skip


def decide(relation: Relation, distribution: Distribution) -> TenantDecision:
    view, house = offering(market()), replace(desk(), distribution=distribution)
    return tenant_pass(view, Book(), account(relation=relation), house, as_of(view))


def verdict(relation: Relation, mode: DistributionMode, number: str = "", *rows: LegalRow) -> Verdict:
    switches = decide(relation, Distribution(mode, number, rows)).switches
    return next(item for item in switches if item.guard == "distribution")


@pytest.mark.parametrize("relation", sorted(FAMILY))
def test_own_account_serves_declared_self_and_family(relation: Relation) -> None:
    assert verdict(relation, OWN).outcome is Outcome.PASSED
    assert decide(relation, Distribution()).entries


def test_own_account_refuses_everybody_else_and_says_why() -> None:
    refused = verdict(STRANGER, OWN)
    assert refused.outcome is Outcome.BLOCKED
    assert "self or family accounts only" in refused.detail
    assert verdict(STRANGER, OWN, "", row(OWN)).outcome is Outcome.BLOCKED, "no row makes a stranger one's own"
    assert decide(STRANGER, Distribution()).entries == ()


@pytest.mark.parametrize("mode", DistributionMode)
def test_an_undeclared_relation_is_unknown_in_every_mode(mode: DistributionMode) -> None:
    assert verdict(Relation.UNDECLARED, mode, NUMBER, row(mode, NUMBER)).outcome is Outcome.UNKNOWN


def test_paper_for_others_needs_a_legal_row_and_is_paper_for_all() -> None:
    assert verdict(Relation.SELF, PAPER).outcome is Outcome.LIMITED
    assert verdict(STRANGER, PAPER).outcome is Outcome.BLOCKED
    assert verdict(STRANGER, PAPER, "", row(REGISTERED)).outcome is Outcome.BLOCKED
    allowed = verdict(STRANGER, PAPER, "", row(PAPER))
    assert (allowed.outcome, allowed.detail) == (Outcome.LIMITED, "basis legal.1: SEBI registration")
    (event,) = decide(STRANGER, Distribution(PAPER, "", (row(PAPER),))).entries
    assert event.mode.value == "paper"


def test_registered_needs_its_number_and_a_row_given_to_that_number() -> None:
    assert verdict(STRANGER, REGISTERED, "", row(REGISTERED)).outcome is Outcome.BLOCKED
    assert verdict(STRANGER, REGISTERED, NUMBER).outcome is Outcome.BLOCKED
    assert verdict(STRANGER, REGISTERED, NUMBER, row(REGISTERED, "INH999999999")).outcome is Outcome.BLOCKED
    assert verdict(STRANGER, REGISTERED, NUMBER, row(REGISTERED, NUMBER)).outcome is Outcome.PASSED


def test_a_legal_row_counts_from_its_first_to_its_last_day() -> None:
    whole = Distribution(PAPER, "", (row(PAPER),))
    days = [SESSION + timedelta(days=offset) for offset in (-2, -1, 0, 1)]
    assert [whole.basis(day) is not None for day in days] == [False, True, True, False]


def test_the_declared_mode_is_part_of_what_the_desk_is() -> None:
    digests = {replace(desk(), distribution=Distribution(mode)).digest for mode in DistributionMode}
    digests.add(replace(desk(), distribution=Distribution(OWN, "", (row(PAPER),))).digest)
    assert len(digests) == 4
    assert replace(desk(), distribution=Distribution(own_accounts=7)).digest == desk().digest


def test_every_mode_has_its_own_disclosure_with_a_version() -> None:
    texts = {mode: disclosure(mode, NUMBER) for mode in DistributionMode}
    assert len(set(texts.values())) == len({disclosure_version(mode) for mode in DISCLOSURES}) == 3
    assert NUMBER in texts[REGISTERED]
    (event,) = decide(Relation.SELF, Distribution()).entries
    data = webhook_data(event)
    assert data["disclosure_version"] == disclosure_version(OWN)
    assert texts[OWN] in data["disclosure"]


def test_legal_rows_are_read_and_a_row_without_a_basis_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "legal.toml"
    text = (
        '[[legal]]\nid = "a"\nmode = "paper"\nbasis = "{}"\nsource = "s"\neffective = 2026-01-01\nuntil = 2026-12-31\n'
    )
    path.write_text(text.format("data agreement 12"))
    (found,) = read_legal_rows(path)
    assert (found.mode, found.basis, found.until) == (PAPER, "data agreement 12", date(2026, 12, 31))
    path.write_text(text.format(" "))
    with pytest.raises(BadInput, match="without words"):
        read_legal_rows(path)
    path.write_text(text.format("x").replace("until", "till"))
    with pytest.raises(BadInput, match=r"legal\.0\.until"):
        read_legal_rows(path)
    assert read_legal_rows(None) == ()


@pytest.mark.parametrize("mode", DistributionMode)
def test_what_a_desk_keeps_of_its_distribution_makes_it_again(mode: DistributionMode) -> None:
    before = Distribution(mode, NUMBER, (row(mode, NUMBER),))
    assert Distribution.of(before.plain) == before
    with pytest.raises(ValueError, match="unpack"):
        Distribution.of([mode.value])
