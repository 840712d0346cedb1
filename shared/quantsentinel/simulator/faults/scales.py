"""Slipped decimals, paise for rupees, lots for units, yesterday's lot, numbers that are none."""

from __future__ import annotations

from typing import Final

import numpy as np

from quantsentinel.errors import RuleGap
from quantsentinel.market.calendar import IST
from quantsentinel.market.snapshot import Bools, Floats, Snapshot
from quantsentinel.simulator.faults.edits import (
    COUNTS,
    PRICES,
    SIDES,
    SIZES,
    injected,
    scaled,
    slice_rows,
    whole,
    with_values,
)
from quantsentinel.simulator.faults.fault import Answer, Fault, Inject, Injected, Level, Scene
from quantsentinel.simulator.faults.ruler import liquid_slices, measure, pick

DECIMALS: Final = (0.01, 0.1, 10.0, 100.0)
_ROWS = "rows"


def _off(scene: Scene, at: int, factor: float, tolerances: float) -> Bools:
    """Liquid rows whose mid the factor moves by at least so many tolerances."""
    ruler = measure(scene.snapshots[at])
    with np.errstate(invalid="ignore"):
        return np.asarray(ruler.liquid & (np.abs(ruler.mid * (factor - 1)) >= tolerances * ruler.tolerance_pts))


def _slipped_quote(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    clean = scene.snapshots[at]
    rows = pick(_off(scene, at, severity, 2.0), 1, random)
    return injected(scene, at, scaled(clean, PRICES, severity, rows), rows)


def _slipped_slice(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    clean = scene.snapshots[at]
    rows = slice_rows(clean, int(random.choice(liquid_slices(clean, measure(clean)))))
    return injected(scene, at, scaled(clean, PRICES, severity, rows), rows & _off(scene, at, severity, 2.0))


def _slipped_chain(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    return whole(scene, at, scaled(scene.snapshots[at], PRICES, severity))


def lots(scene: Scene, snapshot: Snapshot) -> Floats:
    """(n_rows,) the trade-date lot of each row; NaN where the rule book does not know it."""
    day = snapshot.received_at.astimezone(IST).date()
    found = []
    for expiry in snapshot.expiries:
        try:
            found.append(float(scene.rules.lot(snapshot.underlying, expiry, day).value))
        except RuleGap:
            found.append(float("nan"))
    return np.repeat(found, np.diff(snapshot.offsets))


def _lot_power(names: tuple[str, ...]) -> Inject:
    """Units divided by the lot (-1: lots taken for units) or multiplied by it (1: units taken for lots)."""

    def inject(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
        clean = scene.snapshots[at]
        lot = lots(scene, clean)
        known = np.isfinite(lot)
        values = {name: clean.columns[name] * np.where(known, lot, 1.0) ** severity for name in names}
        touched = known & np.logical_or.reduce([clean.columns[name] > 0 for name in names])
        return injected(scene, at, with_values(clean, known, values), touched)

    return inject


def _other_lot(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """All counts and sizes made with another lot: yesterday's, tomorrow's, another underlying's."""
    clean = scene.snapshots[at]
    lot = lots(scene, clean)
    known = np.isfinite(lot) & (lot != severity)
    names = (*SIZES, *COUNTS)
    values = {name: np.where(known, np.round(clean.columns[name] / lot) * severity, 0.0) for name in names}
    return injected(scene, at, with_values(clean, known, values), known & (clean.bid_size > 0))


def _transposed(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Tick and lot change places: counts in ticks, prices in multiples of the lot."""
    clean = scene.snapshots[at]
    tick = scene.rules.tick(clean.underlying, clean.received_at.astimezone(IST).date()).value
    lot = lots(scene, clean)
    known = np.isfinite(lot)
    counts = {name: clean.columns[name] / lot * tick for name in (*SIZES, *COUNTS)}
    prices = {name: np.round(clean.columns[name] / lot) * lot for name in PRICES}
    return injected(scene, at, with_values(clean, known, counts | prices), known & (clean.bid > 0))


def _fraction(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Open interest and volume with a fraction of a unit."""
    clean = scene.snapshots[at]
    rows = pick(clean.oi > 0, int(severity), random)
    shift = {name: clean.columns[name] + 1 / 3 for name in ("oi", "volume")}
    return injected(scene, at, with_values(clean, rows, shift), rows)


def _is(value: float, names: tuple[str, ...]) -> Inject:
    """One of the columns of each row is this value."""

    def inject(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
        clean = scene.snapshots[at]
        rows = pick(measure(clean).liquid, int(severity), random)
        name = str(random.choice(names))
        return injected(scene, at, with_values(clean, rows, {name: np.full(len(clean), value)}), rows)

    return inject


def _negative(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    clean = scene.snapshots[at]
    name = str(random.choice((*SIDES, *SIZES)))
    rows = pick(measure(clean).liquid, int(severity), random)
    return injected(scene, at, scaled(clean, (name,), -1.0, rows), rows)


_DECIMAL = "of 2 tolerances at least: an option at one tick has no decimal to slip"
_SLIP, _LOT = ("openalgo_foreign_price", "kite_rupees"), ("nse_lots", "lean_lot")
_ALL_NUMBERS = (*PRICES, *SIZES)
FAULTS = (
    Fault(
        "slipped_quote",
        _SLIP,
        Level.QUOTE,
        Answer.MASKED,
        frozenset(PRICES),
        "times",
        DECIMALS,
        _slipped_quote,
        (),
        _DECIMAL,
    ),
    Fault("slipped_slice", _SLIP, Level.CHAIN, Answer.MASKED, frozenset(PRICES), "times", DECIMALS, _slipped_slice),
    Fault("slipped_chain", _SLIP, Level.CHAIN, Answer.REFUSED, frozenset(PRICES), "times", DECIMALS, _slipped_chain),
    Fault(
        "interest_unit",
        _LOT,
        Level.CHAIN,
        Answer.REFUSED,
        frozenset({"oi", "oi_change"}),
        "power of the lot",
        (-1, 1),
        _lot_power(("oi", "oi_change")),
    ),
    Fault(
        "volume_unit",
        _LOT,
        Level.CHAIN,
        Answer.REFUSED,
        frozenset({"volume"}),
        "power of the lot",
        (-1, 1),
        _lot_power(("volume",)),
    ),
    Fault(
        "size_unit",
        (*_LOT, "nse_sizes_units"),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset(SIZES),
        "power of the lot",
        (-1, 1),
        _lot_power(SIZES),
    ),
    Fault(
        "other_lot",
        ("lean_lot", "ltp_lots"),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset((*SIZES, *COUNTS)),
        "units a lot",
        (25, 30, 50, 65),
        _other_lot,
    ),
    Fault(
        "tick_lot_transposed",
        ("lean_lot",),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset((*SIZES, *COUNTS, *PRICES)),
        "chains",
        (1,),
        _transposed,
    ),
    Fault(
        "fractional_interest",
        ("nse_fractions",),
        Level.CHAIN,
        Answer.MASKED,
        frozenset({"oi", "volume"}),
        _ROWS,
        (1, 100),
        _fraction,
    ),
    Fault("negative", _SLIP, Level.QUOTE, Answer.MASKED, frozenset((*SIDES, *SIZES)), _ROWS, (1, 20), _negative),
    Fault(
        "not_a_number",
        _SLIP,
        Level.QUOTE,
        Answer.MASKED,
        frozenset(_ALL_NUMBERS),
        _ROWS,
        (1, 20),
        _is(float("nan"), _ALL_NUMBERS),
    ),
    Fault(
        "infinite",
        _SLIP,
        Level.QUOTE,
        Answer.MASKED,
        frozenset(_ALL_NUMBERS),
        _ROWS,
        (1, 20),
        _is(float("inf"), _ALL_NUMBERS),
    ),
    Fault("astronomic", _SLIP, Level.QUOTE, Answer.MASKED, frozenset(PRICES), _ROWS, (1, 20), _is(1e308, PRICES)),
    Fault(
        "interest_not_a_number",
        ("nse_fractions",),
        Level.CHAIN,
        Answer.MASKED,
        frozenset(COUNTS),
        _ROWS,
        (1, 20),
        _is(float("nan"), COUNTS),
    ),
)
