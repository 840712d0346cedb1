"""Documents on Firestore: one commit with a precondition a write, no interactive transaction.

It speaks the generated client directly, because `Update` here replaces the whole document under a version, which the
convenience client cannot say in one write. Queries that filter on one field and sort by another need a composite
index in production; the emulator does not ask for one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from google.api_core.exceptions import FailedPrecondition
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    CommitRequest,
    RunQueryRequest,
    RunQueryResponse,
)
from google.cloud.firestore_v1.types import Write as FirestoreWrite

from quantsentinel.adapters.google.connection import DEADLINE_S, EMULATOR_METADATA, emulator_channel, translated
from quantsentinel.adapters.google.firestore_index import composite_of
from quantsentinel.adapters.google.firestore_query import is_sorted_here, structured
from quantsentinel.adapters.google.firestore_values import decode_document, document_fields, timestamp_of
from quantsentinel.adapters.storage_rules import check_batch, check_collection, check_limit, check_path, encode
from quantsentinel.errors import Broken, Conflict
from quantsentinel.ports import Create, Delete, Document, Json, Put, Update, Where, Write

_Commit = CommitRequest.pb()
_Write = FirestoreWrite.pb()
_GET_CHUNK = 300


class FirestoreDocuments:
    """`database` is a database id of the project; `emulator_host` is `host:port` of the Firestore emulator."""

    def __init__(self, project: str, database: str = "(default)", *, emulator_host: str | None = None) -> None:
        self._database = f"projects/{project}/databases/{database}"
        self._root = f"{self._database}/documents"
        self._metadata: tuple[tuple[str, str], ...] = (("google-cloud-resource-prefix", self._database),)
        if emulator_host:
            channel = emulator_channel(emulator_host)
            self._client = FirestoreClient(transport=FirestoreGrpcTransport(channel=channel))
            self._metadata += EMULATOR_METADATA
        else:
            self._client = FirestoreClient()

    def get(self, path: str) -> Document | None:
        return self.get_many([path]).get(path)

    def get_many(self, paths: Sequence[str]) -> dict[str, Document]:
        found: dict[str, Document] = {}
        names = [f"{self._root}/{check_path(path)}" for path in dict.fromkeys(paths)]
        for start in range(0, len(names), _GET_CHUNK):
            request = BatchGetDocumentsRequest(database=self._database, documents=names[start : start + _GET_CHUNK])
            with translated("firestore get"):
                answers = self._client.batch_get_documents(
                    request, retry=None, timeout=DEADLINE_S, metadata=self._metadata
                )
                found |= self._decoded(BatchGetDocumentsResponse.pb(answer).found for answer in answers)
        return {path: found[path] for path in paths if path in found}

    def commit(self, writes: Sequence[Write]) -> None:
        check_batch(writes)
        if not writes:
            return
        request = _Commit(database=self._database, writes=[self._encoded(write) for write in writes])
        try:
            with translated("firestore commit"):
                self._client.commit(request, retry=None, timeout=DEADLINE_S, metadata=self._metadata)
        except Conflict as conflict:
            raise self._named(conflict, writes) from conflict

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> list[Document]:
        check_limit(limit)
        parent, _, name = check_collection(collection).rpartition("/")
        sorted_here = is_sorted_here(where, order_by, descending)
        query = structured(name, where, order_by, descending, None if sorted_here else limit)
        request = RunQueryRequest(parent=f"{self._root}/{parent}".rstrip("/"), structured_query=query)
        wanted = composite_of(collection, where, order_by, descending)
        found = list(self._answers(request, collection, wanted).values())
        if sorted_here:
            found.sort(key=lambda document: document.path, reverse=descending)
        return found[:limit]

    def _answers(self, request: RunQueryRequest, collection: str, wanted: Json | None) -> dict[str, Document]:
        """Raises `Broken` where production has no index for it: `wanted` is the composite one, if it needs one."""
        with translated(f"query {collection}"):
            try:
                answers = self._client.run_query(request, retry=None, timeout=DEADLINE_S, metadata=self._metadata)
                return self._decoded(RunQueryResponse.pb(answer).document for answer in answers)
            except FailedPrecondition as error:
                fix = (
                    f"Declare it in terraform/indexes.json: {json.dumps(wanted)}" if wanted else "Look at the database"
                )
                raise Broken(error.message, where=f"query {collection}", fix=fix) from error

    def close(self) -> None:
        self._client.transport.close()  # type: ignore[no-untyped-call]  # generated code

    def _decoded(self, found: Iterable[Any]) -> dict[str, Document]:
        """By path; an answer without a document (a missing one, a progress mark) is passed over."""
        cut = len(self._root) + 1
        documents = [decode_document(item.name[cut:], item) for item in found if item.name]
        return {document.path: document for document in documents}

    def _encoded(self, write: Write) -> Any:
        name = f"{self._root}/{write.path}"
        if isinstance(write, Delete):
            return _Write(delete=name)
        encode(write.path, write.data)  # for its checks: the narrowest rules hold everywhere
        message = _Write(update={"name": name, "fields": document_fields(write.data)})
        if isinstance(write, Create):
            message.current_document.exists = False
        elif isinstance(write, Update):
            version = timestamp_of(write.version)
            if version is None:
                raise Conflict(f"version {write.version!r} is not Firestore's", where=write.path)
            message.current_document.update_time.CopyFrom(version)
        return message

    def _named(self, conflict: Conflict, writes: Sequence[Write]) -> Conflict:
        """Firestore does not say which write failed: look again, which may find that it would succeed by now."""
        guarded = [write for write in writes if isinstance(write, Create | Update)]
        now = self.get_many([write.path for write in guarded])
        failed = [write.path for write in guarded if not _holds(write, now.get(write.path))]
        names = ", ".join(failed or [write.path for write in guarded])
        return Conflict(conflict.what, where=names, fix=conflict.fix)


def _holds(write: Create | Update | Put, found: Document | None) -> bool:
    if isinstance(write, Update):
        return found is not None and found.version == write.version
    return found is None
