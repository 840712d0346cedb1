"""Which quotes of a snapshot may be used, and each slice's forward: a pure function of the snapshot and the rules.

The market pass calls it again instead of trusting a stored mask, so a replay judges the same quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import RuleGap
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import MIN_LAG_S, contract_for
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import MASKED_BY, Bools, Floats, Slice, Snapshot
from quantsentinel.pricing.forward import ForwardFit, forward_from_parity

NEAR_PAIRS = 10
"""Strikes nearest to the forward, per slice, that are called near the money."""
MAX_SLICE_AGE_S = 60.0
ASYNCHRONY_S = 60.0
"""Quotes of one snapshot may be this far apart (`definitions.md` §3)."""
SESSION_SECONDS_A_YEAR = 252 * 375 * 60
DAY_S = 86_400.0
YEAR_S = 365 * DAY_S
WIDE_MOVE = 0.5
"""Upper limit of the annual vol used for the tolerance, so that broken quotes cannot widen it without end."""

REASONS = ("unquoted", "absurd", "crossed", "stale_slice", *MASKED_BY, "no_forward", "scale", "parity")


@dataclass(frozen=True, slots=True, eq=False)
class QuoteMask:
    """`usable` and every array of `flags` (by `REASONS`) have shape (n_rows,), in the snapshot's row order.

    A row is usable when it is quoted on at least one side and nothing flags it. Per slice, shape (n_slices,):
    `forwards`, `discounts` and `years` (ACT/365 to the settlement observation; NaN without rule rows). `near` marks the
    rows near the money, `tolerance` is the index's move in 60 s in points, `parity_breaches` the share of two-sided
    near-the-money pairs off parity (None without such pairs).
    """

    usable: Bools
    flags: Mapping[str, Bools]
    forwards: tuple[ForwardFit, ...]
    discounts: Floats
    years: Floats
    near: Bools
    tolerance: float
    parity_breaches: float | None

    @property
    def forward(self) -> Floats:
        """(n_slices,) forwards, NaN where there is none."""
        return np.array([fit.forward for fit in self.forwards])


def quote_mask(snapshot: Snapshot, rules: RuleBook) -> QuoteMask:
    """Masks absurd, crossed, stale, off-scale and off-parity quotes and fits the forward of every slice.

    Last prices stand in for quotes where the source carries none (`ltp_only`): the forwards then serve analytics, and
    no row is usable.
    """
    flags = {name: np.zeros(len(snapshot), dtype=np.bool_) for name in REASONS}
    with np.errstate(invalid="ignore"):
        flags["unquoted"] = ~((snapshot.bid > 0) | (snapshot.ask > 0))
        flags["absurd"] = _absurd(snapshot)
        flags["crossed"] = (snapshot.bid > 0) & (snapshot.ask > 0) & (snapshot.bid > snapshot.ask)
    flags["stale_slice"] = np.repeat([not _is_fresh(part, snapshot) for part in snapshot.slices], _rows(snapshot))
    if snapshot.masked.any():
        flags |= {name: snapshot.masked_by(name) for name in MASKED_BY}
    years, discounts = _discounting(snapshot, rules)
    forwards = _forwards(snapshot, flags["absurd"] | flags["crossed"], discounts)
    forward = np.array([fit.forward for fit in forwards])
    flags["no_forward"] = np.repeat(np.isnan(forward), _rows(snapshot))
    near = _near(snapshot, forward)
    tolerance = _move_60s(snapshot, forward, discounts, years)
    flags["scale"] = _off_scale(snapshot, forward, discounts, tolerance)
    good = ~np.logical_or.reduce(list(flags.values()))
    flags["parity"], breaches = _off_parity(snapshot, forward, discounts, (good, near, tolerance))
    return QuoteMask(
        usable=good & ~flags["parity"],
        flags=flags,
        forwards=forwards,
        discounts=discounts,
        years=years,
        near=near,
        tolerance=tolerance,
        parity_breaches=breaches,
    )


def _rows(snapshot: Snapshot) -> NDArray[np.int64]:
    return np.diff(snapshot.offsets)


def _absurd(snapshot: Snapshot) -> Bools:
    """Rows with a price or size that is negative or not finite."""
    absurd = np.zeros(len(snapshot), dtype=np.bool_)
    for name in ("bid", "ask", "ltp", "bid_size", "ask_size"):
        column = snapshot.columns[name]
        absurd |= ~(np.isfinite(column) & (column >= 0))
    return absurd


def _is_fresh(part: Slice, snapshot: Snapshot) -> bool:
    """Received within 60 s of the snapshot, and its exchange time within the contract's lag."""
    if (snapshot.received_at - part.received_at).total_seconds() > MAX_SLICE_AGE_S:
        return False
    lag = lag_s(part)
    return lag is None or MIN_LAG_S <= lag <= contract_for(snapshot.source).max_lag_s


def lag_s(part: Slice) -> float | None:
    """Receipt minus exchange time; None without an exchange clock."""
    return None if part.exchange_time is None else (part.received_at - part.exchange_time).total_seconds()


def _discounting(snapshot: Snapshot, rules: RuleBook) -> tuple[Floats, Floats]:
    """Years (ACT/365) to each slice's settlement observation and the discount factors; NaN without rule rows."""
    years, discounts = np.full((2, len(snapshot.slices)), np.nan)
    for index, part in enumerate(snapshot.slices):
        found = discounting(rules, snapshot.underlying, part)
        if found is not None:
            years[index], discounts[index] = found
    return years, discounts


def discounting(rules: RuleBook, underlying: str, part: Slice) -> tuple[float, float] | None:
    """(years, discount factor) of a slice at its own time: exp(-repo rate · ACT/365). None without rule rows."""
    at: datetime = part.observed_at
    try:
        rate = rules.repo_rate(at.astimezone(IST).date()).value
        settles = rules.settlement(underlying, part.expiry).observed_at
    except RuleGap:
        return None
    years = max((settles - at).total_seconds() / YEAR_S, 0.0)
    return years, float(np.exp(-rate * years))


def _forwards(snapshot: Snapshot, bad: Bools, discounts: Floats) -> tuple[ForwardFit, ...]:
    bid, ask = _prices(snapshot, bad)
    return tuple(_fit(snapshot, bid, ask, (index, discount)) for index, discount in enumerate(discounts.tolist()))


def _prices(snapshot: Snapshot, bad: Bools) -> tuple[Floats, Floats]:
    """Bids and asks to fit with, zero where bad; last prices where the source has no quotes."""
    quotes = snapshot.capability == "quotes"
    bid = np.where(bad, 0.0, snapshot.bid if quotes else snapshot.ltp)
    return bid, np.where(bad, 0.0, snapshot.ask if quotes else snapshot.ltp)


def _fit(snapshot: Snapshot, bid: Floats, ask: Floats, which: tuple[int, float]) -> ForwardFit:
    """The forward of slice `index` under `discount`. Without a rate the slice gets no pairs, hence no forward."""
    index, discount = which
    low = int(snapshot.offsets[index])
    high = int(snapshot.offsets[index + 1]) if discount > 0 else low
    call, put = slice(low, high, 2), slice(low + 1, high, 2)
    known = discount if discount > 0 else 1.0
    return forward_from_parity(snapshot.strike[call], bid[call], ask[call], bid[put], ask[put], known)


def nearest_forward(snapshot: Snapshot, rules: RuleBook) -> float | None:
    """The forward of the nearest expiry that has one, without judging the rest."""
    bid, ask = _prices(snapshot, _absurd(snapshot))
    for index, part in enumerate(snapshot.slices):
        found = discounting(rules, snapshot.underlying, part)
        fit = _fit(snapshot, bid, ask, (index, found[1])) if found else None
        if fit is not None and fit.is_fitted:
            return fit.forward
    return None


def _near(snapshot: Snapshot, forward: Floats) -> Bools:
    """Rows of the strikes nearest to the slice's forward (to the first fitted one where it has none)."""
    near = np.zeros(len(snapshot), dtype=np.bool_)
    fitted = forward[np.isfinite(forward)]
    if not fitted.size:
        return near
    for index, own in enumerate(forward.tolist()):
        low, high = int(snapshot.offsets[index]), int(snapshot.offsets[index + 1])
        centre = own if np.isfinite(own) else float(fitted[0])
        pairs = np.argsort(np.abs(snapshot.strike[low:high:2] - centre), kind="stable")[:NEAR_PAIRS]
        near[low + 2 * pairs], near[low + 2 * pairs + 1] = True, True
    return near


def _move_60s(snapshot: Snapshot, forward: Floats, discounts: Floats, years: Floats) -> float:
    """One standard deviation of the index in 60 s of session, points, from the nearest at-the-money straddle.

    sigma ≈ straddle · √(π/2) / (D · F · √T) (Brenner-Subrahmanyam), T at least a day; 0.0 without a straddle.
    """
    for index in np.flatnonzero(np.isfinite(forward) & (years * YEAR_S > DAY_S)):
        chain = snapshot.chain(int(index))
        place = int(np.argmin(np.abs(chain.strike - forward[index])))
        sides = (chain.call["bid"], chain.call["ask"], chain.put["bid"], chain.put["ask"])
        quotes = [float(side[place]) for side in sides]
        if min(quotes) > 0:
            straddle = sum(quotes) / 2
            sigma = straddle * np.sqrt(np.pi / 2) / (discounts[index] * forward[index] * np.sqrt(years[index]))
            return float(forward[index] * min(sigma, WIDE_MOVE) * np.sqrt(ASYNCHRONY_S / SESSION_SECONDS_A_YEAR))
    return 0.0


def _off_scale(snapshot: Snapshot, forward: Floats, discounts: Floats, tolerance: float) -> Bools:
    """Prices that no option of that strike can have: above D·F (call) or D·K (put), or an ask below intrinsic value.

    Intrinsic value less the quote's own spread and the 60 s move: deep in the money the repo rate, a proxy, misses the
    market's by more than the move (14 points at 4,570 in the money on 2025-08-29).
    """
    rows = _rows(snapshot)
    discount, future = np.repeat(discounts, rows), np.repeat(forward, rows)
    with np.errstate(invalid="ignore"):
        highest = discount * np.where(snapshot.is_call, future, snapshot.strike) + tolerance
        sign = np.where(snapshot.is_call, 1.0, -1.0)
        spread = np.where(snapshot.bid > 0, np.maximum(snapshot.ask - snapshot.bid, 0.0), 0.0)
        lowest = np.maximum(discount * sign * (future - snapshot.strike), 0.0) - spread - tolerance
        above = np.maximum(np.maximum(snapshot.bid, snapshot.ask), snapshot.ltp) > highest
        below = (snapshot.ask > 0) & (snapshot.ask < lowest)
    return above | below


def _off_parity(
    snapshot: Snapshot, forward: Floats, discounts: Floats, used: tuple[Bools, Bools, float]
) -> tuple[Bools, float | None]:
    """Pairs whose mid parity forward is off by more than spread + the 60 s move, and the near-the-money share.

    Near the money both rows are masked; further out only the wider quote, which is the one that moved late.
    """
    good, near, tolerance = used
    two_sided = good & (snapshot.bid > 0) & (snapshot.ask > 0)
    pair = two_sided[0::2] & two_sided[1::2]
    spread = snapshot.ask - snapshot.bid
    middle = (snapshot.ask + snapshot.bid) / 2
    per_pair = _rows(snapshot) // 2
    discount, future = np.repeat(discounts, per_pair), np.repeat(forward, per_pair)
    with np.errstate(invalid="ignore"):
        off = np.abs(middle[0::2] - middle[1::2] - discount * (future - snapshot.strike[0::2]))
        breach = pair & (off > spread[0::2] + spread[1::2] + tolerance)
    close = near[0::2]
    masked = np.zeros(len(snapshot), dtype=np.bool_)
    masked[0::2] = breach & (close | (spread[0::2] >= spread[1::2]))
    masked[1::2] = breach & (close | (spread[1::2] >= spread[0::2]))
    judged = int(np.count_nonzero(pair & close))
    return masked, float(np.count_nonzero(breach & close) / judged) if judged else None
