"""`qs replay` of a NIFTY day of 306 snapshots for ten tenants, in a process of its own, webhooks included.

The recorded day where the market data is at hand, else a simulated one. `rows()` for `make bench`, or run this file.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from quantsentinel.market.dayfile import write_day_file
from tests.figures import DAILY, REAL, ROOT, measured_day, row

TENANTS = 10
MAIN = "import sys; from quantsentinel.cli.main import main; sys.exit(main())"


def rows() -> list[dict[str, Any]]:
    """Seconds, CPU seconds and megabytes of the process, and the passes' p95 inside of it."""
    day = measured_day()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = ["--data", str(REAL), "--history", str(DAILY)]
        if not REAL.is_file():
            write_day_file(folder / "day.parquet", day.snapshots, {"NIFTY": day.daily})
            data = ["--data", str(folder / "day.parquet")]
        said, cpu_s = _replayed([*data, "--state", str(folder / "state"), "--tenants", str(TENANTS)])
    read, passes = said["snapshots"]["read"], said["latency_ms"]
    note = f"{day.label}, {read} snapshots, {TENANTS} tenants, {said['deliveries']['sent']} webhooks"
    return [
        row("replay of a day", said["elapsed_s"], "s", 30.0, note=f"{note}; {cpu_s:.1f} s of CPU"),
        row("replay of a day, peak memory", said["peak_rss_mb"], "MB", 400.0, note=note),
        row("replay of a day, tenant pass p95", passes["tenant_pass"]["p95"], "ms", 5.0, note=note),
    ]


def _replayed(arguments: list[str]) -> tuple[dict[str, Any], float]:
    """What the command said, and the CPU seconds it took."""
    before = _children_s()
    command = [sys.executable, "-c", MAIN, "replay", *arguments, "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"qs replay exited {run.returncode}: {run.stderr[-2000:]}")
    return json.loads(run.stdout), _children_s() - before


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
