"""A tenant's recorded refusals: all of one flush share one record.

tenants/{t}/refusals/{id}     a document of its own
tenants/{t}/audit/{seq}       in a cycle that opened a signal, `refused` beside the audit record (and outside of its
                              hash, as its cycle is): such a commit has writes enough
"""

from __future__ import annotations

from quantsentinel.ports import Create, Documents, Json, Where, Write


class RefusalRecords:
    def __init__(self, documents: Documents, root: str) -> None:
        self._documents = documents
        self._own, self._audit = f"{root}/refusals", f"{root}/audit"

    def write(self, record_id: str, data: Json) -> Write:
        """As a document of its own."""
        return Create(f"{self._own}/{record_id}", data)

    @staticmethod
    def beside(data: Json) -> Json:
        """As fields of the cycle's audit document."""
        return {"refused": data, "refusal_ids": data["refusal_ids"], "has_refusals": True}

    def all(self) -> list[Json]:
        """By the time of their decision."""
        own = [document.data for document in self._documents.query(self._own)]
        where = [Where("has_refusals", "==", True)]
        beside = [document.data["refused"] for document in self._documents.query(self._audit, where)]
        return sorted([*own, *beside], key=lambda data: str(data["decided_at"]))

    def of(self, refusal_id: str) -> Json | None:
        """The record that holds a refusal."""
        where = [Where("refusal_ids", "array_contains", refusal_id)]
        for collection in (self._own, self._audit):
            for document in self._documents.query(collection, where, limit=1):
                data: Json = document.data.get("refused", document.data)
                return data
        return None
