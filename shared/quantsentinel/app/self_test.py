"""After an apply: does every function answer as what was applied, and does a signal reach a webhook?

    self_tests/{run}                         what was asked, and in the end what came of it
    self_tests/{run}/answers/{function}-{n}  written by the function that was asked, through its own topic
    self_tests/{run}/arrivals/{webhook-id}   written by the sink for a webhook whose signature holds

A function is asked on the topic that it works on, so its answer proves the subscription, the push identity, the
revision that takes the traffic, its settings and its database at once; it answers instead of working. The signal is a
notice to the tenant `self-test`, which follows no underlying: no pass ever sees it, and `deliver` sends such a notice
to nobody else.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from quantsentinel.accounts.account import Account, Mode, Status
from quantsentinel.app.deliver import SELF_TEST, TESTED
from quantsentinel.app.platform import Platform
from quantsentinel.app.self_test_answers import KEPT, run_path
from quantsentinel.canonical import canonical
from quantsentinel.contracts.events import SignalIssued
from quantsentinel.contracts.self_test import ASKED, Asked, Expected, Finding, Identity, SelfTest
from quantsentinel.errors import BadInput, Conflict
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.ports import Create, Event, Put
from quantsentinel.stores.expiring import FIELD, expiry
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.units import rupees

PAUSE_S = 0.5
MISSED = 0.001
"""The chance that no asking of a canary reaches its new revision."""

Get = Callable[[str], Identity | None]
"""Asks an HTTP function at its address; None while it does not answer."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How the functions of this installation are reached: by topic, or by `get`; `secret` signs the webhook."""

    topics: Mapping[str, str]
    get: Get
    secret: str


@dataclass(frozen=True, slots=True)
class Result:
    run: str
    passed: bool
    findings: tuple[Finding, ...]
    revisions: Mapping[str, Mapping[str, int]]
    """By function, how often each revision answered."""
    signal_arrived: bool


# --- The one that asks ---
def run_self_test(platform: Platform, test: SelfTest, ways: Ways, own: Identity) -> Result:
    """Asks, waits, compares. Raises `BadInput` for a run that was made before or a function that cannot be reached."""
    known = {*ways.topics, own.function}
    unreachable = [name for name, row in test.functions.items() if name not in known and not row.url]
    if unreachable:
        raise BadInput(f"neither topic nor url: {', '.join(unreachable)}", where="self-test", fix="Give its url")
    began = platform.clock.now()
    _begin(platform, test, began)
    _set_tenant(platform, Endpoint("webhook", test.sink_url, ways.secret), began)
    asks = asks_of(test.canary_percent)
    deadline = began + timedelta(seconds=test.wait_s)
    issued = _issued(test.run, deadline)
    platform.bus.publish_all([*_askings(test, ways.topics, asks), issued.to_event()])
    waited_for = test.model_copy(update={"functions": _but(test.functions, own.function)})
    answers, arrived = _wait(platform, waited_for, ways, asks, deadline)
    if own.function in test.functions:
        answers[own.function] = [own]
    findings = [*_findings(test, answers, own)]
    if not arrived:
        findings.append(
            Finding(what="signal", where="deliver", expected="a signed webhook", found=_sent(platform, issued))
        )
    result = Result(test.run, not findings, tuple(findings), _revisions(answers), arrived)
    platform.documents.commit([Put(run_path(test.run), _record(test, began) | {"result": canonical(_plain(result))})])
    return result


def _but(functions: Mapping[str, Expected], name: str) -> dict[str, Expected]:
    return {other: row for other, row in functions.items() if other != name}


def asks_of(canary_percent: int) -> int:
    """How often each function is asked, so that a revision with this share of the traffic answers once."""
    if canary_percent == 100:
        return 1
    return math.ceil(math.log(MISSED) / math.log(1 - canary_percent / 100))


def _begin(platform: Platform, test: SelfTest, began: datetime) -> None:
    try:
        platform.documents.commit([Create(run_path(test.run), _record(test, began))])
    except Conflict:
        raise BadInput(f"run {test.run} was made before", where="self-test", fix="Name each run anew") from None


def _record(test: SelfTest, began: datetime) -> dict[str, object]:
    asked = canonical(test.model_dump(mode="json"))
    return {"asked": asked, "at": began.isoformat(), FIELD: expiry(began + KEPT)}


def _set_tenant(platform: Platform, endpoint: Endpoint, now: datetime) -> None:
    """Paused, on paper, following nothing, with no capital and no declared relation: nothing can be issued to it."""
    account = Account(
        tenant_id=SELF_TEST,
        name="Self-test of the deployment",
        created_at=now,
        status=Status.PAUSED,
        mode=Mode.PAPER,
        capital=rupees(0),
        capital_declared_on=now.astimezone(IST).date(),
        underlyings=(),
    )
    platform.tenants.store(SELF_TEST).save(account, [endpoint])


def _askings(test: SelfTest, topics: Mapping[str, str], asks: int) -> Iterator[Event]:
    for name in test.functions:
        for number in range(asks if name in topics else 0):
            data = Asked(run=test.run, number=number).model_dump()
            yield Event(id=f"{ASKED}{test.run}:{name}:{number}", topic=topics[name], data=data)


def _issued(run: str, valid_until: datetime) -> SignalIssued:
    signal_id = f"{SELF_TEST}-{run}"
    return SignalIssued(tenant_id=SELF_TEST, signal_id=signal_id, sequence=1, state=TESTED, valid_until=valid_until)


Answers = dict[str, list[Identity]]


def _wait(platform: Platform, test: SelfTest, ways: Ways, asks: int, deadline: datetime) -> tuple[Answers, bool]:
    """Until everything is there or `deadline` has passed: the answers by function, and whether the webhook came."""
    by_http: Answers = defaultdict(list)
    arrived = False
    while True:
        for name, row in test.functions.items():
            if name not in ways.topics and len(by_http[name]) < asks:
                found = (ways.get(row.url) for _ in range(asks - len(by_http[name])))
                by_http[name] += [answer for answer in found if answer is not None]
        answers = {name: by_http[name] for name in test.functions} | _pushed(platform, test, ways.topics)
        arrived = arrived or bool(platform.documents.query(f"{run_path(test.run)}/arrivals", limit=1))
        if (arrived and all(len(found) >= asks for found in answers.values())) or platform.clock.now() > deadline:
            return answers, arrived
        platform.sleep(PAUSE_S)


def _pushed(platform: Platform, test: SelfTest, topics: Mapping[str, str]) -> Answers:
    answers: Answers = {name: [] for name in test.functions if name in topics}
    for document in platform.documents.query(f"{run_path(test.run)}/answers"):
        answer = Identity.model_validate(document.data["identity"])
        answers.setdefault(answer.function, []).append(answer)
    return answers


def _sent(platform: Platform, issued: SignalIssued) -> str:
    """What the delivery says of itself."""
    line = platform.tenants.store(SELF_TEST).delivery(f"{issued.signal_id}-{issued.sequence:03d}-webhook")
    return f"{line['state']}: {line['detail']}" if line else "no attempt"


# --- What is compared ---
def _findings(test: SelfTest, answers: Answers, own: Identity) -> Iterator[Finding]:
    for name, expected in test.functions.items():
        yield from _of_function(name, expected, answers[name], own)
    yield from _of_secrets([answer for found in answers.values() for answer in found])


def _of_function(name: str, expected: Expected, found: Sequence[Identity], own: Identity) -> Iterator[Finding]:
    if not found:
        yield Finding(what="silent", where=name, expected=expected.revision, found="no answer")
        return
    seen = sorted({answer.revision for answer in found})
    strangers = set(seen) - {expected.revision, *expected.also}
    if strangers or expected.revision not in seen:
        yield Finding(what="revision", where=name, expected=expected.revision, found=", ".join(seen))
    for answer in found:
        if answer.revision != expected.revision:
            continue
        if answer.schema_digest != own.schema_digest:
            yield Finding(what="schema", where=name, expected=own.schema_digest, found=answer.schema_digest)
        for secret in sorted(set(expected.secrets) - answer.secrets.keys()):
            yield Finding(what="secret", where=f"{name}: {secret}", expected="a value", found="none")
        return  # one revision says the same every time


def _of_secrets(answers: Sequence[Identity]) -> Iterator[Finding]:
    """Functions that share a secret see the same version of it."""
    seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for answer in answers:
        for secret, begins in answer.secrets.items():
            seen[secret][begins].add(answer.function)
    for secret, versions in sorted(seen.items()):
        if len(versions) > 1:
            told = "; ".join(f"{begins} by {', '.join(sorted(names))}" for begins, names in sorted(versions.items()))
            yield Finding(what="secret", where=secret, expected="one version", found=told)


def _revisions(answers: Answers) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    for name, found in sorted(answers.items()):
        counted[name] = {}
        for answer in found:
            counted[name][answer.revision] = counted[name].get(answer.revision, 0) + 1
    return counted


def _plain(result: Result) -> dict[str, object]:
    return {
        "run": result.run,
        "passed": result.passed,
        "findings": [finding.model_dump() for finding in result.findings],
        "revisions": result.revisions,
        "signal_arrived": result.signal_arrived,
    }
