"""What keeps NumPy's compiler driver out of a serving process takes nothing from anybody else."""

from __future__ import annotations

import subprocess
import sys

ASK = """
import sys
from quantsentinel.pricing.special import erfcx, ndtr, ndtri
assert "numpy.f2py" not in sys.modules
import numpy, scipy.special
assert (erfcx, ndtr, ndtri) == (scipy.special.erfcx, scipy.special.ndtr, scipy.special.ndtri)
print(numpy.f2py.get_include())
"""


def test_the_compiler_driver_is_not_loaded_and_can_be_loaded_afterwards() -> None:
    run = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip().endswith("src")
