"""What every pulled switch has in common, and the tenant's own: it blocks entries, never an exit or a reduction."""

from __future__ import annotations

from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Outcome, Verdict


def tenant_kill(facts: TenantFacts) -> Verdict:
    """Pulled by a person, or by the system when this tenant's pass or documents failed."""
    return pulled(facts, "tenant_kill", f"tenant:{facts.account.tenant_id}")


def pulled(facts: TenantFacts, name: str, *scopes: str) -> Verdict:
    """Blocked while a switch of one of the scopes is on; unknown while it is not known which are."""
    if facts.as_of.kills is None:
        reading = Reading(None, "off", "switch", "it is not known which switches are on")
        return receipt(name, Outcome.UNKNOWN, reading, scopes)
    state = next((found for scope in scopes if (found := facts.kill(scope)) is not None), None)
    if state is None:
        return receipt(name, passes(True), Reading("off", "off", "switch"), scopes, "off")
    reading = Reading("on", "off", "switch", f"{state.scope} switched off by {state.who}: {state.why}")
    inputs = (state.scope, "on", state.who, state.why, state.at, state.until)
    return receipt(name, passes(False), reading, *inputs)
