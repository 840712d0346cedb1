"""What the views say together, with the structure of their disagreement kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from quantsentinel.alpha.view import Axis, Consensus, Horizon, HorizonStance, View
from quantsentinel.errors import BadInput
from quantsentinel.units import quantise

LIVE_HORIZONS: tuple[Horizon, ...] = ("tick", "intraday")
WAITING = "daily and weekly abstain until their history exists"


def combine(views: Sequence[View], weights: Mapping[str, float]) -> Consensus:
    """Weighted mean of the scores on each axis, weight = declared weight x confidence, over the views that speak.

    Abstentions are left out and the rest renormalised. `confidence` is the share of all declared weight that spoke,
    weighted by confidence; `disagreement` is 0 when every voice points one way and 1 when they cancel. Raises
    `BadInput` when a view has no declared weight.
    """
    undeclared = [view.name for view in views if view.name not in weights]
    if undeclared:
        raise BadInput(
            f"views without a weight: {undeclared}", where="policy [views.weights]", fix="Declare one weight a view"
        )
    horizons: tuple[Horizon, ...] = get_args(Horizon)
    axes: tuple[Axis, ...] = get_args(Axis)
    stances = tuple(_stance(horizon, axis, views, weights) for horizon in horizons for axis in axes)
    scores = {axis: _mean([view for view in views if view.axis == axis], weights) for axis in axes}
    declared = sum(weights[view.name] for view in views)
    spoken = sum(weights[view.name] * view.confidence for view in views if not view.abstains)
    return Consensus(
        direction=scores["direction"][0],
        volatility=scores["volatility"][0],
        confidence=quantise(spoken / declared) if declared > 0 else 0.0,
        disagreement=max(disagreement for _, disagreement in scores.values()),
        stances=stances,
        reason=WAITING if spoken > 0 else f"every view abstains; {WAITING}",
    )


def _stance(horizon: Horizon, axis: Axis, views: Sequence[View], weights: Mapping[str, float]) -> HorizonStance:
    members = [view for view in views if view.horizon == horizon and view.axis == axis]
    score, disagreement = _mean(members, weights) if horizon in LIVE_HORIZONS else (None, 0.0)
    return HorizonStance(
        horizon=horizon,
        axis=axis,
        score=score,
        disagreement=disagreement,
        voices=tuple(view.name for view in members if not view.abstains),
        abstained=tuple(view.name for view in members if view.abstains),
    )


def _mean(views: Sequence[View], weights: Mapping[str, float]) -> tuple[float | None, float]:
    """(score or None, disagreement) of the views that speak with some confidence."""
    voices = [(weights[view.name] * view.confidence, view.score) for view in views if view.score is not None]
    total = sum(weight for weight, _ in voices)
    if total <= 0:
        return None, 0.0
    signed = sum(weight * score for weight, score in voices)
    unsigned = sum(weight * abs(score) for weight, score in voices)
    disagreement = 1.0 - abs(signed) / unsigned if unsigned > 0 else 0.0
    return quantise(signed / total), quantise(disagreement)
