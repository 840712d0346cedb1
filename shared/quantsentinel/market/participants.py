"""Participant-wise open interest of an evening: NSE's own daily file, or many evenings under a `date` column."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path

from quantsentinel.errors import BadInput
from quantsentinel.market.calendar import IST
from quantsentinel.market.history import ParticipantOi
from quantsentinel.market.importers.cells import printed_day
from quantsentinel.market.parsers.numbers import required
from quantsentinel.market.parsers.payload import MAX_BYTES, gunzip
from quantsentinel.market.parsers.stamps import listed_date

AVAILABLE_AT = time(20, 0)
"""NSE publishes between 18:00 and 19:30 in India (`india-facts.md` §6.3): counted as known from here on."""
CLIENTS = ("client", "dii", "fii", "pro")
_COLUMNS = {
    "call_long": "option index call long",
    "call_short": "option index call short",
    "put_long": "option index put long",
    "put_short": "option index put short",
}
_FILE_DAY = re.compile(r"(?<![0-9])([0-9]{2})([0-9]{2})(20[0-9]{2})(?![0-9])")
_TITLE_DAY = re.compile(r"as on ([A-Za-z]{3}) ([0-9]{1,2}), (20[0-9]{2})")


def read_participants(path: Path) -> tuple[ParticipantOi, ...]:
    """Evenings by day, from one file (also gzipped). Contracts, index options only.

    An evening with a missing client or number is left out: unknown, not zero. Raises `BadInput` naming the file when
    it is no such table, the day cannot be told or no evening is complete.
    """
    try:
        data = path.read_bytes()
        text = (gunzip(data, MAX_BYTES["csv"], str(path)) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", where=str(path)) from None
    lines = _lines(text, path)
    header = next((at for at, line in enumerate(lines) if "client type" in _names(line)), None)
    if header is None:
        raise BadInput("no `Client Type` column", where=str(path), fix="Give NSE's fao_participant_oi file")
    title_day = _day_of_title(text, path)
    by_day: dict[date, dict[str, Mapping[str, float]]] = {}
    for day, client, numbers in _rows(_names(lines[header]), lines[header + 1 :], title_day, path):
        by_day.setdefault(day, {})[client] = numbers
    evenings = tuple(_evening(day, found) for day, found in sorted(by_day.items()) if set(found) == set(CLIENTS))
    if not evenings:
        raise BadInput(f"no evening with all of {', '.join(CLIENTS)}", where=str(path))
    return evenings


def _lines(text: str, path: Path) -> list[list[str]]:
    try:
        return list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise BadInput(f"not CSV: {error}", where=str(path)) from None


def _names(line: Sequence[str]) -> list[str]:
    return [cell.strip().lower().replace("_", " ") for cell in line]


def _day_of_title(text: str, path: Path) -> date | None:
    """From the file's title line, else from a name like `fao_participant_oi_14112025.csv`."""
    title = _TITLE_DAY.search(text[:400])
    if title is not None:
        return listed_date(f"{title[2]}-{title[1]}-{title[3]}")
    named = _FILE_DAY.search(path.name)
    return listed_date("-".join(named.groups())) if named else None


def _rows(
    names: Sequence[str], lines: Sequence[Sequence[str]], title_day: date | None, path: Path
) -> Iterator[tuple[date, str, Mapping[str, float]]]:
    missing = [column for column in _COLUMNS.values() if column not in names]
    if missing or ("date" not in names and title_day is None):
        what = f"missing columns {missing}" if missing else "neither the file nor its name says which day"
        raise BadInput(what, where=str(path))
    for line in lines:
        cells = dict(zip(names, line, strict=False))
        client = cells.get("client type", "").strip().lower()
        if client not in CLIENTS:
            continue
        try:
            day = printed_day(cells["date"]) if "date" in cells else title_day
            texts = {key: cells[column].strip() for key, column in _COLUMNS.items()}
            if not all(texts.values()):
                continue
            numbers = {key: required(text) for key, text in texts.items()}
        except (ValueError, KeyError) as error:
            raise BadInput(f"row {line[:3]}: {error}", where=str(path)) from None
        assert day is not None, "checked above"
        yield day, client, numbers


def _evening(day: date, found: Mapping[str, Mapping[str, float]]) -> ParticipantOi:
    columns = {key: {client: found[client][key] for client in CLIENTS} for key in _COLUMNS}
    return ParticipantOi(day, datetime.combine(day, AVAILABLE_AT, IST), **columns)
