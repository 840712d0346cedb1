"""Every feature of the desk, family by family. A new family is one file and one line here.

A feature's `inputs` name all that it depends on: `snapshot`, `rows` (earlier accepted snapshots of the day), `opening`
(the first of them by strike), `daily` (bars before the session), `participants` and `breadth` (files of the evening
before). A property test changes each input in turn and sees that no other feature moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from quantsentinel.features import (
    book,
    breadth,
    dealer,
    distributions,
    interest,
    levels,
    path,
    strike_flow,
    vendor,
)
from quantsentinel.features.feature import Family, Feature, available_at, source_times
from quantsentinel.market.history import History

FAMILIES: tuple[Family, ...] = (
    levels.FAMILY,
    distributions.FAMILY,
    path.FAMILY,
    interest.FAMILY,
    strike_flow.FAMILY,
    book.FAMILY,
    dealer.FAMILY,
    vendor.FAMILY,
    breadth.FAMILY,
)
FEATURES: tuple[Feature, ...] = tuple(feature for family in FAMILIES for feature in family.features)
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)


def availability(received_at: datetime, history: History) -> Mapping[str, datetime]:
    """From when on each feature of a snapshot received then may be used."""
    known = source_times(received_at, history)
    times = {inputs: available_at(inputs, known) for inputs in {feature.inputs for feature in FEATURES}}
    return {feature.name: times[feature.inputs] for feature in FEATURES}
