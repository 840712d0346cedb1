"""The desk: everything versioned that is not data. Rule rows, weights, thresholds, models, code version."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from quantsentinel.canonical import digest
from quantsentinel.distribution import Distribution
from quantsentinel.errors import BadInput
from quantsentinel.market.instruments import Family
from quantsentinel.market.news import Impact, NewsKind
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
    calendar_deltas: tuple[float, ...]
    calendar_vol_shift: float


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
    sessions: int
    """Daily returns that the correlation of the indices stands on."""
    min_index_correlation: float
    """Two indices are never taken to move less together than this."""
    vol_of_vol_daily: float
    """Deviation of the daily change of log vol."""
    vol_index_correlation: float
    """Between that change and the indices' return."""
    draws: int


class BooksPolicy(_Section):
    """How long the two books may disagree, and what an answer or a settlement value may say."""

    max_unreconciled_sessions: int = Field(ge=1)
    max_price_beyond_payoff: float = Field(ge=0)
    max_settlement_gap: float = Field(gt=0)
    settlement_open_days: int = Field(ge=1)


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


class MarginCheckPolicy(_Section):
    """A broker's figure against our estimate, by package family."""

    max_difference: float = Field(gt=0, lt=1)
    """Share of the larger of the two: an alarm above."""
    kept: int = Field(ge=1)
    """Checks kept a family."""


class AuditPolicy(_Section):
    retention_days: int


class VolBands(BaseModel):
    """Annual vols. A level is entered beyond its `enter` and left only beyond its `leave`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    calm_enter: float
    calm_leave: float
    stressed_enter: float
    stressed_leave: float

    @model_validator(mode="after")
    def _ordered(self) -> VolBands:
        if not 0 < self.calm_enter <= self.calm_leave <= self.stressed_leave <= self.stressed_enter:
            raise ValueError("must ascend: calm_enter, calm_leave, stressed_leave, stressed_enter")
        return self


VOL_LEVELS = ("calm", "normal", "stressed")
REGIMES = tuple(f"{level}_{trend}" for level in VOL_LEVELS for trend in ("ranging", "trending"))


class RegimePolicy(_Section):
    """`trend_*`: standard deviations of the move over `trend_sessions`. `fear_*`, `cheap_*`: the near implied vol over
    the forecast; beyond either the vol counts as one level higher."""

    horizon_sessions: float
    trend_sessions: int
    trend_enter: float
    trend_leave: float
    fear_enter: float
    fear_leave: float
    cheap_enter: float
    cheap_leave: float
    vol_annual: Mapping[str, VolBands]
    """By underlying; one that is not named has no regime."""
    allowed: Mapping[str, tuple[Family, ...]]
    size_percent: Mapping[str, Literal[100, 75, 50, 25, 0]]

    @model_validator(mode="after")
    def _complete(self) -> RegimePolicy:
        if set(self.allowed) != set(REGIMES) or set(self.size_percent) != set(REGIMES):
            raise ValueError(f"allowed and size_percent name each of {', '.join(REGIMES)}")
        if self.trend_leave > self.trend_enter or not self.cheap_enter <= self.cheap_leave <= self.fear_leave:
            raise ValueError("a state is left on the inner side of where it is entered")
        if self.fear_leave > self.fear_enter:
            raise ValueError("fear_leave above fear_enter")
        return self


class EventPolicy(_Section):
    required: tuple[str, ...]
    """Classes of events without which no calendar is complete."""
    before_minutes: float
    after_minutes: float
    declared_move: Mapping[str, float]
    """Share of the index that an event may move it by, at the least, where the chain does not say more."""
    move_scale: Mapping[str, float]
    """Of an underlying's moves, NIFTY = 1; one that is not named is unknown."""
    implied_sds: float
    max_loss_of_trade_budget: float

    @model_validator(mode="after")
    def _known(self) -> EventPolicy:
        if set(self.declared_move) != set(self.required):
            raise ValueError("declared_move names each required event")
        return self


class NewsPolicy(_Section):
    """`size_percent`: vol level -> kind -> size at low, medium, high, critical impact."""

    part_member_steps: int
    """By how many impacts a stock's news counts less for an index in which it weighs little."""
    size_percent: Mapping[str, Mapping[NewsKind, tuple[Literal[100, 75, 50, 0], ...]]]

    @model_validator(mode="after")
    def _monotone(self) -> NewsPolicy:
        """More impact or more stress never raises size."""
        if tuple(self.size_percent) != VOL_LEVELS or any(set(t) != set(NewsKind) for t in self.size_percent.values()):
            raise ValueError(f"size_percent names {', '.join(VOL_LEVELS)} and every kind of news in each")
        tables = [[table[kind] for kind in NewsKind] for table in self.size_percent.values()]
        if any(len(row) != len(Impact) or list(row) != sorted(row, reverse=True) for rows in tables for row in rows):
            raise ValueError(f"a row holds {len(Impact)} sizes that never rise with impact")
        cells = [[size for row in rows for size in row] for rows in tables]
        if any(
            worse > better for calmer, tenser in pairwise(cells) for better, worse in zip(calmer, tenser, strict=True)
        ):
            raise ValueError("a size rises with the vol level")
        return self


class SwitchPolicy(_Section):
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
        """Rule rows, policy, code version, broker plan, the models' fingerprints and the volatility parameters."""
        return {
            "rules": self.rules.digest,
            "policy": self.policy.model_dump(),
            "code_version": self.code_version,
            "broker": self.broker,
            "models": {slot: model.fingerprint for slot, model in self.models.items()},
            "volatility": self.volatility.digest,
            "distribution": self.distribution.plain,
        }
