"""A Google Cloud small enough to watch: programs on the PATH that keep buckets as folders and write down each call.

What is under test is the order in which our scripts call them and what they do when a call fails; the programs do no
more than answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.architecture.sources import ROOT

COMMIT = "c0ffee" + "0" * 34
BUILD = "0f0f0f0f-1111-4222-8333-444444444444"
OLD, NEW = "1" * 64, "2" * 64
FUNCTIONS = json.loads((ROOT / "terraform" / "functions.json").read_text(encoding="utf-8"))["functions"]
PROGRAM = f"""#!{sys.executable} -S
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.delivery.programs import {{0}}
{{0}}(sys.argv[1:])
"""
PROGRAMS = ("gcloud", "terraform", "docker", "curl", "make")


def image(name: str, digest: str) -> str:
    return f"asia-south1-docker.pkg.dev/p/quantsentinel/{name}@sha256:{digest}"


@dataclass(frozen=True)
class Cloud:
    """`root` holds the checkout `work`, the bucket `b`, the programs `bin` and what they were asked, `calls`."""

    root: Path

    @classmethod
    def made(cls, root: Path) -> Cloud:
        work = root / "work"
        shutil.copytree(ROOT / ".ci", work / ".ci")
        (work / "terraform" / "envs" / "prod").mkdir(parents=True)
        shutil.copy(ROOT / "terraform" / "functions.json", work / "terraform")
        (root / "bin").mkdir()
        for name in PROGRAMS:
            path = root / "bin" / name
            path.write_text(PROGRAM.format(name))
            path.chmod(0o755)
        # Without site-packages: what the scripts reckon with needs the standard library alone.
        python = root / "bin" / "python3"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
        python.chmod(0o755)
        cloud = cls(root)
        cloud.put("values/prod.tfvars", 'project_id = "p"\n')
        cloud.script()
        return cloud

    def script(self, **answers: Any) -> None:
        """How the programs answer: see `tests.delivery.programs`."""
        (self.root / "script.json").write_text(json.dumps(answers))

    def put(self, name: str, text: str) -> None:
        path = self.root / "b" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def get(self, name: str) -> Any:
        path = self.root / "b" / name
        return json.loads(path.read_text()) if path.is_file() else None

    def run(self, stage: str, name: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """One step of cloudbuild.yaml."""
        given = {
            "PATH": f"{self.root / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "FAKE_CLOUD": str(self.root),
            "STAGE": stage, "ENV": "prod", "REGION": "asia-south1", "BUCKET": "b", "CANARY_PERCENT": "100",
            "PROMOTE": "", "RELEASE": "", "MARKETDATA": "", "PROJECT_ID": "p", "BUILD_ID": BUILD, "COMMIT": COMMIT,
        }  # fmt: skip
        step = ["bash", ".ci/cloudbuild/step.sh", stage, name]
        return subprocess.run(
            step, cwd=self.root / "work", env={**given, **environ}, capture_output=True, text=True, check=False
        )

    def calls(self, program: str = "") -> list[str]:
        """What was asked of the programs, in order, without paths of this machine."""
        path = self.root / "calls"
        lines = path.read_text().replace(str(self.root / "work") + os.sep, "").splitlines() if path.is_file() else []
        return [line for line in lines if line.startswith(program)]

    def deployed(self, digest: str = OLD) -> None:
        """A release that passed its self-test before."""
        revisions = {name: f"qs-{name.replace('_', '-')}-00001-old" for name in FUNCTIONS}
        images = {"serve_image": image("serve", digest), "batch_image": image("batch", digest)}
        self.put(
            "current/prod.json", json.dumps({"release": "0" * 64, "commit": "f" * 40, **images, "revisions": revisions})
        )

    def release(self, **changes: Any) -> str:
        """A release in the bucket, as `plan` would have left it; its digest."""
        plan, lock = "the plan", "the providers"
        manifest: Mapping[str, Any] = {
            "env": "prod", "commit": COMMIT, "canary_percent": 100,
            "serve_image": image("serve", NEW), "batch_image": image("batch", NEW),
            "plan_sha256": _sha256(plan), "lock_sha256": _sha256(lock), **changes,
        }  # fmt: skip
        text = json.dumps(manifest)
        for name, content in {"manifest.json": text, "plan.tfplan": plan, "lock.hcl": lock}.items():
            self.put(f"releases/{_sha256(text)}/{name}", content)
        return _sha256(text)


def planned(cloud: Cloud, **environ: str) -> str:
    """Images, scan, plan; the release."""
    for name in ("images", "scan", "plan"):
        run = cloud.run("verify", name, **environ)
        assert run.returncode == 0, run.stderr
    return run.stdout.rsplit("_RELEASE=", 1)[1].strip()


def asked(cloud: Cloud) -> Any:
    """The last request to the self-test."""
    return json.loads((cloud.root / "asked.json").read_text())


def applies(cloud: Cloud) -> list[str]:
    return [call for call in cloud.calls("terraform") if " apply " in call]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
