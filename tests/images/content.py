"""What the serve image would hold and load, measured on `.venv-serve`: the same lock, without Docker."""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import ROOT

SERVE = ROOT / ".venv-serve"
PYTHON = SERVE / "bin" / "python"
MOST_MB = 550.0
FORBIDDEN = (
    "pandas", "pyarrow", "sklearn", "statsmodels", "arch", "shap", "matplotlib", "torch", "scipy.optimize",
)  # fmt: skip
LOAD = """
import importlib.util, json, sys, time
began = time.perf_counter()
spec = importlib.util.spec_from_file_location("function", sys.argv[1])
spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(json.dumps({"seconds": time.perf_counter() - began, "modules": sorted(sys.modules)}))
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A function's `main.py` in a process of its own."""

    name: str
    seconds: float
    cpu_s: float
    """Of the whole process: what a busy machine inflates least."""
    forbidden: tuple[str, ...]
    modules: int


def size_mb(folder: Path = SERVE) -> float:
    """Bytes of every file below, in MB of 1,000,000; links are not followed, and one with two names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for place, _, names in os.walk(folder):
        for name in names:
            status = (Path(place) / name).lstat()
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values()) / 1e6


def installed(folder: Path) -> Path:
    """Our package as the image installs it, bytecode included: what to put on PYTHONPATH.

    `.venv-serve` has it as an editable install, whose bytecode is there or not as others have run it: a third of a
    second of compiling would be taken for the image's start.
    """
    for name in ("pyproject.toml", "README.md", "shared"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    site = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-build-isolation"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--no-compile", "--target", site, folder], check=True)
    environ = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"}
    python = PYTHON if PYTHON.is_file() else Path(sys.executable)
    subprocess.run([ROOT / ".ci" / "images" / "compile.sh", python, site], check=True, env=environ)
    return site


def load(main: Path, site: Path | None = None) -> Loaded:
    """Imports it as functions-framework does. Raises `CalledProcessError` with what it said when it cannot."""
    environ = {**os.environ, **({"PYTHONPATH": str(site)} if site else {})}
    before = _cpu_s()
    run = subprocess.run([PYTHON, "-c", LOAD, main], cwd=ROOT, capture_output=True, text=True, check=True, env=environ)
    found = json.loads(run.stdout)
    names = tuple(name for name in FORBIDDEN if name in found["modules"])
    return Loaded(main.parent.name, found["seconds"], _cpu_s() - before, names, len(found["modules"]))


def _cpu_s() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def mains() -> list[Path]:
    return sorted((ROOT / "functions").glob("*/main.py"))


def without_bytecode(folder: Path) -> list[str]:
    """Sources below `folder` that compile and yet have no bytecode of this interpreter's kind beside them."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*.py"))
        if not Path(importlib.util.cache_from_source(str(path))).is_file() and _compiles(path)
    ]


def _compiles(path: Path) -> bool:
    try:
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def packages() -> Path:
    return next((SERVE / "lib").glob("python3*")) / "site-packages"
