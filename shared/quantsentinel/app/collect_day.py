"""A session day out of the stores, for the report: nothing is computed that the day did not decide with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from quantsentinel.app import listing
from quantsentinel.app.collect_tenants import deliveries, tenant_days
from quantsentinel.app.day_record import (
    DayRecord,
    Density,
    MarketDay,
    MarketPoint,
    MaskLine,
    SliceLine,
    Smile,
    SmilePoint,
    StrikeInterest,
    ViewLine,
)
from quantsentinel.app.platform import Platform
from quantsentinel.distribution import DistributionMode, disclosure
from quantsentinel.errors import BadInput
from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.features.dealer import strike_gamma
from quantsentinel.market.history import decode_row
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.ports import Json
from quantsentinel.stores.views import StoredView, read_view_rows

SMILES = 4
DENSITIES = 2
WINDOW_SD = 4.0
"""Strikes and prices shown reach this many standard deviations from the forward."""


def collect_day(
    platform: Platform, produced_at: datetime, *, source: str, profile: str, distribution_mode: str, registration: str
) -> DayRecord:
    """The day of everything in this state. Raises `BadInput` when no snapshot was ever accepted."""
    latest = platform.snapshots.latest_of(platform.desk.rules.underlyings())
    if not latest:
        raise BadInput("no accepted snapshot in this state", where="report", fix="Run `qs replay` or `qs demo` first")
    cycles = [item.data for item in platform.documents.query("cycles") if item.data["state"] == "decided"]
    lines = listing.snapshots(platform)
    markets = [
        _market_day(platform, document.data, [c for c in cycles if c["underlying"] == name], lines)
        for name, document in sorted(latest.items())
    ]
    rows = list(listing.decision_rows(platform))
    first = platform.history(next(iter(latest.values())).data["history_key"])
    return DayRecord(
        session=first.session,
        source=source,
        profile=profile,
        distribution_mode=distribution_mode,
        disclosure=disclosure(DistributionMode(distribution_mode), registration),
        code_version=platform.desk.code_version,
        produced_at=produced_at,
        markets=tuple(markets),
        tenants=tenant_days(platform, rows),
        deliveries=deliveries(platform),
        decision_digest=listing.decision_digest(platform),
    )


def _market_day(
    platform: Platform, pointer: Json, cycles: Sequence[Json], lines: Sequence[Mapping[str, Any]]
) -> MarketDay:
    view = platform.view(pointer["snapshot_key"], pointer["history_key"])
    stored = [_stored(platform, cycle) for cycle in sorted(cycles, key=lambda item: item["decided_at"])]
    mine = [line for line in lines if line["underlying"] == view.underlying]
    refused = Counter(line["guard"] for line in mine if line["outcome"] == "refused")
    reasons: Counter[str] = Counter()
    for item in stored:
        reasons.update(item.reasons)
    nearest = view.analytics.nearest
    return MarketDay(
        underlying=view.underlying,
        snapshots_read=len(mine),
        snapshots_accepted=len(mine) - refused.total(),
        refused_by=dict(refused),
        cycles=len(cycles),
        opportunities=sum(int(cycle["eligible"]) for cycle in cycles),
        candidate_reasons=dict(reasons),
        path=_path(platform, pointer, stored),
        smiles=tuple(_smile(part) for part in view.analytics.slices if part.atm_vol is not None)[:SMILES],
        densities=tuple(_density(part) for part in view.analytics.fitted[:DENSITIES]),
        interest=_interest(nearest) if nearest else (),
        interest_expiry=nearest.expiry if nearest else None,
        dealer_convention="US convention: dealers long calls, short puts",
        views=_views(view),
        entries_refused=view.entries_refused,
        masks=_masks(stored),
        slices=tuple(_slice(part) for part in view.analytics.slices),
    )


def _masks(stored: Sequence[StoredView]) -> tuple[MaskLine, ...]:
    """The most first."""
    quotes: Counter[str] = Counter()
    snapshots: Counter[str] = Counter()
    for item in stored:
        quotes.update(item.masked)
        snapshots.update(item.masked.keys())
    return tuple(MaskLine(guard, count, snapshots[guard]) for guard, count in quotes.most_common())


def _slice(part: SliceAnalytics) -> SliceLine:
    return SliceLine(
        expiry=part.expiry,
        forward=part.forward,
        forward_stderr=part.forward_stderr,
        atm_vol=part.atm_vol,
        usable=int(part.usable_call.sum() + part.usable_put.sum()),
        outliers=len(part.curves.outliers),
        flags=part.flags,
        note=part.reason or part.curves.reason,
    )


def _stored(platform: Platform, cycle: Json) -> StoredView:
    data = platform.objects.get(cycle["rows_key"])
    if data is None:
        raise BadInput("the rows of a cycle are missing", where=str(cycle["rows_key"]))
    return read_view_rows(data)


def _path(platform: Platform, pointer: Json, stored: Sequence[StoredView]) -> tuple[MarketPoint, ...]:
    """Every accepted snapshot; the forecast beside it where a market pass was made."""
    forecasts = {item.observed_at: item.features.get("forecast_vol_near") for item in stored}
    rows = [*platform.history(pointer["history_key"]).rows, decode_row(pointer["row"])]
    return tuple(
        MarketPoint(
            at=row.observed_at,
            forward=row.forwards[min(row.forwards)] if row.forwards else None,
            atm_vol=row.atm_vol,
            forecast_vol=_number(forecasts.get(row.observed_at)),
        )
        for row in rows
    )


def _number(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _views(view: MarketView) -> tuple[ViewLine, ...]:
    return tuple(
        ViewLine(item.name, item.horizon, item.axis, item.score, item.confidence, item.reason) for item in view.views
    )


def _window(part: SliceAnalytics) -> tuple[float, float]:
    """Strikes worth showing around the forward."""
    assert part.forward is not None
    assert part.atm_vol is not None
    reach = WINDOW_SD * part.atm_vol * part.times.variance_years**0.5
    return part.forward * float(np.exp(-1.25 * reach)), part.forward * float(np.exp(reach))


def _smile(part: SliceAnalytics) -> Smile:
    low, high = _window(part)
    inside = (part.strike >= low) & (part.strike <= high)
    vols = {name: column[inside] for name, column in part.quoted_vols().items()}
    points = tuple(
        SmilePoint(float(strike), *(_finite(vols[name][at]) for name in ("bid", "mid", "ask")))
        for at, strike in enumerate(part.strike[inside])
    )
    fitted = part.svi is not None and part.svi.params is not None
    grid = np.linspace(low, high, 81) if fitted else np.empty(0)
    assert part.forward is not None
    return Smile(
        expiry=part.expiry,
        at=part.chain.slice.observed_at,
        forward=part.forward,
        atm_vol=part.atm_vol,
        years=part.times.variance_years,
        points=points,
        fit=tuple((float(strike), vol) for strike in grid if (vol := part.vol_at(float(strike))) is not None),
        note="" if fitted else ((part.svi.reason if part.svi else None) or part.reason),
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _density(part: SliceAnalytics) -> Density:
    assert part.density is not None
    low, high = _window(part)
    price = part.density.strike
    inside = (price >= low) & (price <= high)
    physical = part.physical
    return Density(
        expiry=part.expiry,
        price=tuple(price[inside].tolist()),
        implied=tuple(part.density.pdf[inside].tolist()),
        forecast=tuple(np.interp(price[inside], physical.strike, physical.pdf).tolist()) if physical else (),
        forward=part.forward,
    )


def _interest(part: SliceAnalytics) -> tuple[StrikeInterest, ...]:
    low, high = _window(part)
    calls, puts = strike_gamma(part)
    return tuple(
        StrikeInterest(
            float(strike), float(part.call_oi[at]), float(part.put_oi[at]), dealer_gamma=float(calls[at] - puts[at])
        )
        for at, strike in enumerate(part.strike)
        if low <= strike <= high
    )
