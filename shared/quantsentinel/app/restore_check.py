"""Is a restored state whole? What documents name is there, is what it was, and belongs together. Nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time

from quantsentinel.app.audit import verify_state
from quantsentinel.app.check import FAIL, OK, WARN, Check
from quantsentinel.app.health import checked
from quantsentinel.app.platform import Platform
from quantsentinel.errors import Broken, QuantsentinelError
from quantsentinel.market.calendar import IST
from quantsentinel.ports import Document, Documents, Json, Where
from quantsentinel.stores.models import ModelRegistry
from quantsentinel.stores.tenants import TenantStore
from quantsentinel.volatility.parameters import PARTS

NAMED = 5
"""How many of what is missing are named in a line; the count says the rest."""
READ_AGAIN = 200
"""The newest cycles whose snapshot and history are read and digested; of the others existence is asked."""
OWNER_PAGE = 200
PAGE = 1_000
"""Documents a query: a collection of a year is not read in one."""
BEGINNING = date(1970, 1, 2)
KEYS = ("snapshot_key", "history_key", "rows_key", "margins_key")
CHAINS = "Restore an earlier point of the database: `qs audit verify` names the record"
OBJECTS = 'Restore the bucket\'s noncurrent or soft-deleted generation: docs/runbook.md, "Restore drill"'


def restore_check(platform: Platform, since: date = BEGINNING) -> list[Check]:
    """Each part of the state, one check each; signals, cycles and chains from a session on."""
    parts: Mapping[str, Callable[[], Check]] = {
        "tenants": lambda: tenants(platform),
        "audit chains": lambda: chains(platform, since),
        "signal owners": lambda: owners(platform, since),
        "cycles' objects": lambda: objects(platform, since),
        "cycles' content": lambda: content(platform),
        "market pointers": lambda: pointers(platform),
        "fitted parts": lambda: fitted_parts(platform),
        "outbox": lambda: waiting(platform),
    }
    return [checked(name, ask) for name, ask in parts.items()]


def decided(documents: Documents, collection: str, since: date) -> Iterator[Document]:
    """What was decided from a day on, in that order, a page at a time."""
    at = datetime.combine(since, time(), IST).astimezone(UTC).isoformat()
    seen: set[str] = set()
    while True:
        found = documents.query(collection, [Where("decided_at", ">=", at)], order_by="decided_at", limit=PAGE)
        new = [document for document in found if document.path not in seen]
        yield from new
        if len(found) < PAGE:
            return
        if not new:
            raise Broken(f"more than {PAGE} of one moment", where=collection, fix="Read more at once: PAGE")
        at = str(new[-1].data["decided_at"])
        seen = {document.path for document in found if document.data["decided_at"] == at}


def tenants(platform: Platform) -> Check:
    """Every account, its channels, its book and what its book has to learn can be read."""
    ids = platform.tenants.ids()
    wrong = [f"{name}: {what}" for name in ids if (what := _unreadable(platform.tenants.store(name)))]
    if not ids:
        return Check("tenants", WARN, "none: is this the database that was meant?", "--database, QS_FIRESTORE_DATABASE")
    return _said("tenants", wrong, f"{len(ids)} accounts and books decode", "Restore an earlier point of the database")


def _unreadable(store: TenantStore) -> str:
    try:
        store.account()
        store.endpoints()
        _, version = store.book()
        store.answers()
        decided = store.audit_record(1) is not None
    except QuantsentinelError as error:
        return error.what
    return "its book is gone" if decided and version is None else ""


def chains(platform: Platform, since: date) -> Check:
    """Every audit chain holds by itself, against its book, its decision rows and the sealed roots."""
    report = verify_state(platform, since)
    wrong = [f"{one.tenant}, record {one.problem.seq}: {one.problem.what}" for one in report.chains if one.problem]
    if report.problem:
        wrong.insert(0, report.problem)
    sealed = sum(one.sealed_seq is not None for one in report.chains)
    good = f"{len(report.chains)} chains hold, {sealed} of them under {len(report.roots)} sealed roots"
    return _said("audit chains", wrong, good, CHAINS)


def owners(platform: Platform, since: date) -> Check:
    """Every signal belongs to the tenant that holds it, and what a tenant owns it holds."""
    wrong, count = [], 0
    for name in platform.tenants.ids():
        root = f"tenants/{name}/signals"
        held = {str(item.data["signal_id"]) for item in decided(platform.documents, root, since)}
        held |= {str(step["signal_id"]) for step in platform.tenants.store(name).signalled.beside()}
        count += len(held)
        wrong += [f"{signal} of {name} {what}" for signal, what in _disowned(platform, name, held)]
        wrong += [f"{signal} is owned by {name}, who does not hold it" for signal in _unheld(platform, name, held)]
    return _said("signal owners", wrong, f"{count} signals have their owner", "Restore one point of the database")


def _disowned(platform: Platform, tenant: str, held: set[str]) -> Iterator[tuple[str, str]]:
    signals = sorted(held)
    for start in range(0, len(signals), OWNER_PAGE):
        page = signals[start : start + OWNER_PAGE]
        found = platform.documents.get_many([f"signal_owners/{signal}" for signal in page])
        for signal in page:
            owner = found.get(f"signal_owners/{signal}")
            if owner is None:
                yield signal, "has no owner"
            elif owner.data["tenant_id"] != tenant:
                yield signal, f"is owned by {owner.data['tenant_id']}"


def _unheld(platform: Platform, tenant: str, held: set[str]) -> list[str]:
    """What a tenant owns and does not hold, not even from before the days that are looked at."""
    owned = platform.documents.query("signal_owners", [Where("tenant_id", "==", tenant)])
    asked = [document.id for document in owned if document.id not in held]
    root = f"tenants/{tenant}/signals"
    there = platform.documents.get_many([f"{root}/{signal}-001" for signal in asked])
    return [signal for signal in asked if f"{root}/{signal}-001" not in there]


# --- Objects ---
def objects(platform: Platform, since: date) -> Check:
    """Every object that a cycle or a batch names has a generation."""
    wanted = dict(_named(platform, since))
    there = {info.key for folder in sorted({_folder(key) for key in wanted}) for info in platform.objects.list(folder)}
    wrong = [f"{key}, named by {by}" for key, by in wanted.items() if key not in there]
    return _said("cycles' objects", wrong, f"{len(wanted)} objects have a live generation", OBJECTS)


def _folder(key: str) -> str:
    """Up to the day, where it names one: a bucket of years is not listed whole."""
    day = re.match(r".*?/\d{4}-\d{2}-\d{2}/", key)
    return day.group() if day else key.rpartition("/")[0] + "/"


def _named(platform: Platform, since: date) -> Iterator[tuple[str, str]]:
    for cycle in decided(platform.documents, "cycles", since):
        yield from ((str(cycle.data[key]), cycle.path) for key in KEYS if cycle.data.get(key))
    for batch in decided(platform.documents, "batches", since):
        yield from ((str(key), batch.path) for key in batch.data.get("objects", ()))


def content(platform: Platform) -> Check:
    """Snapshot and history of the newest cycles have the digests that their names carry."""
    newest = platform.documents.query("cycles", order_by="decided_at", descending=True, limit=READ_AGAIN)
    wrong = [f"{cycle.path}: {what}" for cycle in newest if (what := _changed(platform, cycle.data))]
    return _said("cycles' content", wrong, f"the newest {len(newest)} cycles' inputs have their digests", OBJECTS)


def _changed(platform: Platform, cycle: Json) -> str:
    try:
        platform.snapshots.get_snapshot(str(cycle["snapshot_key"]))
        platform.snapshots.get_history(str(cycle["history_key"]))
    except QuantsentinelError as error:
        return f"{error.where}: {error.what}"
    return ""


def pointers(platform: Platform) -> Check:
    """The newest accepted snapshot of each underlying, from which the next poll goes on."""
    found = platform.documents.query("market")
    wrong = [f"{item.path}: {what}" for item in found if (what := _broken(platform, item))]
    return _said("market pointers", wrong, f"{len(found)} point at what is there", OBJECTS)


def _broken(platform: Platform, pointer: Document) -> str:
    missing = [str(pointer.data[key]) for key in KEYS[:2] if platform.objects.get(str(pointer.data[key])) is None]
    return f"{', '.join(missing)} is missing" if missing else ""


def fitted_parts(platform: Platform) -> Check:
    """Every artefact is what its name says, and what the registry has in force is among them."""
    registry = ModelRegistry(platform.documents, platform.objects)
    held = {found.digest for found, _ in registry.artefacts()}
    wrong = [f"{digest} is gone" for part in PARTS if (digest := registry.in_force(part)) and digest not in held]
    return _said("fitted parts", wrong, f"{len(held)} artefacts hold", "Restore an earlier point of the database")


def waiting(platform: Platform) -> Check:
    """What the sweep will publish as soon as it runs on this state: harmless, and nobody should be surprised."""
    count = len(platform.documents.query("outbox"))
    if not count:
        return Check("outbox", OK, "empty")
    fix = "Old signals are past their deadline and expire; look before you switch the functions over"
    return Check("outbox", WARN, f"{count} events wait to be published again", fix)


def _said(name: str, wrong: Sequence[str], good: str, fix: str) -> Check:
    if not wrong:
        return Check(name, OK, good)
    return Check(name, FAIL, f"{len(wrong)} wrong: {'; '.join(_first(wrong))}", fix)


def _first(wrong: Iterable[str]) -> list[str]:
    listed = list(wrong)
    more = len(listed) - NAMED
    return [*listed[:NAMED], *([f"and {more} more"] if more > 0 else [])]
