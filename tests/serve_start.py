"""A cold process of the serve environment up to its first decision: run as a script by a test and by a benchmark.

    serve_start.py SPAWNED_AT MAIN SNAPSHOT HISTORY

prints JSON: seconds since the parent spawned it, the opportunities found, and the names of all loaded modules. The
account's limits are the defaults; the book is empty.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path


def load(main: str) -> None:
    """Imports a function's `main.py` as functions-framework does."""
    spec = importlib.util.spec_from_file_location("function_main", main)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def decide(snapshot_file: str, history_file: str) -> int:
    """Both passes over one stored snapshot; how many opportunities were judged for one tenant."""
    from quantsentinel.accounts.account import Account, Mode, Status
    from quantsentinel.desk import Desk, load_policy
    from quantsentinel.market.codec import decode_snapshot
    from quantsentinel.market.history import decode_history
    from quantsentinel.market.rulebook import load_rules
    from quantsentinel.pipeline import market_pass, tenant_pass
    from quantsentinel.portfolio.book import Book
    from quantsentinel.risk.facts import AsOf
    from quantsentinel.units import rupees

    desk = Desk(load_rules(), load_policy(), "bench")
    snapshot = decode_snapshot(Path(snapshot_file).read_bytes())
    view = market_pass(snapshot, decode_history(Path(history_file).read_bytes()), desk)
    born = view.received_at - timedelta(days=30)
    account = Account("cold", "Cold", born, Status.ACTIVE, Mode.LIVE, rupees(1_000_000), date(2025, 8, 1))
    as_of = AsOf(decided_at=view.received_at, cycle_id="cold")
    decision = tenant_pass(view, Book(), account, desk, as_of)
    return len(decision.events) + len(decision.refusals)


@dataclass(frozen=True)
class Inputs:
    """A snapshot of a simulated NIFTY day at half past ten, and its history, as the stores would hold them."""

    snapshot: bytes
    history: bytes


def inputs() -> Inputs:
    from quantsentinel.market.codec import encode_snapshot
    from quantsentinel.market.history import History
    from quantsentinel.market.rulebook import load_rules
    from quantsentinel.simulator.day import simulate_day

    day = date(2025, 8, 29)
    simulated = simulate_day("NIFTY", day, 7, load_rules())
    return Inputs(encode_snapshot(simulated.snapshots[75]), History("NIFTY", day, daily=simulated.daily).encoded)


if __name__ == "__main__":
    load(sys.argv[2])
    importlib.import_module("quantsentinel.app.decide")  # as the first request does
    judged = decide(sys.argv[3], sys.argv[4])
    elapsed = time.time() - float(sys.argv[1])
    print(json.dumps({"elapsed_s": elapsed, "judged": judged, "modules": sorted(sys.modules)}))
