"""Snapshots as rows of the `chains` dataset, and the blemishes that show on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl

from quantsentinel.errors import RuleGap
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
    frames = []
    stamps: set[datetime] = set()
    for collected_at, snapshot in snapshots:
        times = {part.exchange_time for part in snapshot.slices if part.exchange_time}
        repeated = bool(times) and times <= stamps
        stamps |= times
        frames.append(_frame(collected_at, snapshot, rules).with_columns(_repeated=pl.lit(repeated)))
    return pl.concat(frames)


def _frame(collected_at: datetime, snapshot: Snapshot, rules: RuleBook) -> pl.DataFrame:
    counts = np.diff(snapshot.offsets) // 2
    on = collected_at.astimezone(IST).date()

    def by_slice(values: Sequence[object], kind: pl.DataType | type[pl.DataType]) -> pl.Series:
        return pl.Series(values, dtype=kind).gather(np.repeat(np.arange(len(values)), counts))

    lots = [_lot(rules, snapshot, expiry, on) for expiry in snapshot.expiries]
    return pl.DataFrame(pair_columns(snapshot)).with_columns(
        pl.lit(collected_at).cast(UTC_TIME).alias("collected_at"),
        by_slice(snapshot.expiries, pl.Date).alias("expiry"),
        by_slice([part.exchange_time for part in snapshot.slices], UTC_TIME).alias("exchange_time"),
        by_slice([part.received_at for part in snapshot.slices], UTC_TIME).alias("received_at"),
        pl.lit(snapshot.spot, dtype=pl.Float64).alias("spot"),
        pl.lit(snapshot.digest).alias("snapshot"),
        by_slice(lots, pl.Float64).alias("_lot"),
        pl.lit(not _is_session(rules, on)).alias("_no_session"),
    )


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
