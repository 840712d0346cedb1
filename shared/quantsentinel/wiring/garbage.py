"""How a process of ours looks for garbage: seldom, and not among what it has loaded.

Most values of a pass die young and hold no cycles; Python looks for cycles every 700 of them, which is a fortieth of a
replayed day and a tenth of its slowest passes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (10_000, 20, 50)


def search_seldom() -> None:
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def kept_for_good() -> Iterator[None]:
    """What is loaded inside stays: searching it is a tenth of a process's start and a part of every later search."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
