"""One accepted snapshot in a line, for the history that later snapshots of the day see. Written by the poller."""

from __future__ import annotations

import math

import numpy as np

from quantsentinel.desk import Desk
from quantsentinel.features.flow import book_shape, totals
from quantsentinel.features.timeline import SliceTimes, session_frame, slice_times
from quantsentinel.integrity.firewall import Firewall
from quantsentinel.market.calendar import IST
from quantsentinel.market.history import SummaryRow
from quantsentinel.market.snapshot import Chain, Snapshot
from quantsentinel.pricing.implied_vol import implied_vol
from quantsentinel.units import quantise

FORWARD_DIGITS = 3
"""A thousandth of a point: far below a tick, far above the last bits in which CPUs differ."""
AT_MONEY_STRIKES = 2
"""The strikes on both sides of the forward."""


def summary_row(snapshot: Snapshot, firewall: Firewall, desk: Desk) -> SummaryRow:
    """Cheap on purpose: forwards come with the firewall, the at-the-money vol from the two strikes around the forward.

    Raises `RuleGap` on a day that is not covered.
    """
    mask = firewall.quotes
    frame = session_frame(
        desk.rules,
        snapshot.underlying,
        snapshot.received_at.astimezone(IST).date(),
        snapshot.expiries,
        desk.policy.forecast.overnight_share,
        desk.volatility.gaps,
    )
    usable = mask.usable & (snapshot.columns["bid"] > 0) & (snapshot.columns["ask"] > 0)
    times = [slice_times(frame, part) for part in snapshot.slices]
    live = [i for i, fit in enumerate(mask.forwards) if fit.is_fitted and not times[i].reason]
    shape = None
    vol = None
    if live:
        index = live[0]
        low, high = int(snapshot.offsets[index]), int(snapshot.offsets[index + 1])
        chain, forward, rows = snapshot.chain(index), mask.forwards[index].forward, usable[low:high]
        shape = book_shape(chain, forward, rows[0::2], rows[1::2])
        vol = _at_money_vol(chain, forward, rows, times[index])
    sums = totals(snapshot)
    return SummaryRow(
        snapshot=snapshot.digest,
        observed_at=snapshot.observed_at,
        received_at=snapshot.received_at,
        forwards={
            part.expiry.isoformat(): round(fit.forward, FORWARD_DIGITS)
            for part, fit in zip(snapshot.slices, mask.forwards, strict=True)
            if fit.is_fitted
        },
        atm_vol=vol,
        call_oi=sums.call_oi,
        put_oi=sums.put_oi,
        call_volume=sums.call_volume,
        put_volume=sums.put_volume,
        imbalance=_rounded(shape.imbalance if shape else None),
        spread=_rounded(shape.spread if shape else None),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else quantise(value)


def _at_money_vol(chain: Chain, forward: float, usable: np.ndarray, times: SliceTimes) -> float | None:
    """Linear in strike between the out-of-the-money vols around the forward; None where they are not quoted."""
    above = int(np.searchsorted(chain.strike, forward))
    rows = slice(max(above - 1, 0), above - 1 + AT_MONEY_STRIKES)
    strike = chain.strike[rows]
    is_call = strike >= forward
    quoted = np.where(is_call, usable[0::2][rows], usable[1::2][rows])
    if len(strike) < AT_MONEY_STRIKES or not quoted.all():
        return None
    bid = np.where(is_call, chain.call["bid"][rows], chain.put["bid"][rows])
    ask = np.where(is_call, chain.call["ask"][rows], chain.put["ask"][rows])
    vol = implied_vol(0.5 * (bid + ask), forward, strike, times.variance_years, times.discount, is_call)
    return _rounded(float(np.interp(forward, strike, vol)))
