"""The mutation run itself: honest guards pass, known lies are caught, an unnoticed one is told, every guard is reached.

All guards at once take minutes (`make guards-mutate`, docs/reports/guards.md); here are a few of each family.
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.integrity.firewall import GUARDS as FIREWALL
from tests.mutation.mutants import families, guards, kinds_of, mutants
from tests.mutation.record import ROOT
from tests.mutation.total import TOTAL

pytestmark = pytest.mark.slow

WHERE = (
    "tests/contracts/test_guards_registry.py",
    "tests/unit/test_hard_rules_guards.py",
    "tests/unit/test_integrity_guards.py::test_a_closed_market_is_refused_by_session_open",
    "tests/unit/test_integrity_guards.py::test_a_year_without_rules_is_unknown_to_session_open_and_so_refused",
    "tests/unit/test_integrity_guards.py::test_one_crossed_quote_is_masked_and_many_refuse_the_chain",
    "tests/unit/test_risk_switches_pulled.py::test_a_pulled_switch_blocks_by_its_own_name_and_says_who_and_why[master]",
    "tests/properties/test_switches.py::test_a_switch_that_is_not_told_an_input_does_not_pass[master-kills]",
    "tests/unit/test_market_pass.py::test_without_history_nothing_may_be_entered_and_the_reason_is_on_every_offer",
)
LIARS = ("master", "net_ev", "session_open", "mask.crossed")
DEAF = "tests/unit/test_integrity_guards.py::test_the_forward_of_each_slice_is_the_one_the_chain_was_priced_with"
"""Asks the firewall and looks at no verdict."""


def run(*arguments: str | Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.mutation.run", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1800)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, dict[str, Any], str]:
    """A run over the liars: its exit code, its words, who saw what, and the report."""
    folder = tmp_path_factory.mktemp("mutation")
    record, page = folder / "record.json", folder / "guards.md"
    code, text = run("--jobs", "1", "--only", *LIARS, "--record", record, "--report", page, "--tests", *WHERE)
    return code, text, json.loads(record.read_text(encoding="utf-8")), page.read_text(encoding="utf-8")


def test_one_known_mutant_of_each_kind_and_family_is_caught_after_an_honest_run(ran: Any) -> None:
    code, text, _, page = ran
    assert text == "4 guards, 9 mutants, 9 caught\n"
    assert code == 0
    assert "**4 guards, 9 mutants, 9 caught.**" in page
    assert re.search(r"^\| master \| [1-9]\d* \| [1-9]\d* \| [1-9]\d* \|$", page, re.MULTILINE)
    assert re.search(r"^\| net_ev \| [1-9]\d* \| [1-9]\d* \| – \|$", page, re.MULTILINE)
    assert re.search(r"^\| mask\.crossed \| [1-9]\d* \| – \| – \|$", page, re.MULTILINE)


def test_every_registered_guard_speaks_through_the_plugin_and_nobody_else_does(ran: Any) -> None:
    _, _, record, _ = ran
    assert {family: len(names) for family, names in families().items()} == {
        "switches": 16,
        "conditions": 9,
        "walls": 24,
        "hard rules": 7,
        "firewall": 35,
        "masking reasons": 22,
    }
    assert sorted(record["seen"]) == sorted(guards())
    assert len(set(guards())) == len(guards()) == 113


def test_a_mutant_that_no_test_notices_or_knows_of_is_told_and_so_is_a_wrong_reason(tmp_path: Path) -> None:
    kept = tmp_path / "record.json"
    seen = {"session_open": {"blocked": [DEAF], "passed": [DEAF]}, "late": {"unknown": [DEAF]}}
    kept.write_text(json.dumps({"seen": seen, "seconds": {}}), encoding="utf-8")
    code, text = run("--jobs", "2", "--only", "session_open", "--record", kept)
    assert text.splitlines() == [
        "survived: session_open:disable (1 tests, exit 0)",
        "survived: session_open:invert (1 tests, exit 0)",
        "survived: session_open:starve (no test ever saw it answer so, exit 0)",
        "not total: late was seen without an answer",
        "1 guards, 3 mutants, 0 caught",
    ]
    assert code == 1


def test_a_guard_that_does_not_exist_is_refused_by_name() -> None:
    code, text = run("--only", "moon_phase", "master")
    assert code == 2
    assert text.startswith("no guard is called moon_phase; there are: master, ")


# --- What always knows ---
def test_what_always_knows_is_a_guard_and_says_why() -> None:
    assert set(TOTAL) <= set(guards())
    assert all(len(why.split()) >= 4 for why in TOTAL.values())
    assert all("starve" not in kinds_of(name) for name in TOTAL)
    assert sum("starve" in kinds_of(name) for name in guards()) == len(guards()) - 22 - len(TOTAL)


def test_of_the_firewall_those_are_total_whose_source_knows_no_unknown() -> None:
    modules = {guard.__name__: inspect.getsource(sys.modules[guard.__module__]) for guard in FIREWALL}
    assert {name for name, text in modules.items() if ".unknown(" not in text} == set(TOTAL) & set(modules)


def test_every_guard_has_its_mutants_even_when_nobody_saw_it() -> None:
    made = [mutant.name for mutant in mutants(guards(), {"seen": {}, "seconds": {}})]
    assert len(made) == len(set(made)) == 3 * (16 + 9 + 24 + 7 + 35) + 22 - len(TOTAL)
