"""One contract over every view of the registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quantsentinel.alpha.registry import VIEWS, ViewSpec, ask_views
from quantsentinel.canonical import canonical_bytes
from quantsentinel.desk import load_policy
from quantsentinel.features.registry import FEATURES
from quantsentinel.features.summary import summary_row
from quantsentinel.pipeline import market_pass
from tests.market_day import NOON, desk, evening, firewall, history, snapshot, with_column

Features = dict[str, float | str | None]
TEXTS = {feature.name for feature in FEATURES if feature.unit in ("text", "date")}


def full_features() -> Features:
    """Features of a market in which every view has what it needs."""
    first = snapshot(NOON - timedelta(minutes=40))
    rows = (replace(summary_row(first, firewall(first), desk()), put_oi=1e6, call_oi=1.2e6),)
    past = replace(history(rows=rows), participants=evening(50, -50))
    return dict(market_pass(with_column(snapshot(), "oi", 1.5, side=0), past, desk()).features)


def test_there_are_five_views_and_each_has_a_declared_weight() -> None:
    assert [spec.name for spec in VIEWS] == [
        "volatility_ensemble",
        "implied_distribution",
        "oi_flow",
        "dealer_gamma",
        "microstructure",
    ]
    weights = load_policy().views.weights
    assert {spec.weight for spec in VIEWS} == set(weights)
    assert all(weight > 0 for weight in weights.values())


@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.name)
def test_a_view_says_what_it_declares_within_its_range(spec: ViewSpec) -> None:
    view = spec.ask(full_features())
    assert (view.name, view.version, view.horizon, view.axis) == (spec.name, spec.version, spec.horizon, spec.axis)
    assert view.score is not None, view.reason
    assert -1 <= view.score <= 1
    assert 0 <= view.confidence <= 1
    assert view.evidence
    canonical_bytes(view)


@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.name)
def test_a_view_without_its_inputs_abstains_and_says_why(spec: ViewSpec) -> None:
    nothing: Features = {feature.name: "" if feature.name in TEXTS else None for feature in FEATURES}
    for features in ({}, nothing):
        view = spec.ask(features)
        assert view.abstains
        assert view.confidence == 0
        assert view.reason


@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.name)
def test_a_view_is_pure_and_reads_declared_features_only(spec: ViewSpec) -> None:
    features = full_features()
    before = dict(features)
    view = spec.ask(features)
    assert features == before
    assert spec.ask(dict(reversed(list(features.items())))) == view
    assert set(view.evidence) - {"forecast_to_implied_vol"} <= {feature.name for feature in FEATURES}


@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.name)
def test_losing_any_one_number_never_raises(spec: ViewSpec) -> None:
    features = full_features()
    for name in features:
        view = spec.ask({**features, name: None})
        assert view.abstains == (view.score is None)


def test_all_views_are_asked_in_order() -> None:
    assert [view.name for view in ask_views(full_features())] == [spec.name for spec in VIEWS]


class Watched(dict[str, float | str | None]):
    """Features that remember which of them were read."""

    def __init__(self, features: Features) -> None:
        super().__init__(features)
        self.read: set[str] = set()

    def get(self, name: str, default: object = None) -> float | str | None:  # type: ignore[override]  # one default
        self.read.add(name)
        return super().get(name)


@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.name)
def test_no_view_reads_what_the_vendor_works_out(spec: ViewSpec) -> None:
    """Vendor vols and Greeks are watched, never used to decide."""
    watched = {feature.name for feature in FEATURES if feature.name.startswith("vendor_")}
    features = Watched(full_features())
    spec.ask(features)
    assert len(watched) == 6
    assert features.read
    assert not features.read & watched
