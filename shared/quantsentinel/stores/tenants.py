"""The only module that touches tenant paths. A tenant id is validated before it becomes a path.

tenants/{t}                      account and channels; its create time anchors the dry-run lock
tenants/{t}/book/current         one document, every commit with its version
tenants/{t}/book/heard           what the book has to learn: offers that reached nobody, answers still to be applied
tenants/{t}/answers/{id}         one for each answer, create only
tenants/{t}/signals/{id}-{seq}   steps of signals, and signal_owners/{id} (`stores.signals`)
tenants/{t}/refusals/{id}        refusals of one flush (`stores.refusals`)
tenants/{t}/deliveries/{id}      one per signal event and channel
tenants/{t}/audit/{seq}          the hash chain; record 0 is created with the tenant
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

from quantsentinel.accounts.account import Account
from quantsentinel.accounts.codec import decode, encode_account
from quantsentinel.audit.chain import Record, genesis, plain_record, read_record
from quantsentinel.canonical import canonical, short_id
from quantsentinel.errors import BadInput, Broken, Conflict
from quantsentinel.frozen import dataclass
from quantsentinel.portfolio.answers import Answer
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.codec import encode_book
from quantsentinel.ports import Create, Document, Documents, Json, Put, Update, Where, Write
from quantsentinel.stores.refusals import RefusalRecords
from quantsentinel.stores.signals import SignalRecords
from quantsentinel.stores.tenant_documents import Endpoint as Endpoint
from quantsentinel.stores.tenant_documents import (
    account_of,
    answers_of,
    audit_end_of,
    book_of,
    endpoints_of,
    owner_of,
    undelivered_of,
)

UNDELIVERED_KEPT = 50
AUDIT_PAGE = 200
_TENANT_ID = re.compile(r"^[a-z0-9-]{3,40}$")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a tenant pass reads: `version` is the book's, None before the first commit."""

    account: Account
    book: Book
    version: str | None
    undelivered: tuple[str, ...]
    answers: tuple[Answer, ...] = ()


def check_tenant_id(tenant_id: str) -> str:
    """`tenant_id` when it is one. Raises `BadInput` otherwise, before it becomes part of a path."""
    if not _TENANT_ID.match(tenant_id):
        raise BadInput(f"tenant id {tenant_id!r}", where="tenants", fix="3 to 40 of a-z, 0-9 and -")
    return tenant_id


class TenantStore:
    """One tenant's documents; nothing here can reach another tenant's."""

    def __init__(self, documents: Documents, tenant_id: str) -> None:
        self._documents = documents
        self.tenant_id = check_tenant_id(tenant_id)
        self.root = f"tenants/{tenant_id}"
        self.book_path = f"{self.root}/book/current"
        self.heard_path = f"{self.root}/book/heard"

    @property
    def paths(self) -> tuple[str, ...]:
        """What a tenant pass reads."""
        return (self.root, self.book_path, self.heard_path)

    # --- account ---
    def account(self) -> Account:
        """Raises `BadInput` when there is no such tenant."""
        return account_of(self._existing())

    def endpoints(self) -> tuple[Endpoint, ...]:
        return endpoints_of(self._existing())

    def save(self, account: Account, endpoints: Sequence[Endpoint]) -> None:
        """Creates or replaces the account; an existing one only from the version that was read.

        `served` is what the tenant ever followed: what it may still hold of an underlying that it stopped following is
        marked and closed all the same.
        """
        document = self._documents.get(self.root)
        served = set(document.data.get("served", ()) if document else ()).union(account.underlyings)
        data = encode_account(account) | {
            "channels": {item.channel: canonical(item) for item in endpoints},
            "served": sorted(served),
        }
        if document is None:
            begin = self.audit_write(genesis(self.tenant_id, account.created_at))
            self._documents.commit([Create(self.root, data), begin])
        else:
            self._documents.commit([Update(self.root, data, document.version)])

    def _existing(self) -> Document:
        document = self._documents.get(self.root)
        if document is None:
            raise BadInput(f"no tenant {self.tenant_id!r}", where="tenants", fix="`qs tenants list` names them")
        return document

    # --- book ---
    def book(self) -> tuple[Book, str | None]:
        """The book and its version (None before the first commit)."""
        return book_of(self._documents.get(self.book_path))

    def book_write(self, book: Book, version: str | None) -> Write:
        data = encode_book(book)
        return Create(self.book_path, data) if version is None else Update(self.book_path, data, version)

    # --- answers ---
    def answers(self) -> tuple[tuple[Answer, ...], str | None]:
        """Answers that the book may still have to apply, oldest first, and the version of the document they are in."""
        document = self._documents.get(self.heard_path)
        return answers_of(document), document.version if document else None

    def recorded_answer(self, answer: Answer, ref: str) -> Answer | None:
        """The very same answer (kind, price, lots and `ref`), when it was recorded before."""
        document = self._documents.get(self._answer_path(answer, ref))
        if document is None:
            return None
        return decode(Answer, {name: value for name, value in document.data.items() if name != "ref"})

    def add_answer(self, answer: Answer, waiting: Sequence[Answer], version: str | None, ref: str) -> None:
        """Records an answer behind those that wait. Raises `Conflict` when anything was written in between."""
        document = self._documents.get(self.heard_path) if version else None
        if document is not None and document.version != version:
            raise Conflict("something else was heard in between", where=self.heard_path)
        write = self._hear(document, answers=[canonical(item) for item in (*waiting, answer)])
        self._documents.commit([Create(self._answer_path(answer, ref), {**canonical(answer), "ref": ref}), write])

    def _hear(self, document: Document | None, **news: Any) -> Write:
        if document is None:
            return Create(self.heard_path, news)
        return Update(self.heard_path, {**document.data, **news}, document.version)

    def _answer_path(self, answer: Answer, ref: str) -> str:
        said = short_id("ans", self.tenant_id, answer.signal_id, answer.kind, answer.price, answer.lots, ref)
        return f"{self.root}/answers/{said}"

    # --- signals, refusals, audit ---
    @property
    def signalled(self) -> SignalRecords:
        return SignalRecords(self._documents, self.root)

    @property
    def refused(self) -> RefusalRecords:
        return RefusalRecords(self._documents, self.root)

    def audit_write(self, record: Record, beside: Json | None = None) -> Write:
        """A link of the chain; two commits that both continue the same head cannot both succeed. `beside` is kept in
        its document, and is no part of the record."""
        of_cycle = {"cycle_id": record.body["cycle_id"]} if "cycle_id" in record.body else {}
        return Create(self.audit_path(record.seq), {**(beside or {}), **plain_record(record), **of_cycle})

    def audit_path(self, seq: int) -> str:
        return f"{self.root}/audit/{seq:09d}"

    def audit_record(self, seq: int) -> Record | None:
        document = self._documents.get(self.audit_path(seq))
        return read_record(document.data) if document else None

    def audit_of_cycle(self, cycle_id: str) -> Record | None:
        found = self._documents.query(f"{self.root}/audit", [Where("cycle_id", "==", cycle_id)], limit=1)
        return read_record(found[0].data) if found else None

    def audit_records(self, first: int = 0) -> Iterator[Record]:
        """The chain in order from a record on, a page at a time; ends where a record is missing."""
        for start in count(first, AUDIT_PAGE):
            paths = [self.audit_path(seq) for seq in range(start, start + AUDIT_PAGE)]
            found = self._documents.get_many(paths)
            for path in paths:
                if path not in found:
                    return
                yield read_record(found[path].data)

    def signal_event(self, signal_id: str, sequence: int) -> Json:
        return self.signalled.of(signal_id, sequence)

    def signals(self) -> list[Json]:
        return self.signalled.all()

    # --- deliveries ---
    def delivery(self, delivery_id: str) -> Json | None:
        document = self._documents.get(f"{self.root}/deliveries/{delivery_id}")
        return document.data if document else None

    def delivery_write(self, delivery_id: str, data: Json) -> Write:
        return Put(f"{self.root}/deliveries/{delivery_id}", data)

    def deliveries(self) -> list[Json]:
        return [document.data for document in self._documents.query(f"{self.root}/deliveries")]

    def note_undelivered(self, event_id: str) -> None:
        """An offer that expired undelivered on every channel. When that holds for all offers of a signal, the next
        tenant pass takes it out of the assumed book."""
        document = self._documents.get(self.heard_path)
        known = undelivered_of(document)
        if event_id in known:
            return
        self._documents.commit([self._hear(document, event_ids=[*known, event_id][-UNDELIVERED_KEPT:])])


class TenantRegistry:
    """All tenants, and many of them at once."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def store(self, tenant_id: str) -> TenantStore:
        return TenantStore(self._documents, tenant_id)

    def ids(self) -> list[str]:
        return [document.id for document in self._documents.query("tenants")]

    def accounts(self) -> list[Account]:
        return [account_of(document) for document in self._documents.query("tenants")]

    def each(self) -> list[tuple[str, Callable[[], tuple[Account, tuple[Endpoint, ...]]]]]:
        """Every tenant's id, and its account and channels, decoded by the caller as in `load`."""
        return [(document.id, partial(owner_of, document)) for document in self._documents.query("tenants")]

    def entitled(self, underlying: str) -> list[str]:
        """Ids of the tenants that follow `underlying` or ever did, sorted."""
        where = [Where("served", "array_contains", underlying)]
        return [document.id for document in self._documents.query("tenants", where)]

    def load(self, tenant_ids: Sequence[str]) -> dict[str, Callable[[], Loaded]]:
        """What a pass needs of each tenant that exists: three reads a tenant, one round trip.

        Decoding is left to the caller, tenant by tenant, so that one unreadable document stops nobody else.
        """
        stores = [self.store(tenant_id) for tenant_id in tenant_ids]
        paths = [path for item in stores for path in item.paths]
        found = self._documents.get_many(paths)
        return {item.tenant_id: partial(_loaded, item, found) for item in stores if item.root in found}

    def audit_ends(self, tenant_ids: Sequence[str]) -> dict[str, int]:
        """The number of each chain's last record, by the book; -1 for a book that does not say."""
        stores = [self.store(tenant_id) for tenant_id in tenant_ids]
        found = self._read([item.book_path for item in stores])
        return {item.tenant_id: audit_end_of(found.get(item.book_path)) for item in stores}

    def audit_records(self, wanted: Mapping[str, int]) -> dict[str, Record]:
        """One record of each of these tenants, where it exists and is one: nobody's wreck hides the others'."""
        paths = {self.store(tenant_id).audit_path(seq): tenant_id for tenant_id, seq in wanted.items()}
        records = {}
        for path, document in self._read(list(paths)).items():
            with suppress(Broken):
                records[paths[path]] = read_record(document.data)
        return records

    def _read(self, paths: Sequence[str]) -> dict[str, Document]:
        found: dict[str, Document] = {}
        for start in range(0, len(paths), AUDIT_PAGE):
            found |= self._documents.get_many(paths[start : start + AUDIT_PAGE])
        return found

    def owner(self, signal_id: str) -> str | None:
        document = self._documents.get(f"signal_owners/{signal_id}")
        return str(document.data["tenant_id"]) if document else None

    def refusal(self, refusal_id: str) -> Json | None:
        """The record of a refusal, whosever it is."""
        found = (self.store(tenant_id).refused.of(refusal_id) for tenant_id in self.ids())
        return next((record for record in found if record is not None), None)


def _loaded(store: TenantStore, found: Mapping[str, Document]) -> Loaded:
    heard = found.get(store.heard_path)
    undelivered, answers = undelivered_of(heard), answers_of(heard)
    return Loaded(account_of(found[store.root]), *book_of(found.get(store.book_path)), undelivered, answers)
