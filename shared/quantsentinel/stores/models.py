"""Fitted parts and who put them in force.

    models/volatility/{part}/{sha}.json          object: the artefact, written once
    models/volatility/history/{sha}.json         object: what fits learn from
    registry/volatility/histories/current        which of them fits read
    registry/volatility/artefacts/{sha}          the artefact's text, when it was offered, when it was promoted
    registry/volatility/parts/{part}             `stack`: the last one is in force; empty: the packaged one
    registry/volatility/changes/{part}-{n}       every promotion and rollback: who, when, why

A process loads its parameters out of a document: whoever decides has documents, and needs no bucket for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput, Broken, Conflict
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Create, Document, Documents, Objects, Put, Update, Write
from quantsentinel.volatility.artefact import Artefact, decode_artefact
from quantsentinel.volatility.fit_history import FitHistory, decode_fit_history
from quantsentinel.volatility.parameters import PARTS, Parameters, with_parts

ROOT = "registry/volatility"
CURRENT = f"{ROOT}/histories/current"
LIST = "`qs models list` names every one"


@dataclass(frozen=True, slots=True)
class Change:
    """`digest` is in force from then on; empty: what the package brings."""

    part: str
    number: int
    kind: str
    digest: str
    before: str
    who: str
    why: str
    at: datetime


def hex_of(digest: str) -> str:
    """Raises `BadInput` for anything but `sha256:` and 64 hex digits."""
    name = digest.removeprefix("sha256:")
    if len(name) != 64 or set(name) - set("0123456789abcdef"):
        raise BadInput(f"{digest!r} is no digest", where="fitted part", fix=LIST)
    return name


class ModelRegistry:
    def __init__(self, documents: Documents, objects: Objects) -> None:
        self._documents = documents
        self._objects = objects

    # --- What fits learn from ---
    def put_history(self, history: FitHistory, at: datetime) -> str:
        """From now on fits read this one; returns its digest."""
        self._objects.put_if_absent(_history_key(history.digest), history.encoded)
        last = history.last.isoformat()
        self._documents.commit([Put(CURRENT, canonical({"digest": history.digest, "last": last, "at": at}))])
        return history.digest

    def history(self) -> FitHistory:
        """Raises `BadInput` when none was handed over, `Broken` when the object is missing or another."""
        current = self._documents.get(CURRENT)
        if current is None:
            fix = "Hand one over: `qs models history --data FOLDER`"
            raise BadInput("no history to fit on is on file", where=CURRENT, fix=fix)
        key = _history_key(str(current.data["digest"]))
        data = self._objects.get(key)
        if data is None:
            raise Broken("the object is missing", where=key, fix="Restore the bucket's soft-deleted generation")
        found = decode_fit_history(data)
        if found.digest != current.data["digest"]:
            raise Broken(f"the content's digest is {found.digest}", where=key, fix="Hand the history over again")
        return found

    # --- Artefacts ---
    def offer(self, found: Artefact, at: datetime) -> bool:
        """The object first, then its record. False when it was offered before."""
        self._objects.put_if_absent(_key(found), found.encoded)
        record = {"part": found.part, "artefact": found.encoded.decode(), "offered_at": at, "promoted_at": None}
        try:
            self._documents.commit([Create(_path(found.digest), canonical(record))])
        except Conflict:
            return False
        return True

    def artefact(self, digest: str) -> Artefact:
        """Raises `BadInput` when nobody offered it, `Broken` when it is not what its name says."""
        return _decoded(self._record(digest))

    def artefacts(self) -> list[tuple[Artefact, Document]]:
        """Every one that was offered, with its record, the newest last."""
        found = self._documents.query(f"{ROOT}/artefacts")
        return [(_decoded(item), item) for item in sorted(found, key=lambda item: str(item.data["offered_at"]))]

    def promoted(self, part: str, digest: str) -> Artefact:
        """For a process that is to run on it. Raises `BadInput` for another part's, or one that nobody promoted."""
        record = self._record(digest)
        found = _decoded(record)
        if found.part != part:
            raise BadInput(f"{digest} is a {found.part}", where=f"volatility_{part}", fix=LIST)
        if record.data["promoted_at"] is None:
            fix = "`qs models show` it, then `qs models promote` it"
            raise BadInput(f"nobody promoted {digest}", where=f"volatility_{part}", fix=fix)
        return found

    def _record(self, digest: str) -> Document:
        found = self._documents.get(_path(digest))
        if found is None:
            raise BadInput(f"nothing was offered as {digest}", where="fitted part", fix=LIST)
        return found

    # --- In force ---
    def in_force(self, part: str) -> str:
        """The digest that the registry wants to serve; empty: the packaged part."""
        stack = _stack(self._pointer(part))
        return stack[-1] if stack else ""

    def promote(self, digest: str, who: str, why: str, at: datetime) -> Change:
        """Puts it on top. What may be promoted is `app.models`' to say."""
        record = self._record(digest)
        part = str(record.data["part"])
        before = self._pointer(part)
        stack = [*_stack(before), digest]
        marked = {**record.data, "promoted_at": record.data["promoted_at"] or canonical(at)}
        return self._change(
            before, stack, ("promote", part, who, why, at), [Update(record.path, marked, record.version)]
        )

    def rollback(self, part: str, who: str, why: str, at: datetime) -> Change:
        """The one before is in force again. Raises `BadInput` when nothing was promoted."""
        before = self._pointer(part)
        stack = _stack(before)
        if not stack:
            raise BadInput(f"no {part} was promoted: the packaged one is in force", where=f"{ROOT}/parts/{part}")
        return self._change(before, stack[:-1], ("rollback", part, who, why, at), [])

    def changes(self) -> list[Change]:
        """By part and number."""
        found = self._documents.query(f"{ROOT}/changes")
        rows = [Change(**{**item.data, "at": datetime.fromisoformat(item.data["at"])}) for item in found]
        return sorted(rows, key=lambda row: (row.part, row.number))

    def _pointer(self, part: str) -> Document | None:
        if part not in PARTS:
            raise BadInput(f"no part {part!r}", where="fitted part", fix=f"One of {', '.join(PARTS)}")
        return self._documents.get(f"{ROOT}/parts/{part}")

    def _change(
        self,
        before: Document | None,
        stack: Sequence[str],
        said: tuple[str, str, str, str, datetime],
        others: Sequence[Write],
    ) -> Change:
        """One commit. Raises `Conflict` when somebody else changed it in between."""
        kind, part, who, why, at = said
        number = 1 + (int(before.data["changes"]) if before else 0)
        was, now = (held[-1] if held else "" for held in (_stack(before), list(stack)))
        change = Change(part, number, kind, now, was, who, why, at)
        path, body = f"{ROOT}/parts/{part}", {"stack": list(stack), "changes": number}
        pointer: Write = Create(path, body) if before is None else Update(path, body, before.version)
        self._documents.commit([pointer, Create(f"{ROOT}/changes/{part}-{number:05d}", canonical(change)), *others])
        return change

    # --- What a decision was made with ---
    def parameters(self, digest: str) -> Parameters | None:
        """The whole parameters of a digest, out of every pair that could have served; None when none is it."""
        tables: dict[str, list[Mapping[str, Any] | None]] = {part: [None] for part in PARTS}
        for found, record in self.artefacts():
            if record.data["promoted_at"] is not None:
                tables[found.part].append(found.table)
        for pair in product(*tables.values()):
            whole = with_parts({part: table for part, table in zip(PARTS, pair, strict=True) if table is not None})
            if whole.digest == digest:
                return whole
        return None


def _stack(pointer: Document | None) -> list[str]:
    return [str(digest) for digest in pointer.data["stack"]] if pointer else []


def _decoded(record: Document) -> Artefact:
    return decode_artefact(str(record.data["artefact"]).encode(), f"sha256:{record.id}", record.path)


def _key(found: Artefact) -> str:
    return f"models/volatility/{found.part}/{hex_of(found.digest)}.json"


def _history_key(digest: str) -> str:
    return f"models/volatility/history/{hex_of(digest)}.json"


def _path(digest: str) -> str:
    return f"{ROOT}/artefacts/{hex_of(digest)}"
