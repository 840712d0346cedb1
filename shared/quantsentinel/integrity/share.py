"""The judgement of row guards: bad rows are masked, too large a share of them refuses the chain.

Every finding that masks names its first row, so that a person can look at it.
"""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.market.snapshot import Bools, Snapshot

MAX_SHARE = 0.02
"""Of the quoted rows: a stray row is masked, more than that is a broken source (2025-08-29 has none in 730,000)."""


MAX_NEAR_SHARE = 0.20
"""Of the quoted rows near the money (`definitions.md` §3)."""


def judge_share(case: Inspection, guard: Guard, flag: str, what: str) -> Finding:
    """The rows of `case.quotes.flags[flag]` as a share of the quoted or flagged rows, against `MAX_SHARE`."""
    return _judge(case, guard, (flag, what), (np.True_, MAX_SHARE))


def judge_near(case: Inspection, guard: Guard, flag: str, what: str) -> Finding:
    """As `judge_share`, of the rows near the money, against `MAX_NEAR_SHARE`."""
    return _judge(case, guard, (flag, what), (case.quotes.near, MAX_NEAR_SHARE))


def _judge(case: Inspection, guard: Guard, named: tuple[str, str], within: tuple[Bools | np.bool_, float]) -> Finding:
    (flag, what), (inside, limit) = named, within
    flagged = case.quotes.flags[flag]
    rows = int(np.count_nonzero(flagged))
    if not rows:
        return guard.passed(0.0, limit)
    quoted = int(np.count_nonzero((~case.quotes.flags["unquoted"] | flagged) & inside))
    share = float(np.count_nonzero(flagged & inside)) / max(quoted, 1)
    where = f"first {named_row(case.snapshot, int(np.argmax(flagged)))}"
    if share > limit:
        return guard.refuses(share, limit, f"{rows} {what}, {where}", rows)
    return guard.masks(share, limit, f"{rows} {what} are not used, {where}", rows)


def named_row(snapshot: Snapshot, row: int) -> str:
    """`2025-09-02 24500 CE`."""
    return f"{snapshot.expiry[row]} {snapshot.strike[row]:g} {'CE' if snapshot.is_call[row] else 'PE'}"
