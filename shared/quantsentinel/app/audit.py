"""The audit chains of all tenants: sealed once a day under one root, verified where they are stored, handed out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from quantsentinel.app.kills import trip
from quantsentinel.app.platform import Platform, Recent
from quantsentinel.app.session_relations import closed_session
from quantsentinel.audit.chain import Break, Chain, Record
from quantsentinel.audit.export import first_line, last_line, record_line, root_line, row_line
from quantsentinel.audit.roots import Head, Header, Root, inclusion, seal, unchained
from quantsentinel.canonical import plain_bytes, sha256
from quantsentinel.errors import BadInput, Broken
from quantsentinel.frozen import dataclass
from quantsentinel.risk.kill_state import KillState, Rearm
from quantsentinel.stores.audit_roots import AuditRoots
from quantsentinel.stores.inbox import run_once
from quantsentinel.stores.tenants import TenantStore

WHO = "audit"


@dataclass(frozen=True, slots=True)
class ChainReport:
    """One tenant's chain where it is stored. `sealed_on` is the first root over its newest sealed record."""

    tenant: str
    records: int
    sealed_on: date | None
    sealed_seq: int | None
    problem: Break | None


@dataclass(frozen=True, slots=True)
class StateReport:
    chains: tuple[ChainReport, ...]
    roots: tuple[Header, ...]
    problem: str
    """What is wrong with the roots themselves, or empty."""

    @property
    def holds(self) -> bool:
        return not self.problem and all(chain.problem is None for chain in self.chains)


# --- the day's root ---
def seal_session(platform: Platform) -> None:
    """Seals the session that closed last, once. Raises `Broken`, after sealing, when a chain lost what is known of it.

    Such a tenant is halted: its switch says what is missing.
    """
    session = closed_session(platform.desk.rules, platform.clock.now())
    if session is not None and not AuditRoots(platform.objects).has(session):
        run_once(platform.inbox, f"audit-root:{session}", session.isoformat(), lambda _: _seal(platform, session))


def _seal(platform: Platform, session: date) -> None:
    roots = AuditRoots(platform.objects)
    before = roots.before(session)
    heads, trouble = _heads(platform, before)
    for tenant, what in trouble.items():
        scope = f"tenant:{tenant}"
        why, now = f"audit chain: {what}", platform.clock.now()
        trip(platform, KillState(scope, WHO, why, now, rearm=Rearm.ACKNOWLEDGED))
    if heads or trouble or before:
        roots.put(seal(session, platform.clock.now(), heads, before.header if before else None))
    if trouble:
        said = "; ".join(f"{tenant}: {what}" for tenant, what in trouble.items())
        raise Broken(said, where=f"audit root of {session}", fix="`qs audit verify` names the record")


def _heads(platform: Platform, before: Root | None) -> tuple[list[Head], dict[str, str]]:
    """Every tenant's head, and what is wrong with a chain that no longer holds what the root before was made over."""
    registry = platform.tenants
    ids = registry.ids()
    ends = registry.audit_ends(ids)
    last = registry.audit_records(ends)
    sealed = {head.tenant: head for head in before.heads} if before else {}
    kept = registry.audit_records({tenant: head.seq for tenant, head in sealed.items()})
    trouble = {tenant: f"record {ends[tenant]}, its last, is missing or none" for tenant in ids if tenant not in last}
    for tenant, head in sealed.items():
        if tenant not in ends:
            trouble[tenant] = "the tenant is gone"
        elif tenant not in kept or kept[tenant].hash != head.hash or ends[tenant] < head.seq:
            trouble[tenant] = f"record {head.seq} is not the one that was sealed before"
    return [Head(tenant, record.seq, record.hash) for tenant, record in last.items()], trouble


# --- verified where it is stored ---
def verify_state(platform: Platform, since: date | None = None) -> StateReport:
    """Every tenant's chain against itself, its book, its decision rows and all roots.

    With `since`, from what the newest root before that day was made over: what was sealed then is taken as it is.
    """
    problem, roots = "", []
    sealed: dict[str, dict[int, tuple[date, str]]] = {}
    known: dict[str, int] = {}
    try:
        for root in AuditRoots(platform.objects).all(since):
            if since is not None and root.header.on < since:
                known = {head.tenant: head.seq for head in root.heads}
            roots.append(root.header)
            for head in root.heads:
                sealed.setdefault(head.tenant, {}).setdefault(head.seq, (root.header.on, head.hash))
    except Broken as error:
        problem = str(error)
    loose = unchained(roots)
    if loose is not None:
        problem = problem or f"the root of {loose.on} does not follow the one before it"
    rows = _Rows(platform)
    names = sorted({*platform.tenants.ids(), *sealed})
    ends = platform.tenants.audit_ends(names)
    stores = {name: platform.tenants.store(name) for name in names}
    chains = [_verified(stores[name], (known.get(name, 0), ends[name]), sealed.get(name, {}), rows) for name in names]
    return StateReport(tuple(chains), tuple(roots), problem)


def _verified(
    store: TenantStore, span: tuple[int, int], sealed: Mapping[int, tuple[date, str]], rows: _Rows
) -> ChainReport:
    first, last = span
    chain = Chain(store.tenant_id)
    problem = None
    try:
        chain = Chain(store.tenant_id, _before(store, first))
        for record in store.audit_records(first):
            problem = chain.take(record) or _against(record, sealed) or rows.missing(store.tenant_id, record)
            if problem is not None:
                break
    except Broken as error:
        problem = Break(chain.head.seq + 1 if chain.head else 0, error.what)
    count = chain.head.seq + 1 if chain.head else 0
    if problem is None and count != last + 1:
        problem = Break(min(count, last + 1), f"the book ends with record {last}, the chain with {count - 1}")
    beyond = max(sealed, default=-1)
    if problem is None and beyond >= count:
        problem = Break(count, f"cut off: the root of {sealed[beyond][0]} names record {beyond}")
    known = max((seq for seq in sealed if seq < count), default=None)
    on = None if known is None else sealed[known][0]
    return ChainReport(store.tenant_id, count, on, known, problem)


def _before(store: TenantStore, first: int) -> Record | None:
    """Stands for the record before a sealed one, whose own hash the root holds. None at the genesis."""
    found = store.audit_record(first) if first else None
    return None if found is None else Record(first - 1, "", {}, found.previous)


def _against(record: Record, sealed: Mapping[int, tuple[date, str]]) -> Break | None:
    on, known = sealed.get(record.seq, (None, record.hash))
    return None if known == record.hash else Break(record.seq, f"the root of {on} was made over another record")


class _Rows:
    """The decision rows that records name. An object holds the rows of a whole batch: its digests are remembered."""

    def __init__(self, platform: Platform) -> None:
        self._objects = platform.objects
        self._digests = Recent(4096)

    def missing(self, tenant: str, record: Record) -> Break | None:
        """None when the row that a record carries or names is the one that its digest says."""
        body = record.body
        if "object" not in body:
            return None
        key = body["object"]
        if "row" in body:
            digest = sha256(plain_bytes(body["row"]))
        else:
            digest = self._digests.get(key, lambda: self._digests_of(key)).get(tenant, "")
        where = "that it carries" if "row" in body else f"in {key}"
        return None if digest == body["row_digest"] else Break(record.seq, f"its row {where} is gone or was changed")

    def _digests_of(self, key: str) -> dict[str, str]:
        return {tenant: sha256(row) for tenant, row in self._rows(key).items()}

    def of(self, tenant: str, record: Record) -> bytes | None:
        """The row that a record names but does not carry."""
        if "row" in record.body or "object" not in record.body:
            return None
        return self._rows(record.body["object"]).get(tenant, b"")

    def _rows(self, key: str) -> dict[str, bytes]:
        """None of an object that was changed into something else."""
        try:
            data = json.loads(self._objects.get(key) or b"[]")
            return {row["tenant"]: plain_bytes(row) for row in data}
        except (ValueError, TypeError, KeyError):
            return {}


# --- handed out ---
def export_lines(platform: Platform, tenant: str, *, with_rows: bool = True) -> Iterator[bytes]:
    """One tenant's export, line by line. Raises `BadInput` for no such tenant, `Broken` for a chain without its end."""
    store = platform.tenants.store(tenant)
    store.account()
    head = store.audit_record(platform.tenants.audit_ends([tenant])[tenant])
    if head is None:
        raise Broken("the chain's last record is missing", where=store.root, fix="`qs audit verify` says more")
    yield first_line(tenant, head, with_rows)
    roots = list(_root_lines(platform, tenant, head.seq))
    yield from roots
    rows, count, found = _Rows(platform), 0, 0
    for record in store.audit_records():
        if record.seq > head.seq:
            break
        yield record_line(record)
        count += 1
        row = rows.of(tenant, record) if with_rows else None
        if row is not None:
            found += 1
            yield row_line(row)
    yield last_line(count, found, len(roots))


def _root_lines(platform: Platform, tenant: str, last: int) -> Iterator[bytes]:
    """The roots from the first that knows the tenant on. One that was made since the export began is left out."""
    known = False
    for root in AuditRoots(platform.objects).all():
        proof = inclusion(root, tenant)
        known = known or proof is not None
        if proof is not None and proof.head.seq > last:
            return
        if known:
            yield root_line(root.header, proof)


def root_of(platform: Platform, on: date) -> Root:
    """Raises `BadInput` when the day has none."""
    found = AuditRoots(platform.objects).get(on)
    if found is None:
        known: Sequence[date] = AuditRoots(platform.objects).days()
        fix = f"The newest is of {known[-1]}" if known else "The heartbeat seals a session after its close"
        raise BadInput(f"no root of {on}", where="audit-roots", fix=fix)
    return found
