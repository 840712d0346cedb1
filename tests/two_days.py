"""Two simulated days in one recording, and several unlike tenants: what a replay of decisions is tried on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.rulebook import load_rules
from quantsentinel.simulator.day import simulate_day
from quantsentinel.wiring.replay import TenantPlan
from tests.flow import SEEDS, calm, few_expiries

DAYS = (date(2025, 8, 28), date(2025, 8, 29))
"""An expiry day and the day after it."""
TENANTS = (
    TenantPlan("acme", "Acme", 1_000_000),
    TenantPlan("broke", "Below the floor", 40_000),
    TenantPlan("careful", "Half size", 2_500_000, knob=50),
    TenantPlan("new", "Under the dry-run lock", 1_000_000, age=timedelta(days=2)),
    TenantPlan("paused", "Paused", 1_000_000, paused=True),
    TenantPlan("zen", "Zen Capital", 5_000_000),
)


def two_days(folder: Path, indices: Sequence[int], expiries: int = 3, underlying: str = "NIFTY") -> Path:
    """The chosen snapshots of both days, and the daily bars before the second."""
    days = [simulate_day(underlying, day, SEEDS[underlying], load_rules()) for day in DAYS]
    path = folder / "two-days.parquet"
    chosen = [few_expiries(day.snapshots[index], expiries) for day in days for index in indices]
    write_day_file(path, chosen, {underlying: calm(days[-1].daily)})
    return path
