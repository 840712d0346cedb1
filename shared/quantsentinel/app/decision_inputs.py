"""What a batch's decisions were made of, stored so that each of them can be made again.

    decisions/{date}/{cycle}/inputs/{batch}-{sha}.json   {cycle, desk, environment, values: {digest: value}}
    decisions/desks/{sha}.json                           the desk's parts, once a desk

A decision row names its book, account and `as_of` by digest; the values are found here, in whichever of the cycle's
objects an attempt at the batch left them.
"""

from __future__ import annotations

import json
import platform as machine
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from quantsentinel.app.platform import Platform
from quantsentinel.canonical import canonical_bytes, plain_bytes, sha256
from quantsentinel.contracts.events import TenantBatch
from quantsentinel.errors import Broken
from quantsentinel.ports import Json
from quantsentinel.signals.decision import TenantDecision


def store_inputs(platform: Platform, batch: TenantBatch, decisions: Iterable[TenantDecision]) -> str:
    """Writes the sources of these decisions, each value once. Returns the object's key."""
    values = {sha256(data): data for decision in decisions for data in decision.sources.values()}
    about = {"cycle": batch.cycle.model_dump(mode="json"), "desk": store_desk(platform), "environment": environment()}
    joined = b",".join(b'"%s":%s' % (name.encode(), values[name]) for name in sorted(values))
    body = canonical_bytes(about)[:-1] + b',"values":{' + joined + b"}}"
    name = sha256(body).removeprefix("sha256:")[:24]
    key = f"{_folder(batch.cycle.session.isoformat(), batch.cycle.cycle_id)}{batch.batch}-{name}.json"
    platform.objects.put_if_absent(key, body)
    return key


def store_desk(platform: Platform) -> str:
    """The digest of this process's desk, whose parts are on file from then on."""
    desk, digest = platform.desk, platform.desk.digest
    platform.lasting.get(
        ("desk stored", digest),
        lambda: platform.objects.put_if_absent(_desk_key(digest), canonical_bytes(desk.parts)),
    )
    return digest


def read_desk(platform: Platform, digest: str) -> Json | None:
    """The parts of a desk that decided something here."""
    data = platform.objects.get(_desk_key(digest))
    return json.loads(data) if data else None


def stored_inputs(platform: Platform, session: str, cycle_id: str) -> Iterator[Json]:
    """Every inputs object of a cycle. Raises `Broken` for one whose content is not what its name says."""
    for info in platform.objects.list(_folder(session, cycle_id)):
        data = platform.objects.get(info.key) or b""
        if sha256(data).removeprefix("sha256:")[:24] not in info.key:
            raise Broken("the content does not match its address", where=info.key, fix="The object was tampered with")
        yield json.loads(data)


def value_of(inputs: Mapping[str, Json], digest: str) -> Any:
    """A source by the digest that a row names. Raises `Broken` when it is not on file, or is another value."""
    if digest not in inputs:
        raise Broken(f"no stored value is {digest}", where="decision inputs", fix="Restore the cycle's inputs objects")
    value = inputs[digest]
    if sha256(plain_bytes(value)) != digest:
        raise Broken(f"the value stored as {digest} is another", where="decision inputs")
    return value


@cache
def environment() -> Json:
    """What may change the last bits of a float: Python, numpy, its BLAS, and the CPU features that numpy found."""
    built: Any = np.show_config(mode="dicts")
    blas = built["Build Dependencies"]["blas"]
    return {
        "python": machine.python_version(),
        "machine": machine.machine(),
        "numpy": np.__version__,
        "blas": f"{blas['name']} {blas['version']}",
        "cpu_features": [*built["SIMD Extensions"]["baseline"], *built["SIMD Extensions"].get("found", ())],
    }


def _folder(session: str, cycle_id: str) -> str:
    return f"decisions/{session}/{cycle_id}/inputs/"


def _desk_key(digest: str) -> str:
    return f"decisions/desks/{digest.removeprefix('sha256:')}.json"
