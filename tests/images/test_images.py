"""The two images, judged without Docker: the Dockerfile's rules, the SBOM, the bytecode, what a function loads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.sources import ROOT
from tests.conftest import missing
from tests.images.content import MOST_MB, PYTHON, installed, load, mains, packages, size_mb, without_bytecode
from tests.images.dockerfile import problems, read

IMAGES = ROOT / ".ci" / "images"
DOCKERFILE = (IMAGES / "Dockerfile").read_text(encoding="utf-8")
DIGEST = "sha256:" + "0" * 64


# --- Dockerfile -------------------------------------------------------------------------------------------------------
def test_the_dockerfile_keeps_every_rule() -> None:
    assert problems(DOCKERFILE) == []
    assert {"serve", "batch", "toolbox"} <= {item.stage for item in read(DOCKERFILE)}


BREAKS = {
    "a tag instead of a digest": (r"(ARG PYTHON=python:3.11-slim)@\S+", r"\1", "not pinned by digest"),
    "a base that nobody pinned": ("FROM base AS runtime", "FROM debian:12 AS runtime", "FROM debian:12: not pinned"),
    "root": ("USER 10001:10001\nENTRYPOINT", "ENTRYPOINT", "batch: USER root"),
    "root by number": ("USER 10001:10001", "USER 0:0", "serve: USER 0:0"),
    "a user by name": ("USER 10001:10001", "USER nobody", "serve: USER nobody"),
    "requirements without hashes": ("--require-hashes ", "", "installs without --require-hashes"),
    "something fetched": ("WORKDIR /app", "ADD https://example.org/x /app", "ADD https://example.org/x"),
    "an index": ("--no-deps --only", "--index-url https://example.org --only", "names an address or an index"),
    "the whole folder": ("COPY shared shared", "COPY . .", "names the whole folder"),
    "a secret": ("PYTHONUNBUFFERED=1", "UPSTOX_TOKEN=x", "ENV UPSTOX_TOKEN: a secret"),
    "bytecode at run time": ("PYTHONDONTWRITEBYTECODE=1 ", "", "serve: PYTHONDONTWRITEBYTECODE"),
    "a shell": ('CMD ["functions-framework"]', "CMD functions-framework", "serve: CMD and ENTRYPOINT as lists"),
    "sources after the bytecode": (
        "(?m)^(RUN .ci/images/compile.*)$",
        r"\1\nCOPY models models",
        "no bytecode is compiled",
    ),
    "no batch image": ("FROM runtime AS batch", "FROM runtime AS other", "no stage batch"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_dockerfile_that_breaks_a_rule_is_told_which(what: str) -> None:
    old, new, said = BREAKS[what]
    changed, count = re.subn(old if old.startswith(("(", "(?")) else re.escape(old), new, DOCKERFILE)
    assert count, "the fixture no longer fits the Dockerfile"
    assert any(said in line for line in problems(changed)), problems(changed)


def test_the_build_sees_only_what_the_images_are_made_of() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = [item.rest.split()[:-1] for item in read(DOCKERFILE) if item.word == "COPY" and "--from" not in item.rest]
    assert {path for paths in copied for path in paths} == allowed
    assert all((ROOT / path).exists() for path in allowed)


# --- What is in it ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def serve() -> Path:
    if not PYTHON.is_file():
        missing(".venv-serve", "run `make setup`")
    return packages()


def test_the_serve_environment_is_within_its_size(serve: Path) -> None:
    assert 100 < size_mb() <= MOST_MB


def test_every_source_of_the_serve_environment_has_bytecode(serve: Path) -> None:
    assert len(list(serve.rglob("*.pyc"))) > 3000
    assert without_bytecode(serve) == []


@pytest.mark.slow
@pytest.mark.parametrize("main", mains(), ids=lambda main: main.parent.name)
def test_a_function_loads_no_batch_library(serve: Path, main: Path) -> None:
    found = load(main)
    assert (found.name, found.forbidden) == (main.parent.name, ())
    assert found.modules > 100


def test_the_package_as_it_is_installed_holds_every_data_file_and_bytecode_that_asks_no_clock(tmp_path: Path) -> None:
    site = installed(tmp_path)
    source, there = ROOT / "shared" / "quantsentinel", site / "quantsentinel"
    assert _files(source) == _files(there)
    assert without_bytecode(site) == []
    header = next(there.rglob("entry*.pyc")).read_bytes()[4:8]
    assert int.from_bytes(header, "little") == 0b01, "hash-based, unchecked (PEP 552)"


def _files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_source_of_ours_that_does_not_compile_stops_the_build(tmp_path: Path) -> None:
    broken = tmp_path / "functions" / "decide" / "main.py"
    broken.parent.mkdir(parents=True)
    broken.write_text("def decide(:\n")
    run = subprocess.run([IMAGES / "compile.sh", sys.executable, tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "functions/decide/main.py" in run.stderr


# --- SBOM -------------------------------------------------------------------------------------------------------------
def sbom(lock: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, IMAGES / "sbom.py", lock], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("group", ["serve", "batch"])
def test_the_sbom_names_every_locked_package_with_its_version_and_all_its_hashes(group: str) -> None:
    lock = ROOT / "requirements" / f"{group}.txt"
    pins = re.split(r"(?m)^(?=[a-z0-9])", lock.read_text(encoding="utf-8"))
    bill: dict[str, Any] = json.loads(sbom(lock).stdout)
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert len(bill["components"]) > 50
    for item in bill["components"]:
        (pin,) = (
            text for text in pins if re.match(rf"{re.escape(item['name'])}(\[|==)", text) and item["version"] in text
        )
        assert {entry["content"] for entry in item["hashes"]} == set(re.findall(r"sha256:([0-9a-f]{64})", pin))
        assert item["purl"] == item["bom-ref"] == f"pkg:pypi/{item['name']}@{item['version']}"


def test_the_sbom_of_serve_is_what_is_installed(serve: Path) -> None:
    """The environment was made from the same lock by another tool."""
    show = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    run = subprocess.run([PYTHON, "-c", show], capture_output=True, text=True, check=True)
    installed = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in json.loads(run.stdout).items()}
    if "python3.11" not in str(serve):
        pytest.skip("the images have Python 3.11")
    bill = json.loads(sbom(ROOT / "requirements" / "serve.txt").stdout)
    listed = {item["name"]: item["version"] for item in bill["components"]}
    assert listed == {name: version for name, version in installed.items() if name not in ("pip", "quantsentinel")}


def test_the_same_lock_makes_the_same_bytes() -> None:
    lock = ROOT / "requirements" / "serve.txt"
    assert sbom(lock).stdout == sbom(lock).stdout != ""


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ("", "names no package"),
        ("numpy==2.1\n", "without a hash: numpy"),
        ("numpy>=2.1\n", "line 1: neither"),
        (f"numpy==2.1 \\\n    --hash={DIGEST}\n-e .\n", "line 3: neither"),
        (f"numpy==2.1 \\\n    --hash={DIGEST[:-1]}\n", "line 2: neither"),
    ],
)
def test_a_lock_that_is_none_makes_no_sbom(tmp_path: Path, lock: str, said: str) -> None:
    (tmp_path / "lock.txt").write_text(lock)
    run = sbom(tmp_path / "lock.txt")
    assert run.returncode == 1
    assert said in run.stderr
    assert run.stdout == ""
