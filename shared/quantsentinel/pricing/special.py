"""The special functions of SciPy that a serving process uses, from one place.

Importing `scipy.special` copies every name of NumPy into a namespace of SciPy's, and so loads `numpy.f2py`, the driver
of a Fortran compiler: 2 % of a cold start that nobody asked for. An empty module stands in its place meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np


@contextmanager
def _without_a_compiler() -> Iterator[None]:
    name = "numpy.f2py"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = vars(np)["f2py"] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name], vars(np)["f2py"]


with _without_a_compiler():
    from scipy.special import erfcx, ndtr, ndtri

__all__ = ["erfcx", "ndtr", "ndtri"]
