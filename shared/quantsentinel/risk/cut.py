"""Fewer lots instead of a refusal: the most at which no wall that measures an amount stops an offer any more.

Loss budgets, margin and depth cut lots before the walls are asked (`portfolio.sizing`). What these walls measure takes
the running book, scenarios or the event calendar to know, so they are asked at the sized lots first. The castle judges
what is left like any other offer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from quantsentinel.portfolio.sizing import deepest
from quantsentinel.portfolio.terms import terms_at
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.walls import correlation, event_hedge, margin, policy, tail_hedge
from quantsentinel.verdict import Outcome, Verdict

AMOUNTS: Mapping[str, Callable[[Facts], Verdict]] = {
    policy.SECTOR: policy.sector,
    policy.SHARE: policy.concentration,
    margin.STRESSED: margin.stressed,
    correlation.SCENARIO: lambda facts: correlation.correlation(facts)[0],
    tail_hedge.ADEQUATE: tail_hedge.adequate,
    event_hedge.PROTECTION: event_hedge.protection,
}
"""Checks that fewer lots may pass and no sizing asked before. With one position held, correlation is not one of them:
that of two packages does not depend on their sizes, that of a position with a book of several does."""


def cut(facts: Facts, verdicts: Sequence[Verdict]) -> Facts | None:
    """The facts at the most lots that all amounts let by, and one more does not; at 0 lots when one is too many.

    None where lots are not the cause: something else stops the offer too, or what is measured is not known.
    """
    stops = [verdict for verdict in verdicts if verdict.stops]
    if facts.sizing.lots <= 1 or not all(_falls_with_lots(facts, verdict) for verdict in stops):
        return None

    def stopped(lots: int) -> str:
        at = replace(facts, terms=terms_at(facts.opportunity, lots, facts.tenant.desk))
        return next((stop.guard for stop in stops if AMOUNTS[stop.guard](at).stops), "")

    if binding := stopped(1):
        return replace(facts, sizing=replace(facts.sizing, lots=0, binding=binding))
    lots = deepest(facts.sizing.lots - 1, lambda count: not stopped(count))
    sizing = replace(facts.sizing, lots=lots, binding=stopped(lots + 1))
    return replace(facts, sizing=sizing, terms=terms_at(facts.opportunity, lots, facts.tenant.desk))


def _falls_with_lots(facts: Facts, stop: Verdict) -> bool:
    if stop.guard not in AMOUNTS or stop.outcome is not Outcome.BLOCKED:
        return False
    return stop.guard != correlation.SCENARIO or len(facts.held) > 1
