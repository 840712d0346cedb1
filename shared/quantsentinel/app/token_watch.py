"""The countdown of the broker's token: whoever holds the token notes its life, whoever beats tells of its end."""

from __future__ import annotations

from quantsentinel.app.log_line import log
from quantsentinel.app.platform import Platform
from quantsentinel.contracts.access_token import life_of
from quantsentinel.stores.token_board import TokenBoard

FIX = "qs token set, or qs token request: docs/runbook.md"


def note_token(platform: Platform, token: str) -> None:
    """Remembers when this token ends; the token itself is stored nowhere."""
    write = TokenBoard(platform.documents).seen_write(life_of(token), platform.clock.now())
    if write is not None:
        platform.documents.commit([write])


def tell_countdown(platform: Platform) -> None:
    """One log line at 30, 14, 7, 3 and 1 days before the end (WARNING), and one a day after it (ERROR)."""
    board, now = TokenBoard(platform.documents), platform.clock.now()
    life = board.life()
    left = None if life is None else life.days_left(now)
    if life is None or left is None:
        return
    due = life.due(now)
    if life.is_over(now):
        severity, word, text = "ERROR", f"over on {now.date()}", f"the Upstox token ended at {life.expires_at}: {FIX}"
    elif due is not None:
        severity, word, text = "WARNING", f"{due} days", f"the Upstox token ends in {left:.1f} days: {FIX}"
    else:
        return
    write = board.told_write(word)
    if write is not None:
        platform.documents.commit([write])
        log(severity, text, alarm="token_expiry", days_left=f"{left:.1f}")
