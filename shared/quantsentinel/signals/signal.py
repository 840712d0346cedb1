"""A signal and a refusal: the only two things a tenant ever gets, both with complete receipts."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from enum import StrEnum

from quantsentinel.accounts.account import Mode
from quantsentinel.canonical import short_id
from quantsentinel.distribution import DistributionMode
from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import EntryKey, Position
from quantsentinel.portfolio.sizing import Sizing
from quantsentinel.portfolio.terms import Terms
from quantsentinel.risk.castle import CASTLE, GUARDS, SWITCHES, VERSIONS
from quantsentinel.risk.receipt import stamp
from quantsentinel.units import Rupees
from quantsentinel.verdict import Verdict, Verdicts, first_stop

__all__ = ["Refusal", "SignalEvent", "SignalState", "Sizing", "Terms", "signal_id_of"]


class SignalState(StrEnum):
    """created -> updated* -> withdrawn? -> expired | closed (`signals.lifecycle`)."""

    CREATED = "created"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    CLOSED = "closed"


_SWITCHES = tuple(guard.name for guard in SWITCHES)
OFFERS = frozenset({SignalState.CREATED, SignalState.UPDATED})
"""States that ask the tenant to enter: they need every receipt."""


@dataclass(frozen=True, slots=True)
class SignalEvent:
    """One step in a signal's life as the tenant sees it; `sequence` rises by one, `supersedes` is the one before.

    A created or updated event cannot be constructed without complete, fresh receipts: every guard of the castle and
    every hard rule of its opportunity exactly once, none of them stopping, all of this very decision. Raises `Broken`.
    """

    signal_id: str
    tenant_id: str
    state: SignalState
    sequence: int
    supersedes: int | None
    session: date
    mode: Mode
    decided_at: datetime
    valid_until: datetime
    why: str
    cycle_id: str
    snapshot_digest: str
    position: Position
    """As the assumed book holds it after this event; for an ended signal, as it held it last."""
    opportunity: Opportunity | None
    """Present on created and updated."""
    terms: Terms | None
    sizing: Sizing | None
    receipts: Verdicts
    exit_price: float | None = None
    """Net points per unit that closing returns, on the worse side; on closed."""
    pnl: Rupees | None = None
    distribution_mode: DistributionMode = DistributionMode.OWN_ACCOUNT
    registration: str = ""

    def __post_init__(self) -> None:
        if self.sequence < 1 or self.supersedes != (self.sequence - 1 or None):
            raise Broken(f"sequence {self.sequence} supersedes {self.supersedes}", where=self.signal_id)
        if self.state in OFFERS:
            _require_offer(self)
        elif not self.receipts:
            raise Broken(f"{self.state.value} without a receipt of what decided it", where=self.signal_id)

    @property
    def underlying(self) -> str:
        return self.position.package.underlying

    @property
    def family(self) -> Family:
        return self.position.package.family

    @property
    def expiry(self) -> date:
        return self.position.package.expiry

    @property
    def event_id(self) -> str:
        return f"{self.signal_id}.{self.sequence}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an opportunity did not become a signal for this tenant: the first guard that stopped it, and all verdicts.

    `count` says how often the same refusal came since it was last recorded, this one included.
    """

    refusal_id: str
    tenant_id: str
    opportunity_id: str
    underlying: str
    family: Family
    expiry: date
    decided_at: datetime
    cycle_id: str
    snapshot_digest: str
    first: Verdict
    verdicts: Verdicts
    sizing: Sizing | None
    count: int = 1

    @property
    def tally_key(self) -> str:
        """Refusals that share it are the same refusal (same first guard, same structure family)."""
        return f"{self.first.guard}|{self.underlying}|{self.family.value}"


def signal_id_of(tenant_id: str, session: date, key: EntryKey, n: int) -> str:
    """`definitions.md` §5: hash(tenant, session, underlying, family, expiry, n)."""
    return short_id("sig", tenant_id, session, key.underlying, key.family, key.expiry, n)


def _require_offer(event: SignalEvent) -> None:
    opportunity = event.opportunity
    if opportunity is None or event.terms is None or event.sizing is None:
        raise Broken("an offer without opportunity, terms or sizing", where=event.signal_id)
    if event.terms.max_loss is None or event.terms.lots < 1:
        raise Broken("an offer without lots or with an unbounded loss", where=event.signal_id)
    receipts, rules = event.receipts, opportunity.verdicts
    asked = [verdict.guard for verdict in receipts.said]
    if not rules or asked != [*_SWITCHES, *[rule.guard for rule in rules], *CASTLE.names]:
        found, expected = Counter(asked), Counter([*GUARDS, *[rule.guard for rule in rules]])
        odd = sorted((found - expected) + (expected - found)) or "out of order"
        raise Broken(f"receipts are not complete: {odd}", where=event.signal_id, fix="Ask the whole castle")
    stop = first_stop(receipts)
    if stop is not None:
        raise Broken(f"{stop.guard} is {stop.outcome.value}", where=event.signal_id)
    _require_fresh(event, receipts, rules)


def _require_fresh(event: SignalEvent, receipts: Verdicts, rules: tuple[Verdict, ...]) -> None:
    """Every receipt under the stamp of this decision, those of the hard rules the offer's own."""
    decision = stamp(event.tenant_id, event.cycle_id, event.snapshot_digest, event.decided_at)
    if receipts.decision != decision:
        raise Broken("the receipts are of another decision", where=event.signal_id)
    first, last = len(_SWITCHES), len(_SWITCHES) + len(rules)
    said, fresh = receipts.said, ("", decision)
    stale = [
        *(one.guard for one, rule in zip(said[first:last], rules, strict=True) if one is not rule and one != rule),
        *(one.guard for one in said[:first] if one.decision not in fresh or one.version != VERSIONS[one.guard]),
        *(one.guard for one in said[last:] if one.decision not in fresh or one.version != VERSIONS[one.guard]),
    ]
    if stale:
        raise Broken(f"the receipt of {stale[0]} is of another decision", where=event.signal_id)
