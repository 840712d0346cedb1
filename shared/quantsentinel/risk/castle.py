"""The castle: every switch and every wall is asked about every opportunity; the first that stops is the reason.

Cheap before expensive: switches (once per tenant and cycle), the hard rules, walls, sizing. Walls judge
an offer: what fails a hard rule is refused for every tenant alike before there is one (`signals.issue`).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from quantsentinel.errors import Broken
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.risk.receipt import Guard
from quantsentinel.risk.switches.capital_floor import capital_floor
from quantsentinel.risk.switches.daily_loss import daily_loss
from quantsentinel.risk.switches.distribution import distribution
from quantsentinel.risk.switches.dry_run_lock import dry_run_lock
from quantsentinel.risk.switches.kill import master_kill, symbol_kill, tenant_kill
from quantsentinel.risk.switches.stale_data import stale_data
from quantsentinel.risk.switches.stale_marks import stale_marks
from quantsentinel.risk.switches.tenant_paused import tenant_paused
from quantsentinel.risk.walls.cost import cost_ratio_at_lots, net_ev_at_lots
from quantsentinel.risk.walls.entries_allowed import entries_allowed
from quantsentinel.risk.walls.entry_window import entry_window
from quantsentinel.risk.walls.event_age import late, snapshot_age
from quantsentinel.risk.walls.expiry_day import expiry_day_premium
from quantsentinel.risk.walls.live_entry import cool_down, live_entry
from quantsentinel.risk.walls.loss_budget import day_loss, trade_loss
from quantsentinel.risk.walls.lots import sizing
from quantsentinel.risk.walls.margin import margin
from quantsentinel.risk.walls.max_positions import max_positions
from quantsentinel.verdict import Verdict

SWITCHES: tuple[Guard[TenantFacts], ...] = (
    Guard("master_kill", 1, master_kill),
    Guard("tenant_kill", 1, tenant_kill),
    Guard("symbol_kill", 1, symbol_kill),
    Guard("tenant_paused", 1, tenant_paused),
    Guard("distribution", 1, distribution),
    Guard("stale_data", 1, stale_data),
    Guard("stale_marks", 1, stale_marks),
    Guard("dry_run_lock", 1, dry_run_lock),
    Guard("capital_floor", 1, capital_floor),
    Guard("daily_loss", 1, daily_loss),
)
WALLS: tuple[Guard[Facts], ...] = (
    Guard("entries_allowed", 1, entries_allowed),
    Guard("late", 1, late),
    Guard("snapshot_age", 1, snapshot_age),
    Guard("entry_window", 1, entry_window),
    Guard("expiry_day_premium", 1, expiry_day_premium),
    Guard("live_entry", 1, live_entry),
    Guard("cool_down", 1, cool_down),
    Guard("max_positions", 1, max_positions),
    Guard("trade_loss", 1, trade_loss),
    Guard("day_loss", 1, day_loss),
    Guard("margin", 1, margin),
    Guard("net_ev_at_lots", 1, net_ev_at_lots),
    Guard("cost_ratio_at_lots", 1, cost_ratio_at_lots),
    Guard("sizing", 1, sizing),
)
VERSIONS = {guard.name: guard.version for guard in SWITCHES} | {guard.name: guard.version for guard in WALLS}
GUARDS = frozenset(VERSIONS)

_name = attrgetter("guard")

TRANSIENT = frozenset({"stale_data", "stale_marks"})
"""Switches that trip on the moment, not on the tenant: they stop new entries but do not take back an issued one."""


def ask_switches(facts: TenantFacts, switches: Sequence[Guard[TenantFacts]] = SWITCHES) -> tuple[Verdict, ...]:
    """Every switch once for a tenant and cycle. Raises `Broken` when the registry is empty or a guard misreports."""
    return _ask_all(switches, facts)


def judge(facts: Facts, switched: tuple[Verdict, ...], walls: Sequence[Guard[Facts]] = WALLS) -> tuple[Verdict, ...]:
    """Every verdict about one opportunity: the switches' (asked once), its hard rules, the walls.

    Raises `Broken` when a part of the castle is missing: an empty list never passes.
    """
    hard_rules = facts.opportunity.verdicts
    if not hard_rules:
        raise Broken("an opportunity without hard-rule verdicts", where=facts.opportunity.opportunity_id)
    verdicts = (*switched, *hard_rules, *_ask_all(walls, facts))
    if not GUARDS.issubset(map(_name, verdicts)):
        missing = GUARDS.difference(map(_name, verdicts))
        raise Broken(f"guards were not asked: {sorted(missing)}", where="castle", fix="Ask the whole registry")
    return verdicts


def _ask_all(guards: Sequence[Guard[Any]], facts: Facts | TenantFacts) -> tuple[Verdict, ...]:
    if not guards:
        raise Broken("the registry of guards is empty", where="castle", fix="An empty list never passes")
    verdicts = tuple(guard.ask(facts) for guard in guards)
    if [verdict.guard for verdict in verdicts] != [guard.name for guard in guards]:
        odd = next((g.name, v.guard) for g, v in zip(guards, verdicts, strict=True) if g.name != v.guard)
        raise Broken(f"{odd[0]} answered as {odd[1]}", where="castle")
    return verdicts
