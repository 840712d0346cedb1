"""Right numbers under wrong labels: expiries, strikes, calls and puts, vendors."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from quantsentinel.market.snapshot import Bools, Snapshot
from quantsentinel.simulator.faults.edits import (
    COUNTS,
    PRICES,
    SIZES,
    Part,
    assembled,
    injected,
    matched,
    parts,
    slice_rows,
    whole,
    with_values,
)
from quantsentinel.simulator.faults.fault import Answer, Fault, Injected, Level, Scene
from quantsentinel.simulator.faults.ruler import Ruler, liquid_slices, measure, partner, pick, tolerances_off
from quantsentinel.simulator.faults.scales import lots

_VALUES = (*PRICES, *SIZES, *COUNTS, "vendor_iv")
_WRONG = 2.0
"""Tolerances by which a row must be off to count as touched."""


def _against(clean: Snapshot, ruler: Ruler, wrong: Snapshot) -> Bools:
    """(n_rows of `wrong`,) liquid contracts whose mid is off by the tolerance from what the clean chain says."""
    ruled = {"bid": ruler.mid, "ask": ruler.tolerance_pts, "ltp": ruler.spread}
    rows, honest = matched(wrong, replace(clean, columns={**clean.columns, **ruled}), ("bid", "ask", "ltp"))
    there = Ruler(honest["bid"], honest["ltp"], honest["bid"], honest["ask"], ruler.move_pts, rows)
    with np.errstate(invalid="ignore"):
        return np.asarray(rows & (tolerances_off(there, wrong.bid, wrong.ask) >= _WRONG))


def _relabelled(scene: Scene, at: int, pieces: list[Part], wrong: tuple[date, ...]) -> Injected | None:
    """Touched are the rows of the wrong expiries that tell a wrong price, or a contract that is not listed."""
    clean = scene.snapshots[at]
    made = assembled(clean, pieces)
    within = np.repeat([expiry in wrong for expiry in made.expiries], np.diff(made.offsets))
    unknown = ~matched(made, clean, ("bid",))[0] & (made.bid > 0)
    return injected(scene, at, made, within & (unknown | _against(clean, measure(clean), made)))


def _near_slots(scene: Scene, at: int) -> list[int]:
    return liquid_slices(scene.snapshots[at], measure(scene.snapshots[at]))


def _swapped(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Two expiries, so many places apart, have changed labels."""
    pieces, slots, apart = parts(scene.snapshots[at]), _near_slots(scene, at), int(severity)
    if len(slots) <= apart:
        return None
    place = int(random.integers(len(slots) - apart))
    one, two = slots[place], slots[place + apart]
    first, second = pieces[one].slice, pieces[two].slice
    pieces[one], pieces[two] = pieces[one].labelled(second), pieces[two].labelled(first)
    return _relabelled(scene, at, pieces, (first.expiry, second.expiry))


def _shifted(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """One expiry carries the label of the next one (of the one before, where negative), whose own rows are missing."""
    pieces, slots, step = parts(scene.snapshots[at]), _near_slots(scene, at), int(severity)
    able = [slot for slot in slots if 0 <= slot + step < len(pieces)]
    if not able:
        return None
    slot = int(random.choice(able))
    label = pieces[slot + step].slice
    pieces[slot] = pieces[slot].labelled(label)
    del pieces[slot + step]
    return _relabelled(scene, at, pieces, (label.expiry,))


def _monthly_as_weekly(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """A monthly's rows stand under a weekly's label too: contract names without a day resolve to the month."""
    pieces, slots = parts(scene.snapshots[at]), _near_slots(scene, at)
    months = [slot for slot in slots if _is_last_of_month(scene.snapshots[at], slot)]
    weeks = [slot for slot in slots if slot not in months]
    if not months or not weeks:
        return None
    week = pieces[int(random.choice(weeks))].slice
    kept = [piece for piece in pieces if piece.slice.expiry != week.expiry]
    return _relabelled(scene, at, [*kept, pieces[months[0]].labelled(week)], (week.expiry,))


def _is_last_of_month(snapshot: Snapshot, slot: int) -> bool:
    expiry, later = snapshot.expiries[slot], snapshot.expiries[slot + 1 :]
    return not any((other.year, other.month) == (expiry.year, expiry.month) for other in later)


def _exchanged(scene: Scene, at: int, rows: Bools) -> Injected | None:
    """Calls and puts change places at `rows` (whole pairs)."""
    clean = scene.snapshots[at]
    flipped = {name: clean.columns[name].reshape(-1, 2)[:, ::-1].ravel() for name in _VALUES}
    made = with_values(clean, rows, flipped)
    return injected(scene, at, made, rows & _against(clean, measure(clean), made))


def _rights_at_one_strike(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    ruler = measure(scene.snapshots[at])
    with np.errstate(invalid="ignore"):
        apart = np.abs(ruler.mid - ruler.mid.reshape(-1, 2)[:, ::-1].ravel()) >= severity * ruler.tolerance_pts
    one = pick(ruler.liquid & partner(ruler.liquid) & apart, 1, random)
    return _exchanged(scene, at, one | partner(one))


def _rights_of_one_expiry(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    return _exchanged(scene, at, slice_rows(scene.snapshots[at], int(random.choice(_near_slots(scene, at)))))


def _rights(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    return _exchanged(scene, at, np.ones(len(scene.snapshots[at]), dtype=np.bool_))


def _moved(part: Part, steps: int) -> Part:
    """Every quote under the label of the strike so many places further on; the edge ones fall off."""
    kept = part.strike[2 * steps :] if steps > 0 else part.strike[: 2 * steps]
    own = slice(None, -2 * steps) if steps > 0 else slice(-2 * steps, None)
    return replace(part, strike=kept, columns={name: column[own] for name, column in part.columns.items()})


def _ladder(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Every strike label of the chain is so many steps too high (low, where negative)."""
    pieces = [_moved(part, int(severity)) if len(part.strike) > 8 else part for part in parts(scene.snapshots[at])]
    return whole(scene, at, assembled(scene.snapshots[at], pieces))


def _ladder_of_one_expiry(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    pieces, slot = parts(scene.snapshots[at]), int(random.choice(_near_slots(scene, at)))
    pieces[slot] = _moved(pieces[slot], int(severity))
    return _relabelled(scene, at, pieces, (pieces[slot].slice.expiry,))


def _off_the_grid(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Strikes that the exchange does not list: every label so many points too high."""
    clean = scene.snapshots[at]
    return whole(scene, at, replace(clean, strike=clean.strike + severity))


def _vendors(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """This share of the rows comes from a second vendor, a snapshot behind and with counts in lots."""
    if at == 0:
        return None
    clean = scene.snapshots[at]
    rows, values = matched(clean, scene.snapshots[at - 1], (*PRICES, *SIZES, *COUNTS))
    lot = lots(scene, clean)
    theirs = rows & np.isfinite(lot) & np.repeat(random.random(len(clean) // 2) < severity, 2)
    counts = {name: values[name] / lot for name in COUNTS}
    return injected(scene, at, with_values(clean, theirs, values | counts), theirs & (clean.volume > 0))


_OFF = "contracts whose price is wrong by 2 tolerances or more"
_EXPIRY, _STRIKE, _RIGHT = ("rules_expiry_late",), ("openalgo_zeros",), ("openalgo_foreign_price",)
_ANY = frozenset({"everything"})
_ROWS = frozenset(_VALUES)
FAULTS = (
    Fault("expiries_swapped", _EXPIRY, Level.CHAIN, Answer.MASKED, _ANY, "places", (1, 3), _swapped, (), _OFF),
    Fault("expiry_shifted", _EXPIRY, Level.CHAIN, Answer.MASKED, _ANY, "places", (-1, 1), _shifted, (), _OFF),
    Fault("monthly_as_weekly", _EXPIRY, Level.CHAIN, Answer.MASKED, _ANY, "slices", (1,), _monthly_as_weekly, (), _OFF),
    Fault(
        "rights_of_strike", _RIGHT, Level.QUOTE, Answer.MASKED, _ROWS, "tolerances apart", (2, 5), _rights_at_one_strike
    ),
    Fault(
        "rights_of_slice", _RIGHT, Level.CHAIN, Answer.MASKED, _ROWS, "slices", (1,), _rights_of_one_expiry, (), _OFF
    ),
    Fault("rights_of_chain", _RIGHT, Level.CHAIN, Answer.REFUSED, _ROWS, "chains", (1,), _rights),
    Fault("ladder_shifted", _STRIKE, Level.CHAIN, Answer.REFUSED, _ANY, "steps", (-2, -1, 1, 2), _ladder),
    Fault(
        "ladder_of_slice",
        _STRIKE,
        Level.CHAIN,
        Answer.MASKED,
        _ANY,
        "steps",
        (-1, 1, 2),
        _ladder_of_one_expiry,
        (),
        _OFF,
    ),
    Fault(
        "strikes_off_grid",
        ("openalgo_zeros", "lean_lot"),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset({"strike"}),
        "points",
        (1, 13),
        _off_the_grid,
    ),
    Fault(
        "vendors_mixed",
        ("nse_lots", "daily_layouts"),
        Level.CHAIN,
        Answer.REFUSED,
        _ROWS,
        "share of strikes",
        (0.2, 0.5),
        _vendors,
    ),
)
