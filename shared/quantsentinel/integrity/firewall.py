"""The firewall of one snapshot: every guard is asked, the first that stops is the reason."""

from __future__ import annotations

from collections.abc import Callable

from quantsentinel.canonical import digest
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.absurd_prices import absurd_prices
from quantsentinel.integrity.age import age
from quantsentinel.integrity.butterfly import butterfly
from quantsentinel.integrity.calendar import calendar
from quantsentinel.integrity.crossed_quotes import crossed_quotes
from quantsentinel.integrity.expiry_label import expiry_label
from quantsentinel.integrity.finding import OUTCOMES, Finding, Inspection, IntegrityContext
from quantsentinel.integrity.forward_found import forward_found
from quantsentinel.integrity.identity import identity
from quantsentinel.integrity.interest_jump import interest_jump
from quantsentinel.integrity.jump import jump
from quantsentinel.integrity.lag import lag
from quantsentinel.integrity.listed_contracts import listed_contracts
from quantsentinel.integrity.liveness import liveness
from quantsentinel.integrity.locked_quotes import locked_quotes
from quantsentinel.integrity.lot_mismatch import lot_mismatch
from quantsentinel.integrity.monotone_time import monotone_time
from quantsentinel.integrity.parity import parity
from quantsentinel.integrity.price_band import price_band
from quantsentinel.integrity.quotes import QuoteMask, quote_mask
from quantsentinel.integrity.repeated_snapshot import repeated_snapshot
from quantsentinel.integrity.scale import scale
from quantsentinel.integrity.session_open import session_open
from quantsentinel.integrity.since_previous import since_previous
from quantsentinel.integrity.slice_skew import slice_skew
from quantsentinel.integrity.spot_forward import spot_forward
from quantsentinel.integrity.strike_curve_fit import strike_curve_fit
from quantsentinel.integrity.stuck_feed import stuck_feed
from quantsentinel.integrity.stuck_quote import stuck_quote
from quantsentinel.integrity.tick_grid import tick_grid
from quantsentinel.integrity.two_sided_share import two_sided_share
from quantsentinel.integrity.unit import unit
from quantsentinel.integrity.unit_change import unit_change
from quantsentinel.integrity.vertical import vertical
from quantsentinel.integrity.volume_fell import volume_fell
from quantsentinel.integrity.zero_chain import zero_chain
from quantsentinel.integrity.zero_sizes import zero_sizes
from quantsentinel.integrity.zero_spot import zero_spot
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
    stuck_feed,
    zero_chain,
    zero_spot,
    unit,
    absurd_prices,
    listed_contracts,
    tick_grid,
    zero_sizes,
    lot_mismatch,
    crossed_quotes,
    locked_quotes,
    unit_change,
    volume_fell,
    forward_found,
    scale,
    price_band,
    spot_forward,
    two_sided_share,
    strike_curve_fit,
    parity,
    vertical,
    butterfly,
    calendar,
    expiry_label,
    jump,
    interest_jump,
    stuck_quote,
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
    case = _inspected(snapshot.judged({}), context)
    judged = case.snapshot
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


def _inspected(snapshot: Snapshot, context: IntegrityContext) -> Inspection:
    """The snapshot with what the previous one tells of it in `masked`, and the quotes that are left."""
    quotes, before = quote_mask(snapshot, context.rules), context.previous
    if before is None or before.capability != snapshot.capability or before.underlying != snapshot.underlying:
        return Inspection(snapshot, context, quotes)
    since = since_previous(snapshot, quotes, before, context.previous_quotes or quote_mask(before, context.rules))
    judged = snapshot.judged(since.flags)
    if judged is not snapshot:
        # Without those rows the forwards may be others: whoever reads the stored snapshot finds these.
        quotes = quote_mask(judged, context.rules)
    return Inspection(judged, context, quotes, since)


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
