"""The rows of `terraform/functions.json`: what each may say, and the rules that one row keeps by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from quantsentinel.settings import BucketKind

ACK_SPARE_S = 5
"""What a push needs beyond the function's own time, so that an answer in the last second still counts."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{2,25}$")]
"""Of a function or a job: also a folder, a Python name and, with dashes, part of a service account's id."""
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", max_length=100)]
SecretId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,62}$")]
Text = Annotated[str, StringConstraints(min_length=10, max_length=200)]
Cron = Annotated[str, StringConstraints(pattern=r"^([0-9*/,-]+ ){4}[0-9*/,-]+$")]


class Row(BaseModel):
    """Frozen, strict, and with no column that is not named here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Subscription(Row):
    """Of a push: Pub/Sub takes 10 to 600 s, back-off up to 600 s and 5 to 100 attempts."""

    ack_deadline_s: int = Field(ge=10, le=600)
    min_backoff_s: int = Field(ge=1, le=600)
    max_backoff_s: int = Field(ge=1, le=600)
    max_delivery_attempts: int = Field(ge=5, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_backoff_s > self.max_backoff_s:
            raise ValueError(f"min_backoff_s {self.min_backoff_s} is above max_backoff_s {self.max_backoff_s}")
        return self


class PubSub(Row):
    """A topic pushes; with `schedule`, Cloud Scheduler publishes on it."""

    kind: Literal["pubsub"]
    topic: Topic
    schedule: Cron | None = None
    time_zone: Literal["Asia/Kolkata"] | None = None
    subscription: Subscription

    @model_validator(mode="after")
    def _zoned(self) -> Self:
        if (self.schedule is None) != (self.time_zone is None):
            raise ValueError("schedule and time_zone Asia/Kolkata come together")
        return self


class Http(Row):
    """Answers people or other machines. `all` ingress is for the ones that the internet reaches."""

    kind: Literal["http"]
    ingress: Literal["all", "internal"]
    invokers: Literal["public_with_secret", "operators", "deployer", "callback"]


class Permissions(Row):
    """On objects: `read`; `create` reads and adds, never writes over; `write` does all three."""

    documents: Literal["none", "read", "write"]
    objects: Mapping[BucketKind, Literal["read", "create", "write"]]
    secrets: tuple[SecretId, ...]
    secret_versions_added: tuple[SecretId, ...] = ()


class Runs(Row):
    """What functions and jobs have in common."""

    description: Text
    image: Literal["serve", "batch"]
    memory_mb: int = Field(ge=256, le=32768)
    cpu: Literal[1, 2, 4, 8]
    timeout_s: int = Field(ge=1)
    permissions: Permissions

    @model_validator(mode="after")
    def _fits(self) -> Self:
        least = {1: 256, 2: 256, 4: 2048, 8: 4096}[self.cpu]
        most = {1: 4096, 2: 8192, 4: 16384, 8: 32768}[self.cpu]
        if not least <= self.memory_mb <= most:
            raise ValueError(f"memory_mb {self.memory_mb}: Cloud Run takes {least} to {most} with {self.cpu} CPU")
        return self


class Function(Runs):
    """One Cloud Run service."""

    trigger: Annotated[PubSub | Http, Field(discriminator="kind")]
    publishes: tuple[Topic, ...]
    timeout_s: int = Field(ge=1, le=3600)
    concurrency: int = Field(ge=1, le=1000)
    threads: int = Field(ge=1, le=1000)
    min_instances: int = Field(ge=0, le=100)
    max_instances: int = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if self.concurrency > self.threads:
            problems.append(f"concurrency {self.concurrency} is above threads {self.threads}")
        if self.min_instances > self.max_instances:
            problems.append(f"min_instances {self.min_instances} is above max_instances {self.max_instances}")
        if isinstance(self.trigger, PubSub):
            deadline_s = self.trigger.subscription.ack_deadline_s
            if deadline_s < self.timeout_s + ACK_SPARE_S:
                problems.append(f"ack_deadline_s {deadline_s} is below timeout_s {self.timeout_s} + {ACK_SPARE_S}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Job(Runs):
    """One Cloud Run job, started by a schedule."""

    command: tuple[str, ...] = Field(min_length=1)
    schedule: Cron
    time_zone: Literal["Asia/Kolkata"]
    timeout_s: int = Field(ge=1, le=86400)


class Bucket(Row):
    """One kind of objects. `retention_days` keeps each object that long, also from its owner once it is locked."""

    description: Text
    soft_delete_days: int = Field(ge=7, le=90)
    noncurrent_versions_days: int = Field(ge=1)
    nearline_after_days: int | None = Field(default=None, ge=1)
    retention_days: int | None = Field(default=None, ge=1, le=36500)
    retention_locked_in_prod: bool = False

    @model_validator(mode="after")
    def _lockable(self) -> Self:
        if self.retention_locked_in_prod and self.retention_days is None:
            raise ValueError("retention_locked_in_prod without retention_days: there is nothing to lock")
        return self


class Secret(Row):
    """One secret; `setting` is the field of the settings that its value fills."""

    description: Text
    setting: str
    rotated_by: Name | None = None


class FunctionMapRows(Row):
    """The whole file."""

    functions: Mapping[Name, Function] = Field(min_length=1)
    jobs: Mapping[Name, Job]
    buckets: Mapping[BucketKind, Bucket] = Field(min_length=1)
    secrets: Mapping[SecretId, Secret]
