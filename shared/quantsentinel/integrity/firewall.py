"""The firewall of one snapshot: every guard is asked, the first that stops is the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quantsentinel.canonical import digest
from quantsentinel.integrity.absurd_prices import absurd_prices
from quantsentinel.integrity.age import age
from quantsentinel.integrity.crossed_quotes import crossed_quotes
from quantsentinel.integrity.finding import OUTCOMES, Finding, Inspection, IntegrityContext
from quantsentinel.integrity.forward_found import forward_found
from quantsentinel.integrity.identity import identity
from quantsentinel.integrity.lag import lag
from quantsentinel.integrity.liveness import liveness
from quantsentinel.integrity.monotone_time import monotone_time
from quantsentinel.integrity.parity import parity
from quantsentinel.integrity.quotes import QuoteMask, quote_mask
from quantsentinel.integrity.repeated_snapshot import repeated_snapshot
from quantsentinel.integrity.scale import scale
from quantsentinel.integrity.session_open import session_open
from quantsentinel.integrity.slice_skew import slice_skew
from quantsentinel.integrity.two_sided_share import two_sided_share
from quantsentinel.integrity.unit import unit
from quantsentinel.integrity.zero_chain import zero_chain
from quantsentinel.market.snapshot import Bools, Snapshot
from quantsentinel.pricing.forward import ForwardFit
from quantsentinel.verdict import Verdict, first_stop

__all__ = ["GUARDS", "Firewall", "IntegrityContext", "check"]

GUARDS: tuple[Callable[[Inspection], Finding], ...] = (
    identity,
    session_open,
    age,
    lag,
    monotone_time,
    repeated_snapshot,
    liveness,
    zero_chain,
    unit,
    absurd_prices,
    crossed_quotes,
    forward_found,
    scale,
    two_sided_share,
    parity,
    slice_skew,
)
"""In the order in which they are asked; a contract test holds their names."""


@dataclass(frozen=True, slots=True, eq=False)
class Firewall:
    """`findings` and `verdicts` in the order of `GUARDS`; `quotes` holds the mask and the forwards.

    `snapshot` is the judged one: its column `masked` tells which rows the snapshot before took out of use. It is what
    must be stored, so that `quote_mask` finds the same rows again without that snapshot.
    """

    snapshot: Snapshot
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    quotes: QuoteMask

    @property
    def first_stop(self) -> Verdict | None:
        """The canonical reason of a refusal."""
        return first_stop(self.verdicts)

    @property
    def accepted(self) -> bool:
        return self.first_stop is None

    @property
    def entries_allowed(self) -> bool:
        """An accepted chain of last prices serves analytics only."""
        return self.accepted and self.snapshot.capability == "quotes"

    @property
    def mask(self) -> Bools:
        """(n_rows,) rows that may be used."""
        return self.quotes.usable

    @property
    def forwards(self) -> tuple[ForwardFit, ...]:
        """One fit a slice, in the snapshot's order."""
        return self.quotes.forwards


def check(snapshot: Snapshot, context: IntegrityContext) -> Firewall:
    """Asks every guard about a snapshot; pure. What each guard saw is hashed once for all of them."""
    judged = snapshot.judged({})
    case = Inspection(judged, context, quote_mask(judged, context.rules))
    seen = digest(
        {
            "snapshot": snapshot.digest,
            "previous": context.previous.digest if context.previous else None,
            "last_seen": context.last_seen.digest if context.last_seen else None,
            "underlying": context.underlying,
            "contract": context.contract,
            "rules": context.rules.digest,
            "decided_at": context.decided_at,
        }
    )
    findings = tuple(guard(case) for guard in GUARDS)
    return Firewall(judged, findings, tuple(_verdict(finding, seen) for finding in findings), case.quotes)


def _verdict(finding: Finding, input_hash: str) -> Verdict:
    return Verdict(
        guard=finding.guard,
        version=finding.version,
        outcome=OUTCOMES[finding.severity],
        measured=finding.measured,
        limit=finding.limit,
        unit=finding.unit,
        input_hash=input_hash,
        detail=finding.detail,
    )
