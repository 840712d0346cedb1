"""What a wall sees, from honest parts: an offer of the flat-vol market at some lots, beside a book that was entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from quantsentinel.desk import Desk
from quantsentinel.market.instruments import Family, Instrument, Leg, Package
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.budget import budget_of
from quantsentinel.portfolio.terms import terms_at
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.verdict import Verdict
from tests.builders import EXPIRY, TEN, account, as_of, condor_package, desk, market, offering

LOTS = 5
NOTHING_READ = cast(Any, None)
"""No wall reads the sizing: the terms are already at the sized lots."""


def wall_facts(
    package: Package | None = None, held: tuple[Package, ...] = (), lots: int = LOTS, **limits: Any
) -> Facts:
    """An offer of `package` (a condor without one) to a tenant that holds `held`."""
    view = offering(market(TEN + timedelta(minutes=1)), package or condor_package())
    book = Book(session=view.session, positions=positions(*held))
    tenant = TenantFacts(view, book, account(**limits), desk(), as_of(view))
    offer = view.opportunities[0]
    terms = terms_at(offer, lots, desk())
    return Facts(tenant, book, budget_of(book, tenant.account), offer, NOTHING_READ, terms)


def positions(*packages: Package) -> tuple[Position, ...]:
    """As entered on the same market, each by itself, however alike they are."""
    return tuple(entered(market(underlying=package.underlying), package) for package in packages)


def entered(view: MarketView, package: Package) -> Position:
    view = offering(view, package)
    return tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after.positions[0]


def with_terms(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, terms=replace(facts.terms, **changes))


def with_offer(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, opportunity=replace(facts.opportunity, **changes))


def with_limits(facts: Facts, **changes: Any) -> Facts:
    """The same facts under other limits of the tenant; `capital` may be among them."""
    tenant = replace(facts.tenant, account=account(**changes))
    return replace(facts, tenant=tenant, budget=budget_of(facts.book, tenant.account))


def with_policy(facts: Facts, section: str, **changes: Any) -> Facts:
    """Under a desk of another policy."""
    house = facts.tenant.desk
    changed = house.policy.model_copy(update={section: getattr(house.policy, section).model_copy(update=changes)})
    return replace(facts, tenant=replace(facts.tenant, desk=_desk(house, changed)))


def _desk(house: Desk, policy: Any) -> Desk:
    return replace(house, policy=policy)


def by_name(verdicts: tuple[Verdict, ...]) -> Mapping[str, Verdict]:
    return {verdict.guard: verdict for verdict in verdicts}


def outcome(verdicts: tuple[Verdict, ...], check: str) -> str:
    return by_name(verdicts)[check].outcome.value


# --- Packages ---------------------------------------------------------------------------------------------------------
def leg(strike: float, right: Any, side: Any) -> Leg:
    return Leg(Instrument("NIFTY", EXPIRY, strike, right), side)


def long_call(strike: float = 24_600.0) -> Package:
    return Package(Family.LONG_CALL, (leg(strike, "CE", 1),))


def bear_put() -> Package:
    return Package(Family.BEAR_PUT, (leg(24_500.0, "PE", 1), leg(24_300.0, "PE", -1)))


def short_strangle() -> Package:
    return Package(Family.SHORT_STRANGLE, (leg(24_200.0, "PE", -1), leg(24_800.0, "CE", -1)))
