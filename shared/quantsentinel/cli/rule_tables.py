"""Contracts, sessions and lots as real market data shows them: plain values for the check of the rule book."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from quantsentinel.frozen import dataclass

KNOWN: Mapping[str, str] = {
    r"daily.*: BANKNIFTY (2024-12|2025-01-01).*: 2025-02-26 ": "the contract kept its unshifted date after the holiday "
    "list of 2024-12-13 until the change of weekday on 2025-01-02",
    r"daily.*: MIDCPNIFTY (2024-12-31|2025-01-01): 2025-03-31 ": "listed on a known holiday for two days, until the "
    "change of weekday on 2025-01-02",
    r"daily.*: NIFTYNXT50 2024-04-2[456]: 2024-07-26 ": "a launch in the last days of a month listed the three months "
    "after it",
    r"daily: \w+ (2024-01-20|2024-03-02|2024-05-18|2025-02-01|2026-02-01): a session": "the file has no rows of "
    "weekends",
    r"bars/.*: 2024-01-20:": "its bars run on unchanged after the close of that Saturday",
    r"pandas_market_calendars.* (Saturday|Sunday): a session": "the library knows no sessions on weekends",
}
"""Faults of the sources, by the difference they make: pattern -> why the book is right."""


@dataclass(frozen=True, slots=True)
class ChainContracts:
    """One expiry of one chain file on one day. `sizes` are displayed ones in units, none where not told."""

    file: str
    underlying: str
    day: date
    expiry: date
    strikes: frozenset[float]
    sizes: frozenset[float]


def _columns(path: Path, names: list[str]) -> dict[str, list[Any]]:
    import polars as pl

    table = pl.read_parquet(path, columns=names)
    return {name: table[name].to_list() for name in names}


def expiry_calendar(folder: Path) -> Iterator[dict[str, Any]]:
    """scheduled and actual expiry, type and lot of every NIFTY contract since 2021."""
    path = folder / "calendar/nse_rules/docs__source_evidence__nse_rules__nse_actual_expiry_calendar.parquet"
    names = ["original_scheduled_expiry", "actual_expiry_date", "expiry_type", "contract_lot_size"]
    columns = _columns(path, names)
    for scheduled, actual, kind, lot in zip(*(columns[name] for name in names), strict=True):
        yield {
            "scheduled": date.fromisoformat(scheduled),
            "actual": date.fromisoformat(actual),
            "type": kind,
            "lot": int(lot),
        }


def _rows(path: Path) -> Iterator[dict[str, str]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    for row in csv.DictReader(io.StringIO(text)):
        yield {name.strip(): value for name, value in row.items() if name is not None}


def futures(folder: Path, first: date) -> dict[tuple[str, date], list[tuple[date, int | None]]]:
    """(symbol, trade date) -> (expiry, lot) of every index future; the lot where it is stated."""
    found: dict[tuple[str, date], list[tuple[date, int | None]]] = {}
    for row in _rows(folder / "daily/india_vix_span_oi_2012_2026/data__bhav_index.csv.gz"):
        day = date.fromisoformat(row["date"])
        if day >= first:
            lot = int(float(row["stated_lot"])) if row["stated_lot"] else None
            found.setdefault((row["symbol"], day), []).append((_a_date(row["expiry"]), lot))
    return found


def _a_date(text: str) -> date:
    for form in ("%Y-%m-%d", "%d-%b-%Y", "%d/%m/%Y"):
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007  # a calendar date, no instant
        except ValueError:
            continue
    raise ValueError(f"no date: {text!r}")


def listed_contracts(folder: Path) -> Iterator[dict[str, Any]]:
    """Every index option of the end-of-day file; the lot is traded units over traded contracts."""
    with zipfile.ZipFile(folder / "chains/fno_eod_2025-11-14/nse_data__fo14112025.zip") as archive:
        text = archive.read("op14112025.csv").decode("latin-1")
    for raw in csv.DictReader(io.StringIO(text)):
        row = {name.strip(): (value or "").strip() for name, value in raw.items() if name}
        if row["INSTRUMENT"] == "OPTIDX":
            traded, count = float(row["TRD_QTY"]), float(row["NO_OF_CONT"])
            yield {
                "symbol": row["SYMBOL"],
                "expiry": _a_date(row["EXP_DATE"]),
                "strike": float(row["STR_PRICE"]),
                "lot": traded / count if count else None,
            }


def chains(folder: Path) -> Iterator[ChainContracts]:
    """Every contract of the chain folders that name their expiries."""
    root = folder / "chains"
    for path in sorted(root.glob("nse_1min_2025-08/*_20250829.parquet")):
        sizes = ("CALLS_Bid_Qty", "CALLS_Ask_Qty", "PUTS_Bid_Qty", "PUTS_Ask_Qty")
        columns = _columns(path, ["Symbol", "Expiry_Date", "Strike_Price", *sizes])
        yield from _grouped(path, columns["Symbol"], [date(2025, 8, 29)] * len(columns["Symbol"]), columns, sizes)
    for path in sorted(root.glob("ltp_only_2026-01/*.parquet")):
        columns = _columns(path, ["Stock", "timestamp", "Expiry", "Strike"])
        renamed = {"Expiry_Date": columns["Expiry"], "Strike_Price": columns["Strike"]}
        days = [date.fromisoformat(stamp[:10]) for stamp in columns["timestamp"]]
        yield from _grouped(path, columns["Stock"], days, renamed, ())
    for path in sorted(root.glob("greeks_2026-08/*.parquet")):
        columns = _columns(path, ["timestamp", "expiry", "strike"])
        renamed = {"Expiry_Date": columns["expiry"], "Strike_Price": columns["strike"]}
        days = [_a_date(f"{s[:4]}-{s[4:6]}-{s[6:8]}") for s in columns["timestamp"]]
        yield from _grouped(path, ["NIFTY"] * len(days), days, renamed, ())
    for path in sorted(root.glob("daily_2025-07/*_2025-*.csv")):
        underlying, _, day = path.stem.split("__")[1].partition("_")
        rows = list(_rows(path))
        renamed = {
            "Expiry_Date": [row["expiryDate"] for row in rows],
            "Strike_Price": [float(row["strikePrice"]) for row in rows],
        }
        yield from _grouped(path, [underlying] * len(rows), [date.fromisoformat(day)] * len(rows), renamed, ())


def _grouped(
    path: Path, names: list[str], days: list[date], columns: Mapping[str, list[Any]], sizes: tuple[str, ...]
) -> Iterator[ChainContracts]:
    strikes: dict[tuple[str, date, str], set[float]] = {}
    shown: dict[tuple[str, date, str], set[float]] = {}
    for index, (name, day, expiry) in enumerate(zip(names, days, columns["Expiry_Date"], strict=True)):
        key = (name, day, expiry)
        strikes.setdefault(key, set()).add(float(columns["Strike_Price"][index]))
        shown.setdefault(key, set()).update(float(columns[size][index]) for size in sizes)
    for (name, day, expiry), found in strikes.items():
        sizes_of = frozenset(shown[name, day, expiry])
        yield ChainContracts(path.name, name, day, _a_date(expiry), frozenset(found), sizes_of)


def trading_days(folder: Path) -> dict[str, set[date]]:
    """The days that daily files have a row for."""
    root = folder / "daily"
    nifty = _rows(root / "nifty_2016_2026/data__nifty_daily.csv")
    vix = _rows(root / "india_vix_span_oi_2012_2026/data__india_vix.csv.gz")
    volatility = _rows(root / "india_vix_span_oi_2012_2026/data__volatility.csv.gz")
    return {
        "nifty_2016_2026": {date.fromisoformat(row["date"][:10]) for row in nifty},
        "india_vix": {_a_date(row["Date"].title()) for row in vix},
        "volatility": {date.fromisoformat(row["date"]) for row in volatility},
    }


def bars(folder: Path) -> dict[date, list[datetime]]:
    """Stamps of the NIFTY minute bars by day, IST."""
    found: dict[date, list[datetime]] = {}
    for row in _rows(folder / "bars/index_1min_2024/NIFTY_data__NIFTY_2024.csv.gz"):
        stamp = datetime.strptime(f"{row['Date']} {row['Time']}", "%Y%m%d %H:%M")  # noqa: DTZ007  # IST, compared with IST
        found.setdefault(stamp.date(), []).append(stamp)
    return found
