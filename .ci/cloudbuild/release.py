"""What the delivery scripts reckon with JSON: a release and its digest, a canary's traffic, the self-test's request.

    release.py write FOLDER ENV COMMIT PERCENT       FOLDER/manifest.json; prints its SHA-256, the release
    release.py check FOLDER RELEASE ENV COMMIT       refuses what is not that release, to the byte
    release.py image FOLDER serve|batch              the image of FOLDER/manifest.json or FOLDER/current.json
    release.py traffic CURRENT PERCENT               variables for a canary beside the revisions in CURRENT
    release.py request OUTPUTS MAP RUN PERCENT [CURRENT]   what the function self_test is asked
    release.py judge ANSWER                          prints its findings; refuses when it did not pass
    release.py current OUTPUTS FOLDER RELEASE        what is in production from now on
    release.py gate VULNERABILITIES                  refuses critical ones, and high ones that have a fix

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMAGE = re.compile(r"[a-z0-9.-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
SELF_TEST = ("self_test", "self_test_sink")
"""They judge the others and take no part in a canary."""
OPEN = ("public_with_secret", "callback")
"""HTTP functions that answer /health to anybody; the others that answer HTTP ask for an identity."""


def refuse(what: str) -> SystemExit:
    return SystemExit(f"refused: {what}")


def write(folder: str, env: str, commit: str, percent: str) -> str:
    path = Path(folder)
    images = {name: (path / f"{name}.image").read_text(encoding="utf-8").strip() for name in ("serve", "batch")}
    for name, image in images.items():
        if not IMAGE.fullmatch(image):
            raise refuse(f"{name} image {image!r} is not named by digest")
    manifest = {
        "env": env,
        "commit": commit,
        "canary_percent": _percent(percent),
        **{f"{name}_image": image for name, image in images.items()},
        "plan_sha256": _sha256(path / "plan.tfplan"),
        "lock_sha256": _sha256(path / "lock.hcl"),
    }
    (path / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
    return _sha256(path / "manifest.json")


def check(folder: str, release: str, env: str, commit: str) -> str:
    path = Path(folder)
    if _sha256(path / "manifest.json") != release:
        raise refuse(f"the manifest is not release {release}")
    manifest = _read(path / "manifest.json")
    for name, wanted in (("env", env), ("commit", commit)):
        if manifest[name] != wanted:
            raise refuse(f"release {release} is of {name} {manifest[name]}, this build of {wanted}")
    for name, key in (("plan.tfplan", "plan_sha256"), ("lock.hcl", "lock_sha256")):
        if (path / name).is_file() and _sha256(path / name) != manifest[key]:
            raise refuse(f"{name} is not the one that release {release} was made with")
    return str(manifest["canary_percent"])


def image(folder: str, name: str) -> str:
    path = next(path for path in (Path(folder) / "manifest.json", Path(folder) / "current.json") if path.is_file())
    found = str(_read(path)[f"{name}_image"])
    if not IMAGE.fullmatch(found):
        raise refuse(f"{name} image {found!r} is not named by digest")
    return found


def traffic(current: str, percent: str) -> str:
    share = _percent(percent)
    if share == 100:
        return json.dumps({"traffic": {}})
    revisions = _base(current)
    return json.dumps(
        {"traffic": {name: {revision: 100 - share, "LATEST": share} for name, revision in revisions.items()}}
    )


def request(outputs: str, function_map: str, run: str, percent: str, current: str = "") -> str:
    made, known = _read(Path(outputs)), _read(Path(function_map))
    share = _percent(percent)
    also = _base(current) if share < 100 else {}
    settings = {secret: row["setting"] for secret, row in known["secrets"].items()}
    functions: dict[str, Any] = {}
    for name, row in known["functions"].items():
        expected: dict[str, Any] = {"revision": made["revisions"]["value"][name]}
        if name in also:
            expected["also"] = [also[name]]
        invokers = row["trigger"].get("invokers")
        if invokers in OPEN:
            expected["url"] = made["uris"]["value"][name].rstrip("/") + "/health"
        elif name not in SELF_TEST and invokers is not None:
            continue  # it takes an identity that the self-test does not have
        else:
            expected["secrets"] = [settings[secret] for secret in row["permissions"]["secrets"]]
        functions[name] = expected
    sink = made["uris"]["value"]["self_test_sink"]
    return json.dumps({"run": run, "sink_url": sink, "functions": functions, "canary_percent": share, "wait_s": 200})


def judge(answer: str) -> str:
    found = _read(Path(answer))
    for finding in found.get("findings", []):
        print("  ", " ".join(f"{key}={value}" for key, value in finding.items()))
    if found.get("passed") is not True:
        raise refuse(f"the self-test did not pass: {found.get('error', found.get('run', 'no answer'))}")
    return f"self-test {found['run']} passed: {len(found['revisions'])} functions, the signal arrived"


def current(outputs: str, folder: str, release: str) -> str:
    manifest, made = _read(Path(folder) / "manifest.json"), _read(Path(outputs))
    kept = {name: manifest[name] for name in ("commit", "serve_image", "batch_image")}
    return json.dumps({"release": release, **kept, "revisions": made["revisions"]["value"]}, indent=1, sort_keys=True)


def gate(vulnerabilities: str) -> str:
    found = [item["vulnerability"] for item in json.loads(Path(vulnerabilities).read_text(encoding="utf-8"))]
    stopped = [
        f"{item.get('shortDescription', '?')} ({item['effectiveSeverity']})"
        for item in found
        if item["effectiveSeverity"] == "CRITICAL" or (item["effectiveSeverity"] == "HIGH" and item.get("fixAvailable"))
    ]
    if stopped:
        raise refuse(f"the image has {', '.join(sorted(stopped))}")
    return f"{len(found)} known vulnerabilities, none critical, none high with a fix"


def _base(path: str) -> dict[str, str]:
    """The revisions that keep the rest of a canary's traffic."""
    if not path or not Path(path).is_file():
        raise refuse("a canary needs a release beside it, and none was applied and tested yet")
    return {name: revision for name, revision in _read(Path(path))["revisions"].items() if name not in SELF_TEST}


def _percent(text: str) -> int:
    if not re.fullmatch(r"\d{1,3}", text) or not 5 <= int(text) <= 100:
        raise refuse(f"a canary of {text!r} percent: 5 to 100, below that nobody would see it in a test")
    return int(text)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise refuse(f"{path.name} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise refuse(f"{path.name} is no JSON object")
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


COMMANDS: dict[str, Callable[..., str]] = {
    item.__name__: item for item in (write, check, image, traffic, request, judge, current, gate)
}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
        raise SystemExit(__doc__)
    print(COMMANDS[sys.argv[1]](*sys.argv[2:]))
