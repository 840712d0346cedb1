"""One Parquet row set per market view: features, views and every candidate with its reason."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from quantsentinel.features.registry import FEATURES
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.candidates import Candidates
from quantsentinel.opportunity.market_view import MarketView

if TYPE_CHECKING:
    import polars as pl

VERSIONS = {feature.name: feature.version for feature in FEATURES}


def view_rows(view: MarketView) -> bytes:
    """Zstd Parquet; `kind` is feature, view, mask (quoted rows by the guard that took them) or candidate. A candidate's
    legs are `leg_1_strike`, `leg_1_is_call`, `leg_1_side` and so on (side 0: no such leg).

    Every row carries the availability time of the view, so that a later model can prove no look-ahead; a feature's
    `known_at` is that of its newest input.
    """
    import polars as pl

    rows: list[dict[str, Any]] = [
        {
            "kind": "feature",
            "name": name,
            "version": VERSIONS.get(name),
            **_value(value),
            "known_at": view.feature_times.get(name),
        }
        for name, value in sorted(view.features.items())
    ]
    rows += [
        {"kind": "view", "name": item.name, "version": item.version, **_value(item.score), "reason": item.reason}
        for item in view.views
    ]
    rows += [{"kind": "mask", "name": name, "number": float(count)} for name, count in view.analytics.masked.items()]
    schema = {"kind": pl.String, "name": pl.String, "version": pl.Int32, "number": pl.Float64, "text": pl.String}
    frame = pl.DataFrame(rows, schema={**schema, "reason": pl.String, "known_at": pl.Datetime("us", "UTC")})
    if len(view.candidates):
        frame = pl.concat([frame, _candidates(view.candidates)], how="diagonal")
    same = {
        "underlying": view.underlying,
        "observed_at": view.observed_at,
        "available_at": view.received_at,
        "snapshot": view.snapshot_digest,
    }
    frame.hstack(
        [pl.Series(name, [value]).new_from_index(0, frame.height) for name, value in same.items()], in_place=True
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    return buffer.getvalue()


def _candidates(candidates: Candidates) -> pl.DataFrame:
    import polars as pl

    texts = {"family": candidates.families, "expiry": candidates.expiries, "reason": candidates.reason_names}
    columns = [
        pl.Series(name, names, dtype=pl.String).gather(candidates.codes[:, place])
        for place, (name, names) in enumerate(texts.items())
    ]
    columns += [pl.Series(name, values) for name, values in candidates.numbers.items()]
    for leg in range(candidates.strikes.shape[1]):
        columns.append(pl.Series(f"leg_{leg + 1}_strike", candidates.strikes[:, leg]))
        columns.append(pl.Series(f"leg_{leg + 1}_is_call", candidates.is_call[:, leg]))
        columns.append(pl.Series(f"leg_{leg + 1}_side", candidates.sides[:, leg].astype("int8")))
    columns.append(pl.Series("kind", ["candidate"]).new_from_index(0, len(candidates)))
    return pl.DataFrame(columns)


def _value(value: float | str | None) -> dict[str, Any]:
    return {"text": value} if isinstance(value, str) else {"number": value}


@dataclass(frozen=True, slots=True)
class StoredView:
    """What a stored row set says: features by name, candidates by reason, masked quotes by guard."""

    observed_at: datetime
    features: Mapping[str, float | str | None]
    reasons: Mapping[str, int]
    masked: Mapping[str, int] = field(default_factory=dict)


def read_view_rows(data: bytes) -> StoredView:
    """The inverse of `view_rows`, as far as reports and training need it."""
    import polars as pl

    frame = pl.read_parquet(io.BytesIO(data))
    features = frame.filter(pl.col("kind") == "feature")
    values = {
        name: number if text is None else text
        for name, number, text in features.select("name", "number", "text").iter_rows()
    }
    counts = frame.filter(pl.col("kind") == "candidate").group_by("reason").len()
    masks = frame.filter(pl.col("kind") == "mask").select("name", "number")
    masked = {name: int(number) for name, number in masks.iter_rows()}
    return StoredView(frame["observed_at"][0], values, dict(counts.iter_rows()), masked)
