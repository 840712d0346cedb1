"""From one raw snapshot to a market view on a NIFTY day: read, parse, guards, implied vols and Greeks, the whole pass.

On the recorded day where the market data is at hand, else on a simulated one. `rows()` for `make bench`, or run this
file.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from vollib.black.greeks import analytical
from vollib.black.implied_volatility import implied_volatility as jaeckel

from quantsentinel.adapters.brokers.recorded import open_recording
from quantsentinel.desk import Desk, load_policy
from quantsentinel.features.analyse import frame_of
from quantsentinel.features.strike_flow import opening_of
from quantsentinel.features.summary import summary_row
from quantsentinel.features.surface import Vols, pair_quotes, vols
from quantsentinel.features.timeline import slice_times
from quantsentinel.integrity.firewall import Firewall, IntegrityContext, check
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.codec import decode_snapshot, encode_snapshot
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.earlier import Opening
from quantsentinel.market.history import History, decode_history
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.pipeline import market_pass
from tests.figures import DAY, REAL, Peer, cpu_ms, measured_day, row, wall_ms

SNAPSHOT = 100
EVERY = 10
BUDGET_MS = 40.0
"""Of the whole market pass at its 95th percentile; the architecture allows 60 at first."""
GREEKS = (analytical.delta, analytical.gamma, analytical.vega, analytical.theta, analytical.rho)


def rows() -> list[dict[str, Any]]:
    """Market-in, the combined figure of guards and numerics, and the market pass; which day is in each note."""
    desk = Desk(rules=load_rules(), policy=load_policy(), code_version="bench")
    return [*_market_in(desk), _combined(desk), *_passes(desk)]


def _context(desk: Desk, taken: Snapshot, previous: Snapshot | None) -> IntegrityContext:
    # As the poller does: the mask of the snapshot before is at hand.
    before = quote_mask(previous, desk.rules) if previous else None
    contract = contract_for(taken.source)
    return IntegrityContext("NIFTY", contract, desk.rules, taken.received_at, previous, previous_quotes=before)


def _market_in(desk: Desk) -> list[dict[str, Any]]:
    day = measured_day()
    with tempfile.TemporaryDirectory() as folder:
        file = REAL
        if not REAL.is_file():
            file = Path(folder) / "day.parquet"
            write_day_file(file, day.snapshots, {"NIFTY": day.daily})
        recording = open_recording(file)
        taken = parse(recording.raw("NIFTY", SNAPSHOT), desk.rules)
        encoded = encode_snapshot(taken)
        measured = (
            ("open a NIFTY day of 306 snapshots", wall_ms(lambda: open_recording(file), 5), 100.0),
            ("cut and parse one snapshot", wall_ms(lambda: parse(recording.raw("NIFTY", SNAPSHOT), desk.rules)), 8.0),
            ("encode a snapshot", wall_ms(lambda: encode_snapshot(taken)), 4.0),
            ("decode a snapshot", wall_ms(lambda: decode_snapshot(encoded)), 4.0),
        )
    return [row(name, ms, "ms", budget, note=f"{day.label}, {len(taken)} options") for name, ms, budget in measured]


def numerics(desk: Desk, taken: Snapshot, context: IntegrityContext) -> tuple[Firewall, Vols]:
    """All guards with their digests, every forward, implied vol and Greeks of every option."""
    fresh = replace(taken)  # without the digest it has kept
    firewall = check(fresh, context)
    frame = frame_of(fresh, History("NIFTY", DAY), desk)
    times = [slice_times(frame, part) for part in fresh.slices]
    mask = firewall.quotes
    return firewall, vols(fresh, pair_quotes(fresh, times, mask.forward, mask.usable))


def _combined(desk: Desk) -> dict[str, Any]:
    """Both sides in CPU time; the peer does implied vol and five Greeks of the options that ours finds usable."""
    day = measured_day()
    taken = day.snapshots[SNAPSHOT]
    context = _context(desk, taken, day.snapshots[SNAPSHOT - 1])
    ours = cpu_ms(lambda: numerics(desk, taken, context), 25) * 1000 / len(taken)
    loop, count = _vollib_loop(desk, taken, context)
    peer = Peer("vollib loop, implied vol and 5 Greeks", cpu_ms(loop, 3) * 1000 / count, 10.0)
    note = f"CPU time, {day.label}, {len(taken)} options"
    return row("guards + forward + implied vol + Greeks, per 1,000 options", ours, "ms", 5.0, peer=peer, note=note)


def _vollib_loop(desk: Desk, taken: Snapshot, context: IntegrityContext) -> tuple[Callable[[], None], int]:
    """The loop, and how many options it does: out of the money, two-sided, of slices that have a forward."""
    firewall, _ = numerics(desk, taken, context)
    mask = firewall.quotes
    counts = np.diff(taken.offsets)
    forward, discount, years = (np.repeat(values, counts) for values in (mask.forward, mask.discounts, mask.years))
    outside = np.where(taken.is_call, taken.strike >= forward, taken.strike < forward)
    at = np.nonzero(mask.usable & outside & (taken.bid > 0) & (taken.ask > 0) & (years > 0))[0]
    columns = (0.5 * (taken.bid + taken.ask), forward, taken.strike, -np.log(discount) / years, years)
    flags = np.where(taken.is_call[at], "c", "p").tolist()
    cells = list(zip(*(column[at].tolist() for column in columns), flags, strict=True))

    def loop() -> None:
        for price, level, strike, rate, span, flag in cells:
            sigma = jaeckel(price, level, strike, rate, span, flag)
            for greek in GREEKS:
                greek(flag, level, strike, span, rate, sigma)

    return loop, len(cells)


def _inputs(desk: Desk) -> list[tuple[Snapshot, History]]:
    """Every tenth accepted snapshot as judged, with its history as stored: its bytes and its name are made by then."""
    day, seen, found = measured_day(), [], []
    previous: Snapshot | None = None
    opening: Opening | None = None
    for taken in day.snapshots:
        firewall = check(taken, _context(desk, taken, previous))
        if not firewall.accepted:
            continue
        previous = firewall.snapshot
        if len(seen) % EVERY == 0:
            past = History("NIFTY", DAY, tuple(seen), day.daily, opening=opening)
            found.append((previous, decode_history(past.encoded)))
        opening = opening or opening_of(previous, firewall.quotes)
        seen.append(summary_row(previous, firewall, desk))
    return found


def _passes(desk: Desk) -> list[dict[str, Any]]:
    """Median and p95 of the pass over the day, quote mask included; no library does this work.

    In CPU time, which is wall time on a machine that does nothing else: a pass neither waits nor starts threads.
    """
    work = _inputs(desk)
    market_pass(*work[0], desk)
    taken = []
    for snapshot, history in work * 3:
        started = time.perf_counter(), time.process_time()
        market_pass(snapshot, history, desk)
        taken.append((1000 * (time.process_time() - started[1]), 1000 * (time.perf_counter() - started[0])))
    (cpu, wall), middle, p95 = map(sorted, zip(*taken, strict=True)), len(taken) // 2, int(0.95 * len(taken))
    note = f"CPU time, {measured_day().label}, {len(work[0][0])} options; wall time "
    return [
        row("market pass, median", cpu[middle], "ms", note=f"{note}{wall[middle]:.0f} ms"),
        row("market pass, p95", cpu[p95], "ms", BUDGET_MS, note=f"{note}{wall[p95]:.0f} ms"),
    ]


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
