"""Which quotes of a snapshot may be used, and each slice's forward: a pure function of the snapshot and the rules.

The market pass calls it again instead of trusting a stored mask, so a replay judges the same quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.executable import executable
from quantsentinel.integrity.levels import Levels, levels, nearest_pairs
from quantsentinel.integrity.price_limits import off_band, off_parity, off_scale
from quantsentinel.integrity.row_flaws import row_flaws
from quantsentinel.integrity.strike_curve import strike_curve
from quantsentinel.integrity.term_structure import term_structure
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import MIN_LAG_S, contract_for
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import MASKED_BY, Bools, Floats, Slice, Snapshot
from quantsentinel.pricing.forward import ForwardFit, forwards_from_parity

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

REASONS = (
    "unquoted",
    "absurd",
    "crossed",
    "locked",
    "no_size",
    "off_tick",
    "off_lot",
    "unlisted",
    "stale_slice",
    *MASKED_BY,
    "no_forward",
    "scale",
    "price_band",
    "strike_curve",
    "parity",
    "vertical",
    "butterfly",
    "calendar",
    "expiry_label",
)
OWN_FLAWS = REASONS[1:8]
"""What disqualifies a row whatever the others say."""
IDLE = ("unquoted", *OWN_FLAWS, "stale_slice", "no_forward")
"""Rows that tell nothing, not even against others."""


@dataclass(frozen=True, slots=True, eq=False)
class QuoteMask:
    """`usable` and every array of `flags` (by `REASONS`) have shape (n_rows,), in the snapshot's row order.

    A row is usable when it is quoted on at least one side and nothing flags it. Per slice, shape (n_slices,):
    `forwards`, `discounts` and `years` (ACT/365 to the settlement observation; NaN without rule rows). `near` marks the
    rows near the money, `tolerance` is the index's move in 60 s in points, `parity_breaches` the share of two-sided
    near-the-money pairs off parity (None without such pairs). `levels` holds each slice's width and base prices,
    `ratio` (n_rows,) each row's distance from its neighbours along the strikes over its limit, NaN where not judged.
    """

    usable: Bools
    flags: Mapping[str, Bools]
    forwards: tuple[ForwardFit, ...]
    discounts: Floats
    years: Floats
    near: Bools
    tolerance: float
    parity_breaches: float | None
    levels: Levels
    ratio: Floats

    @property
    def forward(self) -> Floats:
        """(n_slices,) forwards, NaN where there is none."""
        return np.array([fit.forward for fit in self.forwards])


def quote_mask(snapshot: Snapshot, rules: RuleBook) -> QuoteMask:
    """Masks what is wrong with each quote by itself, beside its neighbours and between expiries; fits the forwards.

    Last prices stand in for quotes where the source carries none (`ltp_only`): the forwards then serve analytics, and
    no row is usable.
    """
    flags = {name: np.zeros(len(snapshot), dtype=np.bool_) for name in REASONS}
    flags |= row_flaws(snapshot, rules)
    flags["stale_slice"] = np.repeat(_stale(snapshot), _rows(snapshot))
    if snapshot.masked.any():
        flags |= {name: snapshot.masked_by(name) for name in MASKED_BY}
    years, discounts = _discounting(snapshot, rules)
    unfit = np.logical_or.reduce([flags[name] for name in (*OWN_FLAWS, *MASKED_BY)])
    forwards = _forwards(snapshot, unfit, discounts)
    forward = np.array([fit.forward for fit in forwards])
    flags["no_forward"] = np.repeat(np.isnan(forward), _rows(snapshot))
    curve = (forward, discounts, years)
    near, tolerance = _near(snapshot, forward), _move_60s(snapshot, *curve)
    flags["scale"] = off_scale(snapshot, curve, tolerance)
    flags["price_band"] = off_band(snapshot, curve, tolerance)
    level, ratio, breaches = _compare(snapshot, flags, curve, (near, tolerance))
    return QuoteMask(
        usable=~np.logical_or.reduce(list(flags.values())),
        flags=flags,
        forwards=forwards,
        discounts=discounts,
        years=years,
        near=near,
        tolerance=tolerance,
        parity_breaches=breaches,
        levels=level,
        ratio=ratio,
    )


def _compare(
    snapshot: Snapshot, flags: dict[str, Bools], curve: tuple[Floats, Floats, Floats], used: tuple[Bools, float]
) -> tuple[Levels, Floats, float | None]:
    """Sets the flags that need other quotes than the row's own; the levels, the ratios, the share off parity."""
    near, tolerance = used
    good = ~np.logical_or.reduce(list(flags.values()))
    level = levels(snapshot, curve, good)
    beside = strike_curve(snapshot, level, good, tolerance)
    flags["strike_curve"] = beside.off
    # A row that history or its bounds took out still tells that its partner may be wrong.
    told = ~np.logical_or.reduce([flags[name] for name in IDLE])
    flags["parity"], breaches = off_parity(snapshot, curve, (told, near, tolerance), beside.away)
    good &= ~(flags["strike_curve"] | flags["parity"])
    sure = executable(snapshot, level, (good, beside.ratio, tolerance))
    flags["vertical"], flags["butterfly"] = sure.vertical, sure.butterfly
    terms, counts = term_structure(level, tolerance), _rows(snapshot)
    flags["calendar"], flags["expiry_label"] = np.repeat(terms.calendar, counts), np.repeat(terms.expiry_label, counts)
    return level, beside.ratio, breaches


def _rows(snapshot: Snapshot) -> NDArray[np.int64]:
    return np.diff(snapshot.offsets)


def _stale(snapshot: Snapshot) -> list[bool]:
    """Slices not received within 60 s of the snapshot, or whose exchange time is not within the contract's lag."""
    received_at, max_lag_s = snapshot.received_at, contract_for(snapshot.source).max_lag_s

    def is_fresh(part: Slice) -> bool:
        lag = lag_s(part)
        recent = (received_at - part.received_at).total_seconds() <= MAX_SLICE_AGE_S
        return recent and (lag is None or MIN_LAG_S <= lag <= max_lag_s)

    return [not is_fresh(part) for part in snapshot.slices]


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
        rate = _rate(rules, at.astimezone(IST).date())
        settles = _settles_at(rules, underlying, part.expiry)
    except RuleGap:
        return None
    years = max((settles - at).total_seconds() / YEAR_S, 0.0)
    return years, float(np.exp(-rate * years))


@lru_cache(maxsize=512)
def _settles_at(rules: RuleBook, underlying: str, expiry: date) -> datetime:
    return rules.settlement(underlying, expiry).observed_at


@lru_cache(maxsize=32)
def _rate(rules: RuleBook, on: date) -> float:
    return rules.repo_rate(on).value


def _forwards(snapshot: Snapshot, bad: Bools, discounts: Floats) -> tuple[ForwardFit, ...]:
    """Of each slice, all at once, from rows that are not `bad`; last prices where the source has no quotes. A slice
    without a rate gets no pairs, hence no forward."""
    counts = _rows(snapshot) // 2
    known = discounts > 0
    # One line a slice, pairs side by side, short slices filled up with quotes of 0.
    filled = np.arange(counts.max()) < counts[:, None]
    table = np.zeros((5, *filled.shape))
    quotes = snapshot.capability == "quotes"
    bid, ask = (np.where(bad, 0.0, snapshot.columns[name if quotes else "ltp"]) for name in ("bid", "ask"))
    table[:, filled] = snapshot.strike[0::2], bid[0::2], ask[0::2], bid[1::2], ask[1::2]
    table[1:, ~known] = 0.0
    fits = forwards_from_parity(table[0], table[1:], np.where(known, discounts, 1.0))
    return tuple(replace(fit, forward=float("nan"), reason="not_positive") if fit.forward <= 0 else fit for fit in fits)


def _near(snapshot: Snapshot, forward: Floats) -> Bools:
    """Rows of the strikes nearest to the slice's forward (to the first fitted one where it has none)."""
    near = np.zeros(len(snapshot), dtype=np.bool_)
    fitted = forward[np.isfinite(forward)]
    if fitted.size:
        centre = np.where(np.isfinite(forward), forward, fitted[0])
        pairs, _ = nearest_pairs(snapshot, centre, np.arange(len(snapshot) // 2), NEAR_PAIRS)
        near[2 * pairs], near[2 * pairs + 1] = True, True
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
