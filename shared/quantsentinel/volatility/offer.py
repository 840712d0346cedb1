"""A refit as an artefact: its table with the card that says what it saw and how it was judged."""

from __future__ import annotations

import json

from quantsentinel.canonical import canonical_bytes
from quantsentinel.volatility.artefact import Artefact
from quantsentinel.volatility.fit_history import FitHistory
from quantsentinel.volatility.held_out import CRITICAL_T, HELD_OUT_SESSIONS, RULE_SESSIONS, cut
from quantsentinel.volatility.parameters import Parameters
from quantsentinel.volatility.refit import SEED, Refit


def artefact_of(found: Refit, history: FitHistory, in_force: Parameters, code_version: str) -> Artefact:
    """The card holds what the fit saw, how it was judged, and what it was judged against; no clock, so that the same
    fit has the same name."""
    sources = history.sources(found.part).items()
    last = cut(history)
    card = {
        "beats_rule": found.beats_rule,
        "test": f"mean QLIKE below the rule's in every row, t <= {CRITICAL_T} where there is one (one-sided 5 %)",
        "rule": f"the average of {RULE_SESSIONS} sessions, every gap an average one, nothing of today",
        "held_out": {"after": last, "to": history.last, "sessions": HELD_OUT_SESSIONS},
        "scores": found.scores,
        "judged": found.judged,
        "history": history.digest,
        "sources": {name: {"fields": fields, "first": first} for name, (fields, first) in sources},
        "in_force": {"parameters": in_force.digest, "trained": in_force.trained[found.part]},
        "code_version": code_version,
        "seed": SEED,
    }
    plain = json.loads(canonical_bytes(card))
    return Artefact(found.part, found.offered, plain)
