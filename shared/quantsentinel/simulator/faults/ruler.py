"""How large an error must be before anybody could notice it: `definitions.md` §3, measured on the clean chain.

Written without the firewall's code, so that what is asked of it does not follow from how it works.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.snapshot import Bools, Floats, Snapshot

SESSION_MINUTES_A_YEAR: Final = 252 * 375
LIQUID_DAYS: Final = 45
"""Quotes of later expiries are wide and rarely traded: no fault is laid there unless it takes the whole chain."""
PAIRS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """Arrays of shape (n_rows,). `tolerance_pts` of a row is the spread of its call and of its put plus the index's
    move in 60 s (one standard deviation, `move_pts`): an error below it is indistinguishable from quotes that are a
    minute apart. `liquid` rows have bid and ask and an expiry within 45 days that has a forward.
    """

    mid: Floats
    spread: Floats
    forward: Floats
    tolerance_pts: Floats
    move_pts: float
    liquid: Bools


def measure(snapshot: Snapshot) -> Ruler:
    """The ruler of one clean snapshot."""
    two_sided = (snapshot.bid > 0) & (snapshot.ask > 0)
    mid = np.where(two_sided, (snapshot.bid + snapshot.ask) / 2, np.nan)
    counts = np.diff(snapshot.offsets)
    forwards = np.array([_forward(snapshot.strike[low:high], mid[low:high]) for low, high in _spans(snapshot)])
    move = _move(snapshot, mid, forwards)
    spread = np.where(two_sided, snapshot.ask - snapshot.bid, np.nan)
    other = spread.reshape(-1, 2)[:, ::-1].ravel()
    tolerance = spread + np.where(np.isnan(other), spread, other) + move
    near = np.repeat([(expiry - _day(snapshot)).days <= LIQUID_DAYS for expiry in snapshot.expiries], counts)
    forward = np.repeat(forwards, counts)
    return Ruler(mid, spread, forward, tolerance, move, two_sided & near & np.isfinite(forward))


def tolerances_off(ruler: Ruler, bid: Floats, ask: Floats) -> Floats:
    """(n_rows,) how far new quotes are from the clean mids, in tolerances; NaN where either has no two sides.

    The wider spread counts, the clean one's or the new one's: a wrong quote that is wide enough to hold the true price
    too contradicts nothing. Such are 4 of 5 stale quotes of the thin weeklies of 2025-08-29.
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        mid = np.where((bid > 0) & (ask > 0), (bid + ask) / 2, np.nan)
        wider = np.maximum(ask - bid - ruler.spread, 0.0)
        return np.asarray(np.abs(mid - ruler.mid) / (ruler.tolerance_pts + wider), dtype=np.float64)


def pick(rows: Bools, count: int, random: np.random.Generator) -> Bools:
    """`count` of the rows, or all where there are fewer."""
    places = np.flatnonzero(rows)
    chosen = np.zeros(len(rows), dtype=np.bool_)
    chosen[random.choice(places, min(count, len(places)), replace=False) if len(places) else places] = True
    return chosen


def partner(rows: Bools) -> Bools:
    """The other side of each strike."""
    return np.asarray(rows.reshape(-1, 2)[:, ::-1].ravel())


def liquid_slices(snapshot: Snapshot, ruler: Ruler) -> list[int]:
    """Indices of the slices with liquid rows."""
    return [index for index, (low, high) in enumerate(_spans(snapshot)) if ruler.liquid[low:high].any()]


def on_tick(price: Floats, tick: float) -> Floats:
    """Rounded to the tick, at least one."""
    return np.asarray(np.round(np.maximum(np.round(price / tick), 1.0) * tick, 2), dtype=np.float64)


def _spans(snapshot: Snapshot) -> list[tuple[int, int]]:
    return list(zip(snapshot.offsets[:-1].tolist(), snapshot.offsets[1:].tolist(), strict=True))


def _day(snapshot: Snapshot) -> date:
    return snapshot.received_at.astimezone(IST).date()


def _forward(strike: Floats, mid: Floats) -> float:
    """Median of K + C - P over the strikes where call and put are nearest; NaN with fewer than three."""
    gap = mid[0::2] - mid[1::2]
    pairs = np.flatnonzero(np.isfinite(gap))
    nearest = pairs[np.argsort(np.abs(gap[pairs]), kind="stable")[:PAIRS]]
    return float(np.median(strike[0::2][nearest] + gap[nearest])) if len(nearest) >= 3 else float("nan")


def _move(snapshot: Snapshot, mid: Floats, forwards: Floats) -> float:
    """Brenner and Subrahmanyam's vol of the nearest straddle with at least a day to run, over one session minute."""
    for (low, high), forward, expiry in zip(_spans(snapshot), forwards.tolist(), snapshot.expiries, strict=True):
        days = (expiry - _day(snapshot)).days
        straddle = mid[low:high:2] + mid[low + 1 : high : 2]
        if days < 1 or not np.isfinite(forward) or not np.isfinite(straddle).any():
            continue
        place = int(
            np.nanargmin(np.where(np.isfinite(straddle), np.abs(snapshot.strike[low:high:2] - forward), np.nan))
        )
        vol_pts = straddle[place] * np.sqrt(np.pi / 2) / np.sqrt(days / 365)
        return float(vol_pts * np.sqrt(1 / SESSION_MINUTES_A_YEAR))
    return 0.0
