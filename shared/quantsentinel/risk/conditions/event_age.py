"""The decision is made on fresh data and handled in time (`definitions.md` §1, `architecture.md` §5.4)."""

from __future__ import annotations

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_offer
from quantsentinel.verdict import Outcome, Verdict

AGE, LATE = "snapshot_age", "late"


def snapshot_age(facts: Facts) -> Verdict:
    """decided_at − received_at of the oldest slice that a leg stands on: a poll plan fetches far ones less often, so it
    may be older than the snapshot. One from the future is not known to be fresh, nor is one that is not there."""
    return of_offer(facts, _aged)


def _aged(facts: Facts) -> Verdict:
    tenant, package = facts.tenant, facts.opportunity.package
    limit = tenant.desk.policy.age.max_age_s
    slices = [tenant.view.analytics.slice(expiry) for expiry in (package.expiry, package.far_expiry)]
    received = [part.chain.slice.received_at for part in slices if part is not None]
    if len(received) < len(slices):
        reading = Reading(None, limit, "s", "an expiry has no slice")
        return receipt(AGE, Outcome.UNKNOWN, reading, None, limit)
    age_s, newest_s = (
        round((tenant.as_of.decided_at - at).total_seconds(), 6) for at in (min(received), max(received))
    )
    reading = Reading(age_s, limit, "s", "received after the decision" if newest_s < 0 else "")
    outcome = passes(None if newest_s < 0 else age_s <= limit)
    return receipt(AGE, outcome, reading, age_s, limit)


def late(facts: Facts) -> Verdict:
    """The batch was handled within the age limit after the decision. Says so without a wall-clock number, which would
    make two runs of one decision differ."""
    return of_offer(facts, _handled)


def _handled(facts: Facts) -> Verdict:
    in_time, limit = facts.tenant.as_of.in_time, facts.tenant.desk.policy.age.max_handling_s
    reading = Reading("in time" if in_time else "late", f"within {limit:g} s", "handling")
    outcome = Outcome.PASSED if in_time else Outcome.BLOCKED
    return receipt(LATE, outcome, reading, in_time, limit)
