"""Our own snapshot object: what the simulator writes, what the bucket holds."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.codec import decode_snapshot
from quantsentinel.market.parsers.payload import parquet_columns, readable
from quantsentinel.market.parsers.table import LARGEST, require_echo
from quantsentinel.market.raw import RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot


def parse_canonical(raw: RawSnapshot, rules: RuleBook) -> Snapshot:
    """The snapshot as it was encoded, without the expiries that the rule book does not cover."""
    snapshot = _decoded(raw.payloads[0].body, raw.source)
    require_echo([snapshot.underlying], raw)
    gaps: dict[int, str] = {}
    for index, expiry in enumerate(snapshot.expiries):
        try:
            rules.last_trade(snapshot.underlying, expiry)
        except RuleGap as gap:
            gaps[index] = f"{expiry} left out: {gap.what}"
    if len(gaps) == len(snapshot.slices):
        raise RuleGap(f"no expiry of the chain is covered: {'; '.join(gaps.values())}", where=raw.source)
    return _without(snapshot, gaps) if gaps else snapshot


def _decoded(body: bytes, where: str) -> Snapshot:
    parquet_columns(body, where)
    try:
        snapshot = readable(lambda: decode_snapshot(body), where)
    except (AttributeError, KeyError, TypeError) as error:
        raise BadInput(f"the header does not describe a snapshot: {error!r}", where=where) from None
    return require_sound(snapshot, where)


def require_sound(snapshot: Snapshot, where: str) -> Snapshot:
    """Itself. Raises `BadInput` naming the header fields that hold what no snapshot of ours holds."""
    wrong = _unsound(snapshot)
    if wrong:
        raise BadInput(f"the header does not describe a snapshot: {', '.join(wrong)}", where=where)
    return snapshot


def _unsound(snapshot: Snapshot) -> list[str]:
    """JSON has no types of its own: what was decoded is looked at field by field."""
    spot: Any = snapshot.spot
    times = [time for part in snapshot.slices for time in (part.exchange_time, part.received_at) if time is not None]
    sound = {
        "underlying": isinstance(snapshot.underlying, str),
        "source": isinstance(snapshot.source, str),
        "capability": snapshot.capability in ("quotes", "ltp_only"),
        "spot": spot is None or (type(spot) in (int, float) and abs(spot) <= LARGEST),
        "notes": all(isinstance(note, str) for note in snapshot.notes),
        "slices": all(time.tzinfo is not None for time in times),
        "strike": bool((np.isfinite(snapshot.strike) & (snapshot.strike > 0)).all()),
    }
    return [name for name, fine in sound.items() if not fine]


def _without(snapshot: Snapshot, gaps: dict[int, str]) -> Snapshot:
    kept = np.array([index not in gaps for index in range(len(snapshot.slices))])
    counts = np.diff(snapshot.offsets)
    rows = np.repeat(kept, counts)
    return dataclasses.replace(
        snapshot,
        slices=tuple(part for part, keep in zip(snapshot.slices, kept, strict=True) if keep),
        offsets=np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.int64),
        strike=snapshot.strike[rows],
        is_call=snapshot.is_call[rows],
        columns={name: column[rows] for name, column in snapshot.columns.items()},
        notes=(*snapshot.notes, *gaps.values()),
    )
