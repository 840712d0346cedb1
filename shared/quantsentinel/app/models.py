"""Which fitted part may be put in force: a person's word, and four reasons to refuse."""

from __future__ import annotations

from quantsentinel.app.kills import kills
from quantsentinel.app.platform import Platform
from quantsentinel.errors import BadInput
from quantsentinel.market.windows import Break
from quantsentinel.stores.models import Change, ModelRegistry, hex_of
from quantsentinel.stores.relations import RelationStore
from quantsentinel.volatility.artefact import trained_to
from quantsentinel.volatility.parameters import served

FITTED_ON = "NIFTY"
TOUCHING = frozenset({"spot_basis", "vix_link", "vix_close", "vix_chain"})
AGAIN = "Fit it again on one side of the change: `qs retrain --until`"


def registry_of(platform: Platform) -> ModelRegistry:
    return ModelRegistry(platform.documents, platform.objects)


def promote(platform: Platform, digest: str, who: str, why: str) -> Change:
    """From the next start of a process that names it in its settings.

    Raises `BadInput` for one that is in force, did not beat the rule, knows less than what is in force, or learned over
    a definition change that the data contracts know of today.
    """
    registry = registry_of(platform)
    digest = f"sha256:{hex_of(digest)}"
    found = registry.artefact(digest)
    now = registry.in_force(found.part)
    if digest == now:
        raise BadInput("is in force already", where=digest)
    if not found.beats_rule:
        raise BadInput(
            "did not beat the rule on held-out sessions", where=digest, fix="`qs models show` has its scores"
        )
    learned = registry.artefact(now).trained_to if now else trained_to(served().trained[found.part])
    if found.trained_to < learned:
        what = f"learned to {found.trained_to}, what is in force to {learned}"
        raise BadInput(what, where=digest, fix="`qs models rollback` goes back to the one before")
    try:
        found.require_one_definition(_open_alarms(platform))
    except BadInput as error:
        raise BadInput(error.what, where=f"{digest}: {error.where}", fix=AGAIN) from None
    return registry.promote(digest, _said(who, "--who"), _said(why, "--why"), platform.clock.now())


def rollback(platform: Platform, part: str, who: str, why: str) -> Change:
    """The part before is in force again. Raises `BadInput` when nothing was promoted."""
    return registry_of(platform).rollback(part, _said(who, "--who"), _said(why, "--why"), platform.clock.now())


def _open_alarms(platform: Platform) -> list[Break]:
    """On the index and its volatility index; that a vendor's vols or a unit of interest moved does not touch a fit."""
    switches = kills(platform)
    raised = [item for item in RelationStore(platform.documents).alarms() if item.underlying == FITTED_ON]
    return [item.alarm.as_break() for item in raised if item.alarm.relation in TOUCHING and item.is_open(switches)]


def _said(text: str, where: str) -> str:
    if not text.strip():
        raise BadInput("says nothing", where=where, fix="Name a person and a reason: the registry keeps both")
    return text.strip()
