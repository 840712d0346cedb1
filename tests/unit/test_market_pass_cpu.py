"""The same decision on another CPU: the pass runs again without the vector instructions of this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from quantsentinel.pipeline import market_pass
from tests.market_day import desk, history, skewed, snapshot

ROOT = Path(__file__).resolve().parents[2]
VOLS = (0.09, 0.1037, 0.12, 0.1391, 0.16, 0.2113)
PROGRAM = "from tests.unit.test_market_pass_cpu import digests; print('\\n'.join(digests()))"


def digests() -> list[str]:
    """Of views that offer something and of views that refuse everything."""
    smiles = [skewed(vol, slope, 1.7) for vol in VOLS for slope in (-0.83, 0.0)]
    return [market_pass(snapshot(smile=smile), history(), desk()).digest for smile in smiles]


def vector_features() -> list[str]:
    """What numpy dispatches to on this machine beyond its baseline."""
    found = np._core._multiarray_umath
    return [name for name in found.__cpu_dispatch__ if found.__cpu_features__.get(name)]


def test_a_view_has_the_same_bytes_without_vector_instructions_and_on_an_older_blas_core() -> None:
    environment = {
        **os.environ,
        "NPY_DISABLE_CPU_FEATURES": " ".join(vector_features()),
        "OPENBLAS_CORETYPE": "Nehalem",
        "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}",
    }
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == digests()
