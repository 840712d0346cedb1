"""Open interest, volume and displayed sizes of one snapshot: sums that views and history rows share."""

from __future__ import annotations

from bisect import bisect_right
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.market.snapshot import Chain, Snapshot

Bools = NDArray[np.bool_]

FLOW_HORIZON = timedelta(days=45)
"""Expiries further out trade too thinly to say anything about the day."""
NEAR_STRIKES = 10


@dataclass(frozen=True, slots=True)
class Totals:
    """Units, summed over calls and puts of the slices within `FLOW_HORIZON`."""

    call_oi: float
    put_oi: float
    call_volume: float
    put_volume: float


@dataclass(frozen=True, slots=True)
class BookShape:
    """Displayed sizes at the best prices of the `NEAR_STRIKES` strikes nearest the forward; imbalances in [-1, 1].

    `spread` is the median relative spread of those quotes. None where no quote is two-sided.
    """

    imbalance: float | None
    call_imbalance: float | None
    put_imbalance: float | None
    spread: float | None
    quotes: int


def totals(snapshot: Snapshot) -> Totals:
    last = snapshot.received_at.date() + FLOW_HORIZON
    end = int(snapshot.offsets[bisect_right(snapshot.expiries, last)])
    oi, volume = snapshot.columns["oi"][:end], snapshot.columns["volume"][:end]
    return Totals(*(float(units.sum()) for units in (oi[0::2], oi[1::2], volume[0::2], volume[1::2])))


def book_shape(chain: Chain, forward: float, usable_call: Bools, usable_put: Bools) -> BookShape:
    """Of one slice, usually the nearest that trades."""
    near = np.argsort(np.abs(chain.strike - forward), kind="stable")[:NEAR_STRIKES]
    call, put = near[usable_call[near]], near[usable_put[near]]
    call_sizes = chain.call["bid_size"][call].sum(), chain.call["ask_size"][call].sum()
    put_sizes = chain.put["bid_size"][put].sum(), chain.put["ask_size"][put].sum()
    bids = np.concatenate([chain.call["bid"][call], chain.put["bid"][put]])
    asks = np.concatenate([chain.call["ask"][call], chain.put["ask"][put]])
    return BookShape(
        imbalance=_imbalance(call_sizes[0] + put_sizes[0], call_sizes[1] + put_sizes[1]),
        call_imbalance=_imbalance(*call_sizes),
        put_imbalance=_imbalance(*put_sizes),
        spread=float(np.median(2.0 * (asks - bids) / (asks + bids))) if len(bids) else None,
        quotes=len(bids),
    )


def _imbalance(bid_size: float, ask_size: float) -> float | None:
    total = bid_size + ask_size
    return float((bid_size - ask_size) / total) if total > 0 else None
