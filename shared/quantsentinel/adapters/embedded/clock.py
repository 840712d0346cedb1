"""Wall time with an offset, and a clock that a replay or a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from quantsentinel.errors import Broken


class SystemClock:
    """Wall time plus `offset_s`, which lets every process of the local platform live in a recorded session."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self._offset = timedelta(seconds=offset_s)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset


class VirtualClock:
    """Stands still until it is moved; never goes back."""

    def __init__(self, start: datetime) -> None:
        self._now = _utc(start)

    def now(self) -> datetime:
        return self._now

    def advance_to(self, moment: datetime) -> None:
        """To `moment`, or nowhere when that is in the past."""
        self._now = max(self._now, _utc(moment))

    def advance(self, seconds: float) -> None:
        """Raises `Broken` for a negative step."""
        if seconds < 0:
            raise Broken(f"a step of {seconds} s back in time", where="virtual clock")
        self._now += timedelta(seconds=seconds)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise Broken(f"naive time {moment}", where="virtual clock", fix="Attach a timezone")
    return moment.astimezone(UTC)
