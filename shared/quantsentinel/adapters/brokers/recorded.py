"""Recordings as a market feed: files of snapshots, told apart by what is in them, played by a clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

from quantsentinel.adapters.lake import chain_entries, daily_bars, is_lake
from quantsentinel.errors import BadInput
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.parsers.cuts import CHAIN_SUFFIXES, Entry, read_entries
from quantsentinel.market.parsers.payload import MAX_BYTES
from quantsentinel.ports import Clock, RawSnapshot


class Recording:
    """Raw snapshots by underlying and collection time, loaded when asked for.

    `daily_history` is filled only by day files, which carry their own; `skipped` names the files of a folder that hold
    no chain, each with the reason.
    """

    def __init__(
        self,
        entries: Mapping[str, Iterable[Entry]],
        daily_history: Mapping[str, tuple[DailyBar, ...]],
        skipped: tuple[str, ...] = (),
    ) -> None:
        self._entries = {name: sorted(items, key=lambda item: item.collected_at) for name, items in entries.items()}
        self.daily_history = dict(daily_history)
        self.skipped = skipped

    @property
    def underlyings(self) -> tuple[str, ...]:
        return tuple(sorted(self._entries))

    def schedule(self, underlying: str) -> list[datetime]:
        """Collection times (UTC), ascending. Raises `BadInput` for an underlying that was not recorded."""
        return [entry.collected_at for entry in self._of(underlying)]

    def raw(self, underlying: str, index: int) -> RawSnapshot:
        """The raw snapshot number `index` of the schedule."""
        return self._of(underlying)[index].load()

    def _of(self, underlying: str) -> list[Entry]:
        if underlying not in self._entries:
            known = ", ".join(self.underlyings)
            raise BadInput(f"no {underlying} in the recording", fix=f"It holds {known}")
        return self._entries[underlying]


def open_recording(*paths: Path, underlyings: Iterable[str] = (), days: Iterable[date] = ()) -> Recording:
    """Opens files or folders of any recorded format, or lakes. Raises `BadInput` for an unreadable one or no chain.

    A file that is named must be a chain; a folder's other files are skipped and listed. `underlyings` and `days`
    (collected on, India) choose out of a lake.
    """
    entries: dict[str, list[Entry]] = {}
    daily: dict[str, tuple[DailyBar, ...]] = {}
    skipped: list[str] = []
    for path in paths:
        if is_lake(path):
            for name, items in chain_entries(path, tuple(underlyings), tuple(days)).items():
                entries.setdefault(name, []).extend(items)
                daily[name] = daily_bars(path, name)
            continue
        files = _files(path)
        for file in files:
            try:
                found, history = read_entries(file.name, _bytes_of(file), str(file))
            except BadInput as error:
                if not path.is_dir():
                    raise
                skipped.append(f"{file.name}: {error.what}")
                continue
            daily |= history
            for name, items in found.items():
                entries.setdefault(name, []).extend(items)
    if not entries:
        where = ", ".join(str(path) for path in paths)
        raise BadInput(f"no option chain found ({'; '.join(skipped[:3]) or 'no file'})", where=where)
    return Recording(entries, daily, tuple(skipped))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(item for item in path.iterdir() if item.is_file() and item.name.endswith(CHAIN_SUFFIXES))
    if not path.is_file():
        raise BadInput("no such file or folder", where=str(path))
    return [path]


def _bytes_of(file: Path) -> bytes:
    limit = max(MAX_BYTES.values())
    if file.stat().st_size > limit:
        raise BadInput(f"{file.stat().st_size} bytes, at most {limit}", where=str(file), fix="Split it, or import it")
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=str(file)) from None


class RecordedFeed:
    """A recording as a `MarketFeed`: at each poll the newest snapshot collected by now that was not returned before."""

    source = "recorded"

    def __init__(self, recording: Recording, clock: Clock, after: Mapping[str, datetime] | None = None) -> None:
        """`after` by underlying: what was collected by then has been seen, by a run that this one goes on from."""
        self._recording = recording
        self._clock = clock
        self._schedules = {name: recording.schedule(name) for name in recording.underlyings}
        self._returned = {
            name: bisect_right(self._schedules[name], seen) - 1
            for name, seen in (after or {}).items()
            if name in self._schedules
        }

    def is_over(self, underlyings: Iterable[str]) -> bool:
        """Whether the newest snapshot of each has been returned: nothing will ever come again."""
        return all(self._returned.get(name, -1) == len(self._schedules[name]) - 1 for name in underlyings)

    def poll(self, underlying: str) -> RawSnapshot | None:
        """None when nothing new was collected. Raises `BadInput` for an underlying that was not recorded."""
        if underlying not in self._schedules:
            self._recording.schedule(underlying)
        newest = bisect_right(self._schedules[underlying], self._clock.now()) - 1
        if newest <= self._returned.get(underlying, -1):
            return None
        self._returned[underlying] = newest
        return self._recording.raw(underlying, newest)
