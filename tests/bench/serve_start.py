"""A cold function, its `main.py` included, to its first decision in `.venv-serve`, and its size then.

`rows()` for `make bench`, or run this file.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.figures import ROOT, row
from tests.serve_start import inputs

PYTHON = ROOT / ".venv-serve" / "bin" / "python"
TIMES = 5
MEASURE = (
    "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__'); "
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)
"""Linux only. `ru_maxrss` would not do: a child starts with its parent's, and the bench is large by then."""


def rows() -> list[dict[str, Any]]:
    """Wall seconds from the parent's spawn to the first decision (median), and peak resident megabytes."""
    if not PYTHON.is_file() or not Path("/proc/self/status").is_file():
        return []
    made = inputs()
    with tempfile.TemporaryDirectory() as folder:
        snapshot, history = Path(folder, "snapshot.parquet"), Path(folder, "history.json")
        snapshot.write_bytes(made.snapshot)
        history.write_bytes(made.history)
        runs = [(*_run(snapshot, history), _polars()) for _ in range(TIMES + 1)][1:]
    times = median(run[0] for run in runs) / median(run[2] for run in runs)
    note = f"functions/decide/main.py in .venv-serve, simulated NIFTY; {times:.1f} x `import polars` here"
    return [
        row("cold function to its first decision", median(run[0] for run in runs), "s", 1.0, note=note),
        row("cold function, peak memory", max(run[1] for run in runs), "MB", 256.0, note=note),
    ]


def _run(snapshot: Path, history: Path) -> tuple[float, int]:
    script, main = ROOT / "tests" / "serve_start.py", ROOT / "functions" / "decide" / "main.py"
    command = [str(PYTHON), "-c", MEASURE, str(script), str(time.time()), str(main), str(snapshot), str(history)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    said, peak = run.stdout.splitlines()
    return float(json.loads(said)["elapsed_s"]), int(peak) // 1024


def _polars() -> float:
    """Seconds of a process that imports polars: says how fast the machine starts things just now."""
    began = time.perf_counter()
    subprocess.run([str(PYTHON), "-c", "import polars"], check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
