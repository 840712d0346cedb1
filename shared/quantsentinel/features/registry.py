"""Every feature of the desk: name, unit, inputs, version, and from when on it may be known.

`available_from` names the newest input: `snapshot` (the receipt of the snapshot), `rows` (earlier accepted snapshots of
the day), `daily` (bars before the session), `participants` (the evening file's availability time). No feature reads
anything later, so the receipt time of the snapshot is an availability time for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["snapshot", "rows", "daily", "participants"]


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    unit: str
    inputs: tuple[Source, ...]
    version: int = 1
    available_from: str = "snapshot.received_at"
    """The moment from which the value may be used."""


_CHAIN: tuple[Source, ...] = ("snapshot",)
_PATH: tuple[Source, ...] = ("snapshot", "rows")
_DAYS: tuple[Source, ...] = ("snapshot", "rows", "daily")
_EVENING: tuple[Source, ...] = ("snapshot", "participants")

FEATURES: tuple[Feature, ...] = (
    Feature("forward_near", "points", _CHAIN),
    Feature("expiry_near", "date", _CHAIN),
    Feature("variance_years_near", "years (variance clock)", _CHAIN),
    Feature("fitted_slices", "count", _CHAIN),
    Feature("usable_quotes", "count", _CHAIN),
    Feature("atm_vol_near", "annual vol", _CHAIN),
    Feature("atm_vol_next", "annual vol", _CHAIN),
    Feature("atm_vol_21s", "annual vol, 21 sessions", _CHAIN),
    Feature("term_slope", "annual vol, 21 sessions minus near", _CHAIN),
    Feature("skew_25d_near", "annual vol, 25-delta put minus call", _CHAIN),
    Feature("butterfly_25d_near", "annual vol, mean 25-delta wings minus at the money", _CHAIN),
    Feature("fit_rmse_near", "annual vol", _CHAIN),
    Feature("implied_vol_near", "annual vol, of the density within five sd", _CHAIN),
    Feature("skewness_near", "standardised moment of ln(S/F)", _CHAIN),
    Feature("kurtosis_near", "standardised moment of ln(S/F)", _CHAIN),
    Feature("left_tail_near", "probability below -1.5 sd", _CHAIN),
    Feature("right_tail_near", "probability above +1.5 sd", _CHAIN),
    Feature("tail_mass_near", "probability beyond 1.5 sd", _CHAIN),
    Feature("skewness_next", "standardised moment of ln(S/F)", _CHAIN),
    Feature("kurtosis_next", "standardised moment of ln(S/F)", _CHAIN),
    Feature("tail_mass_next", "probability beyond 1.5 sd", _CHAIN),
    Feature("realised_vol_today", "annual vol of trading minutes, without nights", _PATH),
    Feature("forecast_vol_near", "annual vol", _DAYS),
    Feature("forecast_today_weight", "share of the forecast", _PATH),
    Feature("forecast_sessions", "count", _DAYS),
    Feature("forecast_reason", "text", _DAYS),
    Feature("call_oi", "units", _CHAIN),
    Feature("put_oi", "units", _CHAIN),
    Feature("put_call_oi_ratio", "ratio", _CHAIN),
    Feature("call_oi_change", "units since the first row of the day", _PATH),
    Feature("put_oi_change", "units since the first row of the day", _PATH),
    Feature("call_volume_change", "units since the first row of the day", _PATH),
    Feature("put_volume_change", "units since the first row of the day", _PATH),
    Feature("flow_minutes", "minutes since the first row of the day", _PATH),
    Feature("forward_return_today", "log return since the first row of the day", _PATH),
    Feature("imbalance", "share", _CHAIN),
    Feature("call_imbalance", "share", _CHAIN),
    Feature("put_imbalance", "share", _CHAIN),
    Feature("spread", "share of the price", _CHAIN),
    Feature("near_quotes", "count", _CHAIN),
    Feature("gross_gamma", "crore rupees of delta per 1 % move", _CHAIN),
    Feature("dealer_gamma_us", "crore rupees of delta per 1 % move", _CHAIN),
    Feature("dealer_gamma_participants", "crore rupees of delta per 1 % move", _EVENING),
    Feature("participants_reason", "text", _EVENING),
)
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
