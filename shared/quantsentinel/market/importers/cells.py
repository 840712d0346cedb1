"""Cells of a text as dates, taken only when they are written as one; and whose file it is, by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from quantsentinel.errors import BadInput
from quantsentinel.market.importers.document import Document
from quantsentinel.market.importers.imported import Request
from quantsentinel.market.parsers.stamps import listed_date

_SHORT_YEAR = re.compile(r"([0-9]{1,2}-[A-Za-z]{3}-)([0-9]{2})")
_SLASHED = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_COMPACT_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_DAY_IN_NAME = re.compile(r"(?<![0-9])([0-9]{2})([0-9]{2})(20[0-9]{2})(?![0-9])")
INDICES: Mapping[str, str] = {
    "nifty": "NIFTY",
    "nsei": "NIFTY",
    "nifty50": "NIFTY",
    "banknifty": "BANKNIFTY",
    "bnf": "BANKNIFTY",
    "nsebank": "BANKNIFTY",
    "niftybank": "BANKNIFTY",
    "finnifty": "FINNIFTY",
    "midcpnifty": "MIDCPNIFTY",
    "sensex": "SENSEX",
    "bsesn": "SENSEX",
    "indiavix": "INDIAVIX",
}
_DECORATION = frozenset(
    {
        "data",
        "daily",
        "day",
        "minutes",
        "minute",
        "hourly",
        "to",
        "from",
        "atm",
        "call",
        "put",
        "ce",
        "pe",
        "raw",
        "index",
    }
)
_SPELT = {"mandm": "M&M"}
_SYMBOL = re.compile(r"[A-Z0-9&-]{2,20}")


def printed_day(text: str) -> date:
    """`listed_date` and `14/11/2025` (day first), `20250829`, `31-May-12`. Raises `ValueError` for anything else."""
    text = text.strip()
    try:
        if found := _SLASHED.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if found := _COMPACT_DAY.fullmatch(text):
            return date(*(int(part) for part in found.groups()))
        if found := _SHORT_YEAR.fullmatch(text):
            return listed_date(f"{found[1]}20{found[2]}")
        return listed_date(text)
    except BadInput as error:
        raise ValueError(error.what) from None


def day_in_name(document: Document) -> date | None:
    """`14112025` in a file's name, day first."""
    found = _DAY_IN_NAME.search(document.name)
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


def named_underlying(request: Request) -> str | None:
    """Whose rows a file holds, by what the user says, else by its name; None when neither says it for certain."""
    if request.underlying:
        return request.underlying
    leaf = request.document.name.replace("\\", "/").rpartition("/")[2]
    stem = leaf.partition(".")[0]
    words = [word for word in re.split(r"[_\s^]+", stem) if word]
    told = [word.lower() for word in words if not _decorates(word.lower())]
    names = {INDICES.get(word) for word in told} or {None}
    if "bank" in told and told.index("bank") + 1 < len(told) and told[told.index("bank") + 1] == "nifty":
        names = (names - {None, "NIFTY"}) | {"BANKNIFTY"}
    if len(names) == 1 and None not in names:
        return names.pop()
    if len(told) == 2 and told[0] == "nifty50":
        return _SPELT.get(told[1], told[1].upper())
    return stem if _SYMBOL.fullmatch(stem) and not stem.isdigit() else None


def underlying_or_refuse(request: Request) -> str:
    """`named_underlying`. Raises `BadInput` when it is not known."""
    found = named_underlying(request)
    if found is None:
        fix = "Give --underlying, or name the file like nifty_5min.csv"
        raise BadInput(
            "neither the file nor its name says whose prices these are", where=request.document.name, fix=fix
        )
    return found


def _decorates(word: str) -> bool:
    return word in _DECORATION or re.fullmatch(r"[0-9]*(?:m|min|minutes|d|h)?|(?:19|20)[0-9]{2}", word) is not None


def by_name(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells of a line by column. Raises `ValueError` when the line has another number of cells."""
    if len(cells) != len(names):
        raise ValueError(f"{len(cells)} cells, the header has {len(names)}")
    return dict(zip(names, cells, strict=True))


def missing_column(error: KeyError, request: Request) -> BadInput:
    """What a line's reader found missing, said for the whole file."""
    return BadInput(f"missing column {error.args[0]!r}", where=request.document.name, fix="Is the header damaged?")
