"""A snapshot as the rows of Upstox's option chain and contract lists (`india-facts.md` §4.1).

Written apart from the client that reads them: the two agree by the documented shape, not by shared code.
"""

from __future__ import annotations

import zlib
from datetime import UTC, date, datetime, time
from typing import Any, Final

import numpy as np

from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Chain, Floats, Snapshot
from quantsentinel.pricing import black76

INSTRUMENT_KEYS: Final = {
    "NIFTY": "NSE_INDEX|Nifty 50",
    "BANKNIFTY": "NSE_INDEX|Nifty Bank",
    "FINNIFTY": "NSE_INDEX|Nifty Fin Service",
    "MIDCPNIFTY": "NSE_INDEX|NIFTY MID SELECT",
    "NIFTYNXT50": "NSE_INDEX|Nifty Next 50",
    "SENSEX": "BSE_INDEX|SENSEX",
}
_SECONDS_PER_YEAR: Final = 365 * 86_400
_EXPIRY_CLOSE: Final = time(10, tzinfo=UTC)
"""15:30 in India."""


def chain_rows(snapshot: Snapshot, expiry: date, now: datetime) -> list[dict[str, Any]]:
    """One row a strike. Units throughout, IV in percent, no timestamp: as the real one."""
    chain = snapshot.chain(snapshot.expiries.index(expiry))
    calls, puts = (_side_rows(snapshot, chain, is_call, now) for is_call in (True, False))
    ratio = np.divide(chain.put["oi"], chain.call["oi"], out=np.zeros(len(chain)), where=chain.call["oi"] > 0)
    return [
        {
            "expiry": expiry.isoformat(),
            "pcr": round(pcr, 4),
            "strike_price": strike,
            "underlying_key": INSTRUMENT_KEYS[snapshot.underlying],
            "underlying_spot_price": snapshot.spot or 0.0,
            "call_options": call,
            "put_options": put,
        }
        for pcr, strike, call, put in zip(ratio.tolist(), chain.strike.tolist(), calls, puts, strict=True)
    ]


def with_foreign_price(rows: list[dict[str, Any]]) -> None:
    """Gives the call nearest the money the index's price, in place: another instrument's data with `success`."""
    nearest = min(rows, key=lambda row: abs(row["strike_price"] - row["underlying_spot_price"]))
    spot = nearest["underlying_spot_price"]
    nearest["call_options"]["market_data"].update(ltp=spot, bid_price=spot, ask_price=round(spot + 0.05, 2))


def without_quotes(row: dict[str, Any]) -> dict[str, Any]:
    """The row with every quote at zero, which brokers have sent with `success`."""
    sides = {
        side: {**row[side], "market_data": dict.fromkeys(row[side]["market_data"], 0)}
        for side in ("call_options", "put_options")
    }
    return {**row, **sides, "underlying_spot_price": 0}


def contract_rows(snapshot: Snapshot, rules: RuleBook) -> list[dict[str, Any]]:
    """Every listed contract, with the lot of the snapshot's trade date."""
    on = snapshot.received_at.date()
    shared = {
        "segment": "NSE_FO",
        "name": snapshot.underlying,
        "exchange": "NSE",
        "instrument_type": "",
        "tick_size": rules.tick(snapshot.underlying, on).value,
        "freeze_quantity": rules.freeze_quantity(snapshot.underlying, on).value,
        "underlying_key": INSTRUMENT_KEYS[snapshot.underlying],
        "underlying_type": "INDEX",
        "underlying_symbol": snapshot.underlying,
    }
    rows: list[dict[str, Any]] = []
    for chain in snapshot.chains():
        lot = rules.lot(snapshot.underlying, chain.expiry, on).value
        terms = {**shared, "expiry": chain.expiry.isoformat(), "lot_size": lot, "minimum_lot": lot}
        terms["weekly"] = not _is_last_of_month(chain.expiry, snapshot.expiries)
        for strike in chain.strike.tolist():
            rows.extend(_contract(terms, chain, strike, right) for right in ("CE", "PE"))
    return rows


def _contract(terms: dict[str, Any], chain: Chain, strike: float, right: str) -> dict[str, Any]:
    token = _token(chain, strike, right)
    return {
        **terms,
        "instrument_type": right,
        "strike_price": strike,
        "exchange_token": str(token),
        "instrument_key": f"NSE_FO|{token}",
        "trading_symbol": f"{chain.underlying} {strike:g} {right} {chain.expiry:%d %b %y}".upper(),
    }


def _is_last_of_month(expiry: date, listed: tuple[date, ...]) -> bool:
    return expiry == max(day for day in listed if (day.year, day.month) == (expiry.year, expiry.month))


def _token(chain: Chain, strike: float, right: str) -> int:
    """A stable number for a contract, in the range of the exchange's tokens."""
    return 30_000 + zlib.crc32(f"{chain.underlying} {chain.expiry} {strike:g} {right}".encode()) % 900_000_000


def _side_rows(snapshot: Snapshot, chain: Chain, is_call: bool, now: datetime) -> list[dict[str, Any]]:
    side, right = (chain.call, "CE") if is_call else (chain.put, "PE")
    columns = {
        "ltp": side["ltp"],
        "volume": side["volume"].astype(np.int64),
        "oi": side["oi"].astype(np.int64),
        "close_price": np.zeros(len(chain)),
        "bid_price": side["bid"],
        "bid_qty": side["bid_size"].astype(np.int64),
        "ask_price": side["ask"],
        "ask_qty": side["ask_size"].astype(np.int64),
        "prev_oi": (side["oi"] - side["oi_change"]).astype(np.int64),
    }
    quotes = [dict(zip(columns, row, strict=True)) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]
    greeks = _greeks(chain, side["vendor_iv"], snapshot.spot or 0.0, is_call, now)
    return [
        {"instrument_key": f"NSE_FO|{_token(chain, strike, right)}", "market_data": quote, "option_greeks": greek}
        for strike, quote, greek in zip(chain.strike.tolist(), quotes, greeks, strict=True)
    ]


def _greeks(chain: Chain, iv: Floats, spot: float, is_call: bool, now: datetime) -> list[dict[str, float]]:
    """The vendor's: on spot, in calendar time, 0 where it has no IV. Theta a day, vega per vol point, IV in percent."""
    end = datetime.combine(chain.expiry, _EXPIRY_CLOSE)
    years = max((end - now).total_seconds(), 60.0) / _SECONDS_PER_YEAR
    vols = np.where(iv > 0, iv, np.nan)
    found = black76.greeks(spot or np.nan, chain.strike, years, vols, 1.0, is_call)
    columns = {
        "vega": found.vega / 100,
        "theta": found.theta,
        "gamma": found.gamma,
        "delta": found.delta,
        "iv": vols * 100,
    }
    table = np.nan_to_num(np.column_stack(list(columns.values()))).round(4)
    return [dict(zip(columns, row, strict=True)) for row in table.tolist()]
