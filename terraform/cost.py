"""What a deployment costs a month, from the map of functions and `prices.toml`: `python -m terraform.cost` writes
`terraform/cost.md`. Nothing here is measured on a bill."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from emulators.function_map import FunctionMap, load_map
from emulators.function_rows import Function, PubSub
from terraform.prices import Prices, load_prices

COST = Path(__file__).with_name("cost.md")
TENANTS = (1, 100, 10_000)
MONTH_S = 30.4 * 86_400
GIB = 1024.0**3


@dataclass(frozen=True, slots=True)
class Use:
    """A month's use of one priced thing."""

    price: str
    quantity: float


@dataclass(frozen=True, slots=True)
class Scene:
    """The map, the prices and a number of tenants, with what follows from them."""

    known: FunctionMap
    prices: Prices
    tenants: int

    def __getitem__(self, path: str) -> float:
        return self.prices.number(path)

    @property
    def cycles(self) -> float:
        polls = self["assume.session_minutes"] * 60 / self["assume.poll_interval_s"]
        return self["assume.sessions"] * polls * self["assume.underlyings"]

    @property
    def batches(self) -> float:
        """Of one cycle."""
        return math.ceil(self.tenants / self["assume.tenants_a_batch"])

    def a_session(self, what: str) -> float:
        """A month's number of something that every tenant has so often a session."""
        return self.tenants * self["assume.sessions"] * self[f"assume.{what}"]

    def messages(self, topic: str) -> float:
        """A month's, of one topic."""
        by_topic: dict[str, float] = {
            "snapshot.taken": self.cycles,
            "cycle.decided": self.cycles,
            "tenant.batch": self.cycles * self.batches,
            "signal.issued": self.a_session("signals"),
            # A change is announced to the topic itself once more, for the batches of those who are told.
            "kill.changed": 2 * self.a_session("switches"),
        }
        return by_topic[topic]


# --- Requests ---
def beats(cron: str) -> float:
    """How often a five-field cron line beats in a month of 30.4 days. Months must be `*`, and so must the weekday where
    days of the month are named, up to the 28th: cron beats on either."""
    minute, hour, day, month, weekday = cron.split()
    named = day != "*"
    if month != "*" or (named and (weekday != "*" or not set(day.split(",")) <= {str(n) for n in range(1, 29)})):
        raise ValueError(f"{cron}: months, or days of the month beside weekdays, are not reckoned with")
    days = len(set(day.split(","))) if named else 30.4 * _count(weekday, 7) / 7
    return _count(minute, 60) * _count(hour, 24) * days


def _count(field: str, of: int) -> int:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = ("0", "", str(of - 1)) if span == "*" else span.partition("-")
        found.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return len(found)


def requests(scene: Scene, name: str) -> float:
    """A month's, of one function."""
    trigger = scene.known.functions[name].trigger
    if not isinstance(trigger, PubSub):
        return scene["assume.http_requests"]
    return beats(trigger.schedule) if trigger.schedule else scene.messages(trigger.topic)


def busy_s(scene: Scene, name: str) -> float:
    """A month's seconds in which one instance of a function serves."""
    seconds = scene.prices.seconds
    each = seconds[name].value if name in seconds else seconds["others"].value
    if name == "poll_market":
        inside = scene["assume.sessions"] * scene["assume.session_minutes"]
        return inside * each + (requests(scene, name) - inside) * scene["seconds.others"]
    return requests(scene, name) * each / _shared(scene.known.functions[name], requests(scene, name))


def _shared(row: Function, count: float) -> float:
    """Requests that one instance serves at once are paid once; only a steady stream fills it."""
    return row.concurrency if count > MONTH_S / 10 else 1


def run(scene: Scene) -> Iterator[Use]:
    """Functions, jobs, and instances that are kept warm."""
    for name, row in scene.known.functions.items():
        busy, gib = busy_s(scene, name), row.memory_mb / 1024
        idle = max(0.0, row.min_instances * MONTH_S - busy)
        yield Use("run_cpu", busy * row.cpu)
        yield Use("run_memory", busy * gib)
        yield Use("run_idle", idle * (row.cpu + gib))
        yield Use("run_requests", requests(scene, name) / 1e6)
    for job in scene.known.jobs.values():
        busy = beats(job.schedule) * scene["seconds.jobs"]
        yield Use("run_cpu", busy * job.cpu)
        yield Use("run_memory", busy * job.memory_mb / 1024)


# --- State ---
def documents(scene: Scene) -> Iterator[Use]:
    cycles, tenants = scene.cycles, scene.tenants
    told = scene.a_session("signals") + scene.a_session("switches")
    inbox = cycles * (2 + scene.batches) + told
    beaten = sum(requests(scene, name) for name in scene.known.scheduled())
    flushed = scene.a_session("flushes") * scene["cycle.writes_a_flush"]
    issued = scene.a_session("signals") * scene["cycle.writes_a_signal"]
    switched = scene.a_session("switches") * scene["cycle.writes_a_switch"]
    batched = scene["cycle.writes"] + (scene.batches - 1) * scene["cycle.writes_a_batch"]
    reads = cycles * (scene["cycle.reads"] + tenants * scene["cycle.reads_a_tenant"]) + 4 * beaten + 6 * told
    yield Use("firestore_reads", reads / 1e6)
    yield Use("firestore_writes", (cycles * batched + flushed + issued + switched + beaten) / 1e6)
    yield Use("firestore_deletes", (cycles * scene["cycle.deletes"] + told + inbox) / 1e6)
    stored = tenants * scene["cycle.document_bytes_a_tenant"] * scene["assume.months_kept"] / GIB
    yield Use("firestore_storage", 2 * (stored + 0.5))


def objects(scene: Scene) -> Iterator[Use]:
    """In the last of the months; what is older than three lies nearline."""
    cycles, months = scene.cycles, scene["assume.months_kept"]
    decided = scene.tenants * scene["cycle.decision_bytes_a_tenant"]
    month_gb = cycles * (scene["cycle.raw_bytes"] + scene["cycle.market_bytes"] + decided) / 1e9
    recent = min(3.0, months)
    yield Use("gcs_standard", month_gb * recent)
    yield Use("gcs_nearline", month_gb * (months - recent))
    yield Use("gcs_writes", cycles * (scene["cycle.objects"] + 2 * scene.batches) / 1e6)
    yield Use("gcs_reads", cycles * (3 + 2 * scene.batches) / 1e6)


# --- The rest ---
def around(scene: Scene) -> Iterator[Use]:
    pushed = sum(requests(scene, name) for name in scene.known.listening())
    yield Use("pubsub", 2 * pushed * scene["cycle.message_bytes"] / GIB)
    served = sum(requests(scene, name) for name in scene.known.functions)
    yield Use("logging", served * scene["assume.log_bytes"] / GIB)
    yield Use("scheduler", len(scene.known.scheduled()) + len(scene.known.jobs))
    yield Use("secrets", 2 * len(scene.known.secrets))
    yield Use("images", scene["assume.image_gb"])
    yield Use("alerts", _conditions(scene))


def _conditions(scene: Scene) -> float:
    functions = scene.known.functions
    pushed = len(scene.known.listening())
    scaled = sum(row.max_instances > 1 for row in functions.values())
    return (
        scene["alerts.shared"]
        + scene["alerts.pushed"] * pushed
        + scene["alerts.http"] * (len(functions) - pushed)
        + scene["alerts.scaled"] * scaled
        + scene["alerts.job"] * len(scene.known.jobs)
    )


# --- Money ---
PARTS: dict[str, Callable[[Scene], Iterator[Use]]] = {
    "Cloud Run": run,
    "Firestore": documents,
    "Cloud Storage": objects,
    "Pub/Sub, logs, schedules, secrets, images, alerts": around,
}


def used(scene: Scene) -> dict[str, float]:
    """A month's quantity of every priced thing."""
    found: dict[str, float] = {price.id: 0.0 for price in scene.prices.price}
    for part in PARTS.values():
        for use in part(scene):
            found[use.price] += use.quantity
    return found


def money(scene: Scene) -> dict[str, float]:
    """A month's dollars of every priced thing, after what is free."""
    return {name: _paid(scene.prices, name, quantity) for name, quantity in used(scene).items()}


def _paid(prices: Prices, name: str, quantity: float) -> float:
    price = prices.of(name)
    return max(0.0, quantity - price.free) * price.usd


def scenes(known: FunctionMap, prices: Prices) -> list[Scene]:
    return [Scene(known, prices, tenants) for tenants in TENANTS]


def main() -> None:
    from terraform.cost_page import page

    COST.write_text(page(scenes(load_map(), load_prices())), encoding="utf-8")


if __name__ == "__main__":
    main()
