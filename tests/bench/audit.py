"""Verifying an export of 1,000,000 records in a process of its own, and making decisions of two days again.

`rows()` for `make bench` verifies; `python -m tests.bench.audit replay` makes 10,000 random decisions again, and takes
minutes for it.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from emulators.loopback import Loopback, Reply
from quantsentinel.adapters.channels.webhook import new_secret
from quantsentinel.app.decision_inputs import environment
from quantsentinel.app.replay_decision import decided, replayed
from quantsentinel.audit.chain import append, genesis
from quantsentinel.audit.export import first_line, last_line, record_line, root_line, verify_export
from quantsentinel.audit.roots import Head, inclusion, seal
from quantsentinel.canonical import digest, short_id
from quantsentinel.settings import Settings
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.wiring.local import open_local
from quantsentinel.wiring.replay import ReplayRequest, peak_rss_mb, play, seed_tenants, set_up, standard_tenants
from tests.figures import ROOT, row
from tests.two_days import two_days

RECORDS = 1_000_000
A_DAY = 750
"""Records: two underlyings, a cycle a minute, each of them changing something."""
START = datetime(2021, 1, 4, 3, 45, tzinfo=UTC)
DECISIONS = 10_000
TENANTS = 100
SNAPSHOTS = range(0, 370, 7)
"""Of each day; 106 cycles of 100 tenants, of which 10,000 decisions are drawn."""


def rows() -> list[dict[str, Any]]:
    """Seconds and peak memory of `verify_export` alone, in a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "export.jsonl"
        write(path, RECORDS)
        size = path.stat().st_size
        command = [sys.executable, "-m", "tests.bench.audit", "verify", str(path)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    took, cpu_s, peak, roots = json.loads(run.stdout)
    note = f"{RECORDS:,} records without rows, {roots} roots with proofs, {size / 1e6:.0f} MB; {cpu_s:.1f} s of CPU"
    return [
        row("audit export verified", took, "s", 60.0, note=note),
        row("audit export verified, peak memory", peak, "MB", 256.0, note=note),
    ]


def write(path: Path, records: int) -> None:
    """An export as `qs audit export --no-rows` writes it: its bodies are what a commit puts in the chain."""
    chain, heads = path.with_suffix(".records"), []
    record = genesis("acme", START)
    with chain.open("wb") as file:
        file.write(record_line(record) + b"\n")
        for number in range(1, records):
            record = append(_body(number), record)
            file.write(record_line(record) + b"\n")
            if number % A_DAY == 0:
                heads.append(record)
    previous = None
    with path.open("wb") as out:
        out.write(first_line("acme", record, False) + b"\n")
        for place, head in enumerate(heads):
            own = Head("acme", head.seq, head.hash)
            others = [Head(f"tenant-{n}", place, digest([n, place])) for n in range(100)]
            root = seal(date(2021, 1, 4) + timedelta(days=place), START, [own, *others], previous)
            previous = root.header
            out.write(root_line(root.header, inclusion(root, "acme")) + b"\n")
        with chain.open("rb") as file:
            while block := file.read(1 << 20):
                out.write(block)
        out.write(last_line(records, 0, len(heads)) + b"\n")


def _body(number: int) -> dict[str, Any]:
    at = START + timedelta(minutes=number)
    cycle = short_id("cyc", number)
    return {
        "kind": "decision",
        "cycle_id": cycle,
        "decided_at": at,
        "object": f"decisions/{at.date()}/{cycle}/0-{cycle[4:]}0000.json",
        "row_digest": digest(number),
        "desk": _DESK,
        "code_version": "0.1.0",
        "environment": _ENVIRONMENT,
        "before": [],
        "refusals": {short_id("ref", number): 1},
        "retain_until": at.date() + timedelta(days=1827),
    }


_DESK, _ENVIRONMENT = digest("desk"), digest(environment())


def _verify(path: Path) -> None:
    """In a process that does nothing else: [seconds, CPU seconds, peak MB, roots] on stdout."""
    started, used = time.perf_counter(), time.process_time()
    with path.open("rb") as file:
        found = verify_export(file)
    took, cpu_s = time.perf_counter() - started, time.process_time() - used
    if found.problem is not None or found.records != RECORDS:
        raise SystemExit(f"{found.records} records, {found.problem}")
    print(json.dumps([took, cpu_s, peak_rss_mb(), len(found.roots)]))


def replay(tenants: int = TENANTS) -> dict[str, Any]:
    """`DECISIONS` of two simulated days, drawn at random, each made again by a fresh platform."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plans = standard_tenants(tenants)
        data = two_days(folder, SNAPSHOTS, expiries=4)
        stage = set_up(ReplayRequest((data,), plans, folder / "state"))
        with Loopback(lambda _: Reply(204)) as server:
            endpoint = Endpoint("webhook", server.url, new_secret())
            seed_tenants(stage.platform, stage.clock, plans, stage.schedule[0][0], endpoint)
            for at, underlying in stage.schedule:
                play(stage, at, underlying)
        return _again(folder / "state", [plan.tenant_id for plan in plans])


def _again(state: Path, tenants: Sequence[str]) -> dict[str, Any]:
    platform = open_local(Settings(state=state, sync="normal"))
    cycles = [item.id for item in platform.documents.query("cycles") if item.data["state"] == "decided"]
    every = [(cycle, tenant) for cycle in cycles for tenant in tenants]
    chosen = random.Random(2026).sample(every, min(DECISIONS, len(every)))
    by_cycle: dict[str, list[str]] = defaultdict(list)
    for cycle, tenant in chosen:
        by_cycle[cycle].append(tenant)
    started, differing = time.perf_counter(), []
    for cycle, drawn in by_cycle.items():
        stored = decided(platform, cycle)
        found = [replayed(stored, tenant) for tenant in drawn]
        differing += [[one.cycle_id, one.tenant, str(one.difference)] for one in found if one.difference is not None]
    took = round(time.perf_counter() - started, 1)
    return {"decisions": len(chosen), "cycles": len(by_cycle), "differing": differing, "elapsed_s": took}


if __name__ == "__main__":
    if sys.argv[1:2] == ["verify"]:
        _verify(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["replay"]:
        print(json.dumps(replay(int(sys.argv[2]) if len(sys.argv) > 2 else TENANTS), indent=1))
    else:
        print(json.dumps(rows(), indent=1))
