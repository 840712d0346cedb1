"""A copy of the Terraform code that these tests initialise, and the plans of both environments made in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.terraform.planned import Planned
from tests.terraform_plan import copied, initialised, plan_of


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`terraform/` of the copy."""
    return copied(tmp_path_factory.mktemp("terraform")) / "terraform"


def _plan(code: Path, env: str) -> Planned:
    values = ROOT / "terraform" / "envs" / env / "offline.tfvars"
    return Planned(plan_of(initialised(code / "envs" / env), values))


@pytest.fixture(scope="session")
def prod(code: Path) -> Planned:
    return _plan(code, "prod")


@pytest.fixture(scope="session")
def dev(code: Path) -> Planned:
    return _plan(code, "dev")
