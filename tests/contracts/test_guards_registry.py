"""One contract over every guard of the firewall and of the castle, with asserted names and counts.

Discovery that finds nothing must not pass.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from quantsentinel.errors import Broken
from quantsentinel.integrity.firewall import GUARDS as FIREWALL
from quantsentinel.integrity.quotes import REASONS
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.budget import budget_of
from quantsentinel.portfolio.sizing import size
from quantsentinel.portfolio.terms import terms_at
from quantsentinel.risk.castle import CONDITIONS, GUARDS, SIZE, SWITCHES, WALLS, Registry, ask_switches, judge
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.verdict import Outcome
from tests.builders import account, as_of, desk, market, offering
from tests.chains import chain, judged


def tenant_facts() -> TenantFacts:
    view = offering(market())
    return TenantFacts(view, Book(session=view.session), account(), desk(), as_of(view))


def facts() -> Facts:
    tenant = tenant_facts()
    opportunity = tenant.view.opportunities[0]
    budget = budget_of(tenant.book, tenant.account)
    sizing = size(opportunity, budget, tenant.desk)
    return Facts(tenant, tenant.book, budget, opportunity, sizing, terms_at(opportunity, sizing.lots, tenant.desk))


CASES = [pytest.param(guard, tenant_facts, id=guard.name) for guard in SWITCHES]
CASES += [pytest.param(guard, facts, id=guard.name) for guard in (*CONDITIONS, *SIZE)]


def test_the_registry_holds_every_guard_once() -> None:
    checks = [check for wall in WALLS for check in wall.checks]
    names = [guard.name for guard in (*SWITCHES, *CONDITIONS, *SIZE)]
    assert (len(SWITCHES), len(CONDITIONS), len(WALLS), len(checks), len(SIZE)) == (16, 8, 8, 24, 1)
    assert len(GUARDS) == len(names) + len(checks)


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.name)
def test_a_wall_stands_in_its_own_file_and_passes_a_good_offer_on_every_check(wall: Any) -> None:
    verdicts = wall.ask(facts())
    assert wall.ask.__module__ == f"quantsentinel.risk.walls.{wall.name}"
    assert inspect.getdoc(inspect.getmodule(wall.ask))
    assert tuple(verdict.guard for verdict in verdicts) == wall.checks
    assert all(check.startswith(f"{wall.name}.") for check in wall.checks)
    assert {verdict.outcome for verdict in verdicts} == {Outcome.PASSED}
    assert all(re.fullmatch(r"\.[0-9a-f]{32}", verdict.input_hash) for verdict in verdicts)
    assert wall.ask(facts()) == verdicts


@pytest.mark.parametrize(("guard", "make"), CASES)
def test_a_guard_answers_under_its_own_name_with_a_full_receipt(guard: Any, make: Any) -> None:
    verdict = guard.ask(make())
    assert (verdict.guard, verdict.version) == (guard.name, guard.version)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.unit
    assert verdict.limit is not None
    assert re.fullmatch(r"\.[0-9a-f]{32}", verdict.input_hash)


@pytest.mark.parametrize(("guard", "make"), CASES)
def test_a_guard_gives_the_same_answer_to_the_same_facts(guard: Any, make: Any) -> None:
    assert guard.ask(make()) == guard.ask(make())


@pytest.mark.parametrize("guard", [*SWITCHES, *CONDITIONS, *SIZE], ids=lambda guard: guard.name)
def test_a_guard_says_what_it_does_in_its_module(guard: Any) -> None:
    assert inspect.getdoc(inspect.getmodule(guard.ask))


def test_an_empty_or_partial_registry_never_passes() -> None:
    asked = facts()
    with pytest.raises(Broken, match="registry of guards is empty"):
        ask_switches(asked.tenant, ())
    switched = ask_switches(asked.tenant)
    for empty in (Registry(conditions=()), Registry(walls=()), Registry(size=())):
        with pytest.raises(Broken, match="registry of guards is empty"):
            judge(asked, switched, empty)
    for wall in WALLS:
        with pytest.raises(Broken, match=f"'{wall.checks[0]}'"):
            judge(asked, switched, Registry(walls=[other for other in WALLS if other is not wall]))
    with pytest.raises(Broken, match="'master'"):
        judge(asked, ask_switches(asked.tenant)[1:])


def test_a_guard_that_answers_for_another_is_found_out() -> None:
    swapped = [type(SWITCHES[0])("master", 1, SWITCHES[1].ask), *SWITCHES[1:]]
    with pytest.raises(Broken, match="answered"):
        ask_switches(tenant_facts(), swapped)


# --- The firewall ---
NAMES = [
    "identity",
    "session_open",
    "age",
    "lag",
    "monotone_time",
    "repeated_snapshot",
    "liveness",
    "stuck_feed",
    "zero_chain",
    "zero_spot",
    "unit",
    "absurd_prices",
    "listed_contracts",
    "tick_grid",
    "zero_sizes",
    "lot_mismatch",
    "crossed_quotes",
    "locked_quotes",
    "unit_change",
    "volume_fell",
    "forward_found",
    "scale",
    "price_band",
    "spot_forward",
    "two_sided_share",
    "strike_curve_fit",
    "parity",
    "vertical",
    "butterfly",
    "calendar",
    "expiry_label",
    "jump",
    "interest_jump",
    "stuck_quote",
    "slice_skew",
]
MASKING = [
    "unquoted",
    "absurd",
    "crossed",
    "locked",
    "no_size",
    "off_tick",
    "off_lot",
    "unlisted",
    "stale_slice",
    "jump",
    "stuck_quote",
    "volume_fell",
    "interest_jump",
    "no_forward",
    "scale",
    "price_band",
    "strike_curve",
    "parity",
    "vertical",
    "butterfly",
    "calendar",
    "expiry_label",
]


def test_the_firewall_asks_thirty_five_guards_in_this_order() -> None:
    assert [guard.__name__ for guard in FIREWALL] == NAMES
    assert len(NAMES) == len(set(NAMES)) == 35


def test_a_row_can_be_masked_for_twenty_two_reasons() -> None:
    assert list(REASONS) == MASKING
    assert len(MASKING) == len(set(MASKING)) == 22
    assert list(judged(chain()).quotes.flags) == MASKING


def test_every_guard_of_the_firewall_answers_under_its_own_name_in_its_own_file() -> None:
    verdicts = judged(chain()).verdicts
    assert [verdict.guard for verdict in verdicts] == NAMES
    for guard, verdict in zip(FIREWALL, verdicts, strict=True):
        assert guard.__module__ == f"quantsentinel.integrity.{guard.__name__}"
        assert inspect.getdoc(guard)
        assert inspect.getdoc(inspect.getmodule(guard))
        assert verdict.unit
        assert verdict.limit is not None
