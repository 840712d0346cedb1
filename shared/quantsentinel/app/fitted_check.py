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
    """Fails from the day on which `model_staleness` halts entries, warns when half a cadence is left until then, and of
    a part in force that this desk does not run on. That one is due, the monthly job tells."""
    registry = registry_of(platform)
    in_force = {part: digest for part in PARTS if (digest := registry.in_force(part))}
    wanted = with_parts({part: registry.artefact(digest).table for part, digest in in_force.items()})
    today = platform.clock.now().astimezone(IST).date()
    ends = {part: _stale_after(platform, part) for part in PARTS}
    said = ", ".join(f"{part} due on {due_on(platform, part)}, too old after {end}" for part, end in ends.items())
    if any(today > end for end in ends.values()):
        return Check(NAME, FAIL, f"entries are halted: {said}", f"Fit, promote and release one: {RUNBOOK}")
    if wanted.digest != platform.desk.volatility.digest:
        named = ", ".join(in_force.values()) or "the packaged parts"
        return Check(NAME, WARN, f"the registry has {named} in force, this desk runs on others", RUNBOOK)
    if any(today > end - _cadence(platform, part) / 2 for part, end in ends.items()):
        return Check(NAME, WARN, said, f"Hand over newer files: {RUNBOOK}")
    return Check(NAME, OK, said)


def _stale_after(platform: Platform, part: str) -> date:
    """The last day on which it is young enough."""
    return _learned(platform, part) + _cadence(platform, part) * platform.desk.policy.switches.stale_after_cadences


def _cadence(platform: Platform, part: str) -> timedelta:
    return due_on(platform, part) - _learned(platform, part)


def _learned(platform: Platform, part: str) -> date:
    return trained_to(platform.desk.volatility.trained[part])
