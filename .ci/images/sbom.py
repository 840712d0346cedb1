"""A software bill of materials, CycloneDX 1.6, of one image: every package of its locked requirements with its hashes.

    .venv/bin/python .ci/images/sbom.py requirements/serve.txt > serve.cdx.json

A pin for another Python or system than the image's is left out. The same lock makes the same bytes: no time, no serial
number. What the base image brings is not in it; the scan of the finished image tells that.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.markers import Marker

IMAGE = {
    "implementation_name": "cpython",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.0",
    "python_version": "3.11",
    "sys_platform": "linux",
}
"""Where a pin with a marker has to hold."""
ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*)(\[[\w,.-]+\])?==(?P<version>[\w.!+-]+)(?P<marker>\s*;[^\\]+)?\s*\\?$"
)
HASH = re.compile(r"^\s+--hash=sha256:(?P<digest>[0-9a-f]{64})\s*\\?$")
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def components(lock: str) -> list[dict[str, Any]]:
    """One component a pinned package. Raises `SystemExit` for a line that is neither a pin, a hash nor a comment."""
    found: list[dict[str, Any]] = []
    left_out: list[bool] = []
    for number, line in enumerate(lock.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if entry := ENTRY.match(line):
            found.append(_component(entry["name"], entry["version"]))
            left_out.append(bool(entry["marker"]) and not Marker(entry["marker"].strip(" ;")).evaluate(IMAGE))
        elif (digest := HASH.match(line)) and found:
            found[-1]["hashes"].append({"alg": "SHA-256", "content": digest["digest"]})
        else:
            raise SystemExit(f"line {number}: neither a pinned package nor its hash: {line.strip()}")
    bare = [item["name"] for item in found if not item["hashes"]]
    if bare or not found:
        raise SystemExit(f"without a hash: {', '.join(bare) or 'everything: the file names no package'}")
    return [item for item, is_out in zip(found, left_out, strict=True) if not is_out]


def _component(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "hashes": []}


def bill(lock: str) -> dict[str, Any]:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": project["name"], "version": project["version"]}},
        "components": components(lock),
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: sbom.py requirements/serve.txt")
    print(json.dumps(bill(Path(sys.argv[1]).read_text(encoding="utf-8")), indent=1))
