"""Are options cheap or dear? The forecast variance to settlement against the implied one, in one variance clock."""

from __future__ import annotations

import math

from quantsentinel.alpha.reading import Features, evidence, missing, number, squash
from quantsentinel.alpha.view import View
from quantsentinel.units import quantise

NAME, VERSION = "volatility_ensemble", 1
INPUTS = ("forecast_vol_near", "implied_vol_near", "forecast_sessions")
SCALE_LOG_VOL = 0.25
"""A forecast 25 % (in log terms) from the implied vol scores tanh(1) = 0.76."""
FULL_CONFIDENCE_SESSIONS = 66
"""About four half-lives of EWMA(0.94) twice over: more history no longer moves the forecast."""


def volatility_ensemble(features: Features) -> View:
    """+ when the forecast is above the implied vol (options cheap, long volatility), - when below.

    Both are annual in the variance clock, to the settlement observation of the nearest expiry with a density; the
    implied one is that of the density's fair variance within five at-the-money standard deviations. Abstains without a
    forecast (`no_forecast_history`).
    """
    reason = str(features.get("forecast_reason") or "") or missing(features, INPUTS)
    forecast, implied = number(features, "forecast_vol_near"), number(features, "implied_vol_near")
    if reason or forecast is None or implied is None or forecast <= 0 or implied <= 0:
        why = reason or "no variance"
        return View(NAME, VERSION, "intraday", "volatility", None, 0.0, evidence(features, INPUTS), why)
    score = squash(math.log(forecast / implied) / SCALE_LOG_VOL)
    sessions = number(features, "forecast_sessions") or 0.0
    confidence = quantise(min(1.0, sessions / FULL_CONFIDENCE_SESSIONS))
    proof = evidence(features, INPUTS) | {"forecast_to_implied_vol": quantise(forecast / implied)}
    return View(NAME, VERSION, "intraday", "volatility", score, confidence, proof)
