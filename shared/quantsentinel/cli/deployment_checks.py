"""`qs doctor` on a deployment: what the map of functions asks for against what stands in the project."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import quantsentinel
from quantsentinel.app.check import FAIL, OK, WARN, Check, failed
from quantsentinel.errors import QuantsentinelError
from quantsentinel.frozen import dataclass

if TYPE_CHECKING:
    from quantsentinel.adapters.google.inspection import Inspection, SubscriptionState
    from quantsentinel.adapters.google.secret_versions import SecretManager
    from quantsentinel.settings import Settings

MAP = Path("terraform/functions.json")
APPLY = "`terraform apply` in terraform/envs/<env>; on emulators `make emulators`"


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the map asks for: the topic that each listening function hears, every topic, every secret."""

    heard: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({*self.heard.values(), *(dead(name) for name in self.heard)})


def dead(function: str) -> str:
    """The dead-letter topic of a function, and the subscription that keeps what arrives there."""
    return f"{function}.dead"


def deployment(settings: Settings, environ: Mapping[str, str], *, write: bool) -> list[Check]:
    """Every check of a project, or of the emulators that `environ` names."""
    from quantsentinel.adapters.google.connection import translated
    from quantsentinel.app.health import health
    from quantsentinel.settings import BUCKET_KINDS
    from quantsentinel.wiring.google import open_google

    try:
        with translated("credentials"):
            platform = open_google(settings, environ=environ)
            inspection = _inspection(settings, environ)
    except QuantsentinelError as error:
        fix = "`gcloud auth application-default login`, or `make emulators`"
        return [Check("credentials", FAIL, error.what, fix)]
    asked = the_map()
    return [
        *health(platform, write=write),
        *(_checked(f"bucket {kind}", partial(bucket, inspection, settings.bucket(kind))) for kind in BUCKET_KINDS),
        *messaging(inspection, asked, settings.topic_prefix),
        *secrets(settings, asked, environ),
    ]


def _inspection(settings: Settings, environ: Mapping[str, str]) -> Inspection:
    from quantsentinel.adapters.google.inspection import Inspection

    return Inspection(
        settings.project,
        pubsub_host=environ.get("PUBSUB_EMULATOR_HOST"),
        storage_url=environ.get("STORAGE_EMULATOR_HOST"),
    )


def the_map() -> Deployed | None:
    """None where the map is not there, as in an image."""
    for path in (MAP, Path(quantsentinel.__file__).parents[2] / MAP):
        if path.is_file():
            rows = json.loads(path.read_text(encoding="utf-8"))
            triggers = {name: row["trigger"] for name, row in rows["functions"].items()}
            heard = {name: one["topic"] for name, one in triggers.items() if one["kind"] == "pubsub"}
            return Deployed(heard, tuple(rows["secrets"]))
    return None


def _checked(name: str, ask: Callable[[], Check]) -> Check:
    """What this account may not read is unknown, and no fault of the deployment; whatever else fails, fails."""
    from quantsentinel.adapters.google.connection import NotAllowed

    try:
        return ask()
    except NotAllowed:
        return Check(name, WARN, "this account may not read it", "Ask with one that may, or give it this right alone")
    except QuantsentinelError as error:
        return failed(name, error)


# --- Buckets ---
def bucket(inspection: Inspection, name: str) -> Check:
    """There, and keeping what is written over."""
    label = f"bucket {name}"
    found = inspection.bucket(name)
    if found is None:
        return Check(label, FAIL, "does not exist", APPLY)
    if not found.versioned:
        return Check(label, FAIL, "keeps no versions: what is written over is gone", APPLY)
    return Check(label, OK, "exists, versioned")


# --- Topics and subscriptions ---
def messaging(inspection: Inspection, asked: Deployed | None, prefix: str) -> list[Check]:
    """Every topic and push subscription of the map, with its dead letters."""
    names = ("topics", "subscriptions", "dead letters")
    if asked is None:
        return [Check(name, OK, f"skipped: {MAP} is not here", "Run it in a checkout") for name in names]
    return [
        _checked("topics", lambda: topics(inspection.topics(), {f"{prefix}{name}" for name in asked.topics})),
        _checked("subscriptions", lambda: subscriptions(inspection.subscriptions(), asked, prefix)),
        _checked("dead letters", lambda: dead_letters({name: inspection.waiting(dead(name)) for name in asked.heard})),
    ]


def topics(found: Iterable[str], asked: Iterable[str]) -> Check:
    missing = sorted(set(asked) - set(found))
    if missing:
        return Check("topics", FAIL, f"missing: {', '.join(missing)}", APPLY)
    return Check("topics", OK, f"{len(set(asked))} of the map exist")


def subscriptions(found: Mapping[str, SubscriptionState], asked: Deployed, prefix: str) -> Check:
    """Each pushes its own topic, never expires, and sends what nobody could handle where it is kept."""
    problems = []
    for name, topic in asked.heard.items():
        for wanted, of, to in ((name, f"{prefix}{topic}", dead(name)), (dead(name), dead(name), "")):
            state = found.get(wanted)
            problems += [f"{wanted} is missing"] if state is None else _wrong(state, of, to)
    if problems:
        return Check("subscriptions", FAIL, "; ".join(problems), APPLY)
    return Check("subscriptions", OK, f"{len(asked.heard)} push, each with dead letters that are kept")


def _wrong(state: SubscriptionState, topic: str, dead_letter_topic: str) -> list[str]:
    problems = []
    if state.topic != topic:
        problems.append(f"{state.name} hears {state.topic}, not {topic}")
    if bool(state.pushes_to) != bool(dead_letter_topic):
        problems.append(f"{state.name} {'does not push' if dead_letter_topic else 'pushes, and should keep'}")
    if state.dead_letter_topic != dead_letter_topic:
        problems.append(f"{state.name} has dead letters at {state.dead_letter_topic or 'none'}")
    if state.expires:
        problems.append(f"{state.name} expires")
    return problems


def dead_letters(waiting: Mapping[str, int]) -> Check:
    held = {name: count for name, count in waiting.items() if count}
    if held:
        said = ", ".join(f"{count} of {name}" for name, count in held.items())
        return Check("dead letters", FAIL, said, 'docs/runbook.md, "A poisoned queue"')
    return Check("dead letters", OK, "none")


# --- Secrets ---
def secrets(settings: Settings, asked: Deployed | None, environ: Mapping[str, str]) -> list[Check]:
    """Each has a version that can be used; its value is never read."""
    from quantsentinel.adapters.google.secret_versions import SecretManager

    if asked is None:
        return [Check("secrets", OK, f"skipped: {MAP} is not here", "Run it in a checkout")]
    if environ.get("PUBSUB_EMULATOR_HOST"):
        return [Check("secrets", OK, "skipped: Secret Manager has no emulator")]
    manager = SecretManager(settings.project, settings.secret_manager_url)
    return [_checked(f"secret {name}", lambda name=name: secret(manager, name)) for name in asked.secrets]  # type: ignore[misc]  # mypy cannot infer a lambda's default


def secret(manager: SecretManager, name: str) -> Check:
    added = manager.newest(name)
    if added is None:
        fix = f"gcloud secrets versions add {name} --data-file=-"
        return Check(f"secret {name}", FAIL, "no version that can be used", fix)
    return Check(f"secret {name}", OK, f"set {added:%Y-%m-%d}")
