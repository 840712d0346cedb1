"""Recorded snapshots through the firewall, one after another as the poller sees them, with every verdict and mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from quantsentinel.app.fault_trial import Memory, judge
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.firewall import Firewall
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.ports import RawSnapshot

EXAMPLES = 3
"""Masked quotes shown for each guard of a snapshot."""
NOBODY = "unquoted"
"""Nobody quoting is no fault: such rows are not used, and not counted as masked."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """`firewall` is None, and `unread` says why, when the snapshot could not be parsed."""

    raw: RawSnapshot
    firewall: Firewall | None
    unread: BadInput | None = None

    @property
    def accepted(self) -> bool:
        return self.firewall is not None and self.firewall.accepted


def judged(raws: Iterable[RawSnapshot], rules: RuleBook) -> Iterator[Judged]:
    """In order; each is held against the last accepted and the last seen snapshot of its underlying before it."""
    memories: dict[str, Memory] = {}
    for raw in raws:
        try:
            snapshot = parse(raw, rules)
        except BadInput as error:
            yield Judged(raw, None, error)
            continue
        memory = memories.get(raw.underlying, Memory())
        firewall, memories[raw.underlying] = judge(snapshot, rules, memory, raw.collected_at)
        yield Judged(raw, firewall)


def line(item: Judged) -> dict[str, Any]:
    """The first guard that stopped it, then every verdict and what was masked; `None` measured means not measured."""
    head = {"at": item.raw.collected_at, "underlying": item.raw.underlying}
    if item.firewall is None:
        said = item.unread
        assert said is not None
        why = {"guard": "schema", "measured": said.what, "limit": said.fix, "unit": "", "detail": str(said)}
        return {**head, "outcome": "refused", **why, "snapshot": None, "verdicts": [], "masked": {}}
    stop = item.firewall.first_stop
    first = {name: getattr(stop, name, "") for name in ("guard", "unit", "detail")}
    return {
        **head,
        "outcome": "refused" if stop else "accepted",
        **first,
        "measured": stop.measured if stop else None,
        "limit": stop.limit if stop else None,
        "snapshot": item.firewall.snapshot.digest,
        "verdicts": _verdicts(item.firewall),
        "masked": masked(item.firewall),
    }


def _verdicts(firewall: Firewall) -> list[dict[str, Any]]:
    names = ("guard", "version", "outcome", "measured", "limit", "unit", "detail")
    return [
        {name: getattr(verdict, name) for name in names} | {"masked": finding.masked}
        for verdict, finding in zip(firewall.verdicts, firewall.findings, strict=True)
    ]


def masked(firewall: Firewall) -> dict[str, dict[str, Any]]:
    """Quoted rows by the guard that took them out of use, with the first few as examples; a row may have several."""
    quoted = ~firewall.quotes.flags[NOBODY]
    found: dict[str, dict[str, Any]] = {}
    for name, flags in firewall.quotes.flags.items():
        rows = np.nonzero(flags & quoted)[0] if name != NOBODY else np.empty(0, dtype=np.int64)
        if rows.size:
            examples = [_quote(firewall.snapshot, int(row)) for row in rows[:EXAMPLES]]
            found[name] = {"rows": int(rows.size), "examples": examples}
    return found


def _quote(snapshot: Snapshot, row: int) -> Mapping[str, Any]:
    index = int(np.searchsorted(snapshot.offsets, row, side="right")) - 1
    return {
        "expiry": snapshot.slices[index].expiry,
        "strike": float(snapshot.strike[row]),
        "right": "CE" if snapshot.is_call[row] else "PE",
        **{name: _finite(float(snapshot.columns[name][row])) for name in ("bid", "ask", "ltp")},
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
