"""The stream of accepted snapshots is unbroken (`definitions.md` §1): after a gap three fresh snapshots re-arm it."""

from __future__ import annotations

from dataclasses import replace

from quantsentinel.portfolio.book import Book
from quantsentinel.risk.facts import Gap, TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.verdict import Outcome, Verdict

NAME = "stale_data"
FRESH_TO_REARM = 3


def stale_data(facts: TenantFacts) -> Verdict:
    """Measured is the gap before this snapshot in seconds of session time; a broken stream counts its way back."""
    needed = facts.book.rearm.get(facts.view.underlying, 0)
    return _judged(facts, needed) if needed else of_cycle(facts, _unbroken)


def _unbroken(facts: TenantFacts) -> Verdict:
    return _judged(facts, 0)


def _judged(facts: TenantFacts, needed: int) -> Verdict:
    gap = facts.gap
    inputs = (facts.view.underlying, gap.seconds, gap.limit_s, needed)
    if gap.is_stale is None or facts.as_of.kills is None:
        what = "the session, the source's data contract or the heartbeat's switch is not known"
        reading = Reading(gap.seconds, gap.limit_s, "s", what)
        return receipt(NAME, Outcome.UNKNOWN, reading, *inputs)
    silent = facts.kill(f"{NAME}:{facts.view.underlying}")
    detail = f"{needed} more fresh snapshots re-arm it" if needed else (silent.why if silent else "")
    reading = Reading(gap.seconds, gap.limit_s, "s", detail)
    holds = not gap.is_stale and needed == 0 and silent is None
    return receipt(NAME, passes(holds), reading, *inputs, silent is not None)


def counted(book: Book, underlying: str, gap: Gap) -> Book:
    """The book after this snapshot: a stale one asks for three fresh ones, a fresh one counts down. Where it is not
    known which, nothing changes: that stops entries by itself."""
    if gap.is_stale is None:
        return book
    needed = book.rearm.get(underlying, 0)
    after = FRESH_TO_REARM if gap.is_stale else max(needed - 1, 0)
    if after == needed:
        return book
    rest = {name: count for name, count in book.rearm.items() if name != underlying}
    return replace(book, rearm={**rest, underlying: after} if after else rest)
