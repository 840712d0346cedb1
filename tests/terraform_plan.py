"""Plans made in a copy of the Terraform code: no other run's state, lock or provider is met there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, missing

HOW = "set TF_PLUGIN_DIR to a plugin folder with hashicorp/google, or go where Terraform's registry can be reached"
LOCAL_BACKEND = 'terraform {\n  backend "local" {}\n}\n'
WRITTEN = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "backend_override.tf")
WITHIN_S = 900.0


def copied(folder: Path) -> Path:
    """`terraform/` and `emulators/terraform/` as they are in the repository, below `folder`."""
    for part in ("terraform", "emulators/terraform"):
        shutil.copytree(ROOT / part, folder / part, ignore=WRITTEN)
    return folder


def _environ() -> dict[str, str]:
    """Fetched from the registry, a provider is kept, for each test worker: Terraform's cache takes one writer."""
    cache = ROOT / ".tools" / "terraform-plugins" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
    kept = {"TF_PLUGIN_CACHE_DIR": str(cache), "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1"}
    if os.environ.get("TF_PLUGIN_DIR"):
        kept = {}
    else:
        cache.mkdir(parents=True, exist_ok=True)
    return {**os.environ, **kept, "GOOGLE_OAUTH_ACCESS_TOKEN": "fake", "TF_IN_AUTOMATION": "1"}


def terraform(root: Path, *arguments: str) -> str:
    """What it printed. Fails with what it said."""
    command = ["terraform", f"-chdir={root}", *arguments]
    run = subprocess.run(command, env=_environ(), capture_output=True, text=True, check=False, timeout=WITHIN_S)
    assert run.returncode == 0, f"terraform {' '.join(arguments)}: {run.stdout[-3000:]}{run.stderr[-3000:]}"
    return run.stdout


def initialised(root: Path) -> Path:
    """With a local state. Without a provider the test is skipped loudly, or fails in CI."""
    (root / "backend_override.tf").write_text(LOCAL_BACKEND, encoding="utf-8")
    plugins = os.environ.get("TF_PLUGIN_DIR")
    command = ["terraform", f"-chdir={root}", "init", "-input=false", "-no-color"]
    command += [f"-plugin-dir={plugins}"] if plugins else []
    if not shutil.which("terraform"):
        missing("terraform", "install 1.11 or newer")
    run = subprocess.run(command, env=_environ(), capture_output=True, text=True, check=False, timeout=WITHIN_S)
    if run.returncode and "Failed to query available provider packages" in run.stderr:
        missing("Terraform's Google provider", HOW)
    assert run.returncode == 0, run.stderr[-3000:]
    return root


def plan_of(root: Path, values: Path | Mapping[str, Any]) -> dict[str, Any]:
    """The plan of an initialised root as `terraform show -json` tells it; `values` is a tfvars file or what it says."""
    if not isinstance(values, Path):
        (root / "test.tfvars.json").write_text(json.dumps(values), encoding="utf-8")
        values = root / "test.tfvars.json"
    flags: Sequence[str] = ("-input=false", "-no-color", "-refresh=false", "-lock=false", "-out=test.tfplan")
    terraform(root, "plan", *flags, f"-var-file={values}")
    found: dict[str, Any] = json.loads(terraform(root, "show", "-json", "test.tfplan"))
    return found
