"""What one tenant pass decided: events, refusals, the book after, and the row that goes into `decisions/`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from functools import cached_property
from operator import attrgetter
from typing import Any

from quantsentinel.canonical import (
    canonical,
    canonical_bytes,
    canonical_text,
    digest,
    list_text,
    object_text,
    sha256,
)
from quantsentinel.frozen import dataclass, evolve
from quantsentinel.market.news import NewsItem
from quantsentinel.portfolio.book import Book, RefusalTally
from quantsentinel.risk.facts import AsOf, TenantFacts
from quantsentinel.risk.health import Health
from quantsentinel.signals.signal import Refusal, SignalEvent, SignalState
from quantsentinel.units import Rupees
from quantsentinel.verdict import Verdicts

SAME_REFUSAL = timedelta(minutes=1)
STATE = tuple(name for name in Book.__slots__ if name not in ("refusals", "applied", "audit_seq"))


@dataclass(frozen=True, slots=True)
class Said:
    """What the stages of a pass brought forth."""

    events: tuple[SignalEvent, ...]
    refusals: tuple[Refusal, ...]
    switches: Verdicts


@dataclass(frozen=True)
class TenantDecision:
    """`refusals` are all of this cycle; `records` are those to be stored now, with the count of their repetitions.

    `book_after` equals `book_before` but for tallies when `changes_state` is False: nothing has to be written then.
    """

    tenant_id: str
    as_of: AsOf
    events: tuple[SignalEvent, ...]
    """In the order in which they happened: first what frees the book, then what fills it."""
    refusals: tuple[Refusal, ...]
    records: tuple[Refusal, ...]
    switches: Verdicts
    equity: Rupees
    """After this cycle's entries and exits, at its marks."""
    book_before: Book
    book_after: Book
    inputs: TenantFacts = field(repr=False)
    """The facts the switches saw; its view and account are the pass's inputs."""

    @property
    def entries(self) -> tuple[SignalEvent, ...]:
        return self._of(SignalState.CREATED)

    @property
    def updates(self) -> tuple[SignalEvent, ...]:
        return self._of(SignalState.UPDATED)

    @property
    def exits(self) -> tuple[SignalEvent, ...]:
        return self._of(SignalState.CLOSED)

    @property
    def withdrawals(self) -> tuple[SignalEvent, ...]:
        return self._of(SignalState.WITHDRAWN)

    @property
    def expiries(self) -> tuple[SignalEvent, ...]:
        return self._of(SignalState.EXPIRED)

    def _of(self, state: SignalState) -> tuple[SignalEvent, ...]:
        return tuple(event for event in self.events if event.state is state)

    @cached_property
    def changes_state(self) -> bool:
        """Anything but tallies changed: an event, a mark, a latch, a new session."""
        return bool(self.events) or _state(self.book_before) != _state(self.book_after)

    @property
    def must_commit(self) -> bool:
        """State changed, or a refusal is due to be recorded."""
        return self.changes_state or bool(self.records)

    @cached_property
    def row_bytes(self) -> bytes:
        """The decision row: canonical, free of wall time and run ids: inputs by digest, full verdicts, outputs."""
        view = self.inputs.view
        row = {
            "tenant": self.tenant_id,
            "cycle": self.as_of.cycle_id,
            "decided_at": self.as_of.decided_at,
            "underlying": view.underlying,
            "inputs": {
                "view": view.digest,
                "snapshot": view.snapshot_digest,
                **{name: sha256(data) for name, data in self.sources.items()},
            },
            "equity": self.equity,
            "book_after": digest(evolve(self.book_after, audit_seq=0)),
        }
        texts = {name: canonical_text(value) for name, value in row.items()}
        texts["signals"] = list_text(map(signal_text, self.events))
        texts["switches"] = list_text(self.switches.texts())
        texts["refusals"] = list_text(refusal_text(refusal, len(self.switches)) for refusal in self.refusals)
        return object_text(texts).encode()

    @cached_property
    def row(self) -> dict[str, Any]:
        """What `row_bytes` says."""
        row: dict[str, Any] = json.loads(self.row_bytes)
        return row

    @cached_property
    def sources(self) -> Mapping[str, bytes]:
        """What the pass read besides the view, as canonical bytes: the row names their digests, a replay reads them.

        `around` is what all tenants of a batch share.
        """
        shared = self.as_of.news, self.as_of.health
        return {
            "book": canonical_bytes(self.book_before),
            "account": canonical_bytes(self.inputs.account),
            "as_of": canonical_bytes(replace(self._relevant_as_of(), news=(), health=())),
            "around": _AROUND.bytes_of(*shared),
        }

    def _relevant_as_of(self) -> AsOf:
        """Without undelivered signals that the book does not hold any more: they decide nothing."""
        held = {position.signal_id for position in self.book_before.positions}
        known = sorted(event for event in self.as_of.undelivered if event.rpartition(".")[0] in held)
        return replace(self.as_of, undelivered=tuple(known))


class _Around:
    """The same two tuples come with every tenant of a batch: they are made bytes once."""

    def __init__(self) -> None:
        self._last: tuple[tuple[NewsItem, ...] | None, tuple[Health, ...], bytes] | None = None

    def bytes_of(self, news: tuple[NewsItem, ...] | None, health: tuple[Health, ...]) -> bytes:
        last = self._last
        if last is None or last[0] is not news or last[1] is not health:
            self._last = last = (news, health, canonical_bytes({"news": news, "health": health}))
        return last[2]


_AROUND = _Around()


def signal_text(event: SignalEvent) -> str:
    """A signal in the decision row: its opportunity by id (the view holds it), its receipts in full."""
    row = {
        "id": event.event_id,
        "state": event.state,
        "mode": event.mode,
        "valid_until": event.valid_until,
        "opportunity": event.opportunity.opportunity_id if event.opportunity else None,
        "terms": event.terms,
        "sizing": event.sizing,
        "exit_price": event.exit_price,
        "pnl": event.pnl,
        "why": event.why,
    }
    texts = {name: canonical_text(value) for name, value in row.items()}
    return object_text({**texts, "receipts": list_text(event.receipts.texts())})


def refusal_text(refusal: Refusal, switches: int) -> str:
    """A refusal in the decision row, canonical; the verdicts of the first `switches` guards stand once, at its top."""
    return object_text(
        {
            "id": canonical_text(refusal.refusal_id),
            "opportunity": canonical_text(refusal.opportunity_id),
            "family": canonical_text(refusal.family),
            "expiry": canonical_text(refusal.expiry),
            "first": "".join(refusal.first.text),
            "verdicts": list_text(refusal.verdicts[switches:].texts()),
            "sizing": canonical_text(refusal.sizing),
        }
    )


def tallied(
    book: Book, refusals: Sequence[Refusal], decided_at: datetime
) -> tuple[Mapping[str, RefusalTally], tuple[Refusal, ...]]:
    """Unchanged refusals (same first guard, same family) are recorded at most once a minute, with their count."""
    tallies = dict(book.refusals)
    records: list[Refusal] = []
    for refusal in refusals:
        tally = tallies.get(refusal.tally_key)
        if tally is not None and decided_at - tally.recorded_at < SAME_REFUSAL:
            tallies[refusal.tally_key] = RefusalTally(tally.count + 1, tally.recorded_at)
            continue
        count = 1 + (tally.count if tally else 0)
        records.append(refusal if count == 1 else replace(refusal, count=count))
        tallies[refusal.tally_key] = RefusalTally(0, decided_at)
    return tallies, tuple(records)


def concluded(before: Book, asked: TenantFacts, after: Book, said: Said) -> TenantDecision:
    """The decision of a pass that began with `before`, asked the switches about `asked` and ended with `after`."""
    as_of = asked.as_of
    tallies, records = tallied(after, said.refusals, as_of.decided_at)
    changes: dict[str, Any] = {"refusals": tallies} if said.refusals else {}
    if said.events or records or _state(before) != _state(after):
        mark = f"{canonical(as_of.decided_at)}|{as_of.cycle_id}"
        changes["applied"] = {**after.applied, asked.view.underlying: mark}
    after = evolve(after, **changes) if changes else after
    return TenantDecision(
        tenant_id=asked.account.tenant_id,
        as_of=as_of,
        events=said.events,
        refusals=said.refusals,
        records=records,
        switches=said.switches,
        equity=after.equity(asked.account.capital),
        book_before=before,
        book_after=after,
        inputs=asked,
    )


_state: Callable[[Book], tuple[object, ...]] = attrgetter(*STATE)
