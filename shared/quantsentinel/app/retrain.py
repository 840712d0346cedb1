"""Fits the volatility's parts again when they are due, judges them, and offers what came out; never promotes it."""

from __future__ import annotations

from datetime import date, timedelta

from quantsentinel.app.platform import Platform
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.stores.models import ModelRegistry
from quantsentinel.volatility.artefact import trained_to
from quantsentinel.volatility.fit_history import FitHistory, clean_until
from quantsentinel.volatility.held_out import Score, cut
from quantsentinel.volatility.offer import artefact_of
from quantsentinel.volatility.parameters import PARTS
from quantsentinel.volatility.refit import refit, standing

NEWER = "Hand over a newer history (`qs models history`); a definition that changed inside it ends what can be used."


@dataclass(frozen=True, slots=True)
class Retrained:
    """One part. `standing`: what is in force on the newest sessions; `digest` and `scores` of the candidate, where one
    was due. `cut_by` names the definition changes at which the history was cut; `lacks` says what keeps a part that is
    due from being fitted."""

    part: str
    due_on: date
    history_to: date
    cut_by: tuple[str, ...]
    standing: tuple[Score, ...]
    digest: str = ""
    scores: tuple[Score, ...] = ()
    beats_rule: bool = False
    is_new: bool = False
    lacks: str = ""

    @property
    def ok(self) -> bool:
        """What is in force loses nowhere to the rule, and a candidate that was due was fitted and beats it."""
        stands = all(score.candidate < score.rule for score in self.standing)
        return stands and not self.lacks and (not self.digest or self.beats_rule)


def retrain(
    platform: Platform, part: str, history: FitHistory, until: date | None = None, *, only_due: bool = False
) -> Retrained:
    """On the sessions up to `until`; None: up to the first definition change. With `only_due` a part younger than its
    cadence is judged and not fitted, and so is one that has nothing newer to learn from.

    Raises `BadInput` for an unknown part, a history that is too short, or an `until` that spans a definition change.
    """
    due, in_force = due_on(platform, part), platform.desk.volatility
    end, cut_by = (until, ()) if until else clean_until(history, part)
    known = history.until(end)
    cut(known)  # before anything is worked out of a history that is too short, or empty
    judged = standing(part, known, in_force)
    if only_due and platform.clock.now().astimezone(IST).date() < due:
        return Retrained(part, due, known.last, cut_by, judged)
    learned = trained_to(in_force.trained[part])
    if only_due and known.last <= learned:
        what = f"The {part} is due since {due}, and its history ends {known.last}, not after {learned}. {NEWER}"
        return Retrained(part, due, known.last, cut_by, judged, lacks=what)
    found = refit(part, known, in_force)
    offered = artefact_of(found, known, in_force, platform.desk.code_version)
    registry = ModelRegistry(platform.documents, platform.objects)
    is_new = registry.offer(offered, platform.clock.now())
    return Retrained(part, due, known.last, cut_by, judged, offered.digest, found.scores, found.beats_rule, is_new)


def due_on(platform: Platform, part: str) -> date:
    """When what is in force has reached its cadence. Raises `BadInput` when the policy names none."""
    if part not in PARTS:
        raise BadInput(f"no part {part!r}", where="retrain", fix=f"One of {', '.join(PARTS)}")
    cadence = platform.desk.policy.switches.cadence_days.get(f"volatility.{part}")
    if cadence is None:
        fix = f'Name "volatility.{part}" in [switches.cadence_days]'
        raise BadInput(f"the policy has no cadence of {part}", where="retrain", fix=fix)
    return trained_to(platform.desk.volatility.trained[part]) + timedelta(days=cadence)
