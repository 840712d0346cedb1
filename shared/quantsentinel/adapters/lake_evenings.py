"""What a lake knows of the evening before a session: participants' open interest, and breadth from cash closes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantsentinel.errors import BadInput
from quantsentinel.market import breadth, participants
from quantsentinel.market.calendar import IST
from quantsentinel.market.earlier import Breadth
from quantsentinel.market.history import ParticipantOi

if TYPE_CHECKING:
    import polars as pl

_SIDES = ("call_long", "call_short", "put_long", "put_short")


def lake_participants(root: Path, day: date) -> ParticipantOi | None:
    """Of that evening; None where the lake has none or it is not complete. Raises `BadInput` for unreadable files."""
    columns = ["day", "client_type", *(f"index_{side}" for side in _SIDES)]
    rows: dict[str, Mapping[str, Any]] = {}
    for file in sorted((root / "participants").glob(f"underlying=*/year={day.year}/*.parquet")):
        rows |= {row["client_type"]: row for row in _read(file, columns).to_dicts() if row["day"] == day}
    complete = all(client in rows and None not in rows[client].values() for client in participants.CLIENTS)
    if not complete:
        return None
    sides = {side: {client: float(rows[client][f"index_{side}"]) for client in participants.CLIENTS} for side in _SIDES}
    return ParticipantOi(day, datetime.combine(day, participants.AVAILABLE_AT, IST), **sides)


def lake_breadth(root: Path, day: date, before: date) -> Breadth | None:
    """Of `day` against the session `before` it, from `eod_cash`; None unless the lake holds both."""
    closes, earlier = _closes(root, day), _closes(root, before)
    signs = [(close > earlier[name]) - (close < earlier[name]) for name, close in closes.items() if name in earlier]
    if len(signs) < breadth.MIN_STOCKS:
        return None
    known = datetime.combine(day, breadth.AVAILABLE_AT, IST)
    return Breadth(day, known, signs.count(1), signs.count(-1), signs.count(0))


def _closes(root: Path, day: date) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for file in sorted((root / "eod_cash").glob(f"underlying=*/date={day.isoformat()}/*.parquet")):
        for symbol, series, close in _read(file, ["symbol", "series", "close"]).iter_rows():
            if series in breadth.SERIES and close:
                found[symbol, series] = close
    return found


def _read(file: Path, columns: list[str]) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(file, columns=columns, glob=False, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"unreadable: {str(error).splitlines()[0]}"
        raise BadInput(what, where=str(file), fix="Import the original file again: qs import FILE") from None
