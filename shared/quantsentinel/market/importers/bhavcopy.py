"""Importers of end-of-day derivatives files: NSE's UDiFF bhavcopy (since 2024-07-08), the one before, the market
activity archive, and a stacked history of index futures.

Open interest is units in all of them, traded volume is contracts: units follow only where the lot is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from quantsentinel.market.importers.cells import day_in_name, printed_day
from quantsentinel.market.importers.imported import Blemish
from quantsentinel.market.importers.tables import FOOTNOTE, PADDED, Collected, text_table
from quantsentinel.market.parsers.numbers import number, required, whole

LAKH = 100_000.0
RIGHTS = {"CE": "CE", "PE": "PE", "CA": "CE", "PA": "PE"}
OPTIONS, FUTURES = {"IDO", "STO", "OPTIDX", "OPTSTK"}, {"IDF", "STF", "FUTIDX", "FUTSTK", "FUTIVX"}
CONTRACTS = Blemish("volume_in_contracts", "converted", "contracts times the published lot are units")
NO_LOT = Blemish("no_lot_published", "kept", "volume in units is unknown: the file has contracts only")
MOVED = Blemish("expiry_moved", "flagged", "the actual expiry differs from the listed one, which is kept")
AMERICAN = Blemish("american_style", "converted", "CA and PA of the first years are CE and PE")
LAKHS = Blemish("turnover_in_lakh", "converted", "lakh rupees times 100,000")
SHORT_YEARS = Blemish("two_digit_years", "converted", "31-May-12 is 2012")
DAY_IN_NAME = Blemish("day_only_in_name", "kept", "the file says its day in its name only")
EMPTY_LOT = Blemish("stated_lot_empty", "kept", "the lot is stated for the last years only; none is derived")


def _contract(into: Collected, at: int, name: tuple[str, str], row: dict[str, Any]) -> None:
    """One contract's row; `name` is its kind and printed right."""
    kind, right = name
    if row["close"] is None or row["close"] < 0:
        raise ValueError("no close")
    known = {**_BLANK, **row}
    if kind in OPTIONS:
        if right not in RIGHTS:
            raise ValueError(f"option type {right[:10]!r}")
        if right in ("CA", "PA"):
            into.tally.met(AMERICAN.name)
        if not known["strike"] or known["strike"] <= 0:
            raise ValueError("an option without a strike")
        known["right"] = RIGHTS[right]
        key = (row["underlying"], row["day"], row["expiry"], known["strike"], known["right"])
        into.add(at, "eod_options", key, known)
    elif kind in FUTURES:
        future = {name: value for name, value in known.items() if name not in ("strike", "right")}
        into.add(at, "eod_futures", (row["underlying"], row["day"], row["expiry"]), future)
    else:
        raise ValueError(f"instrument {kind[:10]!r} is neither option nor future")


_BLANK: Mapping[str, Any] = dict.fromkeys(
    ("open", "high", "low", "close", "settle", "previous_close", "underlying_price", "oi", "oi_change", "contracts",
     "volume", "value_rupees", "trades", "lot", "strike", "right")
)  # fmt: skip


def _prices(cells: Mapping[str, str], names: str) -> dict[str, float | None]:
    return dict(zip(("open", "high", "low", "close"), (number(cells[name]) for name in names.split()), strict=True))


def _udiff(into: Collected, at: int, cells: Mapping[str, str]) -> None:
    listed, actual = printed_day(cells["xprydt"]), cells["fininstrmactlxprydt"].strip()
    moved = bool(actual) and printed_day(actual) != listed
    contracts, lot = whole(cells["ttltradgvol"]), whole(cells["newbrdlotqty"])
    if contracts is not None and lot:
        into.tally.met(CONTRACTS.name)
    row = {
        "underlying": cells["tckrsymb"].strip(),
        "day": printed_day(cells["traddt"]),
        "expiry": listed,
        **_prices(cells, "opnpric hghpric lwpric clspric"),
        "settle": number(cells["sttlmpric"]),
        "previous_close": number(cells["prvsclsgpric"]),
        "underlying_price": number(cells["undrlygpric"]),
        "oi": whole(cells["opnintrst"]),
        "oi_change": whole(cells["chnginopnintrst"]),
        "contracts": contracts,
        "volume": contracts * lot if contracts is not None and lot else None,
        "value_rupees": number(cells["ttltrfval"]),
        "trades": whole(cells["ttlnboftxsexctd"]),
        "lot": lot,
        "strike": number(cells["strkpric"]),
        "blemishes": into.tally.met(MOVED.name) if moved else "",
    }
    _contract(into, at, (cells["fininstrmtp"].strip(), cells["optntp"].strip()), row)


def _older(into: Collected, at: int, cells: Mapping[str, str]) -> None:
    expiry, day = cells["expiry_dt"].strip(), cells["timestamp"].strip()
    if len(expiry) < 11 or len(day) < 11:
        into.tally.met(SHORT_YEARS.name)
    into.tally.met(NO_LOT.name)
    into.tally.met(LAKHS.name)
    row = {
        "underlying": cells["symbol"].strip(),
        "day": printed_day(day),
        "expiry": printed_day(expiry),
        **_prices(cells, "open high low close"),
        "settle": number(cells["settle_pr"]),
        "oi": whole(cells["open_int"]),
        "oi_change": whole(cells["chg_in_oi"]),
        "contracts": whole(cells["contracts"]),
        "value_rupees": required(cells["val_inlakh"]) * LAKH,
        "strike": number(cells["strike_pr"]),
    }
    _contract(into, at, (cells["instrument"].strip(), cells["option_typ"].strip()), row)


def _activity(into: Collected, at: int, cells: Mapping[str, str]) -> None:
    day = day_in_name(into.request.document)
    if day is None:
        raise ValueError("neither the file nor its name says which day")
    if at == 2:
        into.tally.met(PADDED.name)
    into.tally.met(DAY_IN_NAME.name)
    row = {
        "underlying": cells["symbol"].strip(),
        "day": day,
        "expiry": printed_day(cells["exp_date"]),
        **_prices(cells, "open_price hi_price lo_price close_price"),
        "oi": whole(cells["open_int*"]),
        "contracts": whole(cells["no_of_cont"]),
        "volume": whole(cells["trd_qty"]),
        "value_rupees": number(cells["trd_val"] if "trd_val" in cells else cells["notion_val"]),
        "trades": whole(cells["no_of_trade"]),
        "strike": number(cells.get("str_price", "")),
    }
    _contract(into, at, (cells["instrument"].strip(), cells.get("opt_type", "").strip()), row)


def _history(into: Collected, at: int, cells: Mapping[str, str]) -> None:
    day = printed_day(cells["date"])
    lot = whole(cells["stated_lot"])
    if lot is None:
        into.tally.met(EMPTY_LOT.name)
    contracts = whole(cells["contracts"])
    value = required(cells["value"])
    if day < _IN_RUPEES_FROM:
        value *= LAKH
        into.tally.met(LAKHS.name)
    row = {
        "underlying": cells["symbol"].strip(),
        "day": day,
        "expiry": printed_day(cells["expiry"]),
        "close": number(cells["close"]),
        "oi": whole(cells["open_interest"]),
        "contracts": contracts,
        "volume": contracts * lot if contracts is not None and lot else None,
        "value_rupees": value,
        "lot": lot,
    }
    _contract(into, at, ("FUTIDX", ""), row)


_IN_RUPEES_FROM = date(2024, 7, 8)
"""The day of the first UDiFF file: from then on the history's `value` is rupees, before it lakh."""

EOD_IMPORTERS = (
    text_table(
        "udiff_bhavcopy",
        "NSE's UDiFF F&O bhavcopy",
        ("traddt", "fininstrmtp", "tckrsymb", "xprydt", "opnintrst", "newbrdlotqty"),
        (CONTRACTS, MOVED, AMERICAN),
        _udiff,
    ),
    text_table(
        "older_bhavcopy",
        "NSE's F&O bhavcopy before UDiFF",
        ("instrument", "symbol", "expiry_dt", "strike_pr", "option_typ", "settle_pr", "val_inlakh"),
        (NO_LOT, LAKHS, SHORT_YEARS, AMERICAN, FOOTNOTE),
        _older,
    ),
    text_table(
        "market_activity",
        "contracts of NSE's F&O market activity archive",
        ("instrument", "symbol", "exp_date", "close_price", "open_int*", "trd_qty", "no_of_cont"),
        (PADDED, FOOTNOTE, DAY_IN_NAME, AMERICAN),
        _activity,
    ),
    text_table(
        "futures_history",
        "closes of index futures, many days",
        ("date", "symbol", "expiry", "contracts", "open_interest", "stated_lot"),
        (EMPTY_LOT, LAKHS),
        _history,
    ),
)
