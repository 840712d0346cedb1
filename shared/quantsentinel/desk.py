"""The desk: everything versioned that is not data. Rule rows, weights, thresholds, models, code version."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from quantsentinel.canonical import digest
from quantsentinel.errors import BadInput
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.volatility.parameters import Parameters, served


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str


class ForecastPolicy(_Section):
    min_sessions: int
    overnight_share: float


class ViewPolicy(_Section):
    weights: Mapping[str, float]
    tilt_views: tuple[str, ...]


class CandidatePolicy(_Section):
    max_candidates: int
    max_expiries: int
    max_priced: int
    max_ranked: int
    short_deltas: tuple[float, ...]
    long_deltas: tuple[float, ...]
    wing_steps: tuple[int, ...]
    max_relative_spread: float
    hedge_steps: tuple[int, ...]
    hedge_max_stressed_of_credit: float


class HardRules(_Section):
    """`definitions.md` §4."""

    max_cost_ratio: float
    min_win_probability: float
    min_net_ev_of_stressed_loss: float
    gap_stress: float
    tail_level: float
    profile: Literal["article", "balanced"]
    balanced_min_net_ev_of_premium: float


class ExitPolicy(_Section):
    target_share_of_max_profit: float
    stop_share_of_max_loss: float
    square_off_minutes_before_close: int
    entry_valid_minutes: int
    entry_last_trade_margin_minutes: int
    cool_down_minutes: int


class UpdatePolicy(_Section):
    """A change beyond these shares is an `updated` signal."""

    zone_share: float
    level_share: float
    min_minutes_between_updates: int


class AgePolicy(_Section):
    max_age_s: float
    max_handling_s: float
    max_leg_skew_s: float


class ScenarioPolicy(_Section):
    """Index moves as shares, vols as multiples of the marked ones."""

    spot_moves: tuple[float, ...]
    vol_scales: tuple[float, ...]


class LadderPolicy(_Section):
    """Four limits a source: 75, 50, 25 and 0 % of the size from there on."""

    disagreement: tuple[float, float, float, float]
    degradation: tuple[float, float, float, float]
    unknown_degradation: Literal[75, 50, 25, 0]
    drift: tuple[float, float, float, float]


class WallPolicy(_Section):
    """Numbers of the walls that are the desk's, not the tenant's."""

    sectors: Mapping[str, str]
    """Underlying -> the sector whose losses come together; one that is not named is unknown."""
    max_units_of_displayed: float
    """Of the leg that shows the least against what is asked of it."""
    max_relative_spread: float
    """The package's whole spread over the premium of its legs, paid and received."""
    stressed_margin_move: float
    """Index move, up and down, after which the margin must still be there."""
    stressed_margin_vol: float
    """And every vol times this."""
    max_tail_of_trade_loss: float
    """The loss in a gap or in the tail, over the trade-loss budget."""
    rearm_utilisation: float
    """Share of the limit below which `margin_utilisation` re-arms."""
    rearm_correlation: float
    """How far below its limit `correlation_cluster` re-arms."""


class AuditPolicy(_Section):
    retention_days: int


class Policy(BaseModel):
    """Thresholds and weights: `policy.toml`, overridable by a file of the same schema."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    forecast: ForecastPolicy
    views: ViewPolicy
    candidates: CandidatePolicy
    hard_rules: HardRules
    exits: ExitPolicy
    updates: UpdatePolicy
    age: AgePolicy
    audit: AuditPolicy
    ladder: LadderPolicy
    scenarios: ScenarioPolicy
    walls: WallPolicy


def load_policy(overlay: Mapping[str, Any] | None = None) -> Policy:
    """The packaged policy with the overlay's sections laid over it, key by key. Raises `BadInput` with every error."""
    text = resources.files("quantsentinel").joinpath("policy.toml").read_text(encoding="utf-8")
    merged: dict[str, Any] = tomllib.loads(text)
    for section, values in (overlay or {}).items():
        # What is no table stays as it is, for the schema to name.
        merged[section] = {**merged.get(section, {}), **values} if isinstance(values, Mapping) else values
    try:
        return Policy.model_validate(merged)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise BadInput("; ".join(lines), where="policy", fix="See policy.toml in the package for the schema") from None


@dataclass(frozen=True)
class Desk:
    """`models` maps a slot to a fitted predictor; a slot without one uses its documented rule."""

    rules: RuleBook
    policy: Policy
    code_version: str
    broker: str = "upstox"
    models: Mapping[str, Any] = field(default_factory=dict)
    volatility: Parameters = field(default_factory=served)

    @cached_property
    def digest(self) -> str:
        """Of all of its parts."""
        return digest(list(self.parts.values()))

    @cached_property
    def parts(self) -> Mapping[str, Any]:
        """Rule rows, policy, code version, broker plan, the models' fingerprints and the volatility parameters."""
        return {
            "rules": self.rules.digest,
            "policy": self.policy.model_dump(),
            "code_version": self.code_version,
            "broker": self.broker,
            "models": {slot: model.fingerprint for slot, model in self.models.items()},
            "volatility": self.volatility.digest,
        }
