"""What a function loads when it starts: nothing of the batch, in the environment that is deployed (`.venv-serve`)."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.conftest import missing
from tests.serve_start import inputs

FORBIDDEN = ("pandas", "pyarrow", "sklearn", "statsmodels", "arch", "shap", "matplotlib", "scipy.optimize")
PYTHON = ROOT / ".venv-serve" / "bin" / "python"
LOAD = """
import importlib.util, json, sys
for number, path in enumerate(sys.argv[1:]):
    spec = importlib.util.spec_from_file_location(f"function_{number}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The names of the modules that are there after every function's `main.py` was imported."""
    if not PYTHON.is_file():
        missing(".venv-serve", "run `make setup`")
    mains = sorted(map(str, (ROOT / "functions").glob("*/main.py")))
    assert len(mains) >= 7
    run = subprocess.run([PYTHON, "-c", LOAD, *mains], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return set(json.loads(run.stdout))


def test_importing_every_function_loads_the_product_and_no_batch_library(loaded: set[str]) -> None:
    assert any(name.startswith("quantsentinel.") for name in loaded)
    assert not [name for name in FORBIDDEN if name in loaded]


def test_a_cold_process_decides_without_a_batch_library(tmp_path: Path) -> None:
    if not PYTHON.is_file():
        missing(".venv-serve", "run `make setup`")
    made = inputs()
    files = {"snapshot.parquet": made.snapshot, "history.json": made.history}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    main = ROOT / "functions" / "decide" / "main.py"
    command = [PYTHON, ROOT / "tests" / "serve_start.py", str(time.time()), main, *(tmp_path / name for name in files)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout)
    assert found["judged"] > 0
    assert not [name for name in FORBIDDEN if name in found["modules"]]


def test_the_serve_environment_does_not_even_hold_them() -> None:
    if not PYTHON.is_file():
        missing(".venv-serve", "run `make setup`")
    packages = next((PYTHON.parents[1] / "lib").glob("python3*")) / "site-packages"
    held = {Path(path).name for path in packages.iterdir()}
    assert "numpy" in held
    assert not [name for name in FORBIDDEN if name in held]
