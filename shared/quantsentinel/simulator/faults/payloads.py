"""Payloads that are wrong before anything is parsed: our own Parquet, and Upstox's JSON drawn from a snapshot."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from quantsentinel.market.codec import PARQUET, SNAPSHOT_KEY, encode_snapshot
from quantsentinel.market.parsers.upstox_v2 import INSTRUMENT_KEYS, MARKET_FIELDS
from quantsentinel.market.raw import Payload, RawSnapshot
from quantsentinel.market.snapshot import Chain, Snapshot
from quantsentinel.simulator.faults.fault import Answer, Fault, Inject, Injected, Level, Scene

JSON = "application/json"
Document = dict[str, Any]
Spoil = Callable[[Document, float, np.random.Generator], None]


def upstox_json(snapshot: Snapshot, chain: Chain) -> Document:
    """One expiry as Upstox v2 prints it; vol in percent."""
    return {"status": "success", "data": [_row(snapshot, chain, place) for place in range(len(chain))]}


def _row(snapshot: Snapshot, chain: Chain, place: int) -> Document:
    legs = {}
    for name, side in (("call_options", chain.call), ("put_options", chain.put)):
        market = {field: float(side[column][place]) for column, field in MARKET_FIELDS.items()}
        market["prev_oi"] = float(side["oi"][place] - side["oi_change"][place])
        legs[name] = {"market_data": market, "option_greeks": {"iv": float(side["vendor_iv"][place]) * 100}}
    return {
        "expiry": chain.expiry.isoformat(),
        "underlying_key": INSTRUMENT_KEYS[snapshot.underlying],
        "underlying_spot_price": snapshot.spot or 0.0,
        "strike_price": float(chain.strike[place]),
        **legs,
    }


def upstox_raw(snapshot: Snapshot, documents: list[bytes]) -> RawSnapshot:
    """One payload an expiry, as asked for."""
    payloads = tuple(
        Payload(body, JSON, part.received_at, part.expiry)
        for body, part in zip(documents, snapshot.slices, strict=False)
    )
    return RawSnapshot(snapshot.underlying, "upstox", "upstox_v2", snapshot.received_at, payloads)


def canonical_raw(snapshot: Snapshot, body: bytes) -> RawSnapshot:
    payload = Payload(body, PARQUET, snapshot.received_at)
    return RawSnapshot(snapshot.underlying, snapshot.source, "canonical", snapshot.received_at, (payload,))


def _laid(scene: Scene, at: int, raw: RawSnapshot) -> Injected:
    every = np.ones(len(scene.snapshots[at]), dtype=np.bool_)
    return Injected(scene.snapshots, at, every, at, raw=raw)


def _parquet(spoil: Callable[[bytes, float, np.random.Generator], bytes]) -> Inject:
    def inject(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
        clean = scene.snapshots[at]
        return _laid(scene, at, canonical_raw(clean, spoil(encode_snapshot(clean), severity, random)))

    return inject


def _json(spoil: Spoil) -> Inject:
    """The nearest expiry's document is spoilt, the next one's is right."""

    def inject(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
        clean = scene.snapshots[at]
        if clean.underlying not in INSTRUMENT_KEYS:
            return None
        documents = [upstox_json(clean, chain) for chain in clean.chains()[:2]]
        spoil(documents[0], severity, random)
        return _laid(scene, at, upstox_raw(clean, [json.dumps(document).encode() for document in documents]))

    return inject


def _cut_json(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    clean = scene.snapshots[at]
    if clean.underlying not in INSTRUMENT_KEYS:
        return None
    body = json.dumps(upstox_json(clean, clean.chain(0))).encode()
    return _laid(scene, at, upstox_raw(clean, [body[: int(len(body) * severity)]]))


def _cut(body: bytes, severity: float, random: np.random.Generator) -> bytes:
    return body[: int(len(body) * severity)]


def _reframed(change: Callable[[Any, np.random.Generator], Any]) -> Inject:
    """The Parquet's rows changed, its header kept."""

    def spoil(body: bytes, severity: float, random: np.random.Generator) -> bytes:
        import polars as pl

        header = pl.read_parquet_metadata(io.BytesIO(body))[SNAPSHOT_KEY]
        frame = change(pl.read_parquet(io.BytesIO(body)), random)
        buffer = io.BytesIO()
        frame.write_parquet(buffer, metadata={SNAPSHOT_KEY: header})
        return buffer.getvalue()

    return _parquet(spoil)


def _unsorted(frame: Any, random: np.random.Generator) -> Any:
    """Strikes of each expiry in random order; expiries start where the strikes step down."""
    strike = frame["strike"].to_numpy()
    slot = np.cumsum(np.concatenate(([0], np.diff(strike) <= 0)))
    return frame[np.lexsort((random.random(len(strike)), slot)).tolist()]


def _twice(document: Document, severity: float, random: np.random.Generator) -> None:
    """Strikes listed twice, the second time with other prices."""
    rows = document["data"]
    for place in random.choice(len(rows), int(severity), replace=False):
        again = json.loads(json.dumps(rows[place]))
        again["call_options"]["market_data"]["bid_price"] *= 1.1
        rows.insert(int(random.integers(len(rows))), again)


def _without_side(document: Document, severity: float, random: np.random.Generator) -> None:
    rows = document["data"]
    for place in random.choice(len(rows), int(np.ceil(len(rows) * severity)), replace=False):
        rows[place]["put_options"] = None


def _wrong_key(document: Document, severity: float, random: np.random.Generator) -> None:
    """This share of the rows names another underlying."""
    own = document["data"][0]["underlying_key"]
    other = next(key for key in INSTRUMENT_KEYS.values() if key != own)
    rows = document["data"]
    for place in random.choice(len(rows), int(np.ceil(len(rows) * severity)), replace=False):
        rows[place]["underlying_key"] = other


def _wrong_expiry(document: Document, severity: float, random: np.random.Generator) -> None:
    """Rows that say another expiry than was asked for."""
    rows = document["data"]
    for place in random.choice(len(rows), int(np.ceil(len(rows) * severity)), replace=False):
        rows[place]["expiry"] = "2031-12-30"


def _texts(document: Document, severity: float, random: np.random.Generator) -> None:
    """Numbers as text: `"41.0"`."""
    for row in random.choice(document["data"], int(severity), replace=False):
        market = row["call_options"]["market_data"]
        market["bid_price"] = str(market["bid_price"])


def _padded(document: Document, severity: float, random: np.random.Generator) -> None:
    """Field names with spaces around them."""
    for row in document["data"]:
        row["call_options"]["market_data"] = {f" {k} ": v for k, v in row["call_options"]["market_data"].items()}


def _footnote(document: Document, severity: float, random: np.random.Generator) -> None:
    document["data"].append({"note": "* Prices are indicative"})


def _failed(document: Document, severity: float, random: np.random.Generator) -> None:
    document["status"] = "error"


_BODY = frozenset({"payload"})
_FILES, _ZEROS, _IDENTITY = ("fno_footnote",), ("openalgo_zeros",), ("openalgo_foreign_price",)


def _raw(name: str, sources: tuple[str, ...], unit: str, severities: tuple[float, ...], inject: Inject) -> Fault:
    return Fault(name, sources, Level.RAW, Answer.REFUSED, _BODY, unit, severities, inject)


FAULTS = (
    _raw("truncated_file", _ZEROS, "share kept", (0.0, 0.5, 0.99), _parquet(_cut)),
    _raw("truncated_json", _ZEROS, "share kept", (0.0, 0.5, 0.999), _cut_json),
    _raw(
        "column_missing", ("daily_layouts",), "columns", (1,), _reframed(lambda frame, random: frame.drop("call_bid"))
    ),
    Fault(
        "rows_unsorted", ("daily_layouts",), Level.RAW, Answer.UNCHANGED, _BODY, "chains", (1,), _reframed(_unsorted)
    ),
    _raw("strike_twice", ("daily_layouts",), "strikes", (1, 5), _json(_twice)),
    _raw("side_missing", _ZEROS, "share of strikes", (0.01, 1.0), _json(_without_side)),
    _raw("key_of_another", (*_IDENTITY, "kite_rupees"), "share of rows", (0.01, 0.09, 1.0), _json(_wrong_key)),
    _raw("expiry_of_another", ("rules_expiry_late",), "share of rows", (0.01, 1.0), _json(_wrong_expiry)),
    _raw("text_for_number", _FILES, "rows", (1,), _json(_texts)),
    _raw("padded_fields", _FILES, "documents", (1,), _json(_padded)),
    _raw("footnote_row", _FILES, "rows", (1,), _json(_footnote)),
    _raw("status_error", _ZEROS, "documents", (1,), _json(_failed)),
)
