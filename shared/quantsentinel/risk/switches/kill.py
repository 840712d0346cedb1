"""Master, tenant and symbol kill switches: a switch that is on blocks entries, never an exit or a reduction."""

from __future__ import annotations

from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Verdict


def master_kill(facts: TenantFacts) -> Verdict:
    return _kill(facts, "master_kill", "master")


def tenant_kill(facts: TenantFacts) -> Verdict:
    return _kill(facts, "tenant_kill", f"tenant:{facts.account.tenant_id}")


def symbol_kill(facts: TenantFacts) -> Verdict:
    return _kill(facts, "symbol_kill", f"symbol:{facts.view.underlying}")


def _kill(facts: TenantFacts, name: str, scope: str) -> Verdict:
    state = facts.kill(scope)
    if state is None:
        return receipt(facts.stamp, name, passes(True), Reading("off", "off", "switch"), scope, "off")
    reading = Reading("on", "off", "switch", f"{scope} switched off by {state.who}: {state.why}")
    return receipt(facts.stamp, name, passes(False), reading, scope, "on", state.who, state.why, state.at, state.until)
