"""Many tenants: from a snapshot to 100 tenants' webhooks on the embedded profile, and the passes of 1,000 tenants.

A simulated NIFTY day whose second snapshot has offers that tenants take. `rows()` for `make bench`, or
`python -m tests.bench.many_tenants`.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from emulators.loopback import Loopback, Reply, Request
from quantsentinel.adapters.channels.webhook import new_secret
from quantsentinel.app.kills import kill_off, kill_on
from quantsentinel.app.platform import Platform
from quantsentinel.app.tenants import TenantRequest, set_tenant
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.rulebook import load_rules
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.risk.facts import AsOf
from quantsentinel.simulator.day import simulate_day
from quantsentinel.stores.snapshots import parse_time
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.units import rupees
from quantsentinel.wiring.replay import ReplayRequest, play, seed_tenants, set_up, standard_tenants
from tests.figures import DAY, SEED, row

TENANTS = 100
PASSES = 1_000
BUDGET_MS = 0.5
"""A tenant: 10,000 of them in 5 s on one core."""


def rows() -> list[dict[str, Any]]:
    """Always on a simulated day: its offers are taken by every tenant. No library does this work."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "day.parquet"
        day = simulate_day("NIFTY", DAY, SEED, load_rules())
        write_day_file(data, day.snapshots[:2], {"NIFTY": day.daily})
        one, _ = to_webhooks(data, folder / "one", 1)
        many, platform = to_webhooks(data, folder / "many", 5)
        return [
            _late(f"snapshot to webhook, {TENANTS} tenants, p50", one, 0.5, None),
            _late(f"snapshot to webhook, {TENANTS} tenants, p95", one, 0.95, 1.0),
            _late("snapshot to webhook, every tenant's first book, p95", many, 0.95, None),
            *passes(platform),
        ]


def to_webhooks(data: Path, state: Path, max_positions: int) -> tuple[list[float], Platform]:
    """Wall seconds from the poll of a snapshot to each of the webhooks it causes, ascending; the process is warm."""
    plans = standard_tenants(TENANTS)
    stage = set_up(ReplayRequest((data,), plans, state))
    arrived: list[float] = []

    def answer(request: Request) -> Reply:
        arrived.append(time.perf_counter())
        return Reply(204)

    with Loopback(answer) as server:
        seed_tenants(
            stage.platform, stage.clock, plans, stage.schedule[0][0], Endpoint("webhook", server.url, new_secret())
        )
        for plan in plans:
            set_tenant(stage.platform, TenantRequest(plan.tenant_id, limits={"max_positions": max_positions}))
        kill_on(stage.platform, "master", who="bench", why="the first snapshot only warms the process up")
        play(stage, *stage.schedule[0])
        for person in ("first", "second"):
            kill_off(stage.platform, "master", who=person, ack="the bench goes on")
        started = time.perf_counter()
        play(stage, *stage.schedule[1])
    return sorted(moment - started for moment in arrived), stage.platform


def passes(platform: Platform) -> list[dict[str, Any]]:
    """CPU milliseconds a tenant: with an empty book each, and in the cycle after with what they then hold."""
    cycles = sorted((item.data for item in platform.documents.query("cycles")), key=lambda item: item["decided_at"])
    first, second = (_view(platform, cycle) for cycle in cycles)
    template = platform.tenants.accounts()[0]
    accounts = [
        replace(template, tenant_id=f"tenant-{n:05d}", capital=rupees(500_000 + 1_000 * (n % 2_000)))
        for n in range(PASSES)
    ]
    found = []
    books = [Book()] * PASSES
    for view, as_of, held in ((*first, "an empty book"), (*second, "what it entered a minute before")):
        started = time.process_time()
        decided = [
            tenant_pass(view, book, account, platform.desk, as_of)
            for account, book in zip(accounts, books, strict=True)
        ]
        taken = time.process_time() - started
        events = sum(len(one.events) for one in decided)
        note = f"CPU time, simulated NIFTY, {PASSES} tenants, {len(view.opportunities)} offers, {events} signals"
        found.append(row(f"tenant pass, a day's offers, {held}", 1000 * taken / PASSES, "ms", BUDGET_MS, note=note))
        books = [one.book_after for one in decided]
    return found


def _view(platform: Platform, cycle: Any) -> tuple[MarketView, AsOf]:
    view = platform.view(cycle["snapshot_key"], cycle["history_key"])
    before = cycle["previous"]
    seen = parse_time(before["decided_at"]) if before else None
    return view, AsOf(parse_time(cycle["decided_at"]), cycle["cycle_id"], previous_accepted_at=seen)


def _late(name: str, latencies: list[float], share: float, budget: float | None) -> dict[str, Any]:
    note = f"embedded, simulated NIFTY, {len(latencies)} webhooks one after another"
    return row(name, latencies[int(share * len(latencies))], "s", budget, note=note)


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
