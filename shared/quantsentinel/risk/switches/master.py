"""The master: no entries for anybody; two different people re-arm it (`definitions.md` §8)."""

from __future__ import annotations

from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.kill_state import MASTER
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.risk.switches.kill import pulled
from quantsentinel.verdict import Verdict


def master(facts: TenantFacts) -> Verdict:
    return of_cycle(facts, _judged)


def _judged(facts: TenantFacts) -> Verdict:
    return pulled(facts, MASTER, MASTER)
