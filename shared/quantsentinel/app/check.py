"""One line of `qs doctor`: light, because the command line is built from it."""

from __future__ import annotations

from datetime import date, datetime

from quantsentinel.contracts.access_token import TokenLife
from quantsentinel.errors import QuantsentinelError
from quantsentinel.frozen import dataclass

OK, WARN, FAIL = "ok", "warn", "fail"
COVERAGE_WARNING_DAYS = 45
TOKEN_FIX = '`qs token request`, or a new Analytics Token: docs/runbook.md, "Rotate the broker\'s token"'  # noqa: S105  # a sentence


@dataclass(frozen=True, slots=True)
class Check:
    """What was asked, how it stands (ok, warn or fail), what was found and what to do."""

    name: str
    status: str
    found: str
    fix: str = ""


def failed(name: str, error: QuantsentinelError) -> Check:
    what = f"{error.where}: {error.what}" if error.where else error.what
    return Check(name, FAIL, what, error.fix or "Make it reachable, then ask again")


def covered(end: date, day: date) -> Check:
    """Fails past the rule book's coverage, warns 45 days before."""
    left = (end - day).days
    fix = "Add dated rows to an overlay (QS_RULES_OVERLAY), or take a newer release"
    if left < 0:
        return Check("rule book", FAIL, f"covers entries to {end}; {day} is {-left} days past it: all is refused", fix)
    if left < COVERAGE_WARNING_DAYS:
        return Check("rule book", WARN, f"covers entries to {end}, {left} days from {day}", fix)
    return Check("rule book", OK, f"covers entries to {end}, {left} days from {day}")


def token_life(name: str, life: TokenLife, now: datetime) -> Check:
    """By how long a token still lives."""
    left = life.days_left(now)
    if left is None:
        return Check(name, WARN, "the token does not say when it ends", "Note its end by hand")
    if left <= 0:
        return Check(name, FAIL, f"ended at {life.expires_at}", TOKEN_FIX)
    due = life.due(now)
    fix = TOKEN_FIX if due is not None else ""
    return Check(name, OK if due is None else WARN, f"ends in {left:.1f} days, at {life.expires_at}", fix)
