"""What guards say of an offer that is the same for every tenant: judged once, then stamped for each decision.

Two scopes: an offer in a cycle, and an offer at a number of lots. Keys are the identities of what a guard may read, all
of which the memory holds, so that no other object gets its id(): equal inputs may differ in their text (1 and 1.0), and
a receipt must not depend on what was asked before.
"""

from __future__ import annotations

from collections.abc import Callable

from quantsentinel.portfolio.memo import Memo
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import stamped
from quantsentinel.verdict import Verdict

Judge = Callable[[Facts], tuple[Verdict, ...]]
Said = dict[Judge, tuple[Verdict, ...]]

UNSTAMPED = ""
"""What a judge names instead of a decision."""
_OFFERS: Memo[tuple[Said, object]] = Memo(256)
_SIZES: Memo[tuple[Said, object]] = Memo(512)


def of_offer(facts: Facts, judge: Judge) -> tuple[Verdict, ...]:
    """`judge` may read the view, the offer, the desk, the moment, whether it is in time, and the news: nothing else."""
    tenant, offer = facts.tenant, facts.opportunity
    view, desk, as_of = tenant.view, tenant.desk, tenant.as_of
    key = (id(view), id(offer), id(desk), as_of.decided_at, as_of.in_time, id(as_of.news))
    said = _OFFERS.get(key, lambda: ({}, (view, offer, desk, as_of.news)))[0]
    return _stamped(said, judge, facts)


def at_lots(facts: Facts, judge: Judge) -> tuple[Verdict, ...]:
    """`judge` may read the offer, its terms and the desk: nothing else."""
    offer, terms, desk = facts.opportunity, facts.terms, facts.tenant.desk
    said = _SIZES.get((id(offer), id(terms), id(desk)), lambda: ({}, (offer, terms, desk)))[0]
    return _stamped(said, judge, facts)


def _stamped(said: Said, judge: Judge, facts: Facts) -> tuple[Verdict, ...]:
    found = said.get(judge)
    if found is None:
        found = said[judge] = judge(facts)
    decision = facts.tenant.stamp
    return tuple([stamped(decision, verdict) for verdict in found])
