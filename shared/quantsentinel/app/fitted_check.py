"""Do the fitted parts that run agree with the registry, and how long until they are too old?"""

from __future__ import annotations

from datetime import date, timedelta

from quantsentinel.app.check import FAIL, OK, WARN, Check
from quantsentinel.app.models import registry_of
from quantsentinel.app.platform import Platform
from quantsentinel.app.retrain import due_on
from quantsentinel.market.calendar import IST
from quantsentinel.volatility.artefact import trained_to
from quantsentinel.volatility.parameters import PARTS, with_parts

NAME = "fitted parts"
RUNBOOK = 'docs/runbook.md, "Fitted parts"'


def fitted(platform: Platform) -> Check:
    """Fails from the day on which `model_staleness` halts entries; warns from the day on which a part is due, and of a
    part in force that this desk does not run on."""
    registry = registry_of(platform)
    in_force = {part: digest for part in PARTS if (digest := registry.in_force(part))}
    wanted = with_parts({part: registry.artefact(digest).table for part, digest in in_force.items()})
    today = platform.clock.now().astimezone(IST).date()
    ends = {part: _stale_on(platform, part) for part in PARTS}
    said = ", ".join(f"{part} due {due_on(platform, part)}, too old {end}" for part, end in ends.items())
    if any(today > end for end in ends.values()):
        return Check(NAME, FAIL, f"entries are halted: {said}", f"Fit, promote and release one: {RUNBOOK}")
    if wanted.digest != platform.desk.volatility.digest:
        named = ", ".join(in_force.values()) or "the packaged parts"
        return Check(NAME, WARN, f"the registry has {named} in force, this desk runs on others", RUNBOOK)
    if any(today >= due_on(platform, part) for part in PARTS):
        return Check(NAME, WARN, said, f"Hand over newer files: {RUNBOOK}")
    return Check(NAME, OK, said)


def _stale_on(platform: Platform, part: str) -> date:
    """The last day on which it is young enough."""
    learned = trained_to(platform.desk.volatility.trained[part])
    cadence = due_on(platform, part) - learned
    return learned + timedelta(days=cadence.days * platform.desk.policy.switches.stale_after_cadences)
