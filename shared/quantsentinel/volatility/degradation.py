"""Does the served forecast still beat a plain average? Out of sample over the last sessions, on daily bars alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from quantsentinel.market.bars import DailyBar
from quantsentinel.volatility.convex import ahead, latest, trailing
from quantsentinel.volatility.parameters import Parameters
from quantsentinel.volatility.scores import qlike
from quantsentinel.volatility.training import daily_sample, served_clock

JUDGED_SESSIONS = 60
BASELINE_SESSIONS = 22


def qlike_ratio(bars: Sequence[DailyBar], parameters: Parameters) -> float | None:
    """Mean QLIKE of the served history weights one session ahead over that of a 22-session mean, over 60 sessions.

    Below one the forecast earns its place; above one it is worse than no model. A span longer than the history takes
    what there is, as the forecast itself does. None with fewer than 83 bars: the judged sessions and the baseline's.
    """
    longest = JUDGED_SESSIONS + max(parameters.spans)
    if len(bars) < JUDGED_SESSIONS + BASELINE_SESSIONS + 1:
        return None
    row = parameters.nearest(1.0)
    return _ratio(tuple(bars[-longest - 1 :]), parameters.spans, row.alone)


@lru_cache(maxsize=16)
def _ratio(bars: tuple[DailyBar, ...], spans: tuple[int, ...], weights: tuple[float, ...]) -> float | None:
    """Remembered by everything it depends on: it is the same for every snapshot of a session."""
    sample = daily_sample(bars, served_clock(), {})
    judged = slice(-JUDGED_SESSIONS - 1, -1)
    averages = trailing(sample.ranged, sample.units, spans)
    places = np.arange(len(averages))[judged]
    for place in places[~np.isfinite(averages[places]).all(axis=1)]:
        known = slice(0, place + 1)
        averages[place] = latest(sample.ranged[known], sample.units[known], spans)
    baseline = trailing(sample.ranged, sample.units, [BASELINE_SESSIONS])[judged, 0]
    outcome = ahead(sample.ranged, sample.units, 1)[judged]
    served = np.mean(qlike(outcome, averages[judged] @ np.array(weights)))
    plain = np.mean(qlike(outcome, baseline))
    return float(served / plain) if plain > 0 and np.isfinite(served) else None
