"""The one exception tree. The branch sets the policy; `entry.py` applies it in one place.

    QuantsentinelError
    ├── BadInput       drop and record: the same input will never be right
    │   └── RuleGap    no usable rule row for that date or underlying: refuse
    ├── StaleData      stand aside: too late or too old to act on
    ├── Unavailable    retry by the bus: something we depend on is not there now
    │   ├── Conflict   a document changed between read and write: run the pass again
    │   └── RateLimited    the other side asked us to wait `retry_after_s`
    └── Broken         page, halt the tenant: an invariant of ours does not hold

Refusals are not exceptions: they are values (`verdict.Verdict`, `signals.refusal.Refusal`).
"""

from __future__ import annotations


class QuantsentinelError(Exception):
    """What is wrong, where, and what to do about it."""

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(": ".join(part for part in (where, what) if part) + (f". {fix}" if fix else ""))


class BadInput(QuantsentinelError):
    """The input is wrong and stays wrong: drop it and record why."""


class RuleGap(BadInput):
    """The rule book has no confirmed row for this date, underlying or field."""


class StaleData(QuantsentinelError):
    """The data or event is too old to act on: stand aside."""


class Unavailable(QuantsentinelError):
    """Something we depend on is not available now: the bus retries."""


class Conflict(Unavailable):
    """A document's version changed between read and write."""


class RateLimited(Unavailable):
    """The other side asked us to slow down."""

    def __init__(self, what: str, *, retry_after_s: float, where: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.retry_after_s = retry_after_s


class Broken(QuantsentinelError):
    """An invariant does not hold: page a person, halt the tenant."""
