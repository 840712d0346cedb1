"""What the price of one option can be, given its forward: no-arbitrage bounds, a vol that no market had, parity."""

from __future__ import annotations

import numpy as np

from quantsentinel.market.snapshot import Bools, Floats, Snapshot

MAX_VOL_ANNUAL = 3.0
"""India VIX closed at 83 at most (2020-03-24): three and a half times that, for skew and for single strikes."""
MIN_BAND_YEARS = 3 / 365
"""A last price may be days old."""
Curve = tuple[Floats, Floats, Floats]
"""Forward, discount and years of each slice, (n_slices,)."""


def off_scale(snapshot: Snapshot, curve: Curve, tolerance: float) -> Bools:
    """Prices that no option of that strike can have: above D·F (call) or D·K (put), or an ask below intrinsic value.

    Intrinsic value less the quote's own spread and the 60 s move: deep in the money the repo rate, a proxy, misses the
    market's by more than the move (14 points at 4,570 in the money on 2025-08-29).
    """
    future, discount, _ = _per_row(snapshot, curve)
    with np.errstate(invalid="ignore", over="ignore"):
        highest = discount * np.where(snapshot.is_call, future, snapshot.strike) + tolerance
        spread = np.where(snapshot.bid > 0, np.maximum(snapshot.ask - snapshot.bid, 0.0), 0.0)
        lowest = _intrinsic(snapshot, future, discount) - spread - tolerance
        above = np.maximum(np.maximum(snapshot.bid, snapshot.ask), snapshot.ltp) > highest
        below = (snapshot.ask > 0) & (snapshot.ask < lowest)
    return np.asarray(above | below)


def off_band(snapshot: Snapshot, curve: Curve, tolerance: float) -> Bools:
    """Bids and last prices above what 300 % annual vol at the money would make of the strike.

    intrinsic + D·F·vol·√T/√(2π) bounds the price of every strike from above; T is 3 days at least.
    """
    future, discount, years = _per_row(snapshot, curve)
    with np.errstate(invalid="ignore", over="ignore"):
        width = MAX_VOL_ANNUAL * np.sqrt(np.maximum(years, MIN_BAND_YEARS))
        highest = _intrinsic(snapshot, future, discount) + discount * future * width / np.sqrt(2 * np.pi)
        return np.asarray(np.maximum(snapshot.bid, snapshot.ltp) > highest + tolerance)


def off_parity(
    snapshot: Snapshot, curve: Curve, used: tuple[Bools, Bools, float], away: Floats
) -> tuple[Bools, float | None]:
    """Pairs whose mid parity forward is off by more than spread + the 60 s move, and the near-the-money share.

    `used`: the rows that are good so far, those near the money, the move. Of a breaching pair the row that lies nearer
    to its neighbours along the strikes (`away`, points) is kept, if that is within half of the limit; else none.
    """
    good, near, tolerance = used
    two_sided = good & (snapshot.bid > 0) & (snapshot.ask > 0)
    pair = two_sided[0::2] & two_sided[1::2]
    spread = snapshot.ask - snapshot.bid
    middle = (snapshot.ask + snapshot.bid) / 2
    future, discount, _ = _per_row(snapshot, curve)
    with np.errstate(invalid="ignore"):
        off = np.abs(middle[0::2] - middle[1::2] - discount[0::2] * (future[0::2] - snapshot.strike[0::2]))
        limit = spread[0::2] + spread[1::2] + tolerance
        breach = pair & (off > limit)
        blame = np.where(np.isfinite(away), away, np.inf).reshape(-1, 2)
        innocent = (blame <= 0.5 * limit[:, None]) & (blame < blame[:, ::-1])
    masked = (breach[:, None] & ~innocent).ravel()
    close = near[0::2]
    judged = int(np.count_nonzero(pair & close))
    return masked, float(np.count_nonzero(breach & close) / judged) if judged else None


def _per_row(snapshot: Snapshot, curve: Curve) -> tuple[Floats, Floats, Floats]:
    rows = np.diff(snapshot.offsets)
    forward, discount, years = curve
    return np.repeat(forward, rows), np.repeat(discount, rows), np.repeat(years, rows)


def _intrinsic(snapshot: Snapshot, future: Floats, discount: Floats) -> Floats:
    sign = np.where(snapshot.is_call, 1.0, -1.0)
    return np.asarray(np.maximum(discount * sign * (future - snapshot.strike), 0.0))
