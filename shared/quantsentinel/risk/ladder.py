"""The sizing ladder: drift, degradation, disagreement, regime and news lower size before anything is cut.

Each source stands on one step of 100, 75, 50, 25, 0 %; the lowest applies, and each says why it stands where it does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from quantsentinel.portfolio.sizing import Rung
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.risk.walls.news_events import news_rung
from quantsentinel.risk.walls.regime import regime_rung

STEPS = (100, 75, 50, 25, 0)


def disagreement(facts: TenantFacts) -> Rung:
    """Of the views: 0 when every voice points one way, 1 when they cancel."""
    measured = facts.view.consensus.disagreement
    return _at("disagreement", measured, facts.desk.policy.ladder.disagreement, "of the views")


def degradation(facts: TenantFacts) -> Rung:
    """Of the forecast: its loss over a plain average's, over the last sessions."""
    policy, measured = facts.desk.policy.ladder, facts.view.features.get("forecast_qlike_ratio")
    if not isinstance(measured, float) or not math.isfinite(measured):
        return Rung("degradation", policy.unknown_degradation, "too few sessions to judge the forecast by")
    return _at("degradation", measured, policy.degradation, "of a plain average's loss")


def drift(facts: TenantFacts) -> Rung:
    """Of the watched relations of the underlying: how near the last session's readings are to an alarm."""
    readings = [item for item in facts.as_of.health if item.underlying == facts.view.underlying]
    if not readings:
        return Rung("drift", 100, "no session was read yet")
    worst = max(readings, key=lambda item: (not math.isfinite(item.measured), item.measured, item.name))
    return _at("drift", worst.measured, facts.desk.policy.ladder.drift, f"of what {worst.name} needs for an alarm")


SOURCES: tuple[Callable[[TenantFacts], Rung], ...] = (disagreement, degradation, drift, regime_rung, news_rung)


def rungs(facts: TenantFacts) -> tuple[Rung, ...]:
    """Every source's step, the same for all offers of a cycle."""
    return of_cycle(facts, _all)


def _all(facts: TenantFacts) -> tuple[Rung, ...]:
    return tuple(source(facts) for source in SOURCES)


def _at(name: str, measured: float, limits: Sequence[float], unit: str) -> Rung:
    """One step down for each limit that is reached; what is no number has reached them all."""
    if not math.isfinite(measured):
        return Rung(name, STEPS[-1], f"{measured} {unit} is not known")
    percent = STEPS[sum(measured >= limit for limit in limits)]
    return Rung(name, percent, f"{measured:g} {unit}")
