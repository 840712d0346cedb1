"""Snapshots as rows of the `chains` dataset, and the blemishes that show on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

import numpy as np
import polars as pl

from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.codec import pair_columns
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.importers.datasets import UTC_TIME
from quantsentinel.market.importers.imported import Blemish, Treatment
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Check:
    """A blemish and the expression that finds its rows in a frame of `chain_frame`."""

    blemish: Blemish
    test: pl.Expr


def chain_frame(snapshots: Sequence[tuple[datetime, Snapshot]], rules: RuleBook) -> pl.DataFrame:
    """A row a pair, by collection time, expiry and strike, with the columns of `chains` and what `CHECKS` look at."""
    counts = [np.diff(snapshot.offsets) // 2 for _, snapshot in snapshots]
    slices = [part for _, snapshot in snapshots for part in snapshot.slices]
    by_slice = np.repeat(np.arange(len(slices)), np.concatenate(counts))
    by_snapshot = np.repeat(np.arange(len(snapshots)), [len(snapshot) // 2 for _, snapshot in snapshots])
    pairs = [pair_columns(snapshot) for _, snapshot in snapshots]
    days = [at.astimezone(IST).date() for at, _ in snapshots]
    lots = [
        _lot(rules, snapshot, expiry, day)
        for (_, snapshot), day in zip(snapshots, days, strict=True)
        for expiry in snapshot.expiries
    ]
    sessions = {day: _is_session(rules, day) for day in set(days)}
    known = {
        "collected_at": (pl.Series([at for at, _ in snapshots], dtype=UTC_TIME), by_snapshot),
        "expiry": (pl.Series([part.expiry for part in slices], dtype=pl.Date), by_slice),
        "exchange_time": (pl.Series([part.exchange_time for part in slices], dtype=UTC_TIME), by_slice),
        "received_at": (pl.Series([part.received_at for part in slices], dtype=UTC_TIME), by_slice),
        "spot": (pl.Series([snapshot.spot for _, snapshot in snapshots], dtype=pl.Float64), by_snapshot),
        "snapshot": (pl.Series([snapshot.digest for _, snapshot in snapshots]), by_snapshot),
        "_lot": (pl.Series(lots, dtype=pl.Float64), by_slice),
        "_no_session": (pl.Series([not sessions[day] for day in days]), by_snapshot),
        "_repeated": (pl.Series(_repeats(snapshots)), by_snapshot),
    }
    values = {name: np.concatenate([columns[name] for columns in pairs]) for name in pairs[0]}
    return pl.DataFrame(values).with_columns(**{name: column.gather(rows) for name, (column, rows) in known.items()})


def _repeats(snapshots: Sequence[tuple[datetime, Snapshot]]) -> list[bool]:
    """Whether a snapshot has only exchange times that an earlier one had."""
    seen: set[datetime] = set()
    found = []
    for _, snapshot in snapshots:
        times = {part.exchange_time for part in snapshot.slices if part.exchange_time}
        found.append(bool(times) and times <= seen)
        seen |= times
    return found


def _lot(rules: RuleBook, snapshot: Snapshot, expiry: date, on: date) -> float | None:
    """The lot where the source counts open interest in lots; None where it does not matter."""
    return (
        float(rules.lot(snapshot.underlying, expiry, on).value) if contract_for(snapshot.source).oi == "lots" else None
    )


def _is_session(rules: RuleBook, day: date) -> bool:
    try:
        return rules.is_trading_day(day)
    except RuleGap:
        return True  # unknown is not a blemish of the file


def flagged(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """`frame` with the names of the blemishes on each row in `blemishes`."""
    tests = [pl.when(CHECKS[name].test).then(pl.lit(name)) for name in names]
    return frame.with_columns(
        (pl.concat_str(tests, separator=",", ignore_nulls=True) if tests else pl.lit("")).alias("blemishes")
    )


def _either(test: str) -> pl.Expr:
    return _TESTS[test]("call") | _TESTS[test]("put")


def _column(side: str, name: str) -> pl.Expr:
    return pl.col(f"{side}_{name}")


def _outside(side: str) -> pl.Expr:
    bid, ask, ltp = (_column(side, name) for name in ("bid", "ask", "ltp"))
    return (bid > 0) & (ask > 0) & (ltp > 0) & ((ltp < bid) | (ltp > ask))


def _fraction(side: str) -> pl.Expr:
    columns = (_column(side, name) for name in ("oi", "oi_change", "volume", "bid_size", "ask_size"))
    return pl.any_horizontal(column != column.round() for column in columns)


_TESTS: Mapping[str, Callable[[str], pl.Expr]] = {
    "iv_zero": lambda side: (_column(side, "ltp") > 0) & (_column(side, "vendor_iv") == 0),
    "iv_above_one": lambda side: _column(side, "vendor_iv") > 1,
    "iv_floor": lambda side: (_column(side, "vendor_iv") > 0) & (_column(side, "vendor_iv") <= 0.001 + 1e-12),
    "outside": _outside,
    "part_lots": lambda side: (_column(side, "oi") % pl.col("_lot")) != 0,
    "fraction": _fraction,
    "one_side": lambda side: _column(side, "ltp") == 0,
}
_PRICED = ("call_bid", "call_ask", "put_bid", "put_ask")


def _check(name: str, treatment: Treatment, note: str, test: pl.Expr) -> tuple[str, Check]:
    return name, Check(Blemish(name, treatment, note), test)


CHECKS = dict(
    (
        _check("oi_in_lots", "converted", "lots times the trade-date lot are units", pl.col("_lot").is_not_null()),
        _check("part_lots", "converted", "thirds of lots that are whole units", _either("part_lots")),
        _check("iv_zero", "flagged", "a traded option without the vendor's implied vol", _either("iv_zero")),
        _check("iv_above_one", "flagged", "a vendor's implied vol above 100 %", _either("iv_above_one")),
        _check("iv_floor", "flagged", "a vendor's implied vol at its floor of 0.1 %", _either("iv_floor")),
        _check(
            "no_iv", "kept", "no implied vol in the source", pl.col("call_vendor_iv") + pl.col("put_vendor_iv") == 0
        ),
        _check("no_volume", "kept", "no volume on either side", pl.col("call_volume") + pl.col("put_volume") == 0),
        _check("ltp_outside_quote", "flagged", "a last price outside bid and ask", _either("outside")),
        _check("no_quote", "flagged", "neither bid nor ask on either side", pl.all_horizontal(pl.col(*_PRICED) == 0)),
        _check("one_side_missing", "flagged", "a call without its put or the reverse", _either("one_side")),
        _check(
            "fractional_units", "flagged", "sizes, open interest or volume that are no whole units", _either("fraction")
        ),
        _check("no_spot", "kept", "the source does not say what the index is", pl.col("spot").is_null()),
        _check("no_exchange_time", "kept", "no exchange clock: the receipt counts", pl.col("exchange_time").is_null()),
        _check(
            "repeated_exchange_time", "flagged", "the exchange time of an earlier snapshot again", pl.col("_repeated")
        ),
        _check("not_a_session", "flagged", "collected on a day without a session", pl.col("_no_session")),
        _check(
            "future_exchange_time",
            "flagged",
            "an exchange time after the receipt",
            pl.col("exchange_time") > pl.col("received_at"),
        ),
        _check(
            "late_exchange_time",
            "flagged",
            "an exchange time more than 120 s before the receipt",
            pl.col("received_at") - pl.col("exchange_time") > pl.duration(seconds=120),
        ),
    )
)
