"""The example in each module's README.md gives what the module asks for, and nothing that it does not know."""

from __future__ import annotations

import re

from tests.conftest import ROOT

MODULES = ROOT / "terraform" / "modules"
EXAMPLE = re.compile(r'^module "\w+" \{\n  source = "\.\./(\w+)"\n(.*?)^\}', re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def inputs(name: str) -> dict[str, bool]:
    """A module's variables, and whether each has to be given."""
    texts = [path.read_text() for path in (MODULES / name).glob("*.tf")]
    found = [pair for text in texts for pair in VARIABLE.findall(text)]
    return {variable: not re.search(r"^  default\s", body, re.MULTILINE) for variable, body in found}


def test_every_example_in_a_module_s_readme_could_be_planned() -> None:
    examples = [pair for path in sorted(MODULES.glob("*/README.md")) for pair in EXAMPLE.findall(path.read_text())]
    assert len(examples) >= 12
    for name, body in examples:
        known = inputs(name)
        given = set(re.findall(r"^  (\w+)\s+= ", body, re.MULTILINE)) - {"for_each", "count"}
        assert given <= set(known), f"{name} has no {sorted(given - set(known))}"
        needed = {variable for variable, required in known.items() if required}
        assert needed <= given, f"{name} needs {sorted(needed - given)}"


def test_every_output_of_a_module_is_described() -> None:
    for path in MODULES.glob("*/outputs.tf"):
        blocks = re.findall(r'^output "(\w+)" \{\n(.*?)^\}', path.read_text(), re.MULTILINE | re.DOTALL)
        assert blocks, path
        assert all(re.search(r'^  description = "\S', body, re.MULTILINE) for _, body in blocks), path
