"""Every Terraform module by itself: formatted, valid, its own tests passed, its variables told; without a cloud."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, missing
from tests.terraform_plan import initialised, terraform

MODULES = sorted(path.name for path in (ROOT / "terraform" / "modules").iterdir() if path.is_dir())
AGREED = {"bucket", "delivery_identity", "documents", "function", "images", "job", "monitoring", "network", "platform"}
AGREED |= {"schedule", "secrets", "subscription", "topic", "triggers"}
VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def test_the_modules_are_the_agreed_ones_and_each_has_tests_and_says_what_it_is() -> None:
    assert set(MODULES) >= AGREED
    for name in MODULES:
        folder = ROOT / "terraform" / "modules" / name
        assert list(folder.glob("tests/*.tftest.hcl")), f"{name} has no tests"
        assert (folder / "README.md").is_file(), f"{name} has no README.md"


def test_every_file_is_formatted() -> None:
    if not shutil.which("terraform"):
        missing("terraform", "install 1.11 or newer")
    terraform(ROOT / "terraform", "fmt", "-check", "-recursive", "-no-color")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_valid_and_passes_its_own_tests(code: Path, name: str) -> None:
    root = initialised(code / "modules" / name)
    terraform(root, "validate", "-no-color")
    said = terraform(root, "test", "-no-color")
    found = re.search(r"Success! (\d+) passed, 0 failed\.", said)
    assert found, said[-2000:]
    runs = sum(path.read_text().count('\nrun "') for path in root.glob("tests/*.tftest.hcl"))
    assert int(found[1]) == runs >= 3


def test_every_variable_has_a_type_and_a_description_and_is_null_only_where_null_says_something() -> None:
    told = 0
    for path in sorted((ROOT / "terraform").rglob("*.tf")):
        for name, body in VARIABLE.findall(path.read_text(encoding="utf-8")):
            where = f"{path.relative_to(ROOT)}: {name}"
            assert re.search(r"^  type\s+=", body, re.MULTILINE), f"{where} has no type"
            assert re.search(r'^  description\s+= "\w', body, re.MULTILINE), f"{where} has no description"
            never = re.search(r"^  nullable\s+= false", body, re.MULTILINE)
            means = re.search(r"^  default\s+= null", body, re.MULTILINE)
            assert bool(never) != bool(means), f"{where} needs nullable = false, or null as its default"
            told += 1
    assert told > 100


def test_nothing_in_the_code_asks_an_api_while_it_plans() -> None:
    files = [path for path in (ROOT / "terraform").rglob("*.tf") if ".terraform" not in path.parts]
    text = {path: path.read_text(encoding="utf-8") for path in files}
    assert len(text) > 40
    for path, code in text.items():
        assert not re.search(r'^data "', code, re.MULTILINE), f"{path} has a data source"
        assert "provider::" not in code, f"{path} calls a provider function"
        assert 'source  = "hashicorp/google"' in code or "required_providers" not in code, f"{path}: another provider"
        assert "required_version" not in code or '">= 7.40, < 9.0"' in code, f"{path} pins another range"
