"""Our own snapshot object: what the simulator writes, what the bucket holds."""

from __future__ import annotations

import dataclasses

import numpy as np

from quantsentinel.errors import RuleGap
from quantsentinel.market.codec import decode_snapshot
from quantsentinel.market.parsers.table import require_echo
from quantsentinel.market.raw import RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot


def parse_canonical(raw: RawSnapshot, rules: RuleBook) -> Snapshot:
    """The snapshot as it was encoded, without the expiries that the rule book does not cover."""
    snapshot = decode_snapshot(raw.payloads[0].body)
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
