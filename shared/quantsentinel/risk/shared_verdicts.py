"""What guards say that is the same for every tenant: said once, and shared.

Three scopes: a cycle, an offer in a cycle, and an offer at a number of lots (`facts` says how each is remembered).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from quantsentinel.risk.facts import Facts, Said, TenantFacts

F = TypeVar("F", Facts, TenantFacts)
T = TypeVar("T")


def of_cycle(facts: TenantFacts, judge: Callable[[TenantFacts], T]) -> T:
    """`judge` may read the view, the desk, the moment with what came before it, switches, news and health: no more."""
    return _shared(facts.said_of_cycle, judge, facts)


def of_offer(facts: Facts, judge: Callable[[Facts], T]) -> T:
    """`judge` may read the view, the offer, the desk, the moment and whether it is in time: nothing else."""
    return _shared(facts.said_of_offer, judge, facts)


def at_lots(facts: Facts, judge: Callable[[Facts], T]) -> T:
    """`judge` may read the offer, its terms and the desk: nothing else."""
    return _shared(facts.said_at_lots, judge, facts)


def _shared(said: Said, judge: Callable[[F], T], facts: F) -> T:
    found: T | None = said.get(judge)
    if found is None:
        found = said[judge] = judge(facts)
    return found
