"""What holds for every switch: it never keeps a position from being closed, more loss never opens it, unknown stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.accounts.account import Status
from quantsentinel.distribution import Relation
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.risk.castle import SWITCHES
from quantsentinel.risk.facts import KillState, TenantFacts
from quantsentinel.risk.kill_state import Ack, Rearm
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.units import Rupees, rupees
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import SESSION, TEN, account, as_of, desk, market, offering, vertical_package

TENANT = "acme-fund"
SCOPES = ("master", f"tenant:{TENANT}", f"strategy:{TENANT}", "symbol:NIFTY", "broker:upstox", "exchange:NSE")
NAN = Rupees(Decimal("NaN"))
LATER = TEN + timedelta(minutes=20)


def facts(**changes: Any) -> TenantFacts:
    view = offering(market())
    return replace(TenantFacts(view, Book(session=SESSION), account(), desk(), as_of(view)), **changes)


def ask(name: str, given: TenantFacts) -> Verdict:
    return next(guard for guard in SWITCHES if guard.name == name).ask(given)


def kills(*scopes: str) -> tuple[KillState, ...]:
    return tuple(KillState(scope, "risk desk", "drill", TEN) for scope in scopes)


# --- Reductions ---
@cache
def held() -> Book:
    """A book with one position, which the market of `LATER` takes to its target."""
    view = offering(market(), vertical_package())
    return tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after


def closing(book: Book, tenant: dict[str, Any], **when: Any) -> TenantDecision:
    view = offering(market(LATER, move=400.0))
    return tenant_pass(view, book, account(**tenant), desk(), as_of(view, **when))


LATCHED = replace(held(), latched={name: TEN.isoformat() for name in ("strategy_drawdown", "margin_utilisation")})
CASES: dict[str, tuple[Book, dict[str, Any], dict[str, Any]]] = {
    **{scope: (held(), {}, {"kills": kills(scope)}) for scope in (*SCOPES, "stale_data:NIFTY")},
    "every scope": (held(), {}, {"kills": kills(*SCOPES, "stale_data:NIFTY")}),
    "switches unknown": (held(), {}, {"kills": None}),
    "paused": (held(), {"status": Status.PAUSED}, {}),
    "undeclared": (held(), {"relation": Relation.UNDECLARED}, {}),
    "dry run": (held(), {"created_at": TEN}, {}),
    "below the floor": (held(), {"capital_floor": rupees(9_000_000)}, {}),
    "daily loss": (replace(held(), loss_latched_on=SESSION), {}, {}),
    "drawdown and utilisation": (LATCHED, {}, {}),
    "stale": (replace(held(), rearm={"NIFTY": 3}), {}, {"previous_accepted_at": TEN}),
}
CASES["everything"] = (
    replace(LATCHED, loss_latched_on=SESSION, floor_latched_on=SESSION, rearm={"NIFTY": 3}),
    {"status": Status.PAUSED, "capital_floor": rupees(9_000_000)},
    {"kills": kills(*SCOPES), "previous_accepted_at": TEN},
)


@pytest.mark.parametrize("case", CASES)
def test_a_position_is_closed_whatever_switch_is_on(case: str) -> None:
    free = closing(held(), {})
    book, tenant, when = CASES[case]
    stopped = closing(book, tenant, **when)
    assert free.exits
    assert free.entries
    assert [(event.signal_id, event.pnl) for event in stopped.exits] == [
        (event.signal_id, event.pnl) for event in free.exits
    ]
    assert not {event.signal_id for event in free.exits} & {held.signal_id for held in stopped.book_after.positions}
    assert len(stopped.entries) == (1 if case == "dry run" else 0)


# --- Unknown ---
def unmarked() -> Book:
    return replace(held(), positions=tuple(replace(position, mark=None) for position in held().positions))


def without_cadence(given: TenantFacts) -> TenantFacts:
    policy = given.desk.policy
    emptied = policy.switches.model_copy(update={"cadence_days": {}})
    return replace(given, desk=replace(given.desk, policy=policy.model_copy(update={"switches": emptied})))


def untrained(given: TenantFacts, **trained: str) -> TenantFacts:
    served = replace(given.desk.volatility, trained=trained, digest=f"sha256:{trained}")
    return replace(given, desk=replace(given.desk, volatility=served))


def elsewhere(given: TenantFacts) -> TenantFacts:
    return replace(given, view=replace(given.view, snapshot=replace(given.view.snapshot, source="somewhere")))


Starve = Callable[[TenantFacts], TenantFacts]
NO_KILLS: Starve = lambda given: replace(given, as_of=replace(given.as_of, kills=None))  # noqa: E731  # one of a table
NO_MARK: Starve = lambda given: replace(given, book=unmarked())  # noqa: E731  # one of a table
NO_SESSION: Starve = lambda given: replace(given, view=replace(given.view, session=date(2025, 8, 27)))  # noqa: E731  # one of a table
REMOVED: list[tuple[str, str, Starve]] = [
    *((name, "kills", NO_KILLS) for name in ("master", "exchange_event", "broker_outage", "symbol_anomaly")),
    *((name, "kills", NO_KILLS) for name in ("tenant_kill", "stale_data", "strategy_drawdown")),
    *((name, "mark", NO_MARK) for name in ("stale_marks", "capital_floor", "daily_loss", "strategy_drawdown")),
    *(
        (name, "realised", lambda given: replace(given, book=replace(given.book, realised=NAN)))
        for name in ("capital_floor", "daily_loss", "strategy_drawdown")
    ),
    ("daily_loss", "settlement", lambda given: replace(given, book=replace(given.book, settlement_pnl=NAN))),
    ("strategy_drawdown", "peak", lambda given: replace(given, book=replace(given.book, peak_equity=NAN))),
    ("exchange_event", "exchange", lambda given: replace(given, view=replace(given.view, underlying="DOGE"))),
    ("stale_data", "contract", elsewhere),
    ("stale_data", "session", NO_SESSION),
    ("stale_marks", "contract", lambda given: elsewhere(replace(given, book=held()))),
    ("stale_marks", "session", lambda given: NO_SESSION(replace(given, book=held()))),
    ("model_staleness", "cadence", without_cadence),
    ("model_staleness", "training", lambda given: untrained(given, clock="", forecast="2011..never")),
    ("model_staleness", "parts", untrained),
    ("distribution", "relation", lambda given: replace(given, account=account(relation=Relation.UNDECLARED))),
]


@pytest.mark.parametrize(("name", "what", "starve"), REMOVED, ids=[f"{row[0]}-{row[1]}" for row in REMOVED])
def test_a_switch_that_is_not_told_an_input_does_not_pass(name: str, what: str, starve: Starve) -> None:
    assert ask(name, facts()).outcome is Outcome.PASSED
    verdict = ask(name, starve(facts()))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.stops


def test_every_input_that_can_be_missing_was_removed_once() -> None:
    counted = Counter(name for name, _, _ in REMOVED)
    assert len(REMOVED) == len({(name, what) for name, what, _ in REMOVED}) == 25
    elsewhere_tested = {"margin_utilisation", "correlation_cluster"}
    never_unknown = {"tenant_paused", "dry_run_lock"}
    assert set(counted) == {guard.name for guard in SWITCHES} - elsewhere_tested - never_unknown


# --- Monotone ---
LOSSES = st.integers(-3_000_000, 3_000_000)
MONEY = ("capital_floor", "daily_loss", "strategy_drawdown")


def after_loss(lost: int) -> TenantFacts:
    book = Book(
        session=SESSION, realised=rupees(-lost), confirmed_realised=rupees(-lost), peak_equity=rupees(2_000_000)
    )
    return facts(book=book)


@given(LOSSES, st.integers(0, 1_000_000), st.sampled_from(MONEY))
@settings(max_examples=60, deadline=None)
def test_more_loss_never_opens_a_switch(lost: int, more: int, name: str) -> None:
    before, after = ask(name, after_loss(lost)), ask(name, after_loss(lost + more))
    assert before.outcome is Outcome.PASSED or after.stops


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), LOSSES)
@settings(max_examples=60, deadline=None)
def test_a_tighter_limit_never_opens_the_drawdown_switch(one: float, other: float, lost: int) -> None:
    tight, wide = sorted((round(one, 4), round(other, 4)))
    verdicts = [
        ask("strategy_drawdown", replace(after_loss(lost), account=account(max_drawdown=limit)))
        for limit in (tight, wide)
    ]
    assert verdicts[0].stops or verdicts[1].outcome is Outcome.PASSED


# --- A switch's state ---
MOMENTS = st.integers(-600, 600).map(lambda minutes: datetime(2025, 8, 29, 5, tzinfo=UTC) + timedelta(minutes=minutes))


STATES = st.builds(
    KillState,
    st.just("symbol:NIFTY"),
    st.sampled_from(["asha", "market watch"]),
    st.sampled_from(["drill", "wrong chains", "results"]),
    MOMENTS,
    st.none() | MOMENTS,
    st.sampled_from(Rearm),
)


@given(STATES, STATES, MOMENTS)
@settings(max_examples=200, deadline=None)
def test_two_reasons_together_hold_at_least_as_long_and_as_strictly_as_each(
    one: KillState, other: KillState, at: datetime
) -> None:
    both = one.joined(other)
    order = list(Rearm)
    assert both.is_on(at) or not (one.is_on(at) or other.is_on(at))
    assert order.index(both.rearm) == min(order.index(one.rearm), order.index(other.rearm))
    assert one.why in both.why
    assert other.why in both.why


@given(STATES, MOMENTS, MOMENTS)
@settings(max_examples=200, deadline=None)
def test_only_a_release_between_the_pull_and_now_ends_a_switch(state: KillState, said: datetime, at: datetime) -> None:
    released = replace(state, released=Ack("ben", "looked", said))
    assert released.is_on(at) is (not state.at <= said <= at and state.is_on(at))
