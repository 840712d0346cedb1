"""Children that do not outlive their parent, also when that ends by kill -9 (on Linux; elsewhere nothing happens)."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Called in the child: from now on the kernel kills it when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
