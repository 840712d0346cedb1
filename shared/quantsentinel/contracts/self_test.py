"""What a deployment is asked after an apply, and what its functions answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from quantsentinel.canonical import digest
from quantsentinel.contracts import events

ASKED = "self_test:"
"""How the id of an event begins that asks a function who it is instead of giving it work."""
EVENTS: tuple[type[BaseModel], ...] = (
    events.SnapshotTaken,
    events.CycleDecided,
    events.TenantBatch,
    events.SignalIssued,
    events.KillChanged,
    events.Tick,
)
RunId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{3,40}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{2,25}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Asked(_Strict):
    """The data of an event that asks; `number` tells the askings of one run apart."""

    run: RunId
    number: int = Field(ge=0, lt=1000)


class Identity(_Strict):
    """What a function says of itself. Of each secret it sees: the beginning of its SHA-256, never the value."""

    function: str
    revision: str
    code_version: str
    schema_digest: str
    secrets: Mapping[str, str] = Field(default_factory=dict)


class Expected(_Strict):
    """One function as it was applied. `also` are revisions that still take a share of a canary's traffic; `url` is for
    a function that no topic pushes to; `secrets` are the settings that have to be filled."""

    revision: str = Field(min_length=1)
    also: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    url: str = ""


class SelfTest(_Strict):
    """One run: who is asked, where the signed webhook arrives, how long to wait for all of it."""

    run: RunId
    sink_url: str = Field(min_length=1)
    functions: Mapping[Name, Expected] = Field(min_length=1)
    canary_percent: int = Field(default=100, ge=5, le=100)
    wait_s: float = Field(default=120.0, gt=0, le=240)


class Finding(_Strict):
    """One thing that is not as it was applied."""

    what: Literal["silent", "revision", "schema", "secret", "signal"]
    where: str
    expected: str
    found: str


def events_schema() -> str:
    """One digest over the JSON schemas of every event: two functions with different ones cannot talk to each other."""
    schemas: dict[str, Any] = {model.__name__: model.model_json_schema() for model in EVENTS}
    return digest(schemas).removeprefix("sha256:")[:16]
