"""`cloudbuild.yaml` as Cloud Build reads it: known fields only, every substitution declared, every script there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from tests.architecture.sources import ROOT

FILE = ROOT / "cloudbuild.yaml"
SCRIPTS = ROOT / ".ci" / "cloudbuild"
BUILT_IN = {"PROJECT_ID", "BUILD_ID", "COMMIT_SHA"}
Substitution = Annotated[str, StringConstraints(pattern=r"^_[A-Z0-9_]{1,98}$")]
Seconds = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}s$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Step(_Strict):
    """https://cloud.google.com/build/docs/build-config-file-schema, what of it we use."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]*$")]
    name: str = Field(min_length=1)
    entrypoint: Literal["bash"] | None = None
    args: list[str] = Field(min_length=1)


class Options(_Strict):
    """A build with an account of its own has to say where its logs go."""

    logging: Literal["CLOUD_LOGGING_ONLY"]
    machineType: Literal["E2_HIGHCPU_8", "E2_HIGHCPU_32", "E2_MEDIUM"]
    substitutionOption: Literal["MUST_MATCH"]
    env: list[Annotated[str, StringConstraints(pattern=r"^[A-Z_]+=\$[A-Z_]+$")]]


class Build(_Strict):
    substitutions: Mapping[Substitution, str]
    options: Options
    timeout: Seconds
    steps: list[Step] = Field(min_length=1, max_length=300)

    @model_validator(mode="after")
    def _matches(self) -> Self:
        said = " ".join([*self.options.env, *(word for step in self.steps for word in (step.name, *step.args))])
        used = set(re.findall(r"\$\{?([A-Z_][A-Z0-9_]*)", said))
        unknown = used - set(self.substitutions) - BUILT_IN
        unused = set(self.substitutions) - used
        if unknown or unused:
            raise ValueError(f"substitutions that are not declared {sorted(unknown)} or not used {sorted(unused)}")
        ids = [step.id for step in self.steps]
        if len(set(ids)) < len(ids):
            raise ValueError("two steps have one id")
        return self


def build(text: str | None = None) -> Build:
    return Build.model_validate(yaml.safe_load(text or FILE.read_text(encoding="utf-8")))


def test_the_file_is_a_build() -> None:
    ids = [step.id for step in build().steps]
    assert ids == ["toolbox", "lint", "tests", "images", "scan", "plan", "apply"]
    assert build().substitutions["_STAGE"] == "verify", "applying is never the default"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("timeout: 5400s", "timout: 5400s", "timout"),
        ("timeout: 5400s", "timeout: soon", "timeout"),
        ("id: lint", "id: tests", "two steps have one id"),
        ("verify, lint", "$_STAG, lint", "_STAG"),
        ('_MARKETDATA: ""', '_UNUSED: ""', "_UNUSED"),
        ("entrypoint: bash", "script: rm", "script"),
        ("logging: CLOUD_LOGGING_ONLY", "logging: NONE", "logging"),
    ],
)
def test_a_file_that_is_none_is_refused_by_the_field(old: str, new: str, said: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ValidationError, match=re.escape(said)):
        build(text.replace(old, new, 1))


def called() -> list[tuple[str, str]]:
    """Stage and script of each step but the first, which builds the toolbox."""
    steps = build().steps[1:]
    assert all(step.args[0] == ".ci/cloudbuild/step.sh" for step in steps)
    assert all(step.name.endswith("/toolbox") for step in steps)
    return [(step.args[1], step.args[2]) for step in steps]


def test_verify_comes_in_order_and_apply_is_one_step_of_its_own() -> None:
    order = ["lint", "tests", "images", "scan", "plan"]
    assert called() == [*(("verify", name) for name in order), ("apply", "apply")]


def test_every_script_that_is_called_is_there_can_be_run_and_is_shell() -> None:
    scripts = sorted(SCRIPTS.glob("*.sh"))
    names = {path.stem for path in scripts}
    inner = {
        name
        for path in scripts
        for name in re.findall(r"\.ci/cloudbuild/([\w-]+)\.sh", path.read_text(encoding="utf-8"))
    }
    assert {name for _, name in called()} | inner | {"step"} == names
    assert len(names) >= 9
    for path in scripts:
        assert os.access(path, os.X_OK), path
        assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
        assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8"), path
        subprocess.run(["bash", "-n", path], check=True)


def test_every_variable_that_a_script_reads_is_given_by_the_build() -> None:
    given = {pair.partition("=")[0] for pair in build().options.env}
    asked: set[str] = set()
    for path in SCRIPTS.glob("*.sh"):
        asked |= set(re.findall(r"\$\{([A-Z_]+):[?-]", path.read_text(encoding="utf-8")))
    assert asked == given
    assert len(given) == 11


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*")), ids=lambda path: path.name)
def test_a_delivery_script_holds_no_key_and_prints_no_token(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"PRIVATE KEY|AIza|ya29\.|set -x|activate-service-account", text)
    assert 'echo "$token' not in text


def test_yaml_names_nothing_twice() -> None:
    def pairs(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(set(keys)) == len(keys), keys
        return dict(zip(keys, (loader.construct_object(value, deep=True) for _, value in node.value), strict=True))

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, pairs)
    assert yaml.load(FILE.read_text(encoding="utf-8"), Loader)["steps"]
