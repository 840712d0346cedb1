"""The plan of production that policies are asked of; what terraform-compliance says of it and of its bad variants."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulators.lifetime import ROOT
from tests.policies.features import FEATURES, NEGATIVE, Scenario, scenarios
from tests.policies.patches import Plan, Spoiled, load_patch, spoiled
from tests.terraform_plan import copied, initialised, plan_of

REAL = "real"
TRIAL_S = 1200
"""A limit against a hang, on the busiest machine; usual is a minute."""
Said = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Tried:
    """What terraform-compliance said of the untouched plan, and of each scenario's own bad plan; by scenario."""

    real: Said
    bad: Said
    plans: dict[str, Spoiled]


@pytest.fixture(scope="session")
def prod_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of production in a copy of the Terraform code."""
    return copied(tmp_path_factory.mktemp("terraform")) / "terraform" / "envs" / "prod"


@pytest.fixture(scope="session")
def prod_plan(prod_root: Path) -> Plan:
    return plan_of(initialised(prod_root), ROOT / "terraform" / "envs" / "prod" / "offline.tfvars")


@pytest.fixture(scope="session")
def tried(prod_plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    folder = tmp_path_factory.mktemp("policies")
    known = {one.slug: one for one in scenarios()}
    patches = {slug: load_patch(NEGATIVE / f"{slug}.json")["changes"] for slug in known}
    plans = spoiled(prod_plan, patches)
    trials = [_trial(folder / REAL, scenarios(), prod_plan)]
    trials += [
        _trial(folder / f"bad-{number}", [known[slug] for slug in one.touched], one.plan)
        for number, one in enumerate(plans)
    ]
    found = _run(folder, trials)
    return Tried(
        {row["name"]: row for row in found.pop(str(folder / REAL))},
        {row["name"]: row for rows in found.values() for row in rows},
        {slug: one for one in plans for slug in one.touched},
    )


def asked_alone(folder: Path, one: Scenario, plan: Plan) -> list[dict[str, Any]]:
    """What one scenario says of a plan."""
    (said,) = _run(folder, [_trial(folder / "alone", [one], plan)]).values()
    return said


def _trial(folder: Path, chosen: tuple[Scenario, ...] | list[Scenario], plan: Plan) -> dict[str, str]:
    """Untouched, the features as they are; otherwise the chosen scenarios, word for word, one a file."""
    folder.mkdir()
    features = FEATURES if folder.name == REAL else folder / "features"
    features.mkdir(exist_ok=True)
    if features != FEATURES:
        for one in chosen:
            (features / f"{one.slug}.feature").write_text(one.text, encoding="utf-8")
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    return {"name": str(folder), "features": str(features), "plan": str(folder / "plan.json")}


def _run(folder: Path, trials: list[dict[str, str]]) -> dict[str, list[dict[str, Any]]]:
    asked, answered = folder / "trials.json", folder / "results.json"
    asked.write_text(json.dumps(trials), encoding="utf-8")
    command = [sys.executable, "-m", "tests.policies.trials", str(asked), str(answered)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TRIAL_S)
    assert ran.returncode == 0, ran.stderr[-3000:]
    results: dict[str, list[dict[str, Any]]] = json.loads(answered.read_text(encoding="utf-8"))
    return results
