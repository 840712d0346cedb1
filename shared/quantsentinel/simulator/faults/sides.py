"""Bid, ask and last price at odds with each other, and what a vendor computes from them."""

from __future__ import annotations

import numpy as np

from quantsentinel.market.calendar import IST
from quantsentinel.simulator.faults.edits import SIDES, injected, with_values
from quantsentinel.simulator.faults.fault import Answer, Fault, Injected, Level, Scene
from quantsentinel.simulator.faults.ruler import measure, pick

_ROWS = "rows"


def _tick(scene: Scene, at: int) -> float:
    clean = scene.snapshots[at]
    return scene.rules.tick(clean.underlying, clean.received_at.astimezone(IST).date()).value


def _crossed(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """One bid stands this many ticks above its ask."""
    clean = scene.snapshots[at]
    rows = pick(measure(clean).liquid, 1, random)
    values = {"bid": (clean.ask + severity * _tick(scene, at)).round(2)}
    return injected(scene, at, with_values(clean, rows, values), rows)


def _locked(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Bid and ask of a row are the same price: a matching engine would have traded them away."""
    clean = scene.snapshots[at]
    rows = pick(measure(clean).liquid, int(severity), random)
    return injected(scene, at, with_values(clean, rows, {"bid": clean.ask}), rows)


def _swapped(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Bid and ask change places, with their sizes, in this share of the rows."""
    clean = scene.snapshots[at]
    rows = measure(clean).liquid & (clean.ask > clean.bid) & (random.random(len(clean)) < severity)
    values = {"bid": clean.ask, "ask": clean.bid, "bid_size": clean.ask_size, "ask_size": clean.bid_size}
    return injected(scene, at, with_values(clean, rows, values), rows)


def _off_tick(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Bid and ask lie this share of a tick above a price that the exchange can print."""
    clean = scene.snapshots[at]
    rows = pick(measure(clean).liquid, 1, random)
    shift = severity * _tick(scene, at)
    return injected(scene, at, with_values(clean, rows, {name: clean.columns[name] + shift for name in SIDES}), rows)


def _last_outside(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Old trades: last prices one spread outside their quotes, in this share of the rows."""
    clean = scene.snapshots[at]
    rows = measure(clean).liquid & (random.random(len(clean)) < severity)
    spread = np.maximum(clean.ask - clean.bid, _tick(scene, at))
    below = (random.random(len(clean)) < 0.5) & (clean.bid > spread)
    last = np.asarray(np.where(below, clean.bid - spread, clean.ask + spread).round(2), dtype=np.float64)
    return injected(scene, at, with_values(clean, rows, {"ltp": last}), rows)


def _vendor_vol(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The vendor prints one implied vol for every row."""
    clean = scene.snapshots[at]
    every = np.ones(len(clean), dtype=np.bool_)
    return injected(scene, at, with_values(clean, every, {"vendor_iv": np.full(len(clean), severity)}), every)


def _vendor_greeks(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The vendor prints one number for every Greek of every row."""
    clean = scene.snapshots[at]
    names = [name for name in clean.columns if name.startswith("vendor_") and name != "vendor_iv"]
    every = np.ones(len(clean), dtype=np.bool_)
    values = {name: np.full(len(clean), severity) for name in names}
    return injected(scene, at, with_values(clean, every, values), every) if names else None


_QUOTES = frozenset(SIDES)
FAULTS = (
    Fault("crossed", ("openalgo_foreign_price",), Level.QUOTE, Answer.MASKED, _QUOTES, "ticks", (1, 20), _crossed),
    Fault("locked", ("openalgo_foreign_price",), Level.QUOTE, Answer.MASKED, _QUOTES, _ROWS, (1, 3), _locked),
    Fault(
        "sides_swapped",
        ("openalgo_foreign_price",),
        Level.CHAIN,
        Answer.MASKED,
        frozenset((*SIDES, "bid_size", "ask_size")),
        "share of rows",
        (0.05, 1.0),
        _swapped,
    ),
    Fault("off_tick", ("lean_lot",), Level.QUOTE, Answer.MASKED, _QUOTES, "of a tick", (0.2, 0.4), _off_tick),
    Fault(
        "last_price_outside",
        ("nse_last_outside",),
        Level.QUOTE,
        Answer.UNCHANGED,
        frozenset({"ltp"}),
        "share of rows",
        (0.22, 0.38),
        _last_outside,
    ),
    Fault(
        "vendor_vol",
        ("nse_vol_zero", "upstox_vol", "greeks_floor", "ltp_no_vol"),
        Level.CHAIN,
        Answer.UNCHANGED,
        frozenset({"vendor_iv"}),
        "annual vol",
        (0.0, 0.001, 1.5, 9.99),
        _vendor_vol,
    ),
    Fault(
        "vendor_greeks",
        ("greeks_floor",),
        Level.CHAIN,
        Answer.UNCHANGED,
        frozenset({"vendor_greeks"}),
        "of each Greek",
        (0.0, 9.99),
        _vendor_greeks,
    ),
)
