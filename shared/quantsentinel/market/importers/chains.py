"""Importers of option chains: every layout that can be cut into snapshots, parsed under the rule book.

The lake keeps what the parser made (units, points, UTC) and each snapshot's header, so that reading the lake gives the
snapshot that reading the file gave, digest and all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime

import polars as pl

from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import IST
from quantsentinel.market.codec import snapshot_header
from quantsentinel.market.importers.chain_rows import CHECKS, chain_frame, flagged
from quantsentinel.market.importers.datasets import parts_of, provenance_of
from quantsentinel.market.importers.document import Document
from quantsentinel.market.importers.imported import Blemish, Imported, Importer, Part, Rejection, Request, Tally
from quantsentinel.market.parsers import parse
from quantsentinel.market.parsers.cuts import Entry, read_entries
from quantsentinel.market.snapshot import Snapshot

CHAINS_KEY = "quantsentinel.chains"
VERSION = 1
NOT_COVERED = Blemish(
    "expiry_not_covered", "refused", "pairs of expiries for which the rule book has no rows (no calendar of that year)"
)
UNREADABLE = Blemish("snapshot_unreadable", "refused", "a whole snapshot that its parser refuses")


def _read(request: Request, importer: Importer) -> Imported:
    document = request.document
    tally = Tally(importer.blemishes)
    entries, daily = read_entries(document.name, document.body, document.name)
    parts: list[Part] = []
    for underlying in sorted(entries):
        if not request.wanted or underlying in request.wanted:
            parts += _parts(underlying, entries[underlying], request, (importer, tally))
    for underlying, bars in sorted(daily.items()):
        parts += _daily(underlying, bars, document, importer)
    if not parts:
        reason = tally.rejected[0].reason if tally.rejected else f"it holds {', '.join(sorted(entries))}"
        raise BadInput(f"no snapshot can be used: {reason}", where=document.name)
    return Imported(tuple(parts), tuple(tally.rejected), dict(tally.touched))


def _parts(underlying: str, entries: list[Entry], request: Request, into: tuple[Importer, Tally]) -> Iterator[Part]:
    by_day: dict[tuple[date, str], list[tuple[datetime, Snapshot]]] = {}
    left_out: dict[date, list[tuple[int, str]]] = {}
    _, tally = into
    for number, entry in enumerate(sorted(entries, key=lambda item: item.collected_at)):
        day = entry.collected_at.astimezone(IST).date()
        try:
            snapshot = parse(entry.load(), request.rules)
        except BadInput as error:
            said = f"{underlying} collected at {entry.collected_at.isoformat()}"
            tally.refuse(UNREADABLE.name, Rejection(number, 1, str(error), said))
            continue
        by_day.setdefault((day, snapshot.source), []).append((entry.collected_at, snapshot))
        if entry.rows and any("left out" in note for note in snapshot.notes):
            left_out.setdefault(day, []).append((entry.rows - len(snapshot) // 2, "; ".join(snapshot.notes)))
    for day, found in left_out.items():
        rows = sum(count for count, _ in found)
        what = f"{underlying} of {day}, {len(found)} snapshots"
        tally.refuse(NOT_COVERED.name, Rejection(0, rows, found[-1][1], what))
    for (day, source), snapshots in sorted(by_day.items()):
        yield _part(day, source, snapshots, request, into)


def _part(
    day: date,
    source: str,
    snapshots: list[tuple[datetime, Snapshot]],
    request: Request,
    into: tuple[Importer, Tally],
) -> Part:
    importer, tally = into
    frame = chain_frame(snapshots, request.rules)
    declared = {item.name: item.treatment for item in importer.blemishes}
    checks = [name for name in CHECKS if name in declared]
    for name in checks:
        tally.met(name, int(frame.select(CHECKS[name].test.fill_null(value=False).sum()).item()))
    rows = flagged(frame, [name for name in checks if declared[name] == "flagged"])
    headers = [{"collected_at": at, "digest": item.digest, **snapshot_header(item)} for at, item in snapshots]
    text = json.dumps(canonical({"snapshots": headers}), sort_keys=True, separators=(",", ":"))
    where = {"underlying": pl.lit(snapshots[0][1].underlying), "date": pl.lit(day)}
    provenance = provenance_of(source, importer, request.document)
    (part,) = parts_of("chains", rows.with_columns(**where), provenance, {CHAINS_KEY: text})
    return part


def _daily(underlying: str, bars: tuple[DailyBar, ...], document: Document, importer: Importer) -> Iterator[Part]:
    columns = ("day", "open", "high", "low", "close")
    frame = pl.DataFrame({name: [getattr(bar, name) for bar in bars] for name in columns})
    frame = frame.with_columns(underlying=pl.lit(underlying), volume=pl.lit(None, dtype=pl.Float64))
    return parts_of("bars_daily", frame, provenance_of("bars_daily", importer, document))


def _importer(name: str, holds: str, matches: Callable[[Document], bool], checks: str) -> Importer:
    blemishes = (*(CHECKS[check].blemish for check in checks.split()), NOT_COVERED, UNREADABLE)
    found = Importer(name, VERSION, holds, blemishes, matches, lambda request: _read(request, found), needs_rules=True)
    return found


def _has(kind: str, *columns: str, without: str = "") -> Callable[[Document], bool]:
    kinds = {"table": ("parquet", "csv")}.get(kind, (kind,))
    return lambda item: item.kind in kinds and set(columns) <= set(item.columns) and without not in item.columns


def _is_nse_json(document: Document) -> bool:
    found = document.json if document.kind == "json" else None
    return isinstance(found, dict) and isinstance(found.get("records"), dict)


def _is_upstox_json(document: Document) -> bool:
    found = document.json if document.kind == "json" else None
    rows = found.get("data") if isinstance(found, dict) else None
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict) and "underlying_key" in rows[0]


_SITE = "oi_in_lots part_lots iv_zero ltp_outside_quote no_quote fractional_units not_a_session"
CHAIN_IMPORTERS = (
    _importer(
        "nse_rows",
        "rows of NSE's option-chain page with bid and ask",
        _has("table", "Fetch_Time", "Symbol"),
        f"{_SITE} no_spot repeated_exchange_time future_exchange_time late_exchange_time",
    ),
    _importer(
        "ltp_rows",
        "last prices and open interest, call and put side by side",
        _has("table", "timestamp", "Stock", "CE_LTP", "PE_LTP"),
        "no_spot no_exchange_time no_quote no_iv no_volume fractional_units not_a_session",
    ),
    _importer(
        "nse_greeks",
        "a row a contract with the vendor's Greeks",
        _has("table", "timestamp", "symbol", "option_type"),
        "oi_in_lots iv_floor no_exchange_time no_quote one_side_missing not_a_session",
    ),
    _importer(
        "nse_daily_legs",
        "a day's chain with legs as objects",
        _has("csv", "strikePrice", "expiryDate", "CE", "PE"),
        f"{_SITE} no_exchange_time",
    ),
    _importer(
        "nse_daily_flat",
        "a day's chain of open interest, volume and last price",
        _has("csv", "strikePrice", "expiryDate", "CE_OI", "PE_OI"),
        "oi_in_lots part_lots no_quote no_iv no_spot no_exchange_time not_a_session",
    ),
    _importer(
        "nse_json",
        "NSE's option-chain JSON",
        _is_nse_json,
        f"{_SITE} repeated_exchange_time future_exchange_time late_exchange_time",
    ),
    _importer(
        "upstox_v2",
        "Upstox's option chain",
        _is_upstox_json,
        "no_exchange_time iv_zero iv_above_one no_quote ltp_outside_quote fractional_units not_a_session",
    ),
    _importer(
        "day_file",
        "a simulated or recorded day of ours",
        lambda item: item.kind == "parquet" and {"collected_at", "call_bid", "put_bid"} <= set(item.columns),
        "iv_zero ltp_outside_quote no_quote fractional_units not_a_session no_spot",
    ),
)
