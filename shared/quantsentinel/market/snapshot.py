"""A snapshot of one underlying's option chains: columnar NumPy arrays, immutable, content-addressed.

Canonical layout, made by `Snapshot.build`: slices ascend by expiry; inside a slice strikes ascend; every (slice,
strike) has exactly two rows, the call first and the put second. So `Chain` views are strided slices and cost nothing.
Absent quotes are 0.0, as the exchange prints them; `bid > 0` is what "quoted" means. Prices are index points,
sizes, open interest and volume are **units** (not lots); they are float64 that hold integers, so that a fraction, which
a unit error makes, survives to the `unit` guard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import date, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quantsentinel.canonical import canonical_bytes
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.market.instruments import Instrument

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Capability = Literal["quotes", "ltp_only"]

SCHEMA_VERSION = 2
VALUE_COLUMNS = ("bid", "ask", "bid_size", "ask_size", "ltp", "oi", "oi_change", "volume", "vendor_iv")
"""`vendor_iv` is the vendor's implied vol as an annual fraction, 0.0 where absent: compared, never used to decide."""
GREEK_COLUMNS = ("vendor_delta", "vendor_gamma", "vendor_theta", "vendor_vega")
"""As the vendor prints them (units: its data contract), NaN where absent: compared, never used to decide."""
MASKED_BY = ("jump", "stuck_quote", "volume_fell", "interest_jump")
"""What only the snapshot before can tell: flag i is bit 2**i of the column `masked`. The order is never changed."""
COLUMNS = (*VALUE_COLUMNS, *GREEK_COLUMNS, "masked")
SCHEMAS = {1: VALUE_COLUMNS, SCHEMA_VERSION: COLUMNS}
"""The columns in the digest of each schema version: a snapshot of version 1 keeps the name it was stored under."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One expiry of a snapshot. `exchange_time` is None where the source has no exchange clock."""

    expiry: date
    exchange_time: datetime | None
    received_at: datetime

    @property
    def observed_at(self) -> datetime:
        """When the quotes were true: the exchange's time, else the receipt, never later than the receipt."""
        return self.received_at if self.exchange_time is None else min(self.exchange_time, self.received_at)


@dataclass(frozen=True, slots=True)
class OptionQuote:
    """One row, for people and tests. Sizes, oi and volume in units."""

    instrument: Instrument
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    ltp: float
    oi: float
    volume: float

    @property
    def is_two_sided(self) -> bool:
        return self.bid > 0 and self.ask > 0


@dataclass(frozen=True, eq=False)
class Chain:
    """One expiry, calls and puts paired by strike; every array has shape (n_strikes,). Views, not copies."""

    underlying: str
    slice: Slice
    strike: Floats
    call: Mapping[str, Floats]
    put: Mapping[str, Floats]

    @property
    def expiry(self) -> date:
        return self.slice.expiry

    def __len__(self) -> int:
        return len(self.strike)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All chains of one underlying that were polled together. Build it with `Snapshot.build`.

    `offsets` has n_slices + 1 entries: rows of slice i are `offsets[i]:offsets[i + 1]`. `spot` is what the source
    says the index is (None or 0 when it does not), never used for a decision without the `scale` guard's check.
    `columns` holds `COLUMNS`; vendor Greeks that are left out become NaN, `masked` 0. `masked` is set by the firewall
    alone: the bits of `MASKED_BY`, so that who reads a stored snapshot sees what needed the snapshot before it.
    """

    underlying: str
    source: str
    capability: Capability
    slices: tuple[Slice, ...]
    offsets: NDArray[np.int64]
    strike: Floats
    is_call: Bools
    columns: Mapping[str, Floats]
    spot: float | None = None
    schema_version: int = SCHEMA_VERSION
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        absent = [name for name in COLUMNS if name not in self.columns]
        if absent:
            blank = {name: _blank(name, len(self.strike)) for name in absent}
            object.__setattr__(self, "columns", {**self.columns, **blank})

    @staticmethod
    def build(  # noqa: PLR0913  # the columns of a table, all by keyword
        *,
        underlying: str,
        source: str,
        capability: Capability,
        slices: Mapping[date, Slice],
        expiry: NDArray[np.datetime64],
        strike: Floats,
        call: Mapping[str, Floats],
        put: Mapping[str, Floats],
        spot: float | None = None,
        notes: tuple[str, ...] = (),
        schema_version: int = SCHEMA_VERSION,
    ) -> Snapshot:
        """From paired rows in any order: `expiry` (datetime64[D]), `strike` and the value columns, all (n_pairs,).

        `call` and `put` must hold `VALUE_COLUMNS`; the other `COLUMNS` may be absent.
        Raises `BadInput` for a repeated (expiry, strike), a row whose expiry has no slice, a missing column, bits that
        no guard has in `masked`, a spot that is no number, or no row.
        """
        _check_pairs(expiry, strike, call, put, slices)
        if spot is not None and not np.isfinite(spot):
            raise BadInput(f"spot {spot} is no number", where=f"{source} {underlying}", fix="Use None for no spot")
        order = np.lexsort((strike, expiry))
        expiry, strike = expiry[order], np.asarray(strike, dtype=np.float64)[order]
        if np.any((expiry[1:] == expiry[:-1]) & (strike[1:] == strike[:-1])):
            raise BadInput("the same expiry and strike twice", where=f"{source} {underlying}")
        days, starts = np.unique(expiry, return_index=True)
        known = [slices[day.item()] for day in days]
        columns = {}
        for name in COLUMNS:
            if name not in call and name not in put:
                continue
            column = np.empty(2 * len(strike))
            column[0::2], column[1::2] = call[name][order], put[name][order]
            column.flags.writeable = False
            columns[name] = column
        return Snapshot(
            underlying=underlying,
            source=source,
            capability=capability,
            slices=tuple(known),
            offsets=2 * np.append(starts, len(strike)).astype(np.int64),
            strike=np.repeat(strike, 2),
            is_call=np.tile([True, False], len(strike)),
            columns=columns,
            spot=spot,
            schema_version=schema_version,
            notes=notes,
        )

    def __len__(self) -> int:
        return len(self.strike)

    def __getattr__(self, name: str) -> Floats:
        if name in COLUMNS:
            return self.columns[name]
        raise AttributeError(name)

    @worked_out
    def received_at(self) -> datetime:
        return max(part.received_at for part in self.slices)

    @worked_out
    def observed_at(self) -> datetime:
        return max(part.observed_at for part in self.slices)

    @property
    def expiries(self) -> tuple[date, ...]:
        return tuple(part.expiry for part in self.slices)

    @property
    def expiry(self) -> NDArray[np.datetime64]:
        """(n_rows,) expiry of each row."""
        return np.repeat(np.array(self.expiries, dtype="datetime64[D]"), np.diff(self.offsets))

    def chain(self, index: int) -> Chain:
        """The chain of slice `index`."""
        low, high = int(self.offsets[index]), int(self.offsets[index + 1])
        return Chain(
            underlying=self.underlying,
            slice=self.slices[index],
            strike=self.strike[low:high:2],
            call={name: column[low:high:2] for name, column in self.columns.items()},
            put={name: column[low + 1 : high : 2] for name, column in self.columns.items()},
        )

    def chains(self) -> list[Chain]:
        return [self.chain(index) for index in range(len(self.slices))]

    def masked_by(self, name: str) -> Bools:
        """(n_rows,) rows that the guard `name` of `MASKED_BY` took out of use."""
        bits = self.columns["masked"].astype(np.int64)
        return np.asarray(bits & (1 << MASKED_BY.index(name)) != 0)

    def judged(self, flags: Mapping[str, Bools]) -> Snapshot:
        """Itself with exactly these `flags`, by `MASKED_BY` and (n_rows,), in `masked`; the same where none differs."""
        bits = np.zeros(len(self))
        for name, rows in flags.items():
            bits += rows * float(1 << MASKED_BY.index(name))
        if np.array_equal(bits, self.columns["masked"]):
            return self
        bits.flags.writeable = False
        return replace(self, columns={**self.columns, "masked": bits}, schema_version=SCHEMA_VERSION)

    def row(self, instrument: Instrument) -> int | None:
        """The row number of an instrument, or None when it is not in the snapshot."""
        if instrument.expiry not in self.expiries:
            return None
        index = self.expiries.index(instrument.expiry)
        low, high = int(self.offsets[index]), int(self.offsets[index + 1])
        pair = low + 2 * int(np.searchsorted(self.strike[low:high:2], instrument.strike))
        if pair >= high or self.strike[pair] != instrument.strike:
            return None
        return pair if instrument.is_call else pair + 1

    def quote(self, instrument: Instrument) -> OptionQuote | None:
        row = self.row(instrument)
        if row is None:
            return None
        names = ("bid", "ask", "bid_size", "ask_size", "ltp", "oi", "volume")
        return OptionQuote(instrument, *(float(self.columns[name][row]) for name in names))

    @worked_out
    def digest(self) -> str:
        """`sha256:<hex>` of the canonical bytes: the header as canonical JSON, then each column, little-endian."""
        header = {
            "underlying": self.underlying,
            "source": self.source,
            "capability": self.capability,
            "schema_version": self.schema_version,
            "slices": self.slices,
            "offsets": self.offsets.tolist(),
            "spot": self.spot,
            "notes": self.notes,
        }
        hasher = hashlib.sha256(canonical_bytes(header))
        for column in (self.strike, *(self.columns[name] for name in SCHEMAS[self.schema_version])):
            hasher.update(np.ascontiguousarray(column, dtype="<f8").tobytes())
        return "sha256:" + hasher.hexdigest()


def _blank(name: str, rows: int) -> Floats:
    """What an absent optional column holds. Raises `BadInput` for a column that may not be absent."""
    if name in VALUE_COLUMNS:
        raise BadInput(f"missing column {name}", where="Snapshot")
    column = np.full(rows, 0.0 if name == "masked" else np.nan)
    column.flags.writeable = False
    return column


def _check_pairs(
    expiry: NDArray[np.datetime64],
    strike: Floats,
    call: Mapping[str, Floats],
    put: Mapping[str, Floats],
    slices: Mapping[date, Slice],
) -> None:
    if not len(strike):
        raise BadInput("the chain has no rows", where="Snapshot.build")
    for side, columns in (("call", call), ("put", put)):
        missing = [name for name in VALUE_COLUMNS if name not in columns]
        if missing:
            raise BadInput(f"missing {side} columns {missing}", where="Snapshot.build")
        wrong = [name for name in COLUMNS if name in columns and len(columns[name]) != len(strike)]
        if wrong:
            raise BadInput(f"{side} columns {wrong} differ in length from strike", where="Snapshot.build")
    lone = [name for name in COLUMNS if (name in call) != (name in put)]
    if lone:
        raise BadInput(f"columns {lone} on one side only", where="Snapshot.build")
    for columns in (call, put):
        bits = np.asarray(columns.get("masked", 0.0))
        if not np.isin(bits, range(1 << len(MASKED_BY))).all():
            raise BadInput("masked holds what is no set of guards", where="Snapshot.build")
    unknown = {day.item() for day in np.unique(expiry)} - set(slices)
    if unknown:
        raise BadInput(f"rows of expiries without a slice: {sorted(map(str, unknown))}", where="Snapshot.build")
