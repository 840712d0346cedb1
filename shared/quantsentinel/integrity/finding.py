"""What one guard found, and what the guards look at."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from quantsentinel.frozen import dataclass
from quantsentinel.integrity.quotes import QuoteMask
from quantsentinel.integrity.since_previous import SincePrevious
from quantsentinel.market.contracts import DataContract
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.units import quantise
from quantsentinel.verdict import Measured, Outcome


class Severity(StrEnum):
    OK = "ok"
    MASK = "mask"
    """Some rows are not used, or entries are limited; the chain stands."""
    REFUSE = "refuse"
    UNKNOWN = "unknown"
    """It could not be judged: that refuses too."""


OUTCOMES = {
    Severity.OK: Outcome.PASSED,
    Severity.MASK: Outcome.LIMITED,
    Severity.REFUSE: Outcome.BLOCKED,
    Severity.UNKNOWN: Outcome.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`measured` and `limit` share `unit`; `masked` counts the rows that this guard takes out of use."""

    guard: str
    version: int
    severity: Severity
    measured: Measured
    limit: Measured
    unit: str
    detail: str = ""
    masked: int = 0


@dataclass(frozen=True, slots=True)
class IntegrityContext:
    """What a snapshot is judged against.

    `previous` is the accepted snapshot before it; `last_seen` the newest one of the same underlying that was seen at
    all, accepted or not, which a source without an exchange clock needs to prove that it is alive (None: `previous`).
    `previous_quotes` is the quote mask of `previous` where it is at hand; else it is worked out, to the same result.
    """

    underlying: str
    contract: DataContract
    rules: RuleBook
    decided_at: datetime
    previous: Snapshot | None = None
    last_seen: Snapshot | None = None
    previous_quotes: QuoteMask | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """The input of every guard; `since` is None without a previous snapshot."""

    snapshot: Snapshot
    context: IntegrityContext
    quotes: QuoteMask
    since: SincePrevious | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """Name, version and unit of a guard: its function builds findings with it."""

    name: str
    version: int
    unit: str

    def passed(self, measured: Measured, limit: Measured, detail: str = "") -> Finding:
        return self._finding(Severity.OK, measured, limit, detail)

    def masks(self, measured: Measured, limit: Measured, detail: str, rows: int = 0) -> Finding:
        return self._finding(Severity.MASK, measured, limit, detail, rows)

    def refuses(self, measured: Measured, limit: Measured, detail: str, rows: int = 0) -> Finding:
        return self._finding(Severity.REFUSE, measured, limit, detail, rows)

    def unknown(self, limit: Measured, detail: str) -> Finding:
        return self._finding(Severity.UNKNOWN, None, limit, detail)

    def _finding(self, severity: Severity, measured: Measured, limit: Measured, detail: str, rows: int = 0) -> Finding:
        value = quantise(measured) if isinstance(measured, float) else measured
        return Finding(self.name, self.version, severity, value, limit, self.unit, detail, rows)
