"""Clocks: repeats, steps back, the future, holes, other days, our own clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from quantsentinel.errors import RuleGap
from quantsentinel.market.calendar import IST
from quantsentinel.simulator.faults.edits import observed, received, whole, with_slices
from quantsentinel.simulator.faults.fault import Answer, Fault, Inject, Injected, Level, Scene

DAY = timedelta(days=1)
_LONGEST_BREAK_DAYS = 30


def _repeated(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The snapshot before, values and exchange times, received again."""
    if at == 0:
        return None
    before, now = scene.snapshots[at - 1], scene.snapshots[at].received_at
    return whole(scene, at, received(before, now - before.received_at))


def _same_time(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """New values under the exchange time of the snapshot before."""
    return _stepped(scene, at, 0.0, random)


def _stepped(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The exchange's time lies so many seconds before the snapshot before, the values are new."""
    if at == 0 or scene.snapshots[at].slices[0].exchange_time is None:
        return None
    back = scene.snapshots[at - 1].observed_at - scene.snapshots[at].observed_at
    return whole(scene, at, observed(scene.snapshots[at], back - timedelta(seconds=severity)))


def _exchange_clock(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The exchange's time lies so many seconds after the receipt (before it, where negative)."""
    clean = scene.snapshots[at]
    if clean.slices[0].exchange_time is None:
        return None
    ahead = timedelta(seconds=severity)
    return whole(scene, at, with_slices(clean, lambda part: replace(part, exchange_time=part.received_at + ahead)))


def _decided(seconds: Callable[[Scene, int, float], datetime | None]) -> Inject:
    """The snapshot is right; it is judged at another time."""

    def inject(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
        when = seconds(scene, at, severity)
        return None if when is None else whole(scene, at, scene.snapshots[at], when)

    return inject


def _later(scene: Scene, at: int, severity: float) -> datetime:
    return scene.snapshots[at].received_at + timedelta(seconds=severity)


def _our_clock(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Our clock is so wrong that receipts seem so many seconds after the exchange's time (before, where negative)."""
    clean = scene.snapshots[at]
    nearest = clean.slices[0]
    if nearest.exchange_time is None:
        return None
    shift = nearest.exchange_time + timedelta(seconds=severity) - nearest.received_at
    return whole(scene, at, received(clean, shift), clean.received_at + shift)


def _hole(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Nothing came for so many minutes; then a good chain."""
    since = scene.snapshots[at].received_at - timedelta(minutes=severity)
    last = max((place for place in range(at) if scene.snapshots[place].received_at <= since), default=None)
    if last is None:
        return None
    kept = (*scene.snapshots[: last + 1], *scene.snapshots[at:])
    return Injected(kept, last + 1, np.ones(len(scene.snapshots[at]), dtype=np.bool_), last + 1)


def _on_another_day(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The chain of this session, served at the same hour so many sessions later (0: on the next closed day)."""
    clean = scene.snapshots[at]
    shift = _days_ahead(scene, at, int(severity))
    if shift is None:
        return None
    when = clean.received_at + shift
    return whole(scene, at, received(clean, shift), when)


def _days_ahead(scene: Scene, at: int, sessions: int) -> timedelta | None:
    """Days to the n-th next session; with 0, to the next closed day. None where the rule book ends."""
    day = scene.snapshots[at].received_at.astimezone(IST).date()
    seen = 0
    for ahead in range(1, _LONGEST_BREAK_DAYS):
        try:
            is_open = scene.rules.session(day + ahead * DAY) is not None
        except RuleGap:
            return None
        seen += is_open
        if (sessions == 0 and not is_open) or (sessions > 0 and seen == sessions and is_open):
            return ahead * DAY
    return None


def _wrong_day(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The exchange's time carries the date of so many days later (earlier, where negative)."""
    clean = scene.snapshots[at]
    if clean.slices[0].exchange_time is None:
        return None
    return whole(scene, at, observed(clean, severity * DAY))


def _after_hours(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The last chain comes again so many minutes after the close, stamped anew."""
    clean = scene.snapshots[at]
    session = scene.rules.session(clean.received_at.astimezone(IST).date())
    if session is None:
        return None
    when = session.close + timedelta(minutes=severity)
    shift = when - clean.received_at
    late = observed(received(clean, shift), shift)
    return whole(scene, at, late, when)


def _two_feeds(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Two pollers write in turn: after this snapshot's successor the older one arrives."""
    if at == 0 or at + 1 >= len(scene.snapshots):
        return None
    earlier, later = scene.snapshots[at], scene.snapshots[at + 1]
    late = received(earlier, later.received_at - earlier.received_at + timedelta(seconds=1))
    days = (*scene.snapshots[:at], later, late, *scene.snapshots[at + 2 :])
    return Injected(days, at + 1, np.ones(len(late), dtype=np.bool_), at)


_TIMES, _AGAIN = frozenset({"times"}), frozenset({"values", "times", "spot"})
_SKEW = "a clock that is slow by less than the source's own delay leaves a lag that the contract allows"
_CLOCK = "`definitions.md` §1 believes two machines' clocks to 5 s and the NSE site's delay to 120 s"
_LAG, _REPEAT, _HOLIDAY = ("nse_lag",), ("nse_repeats",), ("nse_holiday",)
FAULTS = (
    Fault(
        "repeated",
        _REPEAT,
        Level.CHAIN,
        Answer.REFUSED,
        frozenset({"values", "times", "spot"}),
        "chains",
        (1,),
        _repeated,
    ),
    Fault("repeated_time", _REPEAT, Level.CHAIN, Answer.REFUSED, _TIMES, "chains", (1,), _same_time),
    Fault("time_backwards", _LAG, Level.CHAIN, Answer.REFUSED, _TIMES, "s", (1, 30, 3600), _stepped),
    Fault(
        "out_of_order",
        _LAG,
        Level.CHAIN,
        Answer.REFUSED,
        frozenset({"values", "times", "spot"}),
        "chains",
        (1,),
        _two_feeds,
    ),
    Fault(
        "exchange_ahead",
        (*_LAG, "freqtrade_lookahead"),
        Level.CHAIN,
        Answer.REFUSED,
        _TIMES,
        "s",
        (6, 51, 600, 19_800),
        _exchange_clock,
        (3,),
        _CLOCK,
    ),
    Fault(
        "exchange_behind",
        _LAG,
        Level.CHAIN,
        Answer.REFUSED,
        _TIMES,
        "s",
        (-121, -139, -19_800),
        _exchange_clock,
        (-90,),
        _CLOCK,
    ),
    Fault(
        "old_receipt",
        ("openalgo_stale_price", "upstox_no_time"),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset(),
        "s",
        (61, 3600, 3_024_000),
        _decided(_later),
        (),
        "`definitions.md` §1: age up to 60 s",
    ),
    Fault(
        "receipt_ahead",
        ("freqtrade_lookahead",),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset(),
        "s",
        (-6, -60),
        _decided(_later),
        (-3,),
        _CLOCK,
    ),
    Fault("clock_skew", _LAG, Level.CHAIN, Answer.REFUSED, _TIMES, "s of lag", (-600, -30, 150), _our_clock, (), _SKEW),
    Fault("hole", ("nse_hole",), Level.CHAIN, Answer.UNCHANGED, frozenset({"before"}), "minutes", (3, 19, 45), _hole),
    Fault(
        "other_session",
        _HOLIDAY,
        Level.CHAIN,
        Answer.REFUSED,
        _TIMES,
        "sessions later (0: a closed day)",
        (0, 1, 5),
        _on_another_day,
    ),
    Fault("wrong_date", _HOLIDAY, Level.CHAIN, Answer.REFUSED, _TIMES, "days", (-1, 1, -7), _wrong_day),
    Fault(
        "after_hours", _HOLIDAY, Level.CHAIN, Answer.REFUSED, _TIMES, "minutes after the close", (1, 240), _after_hours
    ),
)
