"""The tenant pass for one batch: decisions written ahead, then one atomic commit per tenant that changed.

Order of writes, so that a crash between any two loses nothing and repeats nothing: (1) what the batch's decisions are
made of and their rows as content-addressed objects; (2) per tenant one batch of book (with its version), signals,
refusals, audit record and outbox; (3) the batch's own record with the completed claim. A retry recognises a tenant of
(2) by its audit record of this cycle and takes the row from there; a conflict on a book re-runs that tenant's pass on
the newer book.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from quantsentinel.app.decide import NEVER_APPLIED
from quantsentinel.app.decision_inputs import store_inputs
from quantsentinel.app.kills import trip
from quantsentinel.app.news import news_at
from quantsentinel.app.platform import Platform
from quantsentinel.app.tenant_commit import Outcome, apply, settled
from quantsentinel.app.waiting import NOTHING, Waiting, left_by
from quantsentinel.canonical import digest, sha256
from quantsentinel.contracts.events import CycleDecided, TenantBatch
from quantsentinel.errors import BadInput, Broken, Conflict, StaleData, Unavailable
from quantsentinel.frozen import dataclass
from quantsentinel.market.news import NewsItem
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.confirmed import pending
from quantsentinel.portfolio.settlement import SettlementValue, of_book
from quantsentinel.ports import Create, Json
from quantsentinel.risk.facts import AsOf, KillState
from quantsentinel.risk.health import Health
from quantsentinel.risk.kill_state import Rearm
from quantsentinel.risk.switches.scopes import scopes_of
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.stores.inbox import Claim, run_once
from quantsentinel.stores.kills import concerning
from quantsentinel.stores.relations import RelationStore
from quantsentinel.stores.settlements import SettlementStore
from quantsentinel.stores.snapshots import parse_time
from quantsentinel.stores.tenants import Loaded, TenantStore

_log = logging.getLogger(__name__)

MAX_CONFLICTS = 5
"""Re-runs of one tenant's pass before the bus is asked to try later."""


def serve_tenants(platform: Platform, batch: TenantBatch) -> None:
    """Raises `Unavailable` while a batch that has to come first is not applied, `Broken` when the view differs."""
    seen = digest([batch.batch_id, batch.tenants])
    run_once(platform.inbox, f"batch:{batch.batch_id}", seen, lambda claim: _Batch(platform, batch).run(claim))


@dataclass(frozen=True, slots=True)
class Around:
    """What is true for every tenant of a batch, read once: switches that are on, how the data's relations fare,
    and what expiries settled at."""

    kills: tuple[KillState, ...]
    health: tuple[Health, ...]
    settlements: tuple[SettlementValue, ...]
    news: tuple[NewsItem, ...] | None


class _Batch:
    """One handling of one batch."""

    def __init__(self, platform: Platform, batch: TenantBatch) -> None:
        self._platform = platform
        self._batch = batch
        self._cycle = batch.cycle
        self._waiting: dict[str, Waiting] = {}

    def run(self, claim: Claim) -> None:
        self._require_predecessors()
        view = self._view()
        around = self._around()
        decided = self._decide_all(view, around)
        objects = [self._store(decided)]
        final = [
            self._alone(outcome.store, around, partial(self._commit, outcome, view, around, objects))
            for outcome in decided
        ]
        done = [outcome for outcome in final if outcome is not None]
        if len(done) < len(decided):
            objects.append(self._store_rows([outcome.row for outcome in done]))
        self._complete(claim, objects, done)

    # --- before ---
    def _require_predecessors(self) -> None:
        """The cycle before must be applied, unless it is past its age limit."""
        previous = self._cycle.previous
        if previous is None:
            return
        found = self._platform.documents.get_many([f"batches/{name}" for name in self._batch.predecessors])
        self._waiting = left_by(found.values())
        age = (self._platform.clock.now() - previous.decided_at).total_seconds()
        if age > self._platform.desk.policy.age.max_handling_s:
            return
        missing = [name for name in self._batch.predecessors if f"batches/{name}" not in found]
        if missing and not self._never_applied(previous.cycle_id):
            raise Unavailable(f"{', '.join(missing)} is not applied yet", where=self._batch.batch_id)

    def _never_applied(self, cycle_id: str) -> bool:
        """The cycle ended before it reached any tenant: waiting for it would make every later cycle late."""
        cycle = self._platform.documents.get(f"cycles/{cycle_id}")
        return cycle is not None and cycle.data["state"] in NEVER_APPLIED

    def _around(self) -> Around:
        platform, cycle = self._platform, self._cycle
        oldest = cycle.session - timedelta(days=platform.desk.policy.books.settlement_open_days)
        return Around(
            kills=platform.kills.deciding(cycle.decided_at),
            health=_health(platform, cycle),
            settlements=SettlementStore(platform.documents).since(cycle.underlying, oldest),
            news=news_at(platform, cycle.decided_at),
        )

    def _view(self) -> MarketView:
        if self._platform.desk.digest != self._cycle.desk_digest:
            raise Unavailable(
                "decided by another version of the desk", where=self._batch.batch_id, fix="Finish the roll-out"
            )
        view = self._platform.view(self._cycle.snapshot_key, self._cycle.history_key, self._cycle.margins_key)
        if view.digest != self._cycle.view_digest:
            raise Broken(f"view {view.digest}, decided was {self._cycle.view_digest}", where=self._batch.batch_id)
        return view

    # --- decide ---
    def _decide_all(self, view: MarketView, around: Around) -> list[Outcome]:
        loaded = self._platform.tenants.load(self._batch.tenants)
        decided = []
        for tenant in self._batch.tenants:
            if tenant in loaded:
                store = self._platform.tenants.store(tenant)
                decided.append(self._alone(store, around, partial(self._decide, view, around, store, loaded[tenant])))
        return [outcome for outcome in decided if outcome is not None]

    def _alone(self, store: TenantStore, around: Around, work: Callable[[], Outcome]) -> Outcome | None:
        """One tenant's trouble is its own: it is halted, the others are served. None when it has no outcome."""
        try:
            return work()
        except Unavailable:
            raise
        except StaleData as error:
            _log.warning("%s stands aside in %s: %s", store.tenant_id, self._batch.batch_id, error)
        except Exception as error:  # whatever it is, it must not reach another tenant
            _log.critical("%s is halted in %s: %s", store.tenant_id, self._batch.batch_id, error, exc_info=error)
            self._halt(store.tenant_id, around, error)
        return None

    def _halt(self, tenant_id: str, around: Around, error: Exception) -> None:
        """No entries until a person has looked; a switch that a person pulled stays as it is."""
        scope = f"tenant:{tenant_id}"
        if not any(state.scope == scope for state in around.kills):
            why = f"halted in cycle {self._cycle.cycle_id}: {error}"
            state = KillState(scope, "quantsentinel", why, self._cycle.decided_at, rearm=Rearm.ACKNOWLEDGED)
            trip(self._platform, state)

    def _decide(self, view: MarketView, around: Around, store: TenantStore, read: Callable[[], Loaded]) -> Outcome:
        loaded = read()
        done = settled(self._platform, store, self._cycle.cycle_id) if self._may_be_applied(loaded) else None
        if done is not None:
            return done
        waiting = self._waiting.get(store.tenant_id, NOTHING)
        loaded = replace(loaded, book=waiting.in_book(loaded.book))
        with self._platform.timings.measure("tenant_pass"):
            decision = self._pass(view, around, loaded)
        return Outcome(store, loaded.version, decision, decision.row_bytes, waiting)

    def _may_be_applied(self, loaded: Loaded) -> bool:
        """The book names its newest cycle only: one that is not older than this may have hidden this one's mark."""
        newest = loaded.book.applied.get(self._cycle.underlying)
        return newest is not None and parse_time(newest.partition("|")[0]) >= self._cycle.decided_at

    def _pass(self, view: MarketView, around: Around, loaded: Loaded) -> TenantDecision:
        cycle = self._cycle
        late = (self._platform.clock.now() - cycle.decided_at).total_seconds()
        as_of = AsOf(
            decided_at=cycle.decided_at,
            cycle_id=cycle.cycle_id,
            kills=concerning(around.kills, scopes_of(loaded.account.tenant_id, view, self._platform.desk)),
            previous_accepted_at=cycle.previous.decided_at if cycle.previous else None,
            in_time=late <= self._platform.desk.policy.age.max_handling_s,
            undelivered=loaded.undelivered,
            answers=pending(loaded.book, loaded.answers, cycle.underlying),
            health=around.health,
            news=around.news,
            settlements=of_book(loaded.book, around.settlements),
        )
        return tenant_pass(view, loaded.book, loaded.account, self._platform.desk, as_of)

    # --- commit ---
    def _commit(self, outcome: Outcome, view: MarketView, around: Around, objects: list[str]) -> Outcome:
        key = objects[0]  # not the newest: that one may hold the row of a neighbour whose book had changed
        for _ in range(MAX_CONFLICTS):
            try:
                apply(self._platform, outcome, self._cycle, key)
                return outcome
            except Conflict:
                tenant = outcome.store.tenant_id
                newer = self._platform.tenants.load([tenant])[tenant]
                outcome = self._decide(view, around, outcome.store, newer)
                key = self._store([outcome])
                objects.append(key)
        raise Unavailable(f"the book of {outcome.store.tenant_id} keeps changing", where=self._batch.batch_id)

    def _store(self, outcomes: Sequence[Outcome]) -> str:
        """What the decisions were made of, then the decisions: a row never stands without its sources."""
        made = [outcome.decision for outcome in outcomes if outcome.decision is not None]
        if made:
            store_inputs(self._platform, self._batch, made)
        return self._store_rows([outcome.row for outcome in outcomes])

    def _store_rows(self, rows: Sequence[bytes]) -> str:
        body = _joined(rows)
        name = sha256(body).removeprefix("sha256:")[:24]
        key = f"decisions/{self._cycle.session.isoformat()}/{self._cycle.cycle_id}/{self._batch.batch}-{name}.json"
        self._platform.objects.put_if_absent(key, body)
        return key

    def _complete(self, claim: Claim, objects: Sequence[str], outcomes: Sequence[Outcome]) -> None:
        """The final rows are one object again when a conflict re-ran some of them."""
        rows = [outcome.row for outcome in outcomes]
        final = objects[0] if len(objects) == 1 else self._store_rows(rows)
        record = {
            "batch": self._batch.batch,
            "cycle_id": self._cycle.cycle_id,
            "underlying": self._cycle.underlying,
            "decided_at": self._cycle.decided_at.isoformat(),
            "objects": [final],
            "digest": sha256(_joined(rows)),
            "tenants": len(rows),
            "waiting": self._left(outcomes, final),
        }
        create = Create(f"batches/{self._batch.batch_id}", record)
        self._platform.documents.commit([create, claim.complete_write({"digest": record["digest"]})])

    def _left(self, outcomes: Sequence[Outcome], key: str) -> dict[str, Json]:
        """What the next cycle has to tell. A tenant that has no outcome now keeps what it had."""
        left = {tenant: item for tenant, item in self._waiting.items() if tenant in self._batch.tenants}
        for outcome in outcomes:
            decision = outcome.decision
            left[outcome.store.tenant_id] = (
                NOTHING if decision is None else outcome.waiting.after(decision, outcome.row, key)
            )
        return {tenant: item.plain() for tenant, item in left.items() if item.rows}


def _health(platform: Platform, cycle: CycleDecided) -> tuple[Health, ...]:
    """Readings that cannot be read are worse than any: nothing is entered, and exits go on."""
    try:
        return RelationStore(platform.documents).health(cycle.underlying)
    except BadInput as error:
        _log.critical("entries in %s are halted: %s", cycle.underlying, error)
        worst = max(platform.desk.policy.ladder.drift)
        return (Health("a reading that cannot be read", cycle.underlying, cycle.session, worst),)


def _joined(rows: Sequence[bytes]) -> bytes:
    """A JSON array of rows that are canonical already."""
    return b"[" + b",".join(rows) + b"]"
