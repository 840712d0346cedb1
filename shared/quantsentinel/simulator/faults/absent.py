"""What is missing or zero behind a "success": quotes, sizes, sides, strikes, the spot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quantsentinel.market.snapshot import Bools
from quantsentinel.simulator.faults.edits import (
    SIDES,
    SIZES,
    injected,
    scaled,
    slice_rows,
    whole,
    with_columns,
    without_rows,
)
from quantsentinel.simulator.faults.fault import Answer, Fault, Inject, Injected, Level, Scene
from quantsentinel.simulator.faults.ruler import liquid_slices, measure, pick

ROWS, SHARE = "rows", "share"
DEAR_POINTS = 20.0
"""A quote below it may lose its bid honestly: nobody bids for a worthless option."""


def _all_zero(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Every price, size and count, in this share of the rows."""
    clean = scene.snapshots[at]
    rows = random.random(len(clean)) < severity
    zero = {name: np.where(rows, 0.0, column) for name, column in clean.columns.items()}
    return injected(scene, at, with_columns(clean, zero), rows)


def _zero_slice(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Every value of one expiry is zero, the nearest ones included."""
    clean = scene.snapshots[at]
    rows = slice_rows(clean, int(random.choice(liquid_slices(clean, measure(clean)))))
    return injected(scene, at, scaled(clean, tuple(clean.columns), 0.0, rows), rows)


def _spot(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The source's index is this multiple of the true one; 0 is what it says without one."""
    clean = scene.snapshots[at]
    if not clean.spot and severity != 0:
        return None
    return whole(scene, at, replace(clean, spot=round((clean.spot or 0.0) * severity, 2)))


def _sizes(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Bid and ask quantities 0 beside live prices, in this share of the rows."""
    clean = scene.snapshots[at]
    ruler = measure(clean)
    rows = ruler.liquid & (random.random(len(clean)) < severity)
    return injected(scene, at, scaled(clean, SIZES, 0.0, rows), rows)


def _size(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """One quote's bid or ask quantity is 0 beside a live price."""
    clean = scene.snapshots[at]
    rows = pick(measure(clean).liquid, int(severity), random)
    return injected(scene, at, scaled(clean, (str(random.choice(SIZES)),), 0.0, rows), rows)


def _no_bids(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """This share of all rows loses bid and bid size."""
    clean = scene.snapshots[at]
    rows = random.random(len(clean)) < severity
    return whole(scene, at, scaled(clean, ("bid", "bid_size"), 0.0, rows))


def _side_gone(names: tuple[str, str]) -> Inject:
    def inject(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
        clean = scene.snapshots[at]
        ruler = measure(clean)
        rows = pick(ruler.liquid & (ruler.mid > DEAR_POINTS), int(severity), random)
        return injected(scene, at, scaled(clean, names, 0.0, rows), rows)

    return inject


def _last_prices_only(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    clean = scene.snapshots[at]
    return whole(scene, at, scaled(clean, (*SIDES, *SIZES), 0.0))


def _strikes_gone(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """This share of the strikes, at random."""
    clean = scene.snapshots[at]
    return _left(scene, at, np.repeat(random.random(len(clean) // 2) < severity, 2))


def _ladder_cut(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The ladder was built around another spot: strikes below (or above) this multiple of the forward are missing."""
    clean = scene.snapshots[at]
    forward = np.nan_to_num(measure(clean).forward, nan=float(np.nanmedian(measure(clean).forward)))
    return _left(scene, at, (clean.strike < forward * severity) == (severity < 1))


def _left(scene: Scene, at: int, gone: Bools) -> Injected | None:
    if not gone.any() or gone.all():
        return None
    return whole(scene, at, without_rows(scene.snapshots[at], gone))


def _one_right(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """All calls, or all puts, of one expiry are missing: no parity, so nothing of that expiry is known."""
    clean = scene.snapshots[at]
    rows = slice_rows(clean, int(random.choice(liquid_slices(clean, measure(clean)))))
    gone = rows & (clean.is_call == bool(random.integers(2)))
    return injected(scene, at, scaled(clean, tuple(clean.columns), 0.0, gone), rows)


def _columns(snapshot: str) -> frozenset[str]:
    return frozenset({snapshot})


_ZERO, _ALL = ("openalgo_zeros",), frozenset({"values"})
_THIN = "with less missing, what is left is a chain; no row is made up for the rest"
FAULTS = (
    Fault("all_zero", _ZERO, Level.CHAIN, Answer.MASKED, _ALL, "share of rows", (0.09, 0.5, 1.0), _all_zero),
    Fault("zero_slice", _ZERO, Level.CHAIN, Answer.MASKED, _ALL, "slices", (1,), _zero_slice),
    Fault(
        "spot_zero",
        (*_ZERO, "ltp_spot_zero"),
        Level.CHAIN,
        Answer.SAFE,
        frozenset({"spot"}),
        "of the spot",
        (0,),
        _spot,
    ),
    Fault(
        "spot_wrong",
        _ZERO,
        Level.CHAIN,
        Answer.SAFE,
        frozenset({"spot"}),
        "of the spot",
        (0.5, 0.99, 1.01, 2.2),
        _spot,
    ),
    Fault("sizes_zero", _ZERO, Level.CHAIN, Answer.MASKED, frozenset(SIZES), "share of rows", (0.09, 0.5, 1.0), _sizes),
    Fault("size_zero", _ZERO, Level.QUOTE, Answer.MASKED, frozenset(SIZES), ROWS, (1, 3), _size),
    Fault(
        "no_bids",
        ("upstox_zero_bids", "nse_far_zero"),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset({"bid", "bid_size"}),
        "share of rows",
        (0.5, 1.0),
        _no_bids,
        (0.1,),
        "far and worthless options have none on an honest day",
    ),
    Fault(
        "bid_gone",
        ("upstox_zero_bids",),
        Level.QUOTE,
        Answer.SAFE,
        frozenset({"bid", "bid_size"}),
        ROWS,
        (1,),
        _side_gone(("bid", "bid_size")),
    ),
    Fault(
        "ask_gone",
        ("nse_far_zero",),
        Level.QUOTE,
        Answer.SAFE,
        frozenset({"ask", "ask_size"}),
        ROWS,
        (1,),
        _side_gone(("ask", "ask_size")),
    ),
    Fault(
        "last_prices_only",
        ("ltp_no_quotes",),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset((*SIDES, *SIZES)),
        "chains",
        (1,),
        _last_prices_only,
    ),
    Fault(
        "strikes_gone",
        _ZERO,
        Level.CHAIN,
        Answer.SAFE,
        frozenset({"everything"}),
        "share of strikes",
        (0.25, 0.5, 0.9),
        _strikes_gone,
        (),
        _THIN,
    ),
    Fault(
        "ladder_cut",
        _ZERO,
        Level.CHAIN,
        Answer.SAFE,
        frozenset({"everything"}),
        "of the forward",
        (0.98, 0.999, 1.001, 1.02),
        _ladder_cut,
        (),
        _THIN,
    ),
    Fault("one_right_gone", _ZERO, Level.CHAIN, Answer.MASKED, _ALL, "slices", (1,), _one_right),
)
