"""The rows of `prices.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PRICES = Path(__file__).with_name("prices.toml")


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(Row):
    """Dollars per unit; `free` units a month cost nothing."""

    id: str
    what: str
    usd: float = Field(gt=0)
    per: str
    free: float = Field(ge=0)
    source: str = Field(min_length=10)
    read_on: date
    status: Literal["documented", "bound", "recalled", "announced"]


class Number(Row):
    """An assumption: a number, its unit and why it is this one."""

    value: float = Field(ge=0)
    unit: str
    why: str


class Prices(Row):
    """The whole file."""

    price: tuple[Price, ...]
    assume: Mapping[str, Number]
    cycle: Mapping[str, Number]
    seconds: Mapping[str, Number]
    alerts: Mapping[str, Number]

    def of(self, name: str) -> Price:
        return next(price for price in self.price if price.id == name)

    def number(self, path: str) -> float:
        """`group.name`."""
        group, _, name = path.partition(".")
        found: Mapping[str, Number] = getattr(self, group)
        return found[name].value


def load_prices(path: Path = PRICES) -> Prices:
    return Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
