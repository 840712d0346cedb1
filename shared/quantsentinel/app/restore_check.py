"""Is a restored state whole? What documents name is there, is what it was, and belongs together. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from quantsentinel.app.audit import verify_state
from quantsentinel.app.check import FAIL, OK, WARN, Check
from quantsentinel.app.health import checked
from quantsentinel.app.platform import Platform
from quantsentinel.errors import QuantsentinelError
from quantsentinel.ports import Document, Json
from quantsentinel.stores.tenants import TenantStore

NAMED = 5
"""How many of what is missing are named in a line; the count says the rest."""
READ_AGAIN = 200
"""The newest cycles whose snapshot and history are read and digested; of the others existence is asked."""
OWNER_PAGE = 200
KEYS = ("snapshot_key", "history_key", "rows_key", "margins_key")
CHAINS = "Restore an earlier point of the database: `qs audit verify` names the record"
OBJECTS = 'Restore the bucket\'s noncurrent or soft-deleted generation: docs/runbook.md, "Restore drill"'


def restore_check(platform: Platform) -> list[Check]:
    """Each part of the state, one check each."""
    parts: Mapping[str, Callable[[Platform], Check]] = {
        "tenants": tenants,
        "audit chains": chains,
        "signal owners": owners,
        "cycles' objects": objects,
        "cycles' content": content,
        "market pointers": pointers,
        "outbox": waiting,
    }
    return [checked(name, lambda ask=ask: ask(platform)) for name, ask in parts.items()]  # type: ignore[misc]  # mypy cannot infer a lambda's default


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


def chains(platform: Platform) -> Check:
    """Every audit chain holds by itself, against its book, its decision rows and every sealed root."""
    report = verify_state(platform)
    wrong = [f"{one.tenant}, record {one.problem.seq}: {one.problem.what}" for one in report.chains if one.problem]
    if report.problem:
        wrong.insert(0, report.problem)
    sealed = sum(one.sealed_seq is not None for one in report.chains)
    good = f"{len(report.chains)} chains hold, {sealed} of them under {len(report.roots)} sealed roots"
    return _said("audit chains", wrong, good, CHAINS)


def owners(platform: Platform) -> Check:
    """Every signal belongs to the tenant that holds it, and every owner holds the signal's first step."""
    held: dict[str, str] = {}
    wrong = []
    for name in platform.tenants.ids():
        for data in platform.tenants.store(name).signals():
            other = held.setdefault(str(data["signal_id"]), name)
            if other != name:
                wrong.append(f"{data['signal_id']} is held by {other} and {name}")
    known = {document.id: str(document.data["tenant_id"]) for document in platform.documents.query("signal_owners")}
    wrong += [f"{signal} of {name} has no owner" for signal, name in held.items() if signal not in known]
    wrong += [
        f"{signal} is owned by {name}, who does not hold it" for signal, name in known.items() if signal not in held
    ]
    wrong += [f"{s} of {held[s]} is owned by {name}" for s, name in known.items() if held.get(s, name) != name]
    return _said("signal owners", wrong, f"{len(known)} signals have their owner", "Restore one point of the database")


# --- Objects ---
def objects(platform: Platform) -> Check:
    """Every object that a cycle or a batch names has a generation."""
    wanted = dict(_named(platform))
    there = {
        info.key: info.generation
        for prefix in sorted({key.split("/", 1)[0] for key in wanted})
        for info in platform.objects.list(f"{prefix}/")
    }
    wrong = [f"{key}, named by {by}" for key, by in wanted.items() if key not in there]
    return _said("cycles' objects", wrong, f"{len(wanted)} objects have a live generation", OBJECTS)


def _named(platform: Platform) -> Iterator[tuple[str, str]]:
    for cycle in platform.documents.query("cycles"):
        yield from ((str(cycle.data[key]), cycle.path) for key in KEYS if cycle.data.get(key))
    for batch in platform.documents.query("batches"):
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
