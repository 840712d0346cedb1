"""A day of which everything is known, past and future, and what a run of the features may see of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np

from quantsentinel.features.feature import Value
from quantsentinel.features.strike_flow import opening_of
from quantsentinel.features.summary import summary_row
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.earlier import Breadth, Opening, of_day
from quantsentinel.market.history import History, ParticipantOi, SummaryRow
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.pipeline import market_pass
from tests.market_day import DAY, FORWARD, NOON, desk, evening, firewall, history, rules, skewed, snapshot

STEPS = 24
STEP = timedelta(minutes=4)
EVENING = timedelta(hours=20)
PREVIOUS = rules().previous_session(DAY).day
NEXT = rules().next_session(DAY).day
Run = Callable[["Archive", int], Mapping[str, Value]]


@dataclass(frozen=True)
class Archive:
    """All snapshots of a day with their rows, and files of days before, of the day and after it."""

    snapshots: tuple[Snapshot, ...]
    rows: tuple[SummaryRow, ...]
    openings: tuple[Opening, ...]
    daily: tuple[DailyBar, ...]
    evenings: tuple[ParticipantOi, ...]
    breadth: tuple[Breadth, ...]


def features(archive: Archive, index: int) -> Mapping[str, Value]:
    """Of snapshot `index`, with the whole archive as its history: the pass must leave out what it may not know."""
    taken = archive.snapshots[index]
    past = History(
        "NIFTY",
        DAY,
        rows=archive.rows,
        daily=archive.daily,
        participants=of_day(archive.evenings, PREVIOUS),
        opening=archive.openings[0] if archive.openings else None,
        breadth=of_day(archive.breadth, PREVIOUS),
    )
    return market_pass(taken, past, desk({"candidates": {"max_candidates": 40}})).features


def known(archive: Archive, at: datetime) -> Archive:
    """Only what was there at `at`, that moment's own snapshot included."""
    return Archive(
        snapshots=tuple(taken for taken in archive.snapshots if taken.received_at <= at),
        rows=tuple(row for row in archive.rows if row.received_at < at),
        openings=tuple(opening for opening in archive.openings if opening.received_at < at),
        daily=tuple(bar for bar in archive.daily if bar.day < at.date()),
        evenings=tuple(item for item in archive.evenings if item.available_at <= at),
        breadth=tuple(item for item in archive.breadth if item.available_at <= at),
    )


def poisoned(archive: Archive, at: datetime, factor: float) -> Archive:
    """Everything that becomes known after `at` is absurd."""

    def wrong(taken: Snapshot) -> Snapshot:
        return replace(taken, columns={**taken.columns, "oi": taken.columns["oi"] * factor}, spot=FORWARD * factor)

    def wrong_row(row: SummaryRow) -> SummaryRow:
        forwards = {expiry: level * factor for expiry, level in row.forwards.items()}
        return replace(row, forwards=forwards, atm_vol=factor, call_oi=row.call_oi * factor, put_oi=-1.0)

    def wrong_book(opening: Opening) -> Opening:
        return replace(opening, books=tuple(replace(b, call_oi=tuple(np.zeros(len(b.strike)))) for b in opening.books))

    def wrong_bar(bar: DailyBar) -> DailyBar:
        return DailyBar(bar.day, *(price * factor for price in (bar.open, bar.high, bar.low, bar.close)))

    return Archive(
        tuple(wrong(item) if item.received_at > at else item for item in archive.snapshots),
        tuple(wrong_row(item) if item.received_at >= at else item for item in archive.rows),
        tuple(wrong_book(item) if item.received_at >= at else item for item in archive.openings),
        tuple(wrong_bar(item) if item.day >= at.date() else item for item in archive.daily),
        tuple(
            replace(item, call_long={"pro": factor}) if item.available_at > at else item for item in archive.evenings
        ),
        tuple(replace(item, advances=int(factor)) if item.available_at > at else item for item in archive.breadth),
    )


def peeks(run: Run, archive: Archive, index: int, later: timedelta, factor: float) -> set[str]:
    """Names whose value depends on what became known after snapshot `index`: with the future cut off at once or some
    time `later`, or poisoned, it is another one."""
    at = archive.snapshots[index].received_at
    whole = run(archive, index)
    others = (known(archive, at), known(archive, at + later), poisoned(archive, at, factor))
    runs = [run(other, index) for other in others]
    return {name for name in whole for found in runs if found[name] != whole[name]}


def _uneven(bars: tuple[DailyBar, ...]) -> Iterator[DailyBar]:
    """The same closes with ranges that differ, so that no average forecasts them perfectly."""
    return (replace(bar, high=bar.close * (1.0 + 0.002 * (place % 5))) for place, bar in enumerate(bars))


# --- The day ----------------------------------------------------------------------------------------------------------
@cache
def day() -> Archive:
    """24 snapshots, four minutes apart, of a market that moves; the files of the day before, of the day and after."""
    taken = tuple(_snapshot(index) for index in range(STEPS))
    dates = (PREVIOUS, DAY, NEXT)
    after = tuple(DailyBar(day, *[FORWARD * 1.01] * 4) for day in dates[1:])
    return Archive(
        snapshots=taken,
        rows=tuple(summary_row(item, firewall(item), desk()) for item in taken),
        openings=tuple(opening_of(item, quote_mask(item, rules())) for item in taken),
        daily=(*_uneven(history(sessions=90).daily), *after),
        evenings=tuple(_evening(day, sign) for day, sign in zip(dates, (50.0, -70.0, 90.0), strict=True)),
        breadth=tuple(
            Breadth(day, _known(day), up, 1000 - up, 7) for day, up in zip(dates, (400, 900, 100), strict=True)
        ),
    )


def _snapshot(index: int) -> Snapshot:
    """Vol, forward, open interest and sizes all move, calls otherwise than puts."""
    wave = np.sin(0.9 * index)
    at = NOON + (index - STEPS // 2) * STEP
    made = snapshot(at, skewed(0.12 + 0.004 * wave), forward=FORWARD * (1 + 0.001 * wave))
    rows = np.arange(len(made))
    oi = made.columns["oi"] * (1 + 0.02 * index * np.sin(rows + 0.3 * index) + 0.3 * np.cos(0.11 * rows))
    sizes = made.columns["bid_size"] * (1 + 0.5 * np.sin(rows * (1 + index)))
    vendor = np.where(rows % 3 == 0, 0.1 + 0.001 * index, 0.13)
    moved = {"oi": np.round(oi / 75) * 75, "bid_size": np.round(sizes / 75) * 75, "vendor_iv": vendor}
    volume = made.columns["volume"] + 75.0 * index * (rows % 5)
    return replace(made, columns={**made.columns, **moved, "volume": volume})


def _known(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), NOON.tzinfo) + EVENING


def _evening(day: date, net: float) -> ParticipantOi:
    return replace(evening(net, -net), day=day, available_at=_known(day))


def changed(values: Mapping[str, Value], others: Mapping[str, Value], among: Iterable[str]) -> set[str]:
    return {name for name in among if values[name] != others[name]}
