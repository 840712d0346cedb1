"""Values that the rule book hands out: settlement, charge rates, margin parameters. Rates are fractions."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal

from quantsentinel.frozen import dataclass
from quantsentinel.market.rule_rows import Ruled, RuleRow


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an expiring contract settles: from `window_start` on, its implied numbers mean nothing; tau runs to
    `observed_at`, when the settlement price is known. Both tz-aware."""

    method: str
    window_start: datetime
    observed_at: datetime
    row: RuleRow


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """Brokerage in rupees per executed order, at most `order_fraction_cap` of the order's turnover where stated."""

    name: str
    order_rupees: Ruled[Decimal]
    order_fraction_cap: Decimal | None
    exercise_rupees: Ruled[Decimal]
    gst_on_ipft: bool


@dataclass(frozen=True, slots=True)
class ChargeSchedule:
    """All charges of one underlying, product and broker on one day. `freeze_quantity` in units an order."""

    stt_sale: Ruled[Decimal]
    stt_exercise: Ruled[Decimal]
    transaction: Ruled[Decimal]
    ipft: Ruled[Decimal]
    sebi: Ruled[Decimal]
    stamp: Ruled[Decimal]
    gst: Ruled[Decimal]
    broker: BrokerPlan
    freeze_quantity: Ruled[int]

    @property
    def rows_used(self) -> tuple[RuleRow, ...]:
        rates = (self.stt_sale, self.stt_exercise, self.transaction, self.ipft, self.sebi, self.stamp, self.gst)
        fees = (self.broker.order_rupees.row, self.broker.exercise_rupees.row, self.freeze_quantity.row)
        return tuple(rate.row for rate in rates) + fees


@dataclass(frozen=True, slots=True)
class ScanRule:
    """SPAN parameters and exposure rates of one underlying on one day; distances and rates are fractions of the
    underlying's price."""

    price_scan_floor: Ruled[float]
    price_scan_sigmas: Ruled[float]
    price_scan_long_dated: Ruled[float]
    vol_scan_share: Ruled[float]
    vol_scan_floor: Ruled[float]
    vol_decay: Ruled[float]
    lookahead_days: Ruled[float]
    extreme_multiple: Ruled[float]
    extreme_share: Ruled[float]
    calendar_spread: Ruled[float]
    calendar_offset_on_expiry_day: Ruled[float]
    short_option_minimum: Ruled[float]
    exposure: Ruled[float]
    exposure_deep_otm: Ruled[float]
    exposure_long_dated: Ruled[float]
    deep_otm_distance: Ruled[float]
    expiry_day: Ruled[float]

    def price_scan(self, previous_vol_annual: float) -> float:
        """Price scan range, a fraction of the previous spot close: max(6 sigma sqrt(2), floor).

        sigma is the daily one that NSE prints annualised with sqrt(365). Measured: the floor on every NIFTY day since
        2023; BANKNIFTY rose to 9.46-9.55 % in April 2026 exactly by this formula.
        """
        sigma_daily = previous_vol_annual / math.sqrt(365.0)
        return max(self.price_scan_floor.value, self.price_scan_sigmas.value * sigma_daily * math.sqrt(2.0))

    def vol_scan(self, previous_vol_annual: float) -> float:
        """Volatility scan range, a change of annual vol: 25 % of the previous day's vol in whole percent, >= 4 %."""
        whole_percent = math.floor(self.vol_scan_share.value * previous_vol_annual * 100.0 + 0.5)
        return max(self.vol_scan_floor.value, whole_percent / 100.0)

    @property
    def rows_used(self) -> tuple[RuleRow, ...]:
        return tuple(getattr(self, name).row for name in self.__slots__)
