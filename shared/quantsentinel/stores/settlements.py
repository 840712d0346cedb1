"""The exchange's settlement values: entered once for each expiry, by whom and when, and never changed.

settlements/{UNDERLYING}/expiries/{YYYY-MM-DD}
"""

from __future__ import annotations

import logging
from datetime import date

from quantsentinel.accounts.codec import decode
from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput, Conflict
from quantsentinel.portfolio.settlement import SettlementValue
from quantsentinel.ports import Create, Documents, Where

_log = logging.getLogger(__name__)


class SettlementStore:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def record(self, value: SettlementValue) -> bool:
        """False when the same value is known. Raises `BadInput` when another one is: what was settled on it stands."""
        path = f"{_collection(value.underlying)}/{value.expiry.isoformat()}"
        try:
            self._documents.commit([Create(path, canonical(value))])
        except Conflict:
            document = self._documents.get(path)
            known = None if document is None else decode(SettlementValue, document.data)
            if known is not None and known.value == value.value:
                return False
            what = f"already settled at {known.value if known else 'an unknown value'}"
            where = f"settlement of {value.underlying} {value.expiry}"
            raise BadInput(what, where=where, fix="A value is entered once; nothing settles twice") from None
        return True

    def since(self, underlying: str, expiry: date) -> tuple[SettlementValue, ...]:
        """Known values of this expiry and later ones, by expiry. What cannot be read settles nothing: the proxy stays,
        and nobody's exits wait for it."""
        where = [Where("expiry", ">=", expiry.isoformat())]
        known = []
        for item in self._documents.query(_collection(underlying), where):
            try:
                known.append(decode(SettlementValue, item.data))
            except BadInput as error:
                _log.critical("%s settles nothing: %s", item.path, error)
        return tuple(sorted(known, key=lambda item: item.expiry))


def _collection(underlying: str) -> str:
    return f"settlements/{underlying}/expiries"
