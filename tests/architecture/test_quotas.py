"""The tenant counts of docs/QUOTAS.md follow from the code's own numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest

from emulators.function_map import load_map
from quantsentinel.adapters.channels.webhook import TIMEOUT_S
from quantsentinel.app import announce, fan_out
from quantsentinel.ports import MAX_BATCH_WRITES
from quantsentinel.settings import Settings
from quantsentinel.stores.tenants import AUDIT_PAGE
from terraform.prices import load_prices
from tests.architecture.sources import ROOT

TEXT = (ROOT / "docs" / "QUOTAS.md").read_text(encoding="utf-8")
ROWS = {name: int(count.replace(",", "")) for name, count in re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", TEXT, re.M)}
FUNCTIONS, PRICES, SETTINGS = load_map().functions, load_prices(), Settings()
POLL_S = SETTINGS.poll_interval_s
OF_THE_COMMIT_ITSELF = 2
"""The record and the inbox entry."""


def at_once(name: str) -> int:
    return FUNCTIONS[name].max_instances * FUNCTIONS[name].concurrency


def per_second_of_deliver(slow_share: float) -> float:
    each_s = slow_share * TIMEOUT_S + (1 - slow_share) * PRICES.number("seconds.deliver")
    return at_once("deliver") / each_s


def tenants_checked_in_time() -> float:
    job = load_map().jobs["check_restore"]
    days = int(job.command[job.command.index("--days") + 1])
    records = days * 5 / 7 * PRICES.number("assume.flushes")
    return job.timeout_s / (records / AUDIT_PAGE * 0.05)


RECKONED: dict[str, Callable[[], float]] = {
    "check_restore": tenants_checked_in_time,
    "telegram": lambda: 30 * 60,
    "ramp": lambda: 500 * POLL_S / PRICES.number("cycle.writes_a_flush"),
    "inbox": lambda: 500 * POLL_S / 2,
    "fan_out_memory": lambda: (FUNCTIONS["fan_out"].memory_mb - 110) * 1e6 / 5_745,
    "announce": lambda: (MAX_BATCH_WRITES - OF_THE_COMMIT_ITSELF) * announce.BATCH,
    "deliver_slow": lambda: per_second_of_deliver(0.1) * 300,
    "fan_out": lambda: (MAX_BATCH_WRITES - OF_THE_COMMIT_ITSELF) * fan_out.BATCH,
    "serve": lambda: at_once("serve_tenants") / PRICES.number("seconds.serve_tenants") * POLL_S / 2 * fan_out.BATCH,
    "seal": lambda: FUNCTIONS["heartbeat"].timeout_s / (3 * 0.05) * 200,
    "bucket": lambda: 1_000 * POLL_S / (2 * len(SETTINGS.underlyings)) * fan_out.BATCH,
    "webhooks": lambda: per_second_of_deliver(0) * 300,
    "databases": lambda: 100,
}


def test_every_limit_of_the_page_is_reckoned_here() -> None:
    assert set(ROWS) == set(RECKONED)
    assert len(ROWS) >= 12


@pytest.mark.parametrize("name", RECKONED)
def test_a_limit_bites_at_the_number_of_tenants_that_the_page_says(name: str) -> None:
    assert ROWS[name] == math.floor(RECKONED[name]() / 100 + 1e-6) * 100


def test_the_limits_stand_in_the_order_in_which_they_bite() -> None:
    counts = [count for name, count in ROWS.items() if name != "databases"]
    assert counts == sorted(counts)


def test_the_cells_hold_a_million() -> None:
    assert "25 cells" in TEXT
    assert 25 * 40_000 == 1_000_000
    assert ROWS["fan_out"] > 40_000
    assert math.ceil(40_000 / ROWS["telegram"]) * 25 == 575
