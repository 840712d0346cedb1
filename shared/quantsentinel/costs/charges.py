"""What trading costs besides the spread: taxes, exchange and broker charges, exact in Decimal, bounded in float64.

Base and side of each levy (`india-facts.md` §1): STT on the premium of options sold, and on the intrinsic value of long
options exercised; stamp duty on the premium bought; exchange transaction charge, IPFT and SEBI fee on every premium;
brokerage per executed order, where an order above the freeze quantity is sliced into several of whole lots; GST on
brokerage, transaction charge and SEBI fee, and on IPFT where the broker's plan says so. A short option that ends in the
money pays no further STT. The same schedule serves futures, whose base is the contract value.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.costs.slippage import over_legs
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.rule_rows import Ruled
from quantsentinel.market.schedules import ChargeSchedule
from quantsentinel.units import PAISA

Floats = NDArray[np.float64]
Form = Literal["unrounded", "contract_note"]
ZERO = Decimal(0)
RUPEE = Decimal(1)
ROUNDING_MARGIN = 1e-9
"""Relative: covers the rounding of the float64 bound, so that it is never below the exact Decimal sum."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One leg's execution. `instrument`: the option, or the symbol of a future. `price` in points, exact."""

    instrument: Instrument | str
    side: Literal[1, -1]
    units: int
    price: Decimal
    lot: int = 1
    """Units that one lot has: an order is a whole number of lots."""

    @property
    def turnover(self) -> Decimal:
        return self.price * self.units


@dataclass(frozen=True, slots=True)
class Exercised:
    """One leg that the exchange settles in the money. `intrinsic` in points, exact, positive; see `Fill`."""

    instrument: Instrument
    side: Literal[1, -1]
    units: int
    intrinsic: Decimal
    lot: int = 1

    @property
    def turnover(self) -> Decimal:
        return self.intrinsic * self.units


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """One line of the note. `rate` is a fraction of `base_rupees`, or rupees an order where `orders` is not 0."""

    name: str
    base_rupees: Decimal
    rate: Decimal
    amount: Decimal
    row_id: str
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Charges:
    lines: tuple[ChargeLine, ...]
    total: Decimal
    form: Form = "unrounded"

    def amount(self, name: str) -> Decimal:
        """Rupees of the line of this name, 0 when there is none."""
        return sum((line.amount for line in self.lines if line.name == name), ZERO)


def charge_lines(
    fills: Sequence[Fill],
    schedule: ChargeSchedule,
    exercised: Sequence[Exercised] = (),
    form: Form = "unrounded",
) -> Charges:
    """Every charge of these fills and settlements, line by line.

    `unrounded` is what decisions use. `contract_note` rounds as a note does: STT and stamp duty to the rupee for each
    contract, every line to the paisa. Raises `BadInput` for units or prices that no exchange prints.
    """
    _check(fills, exercised)
    note = form == "contract_note"
    turnover = sum((fill.turnover for fill in fills), ZERO)
    lines = [
        _levy("stt_sale", [fill for fill in fills if fill.side < 0], schedule.stt_sale, note),
        _levy("stt_exercise", [leg for leg in exercised if leg.side > 0], schedule.stt_exercise, note),
        _share("transaction", turnover, schedule.transaction),
        _share("ipft", turnover, schedule.ipft),
        _share("sebi", turnover, schedule.sebi),
        _levy("stamp", [fill for fill in fills if fill.side > 0], schedule.stamp, note),
        _brokerage(fills, schedule),
        _exercise_fee(exercised, schedule),
    ]
    lines.append(gst_line(lines, schedule))
    kept = tuple(_noted(line) if note else line for line in lines if line.base_rupees or line.amount)
    return Charges(kept, sum((line.amount for line in kept), ZERO), form)


def _check(fills: Sequence[Fill], exercised: Sequence[Exercised]) -> None:
    for leg, price in [(fill, fill.price) for fill in fills] + [(leg, leg.intrinsic) for leg in exercised]:
        if leg.units <= 0 or not price.is_finite() or price < 0:
            raise BadInput(
                f"{leg.units} units at {price}", where=f"charges of {leg.instrument}", fix="Units > 0, price >= 0"
            )


def _share(name: str, base: Decimal, rate: Ruled[Decimal]) -> ChargeLine:
    return ChargeLine(name, base, rate.value, base * rate.value, rate.row.id)


def _levy(name: str, legs: Sequence[Fill | Exercised], rate: Ruled[Decimal], note: bool) -> ChargeLine:
    """A share of the turnover of these legs; on a note, rounded to the rupee for each contract."""
    total = sum((leg.turnover for leg in legs), ZERO)
    if not note:
        return _share(name, total, rate)
    bases: dict[Instrument | str, Decimal] = {}
    for leg in legs:
        bases[leg.instrument] = bases.get(leg.instrument, ZERO) + leg.turnover
    amount = sum((_round(base * rate.value, RUPEE) for base in bases.values()), ZERO)
    return ChargeLine(name, total, rate.value, amount, rate.row.id)


def _noted(line: ChargeLine) -> ChargeLine:
    return ChargeLine(line.name, line.base_rupees, line.rate, _round(line.amount, PAISA), line.row_id, line.orders)


def _round(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, rounding=ROUND_HALF_UP)


def order_slices(units: int, freeze_units: int, lot: int = 1) -> tuple[int, ...]:
    """The orders that `units` are sliced into, each at most the freeze quantity and a whole number of lots.

    Raises `BadInput` when not even one lot may be ordered.

    >>> order_slices(4000, 1800), order_slices(3575, 1800, lot=65)
    ((1800, 1800, 400), (1755, 1755, 65))
    """
    largest = largest_order(freeze_units, lot)
    full, rest = divmod(units, largest)
    return (largest,) * full + ((rest,) if rest else ())


def largest_order(freeze_units: int, lot: int) -> int:
    """Units of the largest order: the whole lots that the freeze quantity holds.

    >>> largest_order(1800, 65)
    1755
    """
    if not 0 < lot <= freeze_units:
        raise BadInput(
            f"a lot of {lot} units above the freeze quantity of {freeze_units}", where="orders", fix="Check the rows"
        )
    return freeze_units // lot * lot


def _brokerage(fills: Sequence[Fill], schedule: ChargeSchedule) -> ChargeLine:
    fee, cap = schedule.broker.order_rupees, schedule.broker.order_fraction_cap
    orders = [
        (fill.price * units, fee.value if cap is None else min(fee.value, cap * fill.price * units))
        for fill in fills
        for units in order_slices(fill.units, schedule.freeze_quantity.value, fill.lot)
    ]
    turnover, amount = sum((base for base, _ in orders), ZERO), sum((paid for _, paid in orders), ZERO)
    return ChargeLine("brokerage", turnover, fee.value, amount, fee.row.id, len(orders))


def _exercise_fee(exercised: Sequence[Exercised], schedule: ChargeSchedule) -> ChargeLine:
    fee = schedule.broker.exercise_rupees
    count = sum(len(order_slices(leg.units, schedule.freeze_quantity.value, leg.lot)) for leg in exercised)
    base = sum((leg.turnover for leg in exercised), ZERO)
    return ChargeLine("exercise_fee", base, fee.value, fee.value * count, fee.row.id, count)


def gst_line(lines: Sequence[ChargeLine], schedule: ChargeSchedule) -> ChargeLine:
    """GST on what broker, exchange and SEBI take; on IPFT only under plans that say so."""
    taxed = {"brokerage", "exercise_fee", "transaction", "sebi"} | ({"ipft"} if schedule.broker.gst_on_ipft else set())
    base = sum((line.amount for line in lines if line.name in taxed), ZERO)
    return ChargeLine("gst", base, schedule.gst.value, base * schedule.gst.value, schedule.gst.row.id)


# --- Screening in float64 ---------------------------------------------------------------------------------------------
def charges_upper_bound(premium: ArrayLike, signed_units: ArrayLike, schedule: ChargeSchedule, lot: int = 1) -> Floats:
    """Entry charges of many packages, in rupees: never below `charge_lines(...).total`, above it by rounding only.

    `premium` (..., n_legs) points, `signed_units` (..., n_legs) units (+ bought, - sold, 0 no leg), broadcast against
    each other; the result drops the last axis. Brokers that cap an order's fee by its turnover are bounded by the fee.
    """
    price, units = np.asarray(premium, dtype=np.float64), np.asarray(signed_units, dtype=np.float64)
    gst = float(schedule.gst.value)
    ipft = float(schedule.ipft.value) * (1.0 + (gst if schedule.broker.gst_on_ipft else 0.0))
    both = (float(schedule.transaction.value) + float(schedule.sebi.value)) * (1.0 + gst) + ipft
    levies = both + np.where(units < 0, float(schedule.stt_sale.value), float(schedule.stamp.value))
    orders = np.ceil(np.abs(units) / largest_order(schedule.freeze_quantity.value, lot))
    brokerage = orders * float(schedule.broker.order_rupees.value) * (1.0 + gst)
    return np.asarray(over_legs(np.abs(units) * price * levies + brokerage) * (1.0 + ROUNDING_MARGIN))


def expected_exit_charges(
    expected_intrinsic: ArrayLike,
    signed_units: ArrayLike,
    schedule: ChargeSchedule,
    itm_probability: ArrayLike | None = None,
    lot: int = 1,
) -> Floats:
    """Charges of holding to settlement, in rupees, before they are known; shapes as in `charges_upper_bound`.

    `expected_intrinsic`: E[payoff] of one unit of each leg, points, undiscounted, under the density that prices the
    package: STT is linear in it, on bought legs only. The broker's fee (with GST) is paid for each leg that ends in the
    money: times `itm_probability`, or in full where that is None.
    """
    intrinsic, units = np.asarray(expected_intrinsic, dtype=np.float64), np.asarray(signed_units, dtype=np.float64)
    chance = np.where(
        units != 0, 1.0 if itm_probability is None else np.asarray(itm_probability, dtype=np.float64), 0.0
    )
    stt = np.maximum(units, 0.0) * intrinsic * float(schedule.stt_exercise.value)
    orders = np.ceil(np.abs(units) / largest_order(schedule.freeze_quantity.value, lot))
    fee = orders * chance * float(schedule.broker.exercise_rupees.value) * (1.0 + float(schedule.gst.value))
    return np.asarray(np.sum(stt + fee, axis=-1))
