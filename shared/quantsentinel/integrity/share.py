"""The judgement of row guards: bad rows are masked, too large a share of them refuses the chain."""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection

MAX_SHARE = 0.02
"""Of the quoted rows: a stray row is masked, more than that is a broken source (2025-08-29 has none in 730,000)."""


def judge_share(case: Inspection, guard: Guard, flag: str, what: str) -> Finding:
    """The rows of `case.quotes.flags[flag]` as a share of the quoted or flagged rows, against `MAX_SHARE`."""
    flagged = case.quotes.flags[flag]
    rows = int(np.count_nonzero(flagged))
    quoted = int(np.count_nonzero(~case.quotes.flags["unquoted"] | flagged))
    share = rows / max(quoted, 1)
    if share > MAX_SHARE:
        return guard.refuses(share, MAX_SHARE, f"{rows} {what}", rows)
    if rows:
        return guard.masks(share, MAX_SHARE, f"{rows} {what} are not used", rows)
    return guard.passed(share, MAX_SHARE)
