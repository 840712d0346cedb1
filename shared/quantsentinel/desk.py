"""The desk: everything versioned that is not data. Rule rows, weights, thresholds, models, code version."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quantsentinel.canonical import digest
from quantsentinel.circumstances import EventPolicy, NewsPolicy, RegimePolicy, Section
from quantsentinel.distribution import Distribution
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.volatility.parameters import Parameters, served


class ForecastPolicy(Section):
    min_sessions: int
    overnight_share: float


class ViewPolicy(Section):
    weights: Mapping[str, float]
    tilt_views: tuple[str, ...]


class CandidatePolicy(Section):
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
    calendar_deltas: tuple[float, ...]
    calendar_vol_shift: float


class HardRules(Section):
    """`definitions.md` §4."""

    max_cost_ratio: float
    min_win_probability: float
    min_net_ev_of_stressed_loss: float
    gap_stress: float
    tail_level: float
    profile: Literal["article", "balanced"]
    balanced_min_net_ev_of_premium: float


class ExitPolicy(Section):
    target_share_of_max_profit: float
    stop_share_of_max_loss: float
    square_off_minutes_before_close: int
    entry_valid_minutes: int
    entry_last_trade_margin_minutes: int
    cool_down_minutes: int


class UpdatePolicy(Section):
    """A change beyond these shares is an `updated` signal."""

    zone_share: float
    level_share: float
    min_minutes_between_updates: int


class AgePolicy(Section):
    max_age_s: float
    max_handling_s: float
    max_leg_skew_s: float


class ScenarioPolicy(Section):
    """Index moves as shares, vols as multiples of the marked ones."""

    spot_moves: tuple[float, ...]
    vol_scales: tuple[float, ...]
    sessions: int
    """Daily returns that the correlation of the indices stands on."""
    min_index_correlation: float
    """Two indices are never taken to move less together than this."""
    vol_of_vol_daily: float
    """Deviation of the daily change of log vol."""
    vol_index_correlation: float
    """Between that change and the indices' return."""
    draws: int


class BooksPolicy(Section):
    """How long the two books may disagree, and what an answer or a settlement value may say."""

    max_unreconciled_sessions: int = Field(ge=1)
    max_price_beyond_payoff: float = Field(ge=0)
    max_settlement_gap: float = Field(gt=0)
    settlement_open_days: int = Field(ge=1)


class LadderPolicy(Section):
    """Four limits a source: 75, 50, 25 and 0 % of the size from there on."""

    disagreement: tuple[float, float, float, float]
    degradation: tuple[float, float, float, float]
    unknown_degradation: Literal[75, 50, 25, 0]
    drift: tuple[float, float, float, float]


class WallPolicy(Section):
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


class MarginCheckPolicy(Section):
    """A broker's figure against our estimate, by package family."""

    max_difference: float = Field(gt=0, lt=1)
    """Share of the larger of the two: an alarm above."""
    kept: int = Field(ge=1)
    """Checks kept a family."""


class AuditPolicy(Section):
    retention_days: int


class SwitchPolicy(Section):
    """When the system pulls a switch by itself, and what re-arms it (`definitions.md` §8)."""

    anomaly_quarantines: int
    anomaly_window_minutes: float
    anomaly_clean_minutes: float
    not_anomalies: tuple[str, ...]
    """Refusals that tell of time or of repetition, not of a chain that is wrong."""
    outage_failures: int
    outage_window_minutes: float
    outage_clean_minutes: float
    stale_after_cadences: float
    cadence_days: Mapping[str, float]


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
    books: BooksPolicy
    walls: WallPolicy
    margin_check: MarginCheckPolicy
    regime: RegimePolicy
    events: EventPolicy
    news: NewsPolicy
    switches: SwitchPolicy


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
    distribution: Distribution = field(default_factory=Distribution)

    @cached_property
    def digest(self) -> str:
        """Of all of its parts."""
        return digest(list(self.parts.values()))

    @cached_property
    def parts(self) -> Mapping[str, Any]:
        """Each by its name, as plain JSON or as its own digest."""
        return {
            "rules": self.rules.digest,
            "policy": self.policy.model_dump(),
            "code_version": self.code_version,
            "broker": self.broker,
            "models": {slot: model.fingerprint for slot, model in self.models.items()},
            "volatility": self.volatility.digest,
            "distribution": self.distribution.plain,
        }
