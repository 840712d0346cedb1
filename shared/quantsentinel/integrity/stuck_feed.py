"""The chain near the money does not stand still while time passes or the market moves."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection

GUARD = Guard("stuck_feed", 1, "changes")
MIN_CHANGES = 3
MIN_ROWS = 6
WINDOW_S = 60.0


def stuck_feed(case: Inspection) -> Finding:
    """Rows near the money whose quote, size or volume changed since the accepted snapshot 60 s or more before it.

    Sooner, nothing needs to change. Refuses fewer than 3 of at least 6 comparable rows; last prices are not judged.
    """
    since, previous = case.since, case.context.previous
    if since is None or previous is None:
        return GUARD.passed(None, MIN_CHANGES, "no accepted snapshot before it")
    apart = (case.snapshot.observed_at - previous.observed_at).total_seconds()
    changes = since.near_rows - since.still_rows
    if case.snapshot.capability == "ltp_only" or since.near_rows < MIN_ROWS:
        return GUARD.passed(changes, MIN_CHANGES, "too few quotes to judge")
    if apart >= WINDOW_S and changes < MIN_CHANGES:
        detail = f"{since.still_rows} of {since.near_rows} rows near the money repeat themselves after {apart:.0f} s"
        return GUARD.refuses(changes, MIN_CHANGES, detail)
    return GUARD.passed(changes, MIN_CHANGES)
