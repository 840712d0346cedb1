"""The programs of `tests.delivery.cloud`. Each call is a line in `calls`; `script.json` says what goes wrong.

approval            what the build's approval is (APPROVED)
vulnerabilities     what a scan finds ([])
apply               exit codes of one `terraform apply` after the other (0)
changed             whether a failed apply changed the state (true)
self_test           what the function answers, one run after the other ({"passed": true})
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("FAKE_CLOUD", "."))


def _note(program: str, arguments: list[str]) -> None:
    with (ROOT / "calls").open("a") as calls:
        calls.write(f"{program} {' '.join(arguments)}\n")


def _script(name: str, default: Any) -> Any:
    return json.loads((ROOT / "script.json").read_text()).get(name, default)


def _next(name: str, default: Any) -> Any:
    """The next of a list of answers; after its end the last one again."""
    answers, path = _script(name, [default]), ROOT / f"{name}.count"
    number = int(path.read_text()) if path.is_file() else 0
    path.write_text(str(number + 1))
    return answers[min(number, len(answers) - 1)]


def gcloud(arguments: list[str]) -> None:
    _note("gcloud", arguments)
    words = [word for word in arguments if not word.startswith("--")]
    if words[:2] == ["storage", "cp"]:
        source, target = (_local(word) for word in words[2:])
        if "--if-generation-match=0" in arguments and target.is_file():
            sys.exit("412: it is there already")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    elif words[:3] == ["storage", "objects", "describe"]:
        sys.exit(0 if _local(words[3]).is_file() else 1)
    elif words[:2] == ["builds", "describe"]:
        print(_script("approval", "APPROVED"))
    elif words[:4] == ["artifacts", "docker", "images", "scan"]:
        print("projects/p/locations/asia/scans/1")
    elif words[:4] == ["artifacts", "docker", "images", "list-vulnerabilities"]:
        print(json.dumps(_script("vulnerabilities", [])))
    elif words[:2] == ["auth", "print-identity-token"]:
        print("an-identity-token")


def _local(word: str) -> Path:
    return ROOT / word.removeprefix("gs://") if word.startswith("gs://") else Path(word)


def terraform(arguments: list[str]) -> None:
    _note("terraform", arguments)
    folder = Path(arguments[0].removeprefix("-chdir="))
    if arguments[1] == "init":
        if (folder / "backend_override.tf").exists():
            sys.exit("the state would not be in the bucket")
        if "-lockfile=readonly" not in arguments:
            (folder / ".terraform.lock.hcl").write_text("the providers")
    elif arguments[1] == "plan":
        out = next(word for word in arguments if word.startswith("-out="))
        Path(out.removeprefix("-out=")).write_text("the plan")
    elif arguments[1] == "show":
        print("Plan: 1 to add")
    elif arguments[1] == "apply":
        _apply()
    elif arguments[1:3] == ["state", "pull"]:
        print(json.dumps({"serial": _serial()}))
    elif arguments[1] == "output":
        print(json.dumps(_outputs()))


def _apply() -> None:
    code = _next("apply", 0)
    if code == 0 or _script("changed", True):
        (ROOT / "serial").write_text(str(_serial() + 1))
    sys.exit(code)


def _serial() -> int:
    path = ROOT / "serial"
    return int(path.read_text()) if path.is_file() else 7


def _outputs() -> dict[str, Any]:
    known = json.loads(Path("terraform/functions.json").read_text())["functions"]
    service = {name: f"qs-{name.replace('_', '-')}" for name in known}
    uris = {name: f"https://{service[name]}.run.app" for name, row in known.items() if row["trigger"]["kind"] == "http"}
    revisions = {name: f"{service[name]}-{_serial():05d}-new" for name in known}
    return {"uris": {"value": uris}, "revisions": {"value": revisions}}


def docker(arguments: list[str]) -> None:
    _note("docker", arguments)
    if arguments[0] == "inspect":
        name = arguments[-1].rsplit(":", 1)[0]
        print(f"{name}@sha256:{'2' * 64}\n")


def make(arguments: list[str]) -> None:
    _note("make", arguments)
    if arguments == ["images-check"]:
        Path("build/sbom").mkdir(parents=True, exist_ok=True)
        for name in ("serve", "batch"):
            Path(f"build/sbom/{name}.cdx.json").write_text("{}")


def curl(arguments: list[str]) -> None:
    _note("curl", arguments)
    if "an-identity-token" not in sys.stdin.read():
        sys.exit("no token")
    asked = json.loads(Path(next(word for word in arguments if word.startswith("@"))[1:]).read_text())
    (ROOT / "asked.json").write_text(json.dumps(asked))
    revisions = {name: {row["revision"]: 1} for name, row in asked["functions"].items()}
    answer = {"run": asked["run"], "findings": [], "revisions": revisions, **_next("self_test", {"passed": True})}
    Path(arguments[arguments.index("--output") + 1]).write_text(json.dumps(answer))
