"""`make emulators TERRAFORM=1`: Terraform applies the topic, subscription and bucket modules to the emulators.

It needs the real provider. Everything it writes is under `.emulators/terraform`, and a state that is older than the
emulators is thrown away: what it tells of is gone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from emulators.function_map import MAP
from emulators.google_emulators import Google
from emulators.interrupt import pause
from emulators.lifetime import ROOT
from emulators.standing import FOLDER, Way
from quantsentinel.errors import Unavailable

SOURCE = ROOT / "emulators" / "terraform"
NAME = "terraform"
WHERE = "make emulators TERRAFORM=1"
PROVIDERS = ".terraform/providers/registry.terraform.io/hashicorp/google"
LATEST = (".terraform.lock.hcl", "terraform.tfstate", "terraform.tfstate.backup")
APPLY_WITHIN_S = 600.0


def prepared(folder: Path = FOLDER) -> Path:
    """A copy of the root with its provider, and no state.

    Raises `Unavailable` that says what to do: no Terraform, no provider, or one that cannot apply.
    """
    if not shutil.which("terraform"):
        raise Unavailable("no terraform on the PATH", where=WHERE, fix="Install Terraform 1.11 or newer")
    root = folder / NAME
    root.mkdir(parents=True, exist_ok=True)
    for name in LATEST:
        (root / name).unlink(missing_ok=True)
    modules = os.path.relpath(ROOT / "terraform" / "modules", root)
    for path in SOURCE.glob("*.tf"):
        text = path.read_text(encoding="utf-8").replace("../../terraform/modules", modules)
        (root / path.name).write_text(text, encoding="utf-8")
    plugins = os.environ.get("TF_PLUGIN_DIR")
    _terraform(root, ["init", "-input=false", "-no-color", *([f"-plugin-dir={plugins}"] if plugins else [])])
    if stands_in(root):
        fix = "Run it where Terraform's registry can be reached, without TF_PLUGIN_DIR; or leave TERRAFORM=1 away"
        raise Unavailable(
            "the provider at hand only knows the shape of Google's and cannot apply", where=WHERE, fix=fix
        )
    return root


def stands_in(root: Path) -> bool:
    """Whether what `init` chose is a script: the real provider is a binary."""
    programs = (root / PROVIDERS).glob("*/*/terraform-provider-google*")
    return any(_first_bytes(path) == b"#!" for path in programs)


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as program:
        return program.read(2)


def variables(google: Google, ports: Mapping[str, int]) -> dict[str, object]:
    """As the root takes them."""
    return {
        "project_id": google.project,
        "map": str(MAP),
        "pubsub": google.pubsub,
        "storage": google.storage,
        "ports": dict(ports),
    }


def by_terraform(root: Path) -> Way:
    """Applies the prepared root."""

    def make(google: Google, ports: Mapping[str, int], stop: threading.Event) -> list[str]:
        pause(stop)
        (root / "terraform.tfvars.json").write_text(json.dumps(variables(google, ports)), encoding="utf-8")
        _terraform(root, ["apply", "-input=false", "-no-color", "-auto-approve"])
        return [NAME]

    return Way(NAME, make)


def _terraform(root: Path, arguments: Sequence[str]) -> None:
    """Raises `Unavailable` with what it said."""
    command = ["terraform", f"-chdir={root}", *arguments]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=APPLY_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"terraform {arguments[0]} took more than {APPLY_WITHIN_S:g} s", where=WHERE) from None
    if run.returncode:
        fix = "Where the registry is out of reach, leave TERRAFORM=1 away: the clients make the same"
        said = run.stdout + run.stderr
        raise Unavailable(
            f"terraform {arguments[0]}: {said[said.find('Error:') :][:2000].strip()}", where=WHERE, fix=fix
        )
