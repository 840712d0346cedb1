"""How far the views may move the mean of the physical density: nothing until a view beats its baseline."""

from __future__ import annotations

from collections.abc import Sequence

from quantsentinel.alpha.view import View
from quantsentinel.desk import ViewPolicy
from quantsentinel.frozen import dataclass
from quantsentinel.units import quantise


@dataclass(frozen=True, slots=True)
class Tilt:
    """`direction` in [-1, 1] and `confidence` in [0, 1]; the density moves by at most 0.05 of both times sigma √tau."""

    direction: float
    confidence: float


NO_TILT = Tilt(0.0, 0.0)


def direction_tilt(views: Sequence[View], policy: ViewPolicy) -> Tilt:
    """Confidence-weighted mean of the direction views in `tilt_views`: those that proved themselves out of sample."""
    trusted = [view for view in views if view.name in policy.tilt_views and view.axis == "direction"]
    voices = [(view.score, view.confidence) for view in trusted if view.score is not None and view.confidence > 0]
    total = sum(confidence for _, confidence in voices)
    if total <= 0:
        return NO_TILT
    direction = sum(score * confidence for score, confidence in voices) / total
    return Tilt(quantise(direction), quantise(total / len(voices)))
