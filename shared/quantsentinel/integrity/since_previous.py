"""What only the accepted snapshot before can tell: jumps, what stands still, volume that fell, interest that broke.

Compared in the residuals of `levels.py` (price less what forward and width explain), so that a move of the index or of
volatility is no jump. A quote that its neighbours along the strikes confirm has moved with the market.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.integrity.levels import Levels
from quantsentinel.integrity.quotes import IDLE, QuoteMask
from quantsentinel.integrity.row_flaws import traded_on
from quantsentinel.integrity.strike_curve import INNOCENT, MOVES
from quantsentinel.market.snapshot import Bools, Floats, Snapshot

QUOTE = ("bid", "ask", "bid_size", "ask_size", "volume")
SHAPE_SHARE = 0.25
"""Of the change that forward and width explain: how far skew and curvature may be from it."""
WIDTH_LOG = 0.25
"""An expiry's width against the others' since the snapshot before, in logs."""
MIN_STILL_ROWS = 6
STILL_MOVES = 0.5
FELL_SHARE = 0.2
FELL_ROWS = 3
MIN_FACTOR_ROWS = 20
MIN_INTEREST_ROWS = 10
FACTOR_LOG = 0.02
MIN_FACTOR = 1e-6
GROWTH = 10.0
DAY_YEARS = 1 / 365
MAX_ROW_JUMP_S = 300.0
"""After a longer hole skew has had time to change: single quotes are held against their neighbours alone."""
INTEREST_LOG, INTEREST_LOG_PER_MINUTE = 0.2, 0.02
"""Median change of an expiry's open interest by strike, in logs: at most 0.001 in a minute and 0.32 in 18 on
2025-08-29; another expiry's differs by a factor."""


@dataclass(frozen=True, slots=True, eq=False)
class SincePrevious:
    """`flags` by `MASKED_BY`. `market_move_pts`: the index's move as most forwards tell it (0.0 where none does).

    `still_rows` of `near_rows` comparable near-the-money rows repeat every value. `fell_rows` of `traded_rows` rows
    whose volume changed within the session show less of it. `factors` by column: the common factor by which more than
    half of the rows changed, 1.0 without one.
    """

    flags: Mapping[str, Bools]
    market_move_pts: float
    near_rows: int
    still_rows: int
    traded_rows: int
    fell_rows: int
    factors: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Both snapshots; `here` are the rows of the later one that the earlier one has at `there`: all, as a slice, where
    both list the same contracts, which gives views instead of copies."""

    now: Snapshot
    mask: QuoteMask
    before: Snapshot
    mask_before: QuoteMask
    here: NDArray[np.int64] | slice
    there: NDArray[np.int64] | slice
    slices: NDArray[np.int64]
    """(n_slices,) index of each expiry in the earlier snapshot, -1 where it was not there."""
    read: Bools
    """(n_slices,) read again since: a poll plan brings far expiries less often, with the values they had."""

    @property
    def apart_s(self) -> float:
        return (self.now.observed_at - self.before.observed_at).total_seconds()

    def spread(self, values: Bools) -> Bools:
        """Values of the matched rows on all rows of the later snapshot."""
        rows = np.zeros(len(self.now), dtype=np.bool_)
        rows[self.here] = values
        return rows


def since_previous(now: Snapshot, mask: QuoteMask, before: Snapshot, mask_before: QuoteMask) -> SincePrevious:
    """`mask` and `mask_before` are the quote masks of the two snapshots."""
    pair = _matched(now, mask, before, mask_before)
    same_session = traded_on(now) == traded_on(before)
    moves, market = _moves(pair)
    same = np.logical_and.reduce([now.columns[n][pair.here] == before.columns[n][pair.there] for n in QUOTE])
    fell, traded = _fell(pair) if same_session else (np.zeros(len(now), np.bool_), np.zeros(len(now), np.bool_))
    near = (mask.near & ~mask.flags["unquoted"])[pair.here]
    jumped = _jumped_slices(pair, moves)
    found = {
        "jump": jumped | _jumped_rows(pair) if pair.apart_s <= MAX_ROW_JUMP_S else jumped,
        "stuck_quote": _stuck(pair, same, market),
        "volume_fell": _with_slices(now, fell, traded),
        "interest_jump": _interest_jumped(pair) & same_session,
    }
    # What is out of use anyhow needs no bit: most of it are far strikes that nobody quotes anew.
    useful = ~np.logical_or.reduce([mask.flags[name] for name in IDLE])
    flags = {name: _or_as_before(pair, name, rows) & useful for name, rows in found.items()}
    return SincePrevious(
        flags=flags,
        market_move_pts=market,
        near_rows=int(np.count_nonzero(near)),
        still_rows=int(np.count_nonzero(near & same)),
        traded_rows=int(np.count_nonzero(traded)),
        fell_rows=int(np.count_nonzero(fell)),
        factors={name: _factor(pair, name) for name in ("oi", *(("volume",) if same_session else ()))},
    )


def _matched(now: Snapshot, mask: QuoteMask, before: Snapshot, mask_before: QuoteMask) -> _Pair:
    places = {expiry: index for index, expiry in enumerate(before.expiries)}
    slices = np.array([places.get(expiry, -1) for expiry in now.expiries], dtype=np.int64)
    read = np.array(
        [
            index < 0 or part.received_at != before.slices[index].received_at
            for part, index in zip(now.slices, slices.tolist(), strict=True)
        ]
    )
    if now.expiries == before.expiries and np.array_equal(now.strike, before.strike):
        every = slice(None)
        return _Pair(now, mask, before, mask_before, every, every, slices, read)
    mine, theirs = _keys(now), _keys(before)
    found = np.minimum(np.searchsorted(theirs, mine), len(theirs) - 1)
    pairs = np.flatnonzero(theirs[found] == mine)
    here, there = 2 * pairs, 2 * found[pairs]
    both = (np.stack([here, here + 1], axis=1).ravel(), np.stack([there, there + 1], axis=1).ravel())
    return _Pair(now, mask, before, mask_before, *both, slices, read)


def _or_as_before(pair: _Pair, name: str, found: Bools) -> Bools:
    """Of an expiry that was not read again the earlier judgement stands: its values are the same."""
    if pair.read.all():
        return found
    again = np.repeat(pair.read, np.diff(pair.now.offsets))
    return np.where(again, found, pair.spread(pair.before.masked_by(name)[pair.there]))


def _keys(snapshot: Snapshot) -> Floats:
    """(n_pairs,) ascending numbers that name expiry and strike."""
    days = np.repeat([float(expiry.toordinal()) for expiry in snapshot.expiries], np.diff(snapshot.offsets) // 2)
    return np.asarray(days * 1e8 + snapshot.strike[0::2])


def _moves(pair: _Pair) -> tuple[Floats, float]:
    """(n_slices,) log moves of the forwards (NaN where unknown), and the move in points that most of them made."""
    forward = pair.mask.forward
    earlier = np.where(pair.slices >= 0, pair.mask_before.forward[pair.slices], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        moves = np.log(forward / earlier)
    moves = np.where(pair.read, moves, np.nan)
    known = np.isfinite(moves)
    return moves, float(np.median(moves[known]) * np.median(forward[known])) if known.any() else 0.0


def _jumped_slices(pair: _Pair, moves: Floats) -> Bools:
    """Rows of expiries whose forward or width went another way than most: wrong label, or another time's quotes."""
    known = np.flatnonzero(np.isfinite(moves))
    jumped = np.zeros(len(moves), dtype=np.bool_)
    if len(known) >= 2:
        stderr = np.array([fit.stderr for fit in pair.mask.forwards])[known]
        earlier = np.array([fit.stderr for fit in pair.mask_before.forwards])[pair.slices[known]]
        off = np.abs(moves[known] - np.median(moves[known])) * pair.mask.forward[known]
        jumped[known] = off > 2.0 * (pair.mask.tolerance + stderr + earlier)
        jumped[known] |= _width_jumped(pair, known)
    return np.repeat(jumped, np.diff(pair.now.offsets))


def _width_jumped(pair: _Pair, known: NDArray[np.int64]) -> Bools:
    now, before, there = pair.mask.levels, pair.mask_before.levels, pair.slices[known]
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.log(now.width[known] / before.width[there])
        change -= 0.5 * np.log(now.years[known] / before.years[there])
        open_log = (now.width_ask - now.width_bid)[known] / now.width[known]
        open_log += (before.width_ask - before.width_bid)[there] / before.width[there]
        open_log += pair.mask.tolerance / now.width[known]
        usual = np.nanmedian(change) if np.isfinite(change).any() else 0.0
        return (now.years[known] > DAY_YEARS) & (np.abs(change - usual) > WIDTH_LOG + open_log)


def _jumped_rows(pair: _Pair) -> Bools:
    """Two-sided rows whose residual changed by more than spreads, moves and a share of the explained change."""
    now, before = pair.now, pair.before
    here, there = pair.here, pair.there
    base, delta = _own(now, pair.mask.levels)
    base_before, _ = _own(before, pair.mask_before.levels)
    open_pts = _open_pts(now, pair.mask)[here] + _open_pts(before, pair.mask_before)[there]
    explained = base[here] - base_before[there]
    with np.errstate(invalid="ignore"):
        comparable = (
            (now.bid > 0)[here] & (now.ask > 0)[here] & pair.mask_before.usable[there] & (before.bid > 0)[there]
        )
        change = 0.5 * ((now.bid + now.ask)[here] - (before.bid + before.ask)[there]) - explained
        limit = 0.5 * ((now.ask - now.bid)[here] + (before.ask - before.bid)[there])
        limit += MOVES * np.abs(delta)[here] * pair.mask.tolerance + SHAPE_SHARE * np.abs(explained) + open_pts
        confirmed = pair.mask.ratio[here] <= INNOCENT
        return pair.spread(comparable & ~confirmed & (np.abs(change) > limit))


def _open_pts(snapshot: Snapshot, mask: QuoteMask) -> Floats:
    """(n_rows,) what forward and width themselves leave open of a price."""
    level, counts = mask.levels, np.diff(snapshot.offsets) // 2
    half_width = np.repeat(0.5 * (level.width_ask - level.width_bid), counts)
    stderr = np.repeat([fit.stderr for fit in mask.forwards], counts)
    return np.repeat(level.vega * half_width + stderr, 2)


def _own(snapshot: Snapshot, level: Levels) -> tuple[Floats, Floats]:
    """(n_rows,) base prices and deltas of calls and puts, by parity."""
    counts = np.diff(snapshot.offsets) // 2
    discount, forward = np.repeat(level.discount, counts), np.repeat(level.forward, counts)
    put = level.base - discount * (forward - snapshot.strike[0::2])
    base, delta = np.stack([level.base, put], axis=1), np.stack([level.delta, level.delta - discount], axis=1)
    return base.ravel(), delta.ravel()


def _stuck(pair: _Pair, same: Bools, market: float) -> Bools:
    """Rows that repeat while their price must have moved by more than their spread; whole expiries near the money.

    What stands still stays taken out until it moves. Of expiries that were read again only.
    """
    now, move = pair.now, pair.mask.tolerance
    delta = np.abs(_own(now, pair.mask.levels)[1])[pair.here]
    with np.errstate(invalid="ignore"):
        two_sided = (now.bid > 0)[pair.here] & (now.ask > 0)[pair.here]
        owed = delta * abs(market) > (now.ask - now.bid)[pair.here] + move
    still = pair.spread(same & two_sided)
    rows = pair.spread(same & two_sided & (owed | pair.before.masked_by("stuck_quote")[pair.there]))
    if abs(market) > STILL_MOVES * move > 0:
        quoted = pair.mask.near & pair.spread(two_sided)
        count, moving = (np.add.reduceat(x.astype(np.int64), now.offsets[:-1]) for x in (quoted, quoted & ~still))
        rows |= np.repeat((count >= MIN_STILL_ROWS) & (moving == 0), np.diff(now.offsets)) & still
    return rows


def _fell(pair: _Pair) -> tuple[Bools, Bools]:
    """Rows whose traded volume of the session fell, and those where it changed at all."""
    now, before = pair.now.volume[pair.here], pair.before.volume[pair.there]
    return pair.spread(now < before), pair.spread(now != before)


def _with_slices(now: Snapshot, fell: Bools, traded: Bools) -> Bools:
    """Where more than a fifth of an expiry's changed volumes fell, all of it is of another time."""
    count, changed = (np.add.reduceat(x.astype(np.int64), now.offsets[:-1]) for x in (fell, traded))
    wrong = (count >= FELL_ROWS) & (count > FELL_SHARE * changed)
    return fell | np.repeat(wrong, np.diff(now.offsets))


def _interest_jumped(pair: _Pair) -> Bools:
    """Rows of expiries whose open interest is not what these contracts had: another expiry's, another strike's."""
    now, before = pair.now.oi[pair.here], pair.before.oi[pair.there]
    both = (now > 0) & (before > 0)
    change = np.abs(np.log(np.where(both, now, 1.0) / np.where(both, before, 1.0)))
    limit = INTEREST_LOG + INTEREST_LOG_PER_MINUTE * pair.apart_s / 60.0
    known, large = pair.spread(both), pair.spread(both & (change > limit))
    count, above = (np.add.reduceat(x.astype(np.int64), pair.now.offsets[:-1]) for x in (known, large))
    return np.repeat((count >= MIN_INTEREST_ROWS) & (2 * above > count), np.diff(pair.now.offsets))


def _factor(pair: _Pair, name: str) -> float:
    now, before = pair.now.columns[name][pair.here], pair.before.columns[name][pair.there]
    both = (now > 0) & (before > 0)
    if np.count_nonzero(both) < MIN_FACTOR_ROWS:
        return 1.0
    ratio = now[both] / before[both]
    common = float(np.median(ratio))
    if not MIN_FACTOR < common < 1 / MIN_FACTOR or abs(np.log(common)) <= FACTOR_LOG:
        return 1.0
    # A young session's volumes all grow by about the same; no minute makes ten times a session.
    if name == "volume" and 1.0 < common < GROWTH:
        return 1.0
    return common if np.mean(np.abs(ratio / common - 1.0) < FACTOR_LOG / 4) > 0.5 else 1.0
