"""Any decision made again from what is stored, and compared with its row byte for byte.

From the cycle's snapshot and history the market pass is run, from the stored sources the tenant pass. The row must be
the one that the batch, and the audit chain where it has a record, put on file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from quantsentinel.accounts.account import Account
from quantsentinel.accounts.codec import decode
from quantsentinel.app.decision_inputs import environment, read_desk, stored_inputs, value_of
from quantsentinel.app.platform import Platform
from quantsentinel.canonical import plain_bytes, sha256
from quantsentinel.desk import Policy
from quantsentinel.distribution import Distribution
from quantsentinel.errors import BadInput, Broken
from quantsentinel.frozen import dataclass
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.ports import Json, Where
from quantsentinel.risk.facts import AsOf
from quantsentinel.stores.models import ModelRegistry


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where the rows differ; None stands for what is not there."""

    path: str
    was: Any
    is_now: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """`difference` is None when the bytes are the same. `chained`: the audit chain holds this row's digest.

    `elsewhere` names what of the machine is not as it was (`definitions.md` §9: the bytes have to agree all the same).
    """

    tenant: str
    cycle_id: str
    digest: str
    chained: bool
    difference: Difference | None
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """One decided cycle as it is stored: its document, the rows by tenant, the sources by digest, and the machine."""

    cycle: Json
    rows: Mapping[str, Json]
    values: Mapping[str, Json]
    environment: Json
    platform: Platform
    """With the desk that decided."""


def replay_decision(platform: Platform, id: str, tenant: str = "") -> list[Replayed]:
    """Every decision of a cycle, or those that a signal's steps or a refusal came from; of one tenant when named.

    Raises `BadInput` for an id that is none of them, and when the desk that decided cannot be had here.
    """
    found = []
    for cycle_id, owner in _decisions(platform, id):
        stored = decided(platform, cycle_id)
        wanted = owner or tenant
        names = [wanted] if wanted else sorted(stored.rows)
        if tenant and owner not in ("", tenant):
            raise BadInput(f"{id} is a decision about {owner}, not {tenant}", where="replay-decision")
        found += [replayed(stored, name) for name in names]
    return found


def _decisions(platform: Platform, id: str) -> Iterator[tuple[str, str]]:
    """(cycle, tenant or empty for all) of an id."""
    registry = platform.tenants
    unknown = BadInput(f"nothing is called {id!r}", where="replay-decision", fix="`qs signal list [--refused]` has ids")
    if not id or "/" in id:
        raise unknown
    owner = registry.owner(id)
    if owner is not None:
        steps = [item["event"]["cycle_id"] for item in registry.store(owner).signals() if item["signal_id"] == id]
        yield from ((cycle_id, owner) for cycle_id in dict.fromkeys(steps))
        return
    if platform.documents.get(f"cycles/{id}") is not None:
        yield id, ""
        return
    record = registry.refusal(id)
    if record is None:
        raise unknown
    yield record["cycle_id"], record["tenant_id"]


def decided(platform: Platform, cycle_id: str) -> Decided:
    """What is stored of a cycle. Raises `BadInput` for one that was never applied."""
    document = platform.documents.get(f"cycles/{cycle_id}")
    if document is None or document.data["state"] != "decided":
        raise BadInput(f"cycle {cycle_id} was never decided", where="replay-decision")
    cycle = document.data
    batches = platform.documents.query("batches", [Where("cycle_id", "==", cycle_id)])
    rows = {
        row["tenant"]: row
        for batch in batches
        for key in batch.data["objects"]
        for row in json.loads(platform.objects.get(key) or b"[]")
    }
    inputs = list(stored_inputs(platform, cycle["session"], cycle_id))
    values = {name: value for item in inputs for name, value in item["values"].items()}
    made_on = inputs[0]["environment"] if inputs else {}
    return Decided(cycle, rows, values, made_on, _at_the_desk(platform, cycle["desk_digest"]))


def replayed(stored: Decided, tenant: str) -> Replayed:
    """One tenant's decision made again. Raises `Broken` when what is stored is not what was decided upon."""
    if tenant not in stored.rows:
        raise BadInput(f"{tenant} has no decision in cycle {stored.cycle['cycle_id']}", where="replay-decision")
    platform, cycle, row = stored.platform, stored.cycle, stored.rows[tenant]
    view = platform.view_of(cycle)
    names = row["inputs"]
    book, account, as_of, around = (
        value_of(stored.values, names[name]) for name in ("book", "account", "as_of", "around")
    )
    again = tenant_pass(
        view, decode(Book, book), decode(Account, account), platform.desk, decode(AsOf, {**as_of, **around})
    )
    was, made = plain_bytes(row), again.row_bytes
    return Replayed(
        tenant=tenant,
        cycle_id=cycle["cycle_id"],
        digest=sha256(was),
        chained=_is_chained(platform, tenant, cycle["cycle_id"], sha256(was)),
        difference=None if was == made else first_difference(row, json.loads(made)),
        elsewhere=tuple(name for name, value in environment().items() if stored.environment.get(name) != value),
    )


def _is_chained(platform: Platform, tenant: str, cycle_id: str, digest: str) -> bool:
    record = platform.tenants.store(tenant).audit_of_cycle(cycle_id)
    if record is None:
        return False
    if record.body["row_digest"] != digest:
        what = f"the stored row of {cycle_id} is {digest}, audit record {record.seq} says {record.body['row_digest']}"
        raise Broken(what, where=f"tenants/{tenant}", fix="The decisions object was changed after it was written")
    return True


# --- the desk that decided ---
def _at_the_desk(platform: Platform, digest: str) -> Platform:
    """This platform at the desk that decided. Policy, broker plan and distribution are on file, fitted parts in the
    registry; rules, code and models are not made up.

    Raises `BadInput` naming the parts that differ and cannot be had here.
    """
    desk = platform.desk
    if desk.digest == digest:
        return platform
    parts = read_desk(platform, digest)
    if parts is None:
        raise BadInput(f"decided by desk {digest}, which is not on file", where="replay-decision")
    fitted = ModelRegistry(platform.documents, platform.objects).parameters(parts["volatility"])
    desk = replace(desk, volatility=fitted or desk.volatility)
    foreign = [
        f"{name} (was {_short(parts[name])}, is {_short(desk.parts[name])})"
        for name in ("rules", "code_version", "models", "volatility")
        if parts[name] != desk.parts[name]
    ]
    if foreign:
        what = f"decided by another desk: {', '.join(foreign)}"
        raise BadInput(what, where="replay-decision", fix="Use that version of the package, with its rules overlay")
    try:
        policy = Policy.model_validate(parts["policy"])
        distribution = Distribution.of(parts.get("distribution", ()))
    except ValueError as error:
        raise BadInput(
            f"the stored policy or distribution is not of this schema: {error}", where="replay-decision"
        ) from None
    other = replace(desk, policy=policy, broker=parts["broker"], distribution=distribution)
    if other.digest != digest:
        raise Broken(f"the stored parts of desk {digest} make {other.digest}", where="replay-decision")
    return replace(platform, desk=other)


def _short(part: Any) -> str:
    return part if isinstance(part, str) and len(part) < 20 else sha256(plain_bytes(part))[7:19]


def first_difference(was: Any, now: Any, path: str = "") -> Difference | None:
    """The first place, in the order of keys and lists, where two JSON values differ."""
    for place, before, after in _places(was, now, path):
        if before is _ABSENT or after is _ABSENT:
            return Difference(place, *(None if item is _ABSENT else item for item in (before, after)))
        if place == path:
            return None if type(was) is type(now) and was == now else Difference(path, was, now)
        found = first_difference(before, after, place)
        if found:
            return found
    return None


_ABSENT = object()


def _places(was: Any, now: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """What two values of one kind hold, place by place; the values themselves where they hold nothing."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in sorted(was.keys() | now.keys()):
            yield f"{path}.{name}" if path else name, was.get(name, _ABSENT), now.get(name, _ABSENT)
    elif isinstance(was, list) and isinstance(now, list):
        for place, (before, after) in enumerate(zip_longest(was, now, fillvalue=_ABSENT)):
            yield f"{path}[{place}]", before, after
    else:
        yield path, was, now
