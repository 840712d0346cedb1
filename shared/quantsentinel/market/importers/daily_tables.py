"""Importers of daily tables without contracts: participant open interest, India VIX, volatility, cash closes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from quantsentinel.market.importers.bars import flags_of
from quantsentinel.market.importers.cells import day_in_name, printed_day
from quantsentinel.market.importers.document import Document
from quantsentinel.market.importers.imported import Blemish
from quantsentinel.market.importers.tables import PADDED, Collected, RowRefused, text_table
from quantsentinel.market.parsers.numbers import number, required, whole
from quantsentinel.market.parsers.stamps import listed_date

EXCHANGE = "NSE"
"""Stands where a row belongs to no one underlying."""
TITLE = Blemish("title_row", "converted", "a title line before the header, which names the day")
TOTALS = Blemish("total_row", "refused", "the sum of the other rows")
NO_NUMBER = Blemish("missing_number", "kept", "an empty cell stays unknown")
FRACTIONS = Blemish("part_contracts", "flagged", "a third of a contract after a split: counts that are not whole")
NO_RANGE = Blemish("no_range", "flagged", "open, high and low of 0 beside a close: unknown, so they are null")
OUTSIDE = Blemish("open_or_close_outside", "flagged", "an open or close outside the day's own range")
MISNAMED = Blemish("misnamed", "kept", "named FOVOLT, but the content is the cash market's bhavcopy")
NO_FUTURE = Blemish("no_future", "kept", "no futures close: not traded in derivatives")
_TITLE_DAY = re.compile(r"as on ([A-Za-z]{3}) ([0-9]{1,2}), (20[0-9]{2})")
_SIDES = {
    f"{product}_{side}": f"{printed} {side}"
    for product, printed in (
        ("index_future", "future index"),
        ("stock_future", "future stock"),
        ("index_call", "option index call"),
        ("index_put", "option index put"),
        ("stock_call", "option stock call"),
        ("stock_put", "option stock put"),
    )
    for side in ("long", "short")
}


def _participants(into: Collected, at: int, cells: Mapping[str, str]) -> None:
    cells = {name.replace("_", " "): value for name, value in cells.items()}
    client = cells["client type"].strip().lower()
    if client == "total":
        raise RowRefused(TOTALS)
    if client not in ("client", "dii", "fii", "pro"):
        raise ValueError(f"client type {client[:20]!r}")
    day = printed_day(cells["date"]) if "date" in cells else _titled_day(into)
    numbers = {name: number(cells[column]) for name, column in _SIDES.items()}
    if None in numbers.values():
        into.tally.met(NO_NUMBER.name)
    if min(value or 0 for value in numbers.values()) < 0:
        raise ValueError("a negative count")
    part = any(value != int(value) for value in numbers.values() if value is not None)
    row = {"underlying": EXCHANGE, "day": day, "client_type": client, **numbers}
    into.add(at, "participants", (day, client), {**row, "blemishes": into.tally.met(FRACTIONS.name) if part else ""})


def _titled_day(into: Collected) -> date:
    found = _TITLE_DAY.search(into.request.document.body[:400].decode("utf-8", "replace"))
    if found is not None:
        if not into.rows:
            into.tally.met(TITLE.name)
        return listed_date(f"{found[2]}-{found[1]}-{found[3]}")
    day = day_in_name(into.request.document)
    if day is None:
        raise ValueError("neither the file nor its name says which day")
    return day


def _vix(into: Collected, at: int, cells: Mapping[str, str]) -> None:
    day = printed_day(cells["date"])
    prices: dict[str, float | None] = {name: required(cells[name]) for name in ("open", "high", "low", "close")}
    numbers = [value or 0.0 for value in prices.values()]
    if numbers[3] <= 0 or min(numbers) < 0:
        raise ValueError("a VIX that is not positive")
    if at == 2:
        into.tally.met(PADDED.name)
    flags = flags_of(numbers)
    if not any(numbers[:3]):
        flags, prices = (NO_RANGE.name,), {**dict.fromkeys(prices), "close": numbers[3]}
    for name in flags:
        into.tally.met(name)
    row = {"underlying": "INDIAVIX", "day": day, **prices, "previous_close": number(cells["prev. close"])}
    into.add(at, "vix", (day,), {**row, "blemishes": ",".join(flags)})


def _volatility_row(into: Collected, at: int, row: dict[str, Any]) -> None:
    if not row["applicable_annual"] or row["applicable_annual"] <= 0:
        raise ValueError("no applicable volatility")
    if row["futures_close"] is None:
        into.tally.met(NO_FUTURE.name)
    into.add(at, "daily_volatility", (row["underlying"], row["day"]), row)


def _fovolt(into: Collected, at: int, cells: Mapping[str, str]) -> None:
    letter = {match[1]: name for name in cells if (match := re.search(r"\(([a-n])\)", name))}
    row = {
        "underlying": cells["symbol"].strip(),
        "day": printed_day(cells["date"]),
        "underlying_close": number(cells[letter["a"]]),
        "futures_close": number(cells[letter["g"]]),
        "underlying_daily": number(cells[letter["e"]]),
        "futures_daily": number(cells[letter["k"]]),
        "applicable_daily": number(cells[letter["m"]]),
        "applicable_annual": number(cells[letter["n"]]),
    }
    if at == 2:
        into.tally.met(PADDED.name)
    _volatility_row(into, at, row)


def _volatility(into: Collected, at: int, cells: Mapping[str, str]) -> None:
    row = {
        "underlying": cells["symbol"].strip(),
        "day": printed_day(cells["date"]),
        "underlying_close": number(cells["spot_close"]),
        "futures_close": number(cells["fut_close"]),
        "underlying_daily": number(cells["sigma_underlying"]),
        "futures_daily": number(cells["sigma_futures"]),
        "applicable_daily": number(cells["sigma_applicable"]),
        "applicable_annual": number(cells["ann_applicable"]),
    }
    _volatility_row(into, at, row)


def _cash(into: Collected, at: int, cells: Mapping[str, str]) -> None:
    day, symbol, series = printed_day(cells["date1"]), cells["symbol"].strip(), cells["series"].strip()
    if at == 2:
        into.tally.met(PADDED.name)
    if _says_fovolt(into.request.document):
        into.tally.met(MISNAMED.name)
    names = (("open", "open_price"), ("high", "high_price"), ("low", "low_price"), ("close", "close_price"))
    prices = {name: required(cells[printed]) for name, printed in names}
    row = {"underlying": EXCHANGE, "day": day, "symbol": symbol, "series": series, **prices}
    row |= {"previous_close": number(cells["prev_close"]), "volume": whole(cells["ttl_trd_qnty"])}
    into.add(at, "eod_cash", (symbol, series, day), row)


def _says_fovolt(document: Document) -> bool:
    return "fovolt" in document.name.lower()


_LETTERED = ("date", "symbol", "underlying close price (a)", "futures close price (g)")
DAILY_IMPORTERS = (
    text_table(
        "participant_oi",
        "participant-wise open interest",
        ("option index call long", "option index put short"),
        (TITLE, TOTALS, NO_NUMBER, FRACTIONS),
        _participants,
    ),
    text_table("vix", "India VIX", ("date", "open", "prev. close", "% change"), (PADDED, OUTSIDE, NO_RANGE), _vix),
    text_table("fovolt", "NSE's daily F&O volatility", _LETTERED, (PADDED, NO_FUTURE), _fovolt),
    text_table(
        "volatility_history",
        "NSE's daily volatility, many days",
        ("date", "symbol", "sigma_applicable", "ann_applicable"),
        (NO_FUTURE,),
        _volatility,
    ),
    text_table(
        "cash_bhavcopy",
        "the cash market's bhavcopy with deliveries",
        ("symbol", "series", "date1", "close_price", "ttl_trd_qnty"),
        (PADDED, MISNAMED),
        _cash,
    ),
)
