"""What the firewall does to days without a fault: chains refused and near-the-money quotes masked, by guard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from quantsentinel.app.fault_trial import Memory, judge
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.firewall import Firewall
from quantsentinel.market.calendar import IST
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Bools, Snapshot
from quantsentinel.simulator.config import Dynamics, SimulatorConfig, default_config
from quantsentinel.simulator.day import simulate_day

NEAR_DAYS = timedelta(days=45)
"""Later expiries are quoted wide or not at all: a mask there costs nobody anything."""
CRASH = Dynamics(annual_vol=0.60, jumps_per_year=756.0, jump_mean=-0.01, jump_sd=0.008)
"""Three jumps of a per cent a day on top of a 50 % diffusion, as on 2024-06-04."""


@dataclass(frozen=True, slots=True)
class CleanDay:
    """A kind of day to simulate."""

    label: str
    underlying: str
    day: date
    config: SimulatorConfig


@dataclass(slots=True)
class CleanTally:
    """Counts of one day. `near_masked` counts a row once for each flag it carries, `masked` once."""

    label: str
    underlying: str
    day: date
    chains: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    near_quotes: int = 0
    masked: int = 0
    near_masked: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "underlying": self.underlying,
            "session": self.day,
            "chains": self.chains,
            "refused": self.refused.total(),
            "refused_by": dict(self.refused.most_common()),
            "near_quotes": self.near_quotes,
            "near_masked": self.masked,
            "near_masked_by": dict(self.near_masked.most_common()),
        }


SESSIONS = (("ordinary", date(2025, 9, 1)), ("expiry", date(2025, 9, 30)), ("crash", date(2025, 9, 1)))


def clean_days(seeds: Sequence[int], interval_s: float = 60.0) -> Iterator[tuple[CleanDay, int]]:
    """An ordinary day, an expiry day and a crash of each underlying, for each seed."""
    for seed in seeds:
        for underlying in ("NIFTY", "BANKNIFTY"):
            for label, day in SESSIONS:
                config = replace(default_config(underlying), interval_s=interval_s)
                if label == "crash":
                    config = replace(config, dynamics=CRASH)
                yield CleanDay(label, underlying, day, config), seed


def tally_simulated(clean: CleanDay, seed: int, rules: RuleBook) -> CleanTally:
    """Simulates the day and judges all of it."""
    snapshots = simulate_day(clean.underlying, clean.day, seed, rules, clean.config).snapshots
    return tally_day(clean.label, snapshots, rules)


def tally_day(label: str, snapshots: Sequence[Snapshot], rules: RuleBook) -> CleanTally:
    """Judges a day in order, as the poller does."""
    first = snapshots[0]
    tally = CleanTally(label, first.underlying, first.received_at.astimezone(IST).date())
    memory = Memory()
    for snapshot in snapshots:
        firewall, memory = judge(snapshot, rules, memory)
        count(tally, firewall)
    return tally


def count(tally: CleanTally, firewall: Firewall) -> None:
    """Adds one judged snapshot; quotes are counted in accepted chains only."""
    tally.chains += 1
    if firewall.first_stop is not None:
        tally.refused[firewall.first_stop.guard] += 1
        return
    near = near_quotes(firewall)
    tally.near_quotes += int(np.count_nonzero(near))
    tally.masked += int(np.count_nonzero(near & ~firewall.mask))
    for name, flag in firewall.quotes.flags.items():
        rows = int(np.count_nonzero(near & flag))
        if rows:
            tally.near_masked[name] += rows


def near_quotes(firewall: Firewall) -> Bools:
    """Two-sided rows at the strikes nearest to the forward, of the expiries within 45 days."""
    snapshot = firewall.snapshot
    last = snapshot.received_at.astimezone(IST).date() + NEAR_DAYS
    close = np.repeat([expiry <= last for expiry in snapshot.expiries], np.diff(snapshot.offsets))
    return np.asarray(firewall.quotes.near & close & (snapshot.bid > 0) & (snapshot.ask > 0))
