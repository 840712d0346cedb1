"""What was fitted is young enough: at most twice its cadence old; newer parameters re-arm it, nothing else.

Every fitted part says until when it learned (`trained`), and the policy how often it is to be fitted again. A part
that does not say, or that the policy does not name, is unknown and stops. A replay of a day before the fit measures 0.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from quantsentinel.desk import Desk
from quantsentinel.portfolio.memo import Memo
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.verdict import Outcome, Verdict

NAME = "model_staleness"


class Age(NamedTuple):
    """Of the part that is closest to its limit, in days; None where it is not known."""

    part: str
    days: float | None
    limit_days: float | None


_AGES: Memo[Age] = Memo(64)


def model_staleness(facts: TenantFacts) -> Verdict:
    return of_cycle(facts, _judged)


def _judged(facts: TenantFacts) -> Verdict:
    part, days, limit = oldest(facts.desk, facts.view.session)
    if days is None or limit is None:
        reading = Reading(days, limit, "days", f"{part}: the end of its training or its cadence is not known")
        return receipt(NAME, Outcome.UNKNOWN, reading, part, days, limit)
    detail = f"{part}; newer parameters re-arm it" if days > limit else part
    return receipt(NAME, passes(days <= limit), Reading(days, limit, "days", detail), part, days, limit)


def oldest(desk: Desk, session: date) -> Age:
    """The fitted part with the largest age over its limit, the same for every tenant."""
    key = (desk.digest, session, *(getattr(model, "trained", None) for model in desk.models.values()))
    return _AGES.get(key, lambda: _oldest(desk, session))


def _oldest(desk: Desk, session: date) -> Age:
    ends = {f"volatility.{name}": _end(text) for name, text in desk.volatility.trained.items()}
    ends |= {f"model.{slot}": _end(getattr(model, "trained", None)) for slot, model in desk.models.items()}
    policy = desk.policy.switches
    ages = []
    for part, end in sorted(ends.items()):
        cadence = policy.cadence_days.get(part)
        limit = None if cadence is None else policy.stale_after_cadences * cadence
        ages.append(Age(part, None if end is None else float(max((session - end).days, 0)), limit))
    if not ages:
        return Age("no fitted part", None, None)
    return max(ages, key=_urgency)


def _urgency(age: Age) -> float:
    return float("inf") if age.days is None or not age.limit_days else age.days / age.limit_days


def _end(trained: str | None) -> date | None:
    """`2011-01-03..2026-05-27` ends on the second day."""
    try:
        return date.fromisoformat(str(trained).rpartition("..")[2])
    except ValueError:
        return None
