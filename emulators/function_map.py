"""The one map of functions, `terraform/functions.json`, as Python reads it: checked row by row before anybody uses it.

    load_map().functions["decide"].timeout_s

Terraform reads the same file and states the same rules once more as `validation` and `precondition`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emulators.function_rows import Bucket, Function, FunctionMapRows, Job, PubSub, Secret, Subscription
from emulators.lifetime import ROOT
from quantsentinel.errors import BadInput

MAP = ROOT / "terraform" / "functions.json"
DEAD = ".dead"
SERVICE_ACCOUNT = re.compile(r"[a-z]([-a-z0-9]{4,28}[a-z0-9])")
"""6 to 30 characters, as Google Cloud takes them."""


class FunctionMap:
    """What is deployed. Names of cloud resources follow from the names in the map, here and in Terraform."""

    def __init__(self, rows: FunctionMapRows) -> None:
        self._rows = rows

    @property
    def functions(self) -> Mapping[str, Function]:
        return self._rows.functions

    @property
    def jobs(self) -> Mapping[str, Job]:
        return self._rows.jobs

    @property
    def buckets(self) -> Mapping[str, Bucket]:
        return self._rows.buckets

    @property
    def secrets(self) -> Mapping[str, Secret]:
        return self._rows.secrets

    def listening(self) -> dict[str, Function]:
        """The functions that a topic pushes to; the others answer HTTP."""
        return {name: row for name, row in self.functions.items() if isinstance(row.trigger, PubSub)}

    def scheduled(self) -> dict[str, PubSub]:
        """The triggers of those whose topic a scheduler beats on."""
        return {name: self.trigger(name) for name in self.listening() if self.trigger(name).schedule}

    def trigger(self, name: str) -> PubSub:
        """Raises `BadInput` for a function that no topic pushes to."""
        trigger = self.functions[name].trigger
        if not isinstance(trigger, PubSub):
            raise BadInput("no topic pushes to it: its trigger is http", where=f"functions.{name}")
        return trigger

    def topic(self, name: str) -> str:
        return self.trigger(name).topic

    def topics(self) -> tuple[str, ...]:
        """Every topic with a listener, in the map's order; dead-letter topics are not among them."""
        return tuple(self.topic(name) for name in self.listening())

    def subscription(self, name: str) -> Subscription:
        """Deadline and retries of the push subscription, which is called like the function."""
        return self.trigger(name).subscription

    def dead_letter_topic(self, name: str) -> str:
        """Of a listening function; its own subscription has the same name."""
        self.trigger(name)
        return f"{name}{DEAD}"

    def service_account(self, name: str) -> str:
        """The account id of a function or a job; its Cloud Run service or job has the same name."""
        return account_id(name)


def account_id(name: str) -> str:
    return f"qs-{name.replace('_', '-')}"


def load_map(path: Path = MAP) -> FunctionMap:
    """Raises `BadInput` that names every row that breaks a rule, and the rule."""
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text, object_pairs_hook=_without_twins)
        rows = FunctionMapRows.model_validate_json(text)
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=str(path)) from None
    except ValidationError as error:
        raise _refused(path, [_line(item) for item in error.errors()]) from None
    except ValueError as error:
        raise BadInput(f"not the map's JSON: {error}", where=str(path)) from None
    problems = list(_problems(rows))
    if problems:
        raise _refused(path, problems)
    return FunctionMap(rows)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twins = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twins:
        raise ValueError(f"{', '.join(twins)} stands there twice")
    return dict(pairs)


def _line(item: Any) -> str:
    # A union's branch stands between the field and what is wrong in it.
    parts = [str(part) for part in item["loc"] if part not in ("pubsub", "http")]
    return f"{'.'.join(parts) or 'the map'}: {str(item['msg']).removeprefix('Value error, ')}"


def _refused(path: Path, problems: list[str]) -> BadInput:
    return BadInput("; ".join(problems), where=path.name, fix="ARCHITECTURE.md names the columns of the map")


# --- Rules between rows -----------------------------------------------------------------------------------------------
def _problems(rows: FunctionMapRows) -> Iterator[str]:
    yield from _accounts(rows)
    yield from _topics(rows)
    yield from _grants(rows)


def _accounts(rows: FunctionMapRows) -> Iterator[str]:
    names = [*(f"functions.{name}" for name in rows.functions), *(f"jobs.{name}" for name in rows.jobs)]
    by_account: dict[str, list[str]] = {}
    for name in names:
        account = account_id(name.split(".", 1)[1])
        by_account.setdefault(account, []).append(name)
        if not SERVICE_ACCOUNT.fullmatch(account):
            yield f"{name}: its service account would be {account!r}, which needs 6 to 30 of a-z, 0-9 and -"
    for account, owners in by_account.items():
        if len(owners) > 1:
            yield f"{' and '.join(owners)}: would share the service account {account}; each has its own"


def _topics(rows: FunctionMapRows) -> Iterator[str]:
    heard: dict[str, str] = {}
    for name, row in rows.functions.items():
        if isinstance(row.trigger, PubSub):
            other = heard.setdefault(row.trigger.topic, name)
            if other != name:
                yield f"functions.{name}: topic {row.trigger.topic} already pushes to {other}; a topic has one reader"
    for name, row in rows.functions.items():
        for topic in row.publishes:
            if topic not in heard:
                yield f"functions.{name}: publishes {topic}, which no function listens to"


def _grants(rows: FunctionMapRows) -> Iterator[str]:
    owners: list[tuple[str, Function | Job]] = [(f"functions.{name}", row) for name, row in rows.functions.items()]
    owners += [(f"jobs.{name}", row) for name, row in rows.jobs.items()]
    for name, row in owners:
        granted = row.permissions
        for secret in (*granted.secrets, *granted.secret_versions_added):
            if secret not in rows.secrets:
                yield f"{name}: secret {secret} is not among the map's secrets"
        for kind in granted.objects:
            if kind not in rows.buckets:
                yield f"{name}: bucket {kind} is not among the map's buckets"
    for secret, about in rows.secrets.items():
        if about.rotated_by and about.rotated_by not in rows.functions:
            yield f"secrets.{secret}: is rotated by {about.rotated_by}, which is no function of the map"
