"""The castle: every switch, condition and wall is asked about every opportunity; the first that stops is the reason.

Cheap before expensive: switches (once per tenant and cycle), the hard rules, conditions (is there an offer at all, and
time for it), walls, the size that is left. Walls judge an offer: what fails a hard rule is refused for every tenant
alike before there is one (`signals.issue`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from quantsentinel.errors import Broken
from quantsentinel.risk.conditions.entries_allowed import entries_allowed
from quantsentinel.risk.conditions.entry_window import entry_window
from quantsentinel.risk.conditions.event_age import late, snapshot_age
from quantsentinel.risk.conditions.expiry_day import expiry_day_premium
from quantsentinel.risk.conditions.live_entry import cool_down, live_entry
from quantsentinel.risk.conditions.lots import sizing
from quantsentinel.risk.conditions.reconciled import reconciled
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.risk.receipt import Guard, Wall
from quantsentinel.risk.switches.broker_outage import broker_outage
from quantsentinel.risk.switches.capital_floor import capital_floor
from quantsentinel.risk.switches.correlation_cluster import correlation_cluster
from quantsentinel.risk.switches.daily_loss import daily_loss
from quantsentinel.risk.switches.distribution import distribution
from quantsentinel.risk.switches.dry_run_lock import dry_run_lock
from quantsentinel.risk.switches.exchange_event import exchange_event
from quantsentinel.risk.switches.kill import tenant_kill
from quantsentinel.risk.switches.margin_utilisation import margin_utilisation
from quantsentinel.risk.switches.master import master
from quantsentinel.risk.switches.model_staleness import model_staleness
from quantsentinel.risk.switches.stale_data import stale_data
from quantsentinel.risk.switches.stale_marks import stale_marks
from quantsentinel.risk.switches.strategy_drawdown import strategy_drawdown
from quantsentinel.risk.switches.symbol_anomaly import symbol_anomaly
from quantsentinel.risk.switches.tenant_paused import tenant_paused
from quantsentinel.risk.walls import correlation, cost, event_hedge, margin, news_events, policy, regime, tail_hedge
from quantsentinel.verdict import Verdict, Verdicts

SWITCHES: tuple[Guard[TenantFacts], ...] = (
    Guard("master", 1, master),
    Guard("exchange_event", 1, exchange_event),
    Guard("broker_outage", 1, broker_outage),
    Guard("symbol_anomaly", 1, symbol_anomaly),
    Guard("tenant_kill", 1, tenant_kill),
    Guard("tenant_paused", 1, tenant_paused),
    Guard("distribution", 1, distribution),
    Guard("stale_data", 1, stale_data),
    Guard("stale_marks", 1, stale_marks),
    Guard("model_staleness", 1, model_staleness),
    Guard("dry_run_lock", 1, dry_run_lock),
    Guard("capital_floor", 1, capital_floor),
    Guard("daily_loss", 1, daily_loss),
    Guard("margin_utilisation", 1, margin_utilisation),
    Guard("correlation_cluster", 1, correlation_cluster),
    Guard("strategy_drawdown", 1, strategy_drawdown),
)
CONDITIONS: tuple[Guard[Facts], ...] = (
    Guard("entries_allowed", 1, entries_allowed),
    Guard("late", 1, late),
    Guard("snapshot_age", 1, snapshot_age),
    Guard("entry_window", 1, entry_window),
    Guard("expiry_day_premium", 1, expiry_day_premium),
    Guard("live_entry", 1, live_entry),
    Guard("cool_down", 1, cool_down),
    Guard("reconciled", 1, reconciled),
)
WALLS: tuple[Wall[Facts], ...] = (
    Wall("regime", 1, regime.CHECKS, regime.regime),
    Wall("news_events", 1, news_events.CHECKS, news_events.news_events),
    Wall("policy", 1, policy.CHECKS, policy.policy),
    Wall("margin", 1, margin.CHECKS, margin.margin),
    Wall("correlation", 1, correlation.CHECKS, correlation.correlation),
    Wall("cost", 1, cost.CHECKS, cost.cost),
    Wall("tail_hedge", 1, tail_hedge.CHECKS, tail_hedge.tail_hedge),
    Wall("event_hedge", 1, event_hedge.CHECKS, event_hedge.event_hedge),
)
SIZE: tuple[Guard[Facts], ...] = (Guard("sizing", 1, sizing),)
"""Last: the walls say what is wrong, this only that nothing is left."""


class Registry:
    """What `judge` asks about an offer, in this order; `names` are the checks that have to answer."""

    def __init__(
        self,
        conditions: Sequence[Guard[Facts]] = CONDITIONS,
        walls: Sequence[Wall[Facts]] = WALLS,
        size: Sequence[Guard[Facts]] = SIZE,
    ) -> None:
        self.conditions, self.walls, self.size = conditions, walls, size
        self.is_partial = not (conditions and walls and size)
        checks = [check for wall in walls for check in wall.checks]
        self.names = [*(guard.name for guard in conditions), *checks, *(guard.name for guard in size)]


CASTLE = Registry()
VERSIONS = {guard.name: guard.version for guard in SWITCHES}
VERSIONS |= {guard.name: guard.version for guard in (*CONDITIONS, *SIZE)}
VERSIONS |= {check: wall.version for wall in WALLS for check in wall.checks}
GUARDS = frozenset(VERSIONS)

_name = attrgetter("guard")

TRANSIENT = frozenset({"stale_data", "stale_marks", "margin_utilisation", "correlation_cluster"})
"""Switches that trip on a number of the moment and let go by themselves: they stop new entries and updates but do not
take back an issued one. It was judged against the same limits, and both books count it as taken already: withdrawing
it would lower neither funds nor correlation. What a fall of equity itself means, loss, floor and drawdown say."""


def ask_switches(facts: TenantFacts, switches: Sequence[Guard[TenantFacts]] = SWITCHES) -> Verdicts:
    """Every switch once for a tenant and cycle. Raises `Broken` when the registry is empty or a guard misreports."""
    if not switches:
        raise _empty()
    said = tuple([guard.ask(facts) for guard in switches])
    _require_names(said, [guard.name for guard in switches])
    return Verdicts(facts.stamp, said)


def judge(facts: Facts, switched: Verdicts, castle: Registry = CASTLE) -> Verdicts:
    """Every verdict about one opportunity: the switches' (asked once), its hard rules, conditions, walls, size.

    Raises `Broken` when a part of the castle is missing: an empty list never passes.
    """
    hard_rules = facts.opportunity.verdicts
    if not hard_rules:
        raise Broken("an opportunity without hard-rule verdicts", where=facts.opportunity.opportunity_id)
    if castle.is_partial:
        raise _empty()
    said = [guard.ask(facts) for guard in castle.conditions]
    for wall in castle.walls:
        said += wall.ask(facts)
    said += [guard.ask(facts) for guard in castle.size]
    _require_names(said, castle.names)
    missing = GUARDS.difference(map(_name, switched.said), castle.names)
    if missing:
        raise Broken(f"guards were not asked: {sorted(missing)}", where="castle", fix="Ask the whole registry")
    return Verdicts(switched.decision, (*switched.said, *hard_rules, *said))


def _empty() -> Broken:
    return Broken("the registry of guards is empty", where="castle", fix="An empty list never passes")


def _require_names(said: Iterable[Verdict], expected: Sequence[str]) -> None:
    answered = list(map(_name, said))
    if answered != expected:
        raise Broken(f"asked {expected}, answered {answered}", where="castle", fix="Every check answers as itself")
