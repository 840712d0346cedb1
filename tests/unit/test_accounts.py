"""An account that makes no sense cannot exist."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from quantsentinel.accounts.account import Limits
from quantsentinel.errors import BadInput
from tests.builders import TEN, account


@pytest.mark.parametrize(
    "limits",
    [
        {"knob": 101},
        {"knob": -1},
        {"max_positions": -1},
        {"max_loss_per_trade": 1.5},
        {"max_loss_per_day": -0.1},
        {"daily_loss": float("nan")},
        {"margin_buffer": float("nan")},
        {"capital_floor": Decimal(-1)},
    ],
    ids=lambda limits: "-".join(map(str, next(iter(limits.items())))),
)
def test_a_limit_out_of_range_is_refused_by_name(limits: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=next(iter(limits))):
        Limits(**limits)


def test_every_wrong_limit_is_named_at_once() -> None:
    with pytest.raises(BadInput, match=r"daily_loss 2.0.*max_lots -3.*knob 400"):
        Limits(daily_loss=2.0, max_lots=-3, knob=400)


@pytest.mark.parametrize("capital", ["-1", "NaN", "Infinity"])
def test_capital_is_a_number_of_rupees(capital: str) -> None:
    with pytest.raises(BadInput, match="capital"):
        account(capital=Decimal(capital))


def test_a_creation_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="naive"):
        account(created_at=TEN.replace(tzinfo=None))


def test_the_dry_run_ends_fourteen_days_after_creation() -> None:
    tenant = account()
    assert tenant.live_from == tenant.created_at + timedelta(days=14)
    assert replace(tenant, created_at=TEN).live_from > TEN
