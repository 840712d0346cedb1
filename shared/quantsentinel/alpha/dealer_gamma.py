"""Do dealers damp or feed moves? The sign of their gamma under two conventions (`definitions.md` §7)."""

from __future__ import annotations

from quantsentinel.alpha.reading import Features, evidence, missing, number, squash
from quantsentinel.alpha.view import View
from quantsentinel.units import quantise

NAME, VERSION = "dealer_gamma", 1
INPUTS = ("dealer_gamma_participants", "dealer_gamma_us", "gross_gamma")
FULL_CONFIDENCE_SHARE = 0.5


def dealer_gamma(features: Features) -> View:
    """- (short volatility) when dealers are long gamma and damp moves, + when they are short and feed them.

    The sign comes from the previous evening's participant open interest (the Pro side) and, as a check, from the US
    convention (long calls, short puts). Abstains without the file and when the two disagree in total.
    """
    reason = str(features.get("participants_reason") or "") or missing(features, INPUTS)
    values = [number(features, name) or 0.0 for name in INPUTS]
    participants, us, gross = values
    if not reason and gross <= 0:
        reason = "no gamma in the chain"
    if not reason and participants * us <= 0:
        reason = "the participant and the US convention disagree in total"
    if reason:
        return View(NAME, VERSION, "intraday", "volatility", None, 0.0, evidence(features, INPUTS), reason)
    share = participants / gross
    confidence = quantise(min(1.0, abs(us) / gross / FULL_CONFIDENCE_SHARE))
    return View(NAME, VERSION, "intraday", "volatility", squash(-2.0 * share), confidence, evidence(features, INPUTS))
