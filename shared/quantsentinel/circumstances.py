"""Policy for circumstances: what the market's regime, scheduled events and news leave of an entry."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from quantsentinel.market.instruments import Family
from quantsentinel.market.news import Impact, NewsKind


class Section(BaseModel):
    """A section of `policy.toml`, with where its numbers come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str


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


class RegimePolicy(Section):
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


class EventPolicy(Section):
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


class NewsPolicy(Section):
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
