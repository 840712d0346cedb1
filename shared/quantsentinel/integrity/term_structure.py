"""Expiries against each other: total variance never falls with time, and a vol belongs to its own expiry."""

from __future__ import annotations

import numpy as np

from quantsentinel.frozen import dataclass
from quantsentinel.integrity.levels import Levels
from quantsentinel.market.snapshot import Bools, Floats

MIN_YEARS = 1.5 / 365
"""Nearer to its settlement an expiry's vol in calendar time says little."""
VOL_LOG = 0.4
"""A vol one and a half times, or two thirds of, what the expiries beside it say."""
EXPLAINED = 0.25
"""Share of that distance that may be left under the other expiry's time."""
MIN_SLICES = 3
MAX_OPEN_LOG = 0.2
"""Half-spread of a width that tells anything (BANKNIFTY's third month on 2025-08-29: 0.45)."""
NEAR = 0.5
"""Widths from the forward within which straddles tell the width at the money."""


@dataclass(frozen=True, slots=True, eq=False)
class TermStructure:
    """(n_slices,) expiries that `calendar` and `expiry_label` take out of use."""

    calendar: Bools
    expiry_label: Bools


def term_structure(level: Levels, move_pts: float) -> TermStructure:
    """From each expiry's forward and width at the money."""
    return TermStructure(_inverted(level, move_pts), _mislabelled(level))


def _inverted(level: Levels, move_pts: float) -> Bools:
    """Of each pair whose nearer straddle sells above what the farther one costs, the one in most such pairs.

    Straddles per point of forward, beyond the 60 s move; where neither stands out, both.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        low = (level.width_bid - move_pts) / level.forward
        high = level.width_ask / level.forward
        low, high = (np.where(level.off_money < NEAR, side, np.nan) for side in (low, high))
        conflict = np.triu(low[:, None] > high[None, :], k=1)
    conflict |= conflict.T
    wrong = np.zeros(len(low), dtype=np.bool_)
    while conflict.any():
        count = conflict.sum(axis=1)
        worst = count == count.max()
        wrong |= worst
        conflict[worst] = False
        conflict[:, worst] = False
    return wrong


def _mislabelled(level: Levels) -> Bools:
    """Expiries whose vol is far from the line between its neighbours', and on it under another listed expiry's time.

    The furthest first; the others are judged again without it.
    """
    wrong = np.zeros(len(level.forward), dtype=np.bool_)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.log(level.width / level.forward)
        half_time = 0.5 * np.log(level.years)
        open_log = 0.5 * (level.width_ask - level.width_bid) / level.width
        told = np.isfinite(total) & (level.off_money < NEAR) & (open_log < MAX_OPEN_LOG)
    known = np.flatnonzero(told & (level.years > MIN_YEARS))
    while len(known) >= MIN_SLICES:
        vol = (total - half_time)[known]
        off = vol - _between(level.years[known], vol)
        place = int(np.argmax(np.abs(off)))
        if abs(off[place]) <= VOL_LOG + open_log[known[place]]:
            break
        others = np.delete(half_time[known], place)
        left = np.abs(total[known[place]] - (vol[place] - off[place]) - others)
        wrong[known[place]] = bool(np.min(left) < EXPLAINED * abs(off[place]))
        known = np.delete(known, place)
    return wrong


def _between(years: Floats, vol: Floats) -> Floats:
    """What the two expiries beside each (at the ends: the nearest two) say by a line in the square root of time."""
    root, count = np.sqrt(years), len(years)
    places = np.arange(count)
    one = np.where(places == 0, 1, np.where(places == count - 1, count - 2, places - 1))
    two = np.where(places == 0, 2, np.where(places == count - 1, count - 3, places + 1))
    share = np.clip((root[two] - root) / (root[two] - root[one]), 0.0, 1.0)
    return np.asarray(share * vol[one] + (1.0 - share) * vol[two])
