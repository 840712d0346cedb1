"""Open interest, volume and sizes are whole units: a fraction means that a lot was wrong (`definitions.md` §2)."""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection

GUARD = Guard("unit", 1, "rows")
COLUMNS = ("bid_size", "ask_size", "oi", "oi_change", "volume")
MAX_ROWS = 0


def unit(case: Inspection) -> Finding:
    """Rows with a fraction of a unit: lots are wrong for all rows or for none, so one row refuses the chain."""
    columns = [case.snapshot.columns[name] for name in COLUMNS]
    broken = np.logical_or.reduce([~np.isfinite(column) | (column != np.floor(column)) for column in columns])
    rows = int(np.count_nonzero(broken))
    if rows > MAX_ROWS:
        first = int(np.argmax(broken))
        where = f"{case.snapshot.expiry[first]} {case.snapshot.strike[first]:g}"
        return GUARD.refuses(rows, MAX_ROWS, f"fractions of a unit, first at {where}", rows)
    return GUARD.passed(rows, MAX_ROWS)
