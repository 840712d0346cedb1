"""What an order of a package is charged on a trade date, and what settlement takes if it is held to expiry.

Everything is asked of the rule book by date, and refused by name: a day without a session, an expiry that was not
listed, a price off the tick grid, a row that is missing, unverified or past its `verified_until`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from quantsentinel.costs.charges import ZERO, Charges, Exercised, Fill, Form, charge_lines, order_slices
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Instrument, Leg
from quantsentinel.market.rule_rows import RuleRow
from quantsentinel.market.rulebook import RuleBook

MAX_LOTS = 10_000
MAX_LEVEL = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Order:
    """`legs` of one underlying with their prices in points, `ratio` lots of each for every lot of the package."""

    legs: tuple[tuple[Leg, Decimal], ...]
    on: date
    lots: int = 1
    broker: str = "upstox"
    form: Form = "unrounded"

    @property
    def underlying(self) -> str:
        return self.legs[0][0].instrument.underlying


@dataclass(frozen=True, slots=True)
class SheetLeg:
    """`orders`: the units of each order that the freeze quantity makes of the leg. `premium` < 0 is paid."""

    leg: Leg
    price: Decimal
    lot: int
    units: int
    orders: tuple[int, ...]
    premium: Decimal


@dataclass(frozen=True, slots=True)
class Settled:
    """Charges of one expiry day at a settlement level (index points), of what the order leaves open."""

    on: date
    level: Decimal
    payoff: Decimal
    charges: Charges


@dataclass(frozen=True, slots=True)
class ChargeSheet:
    """`premium` in rupees, > 0 received; `rows` every rule row used, once; `tax_note` is information, not advice."""

    order: Order
    legs: tuple[SheetLeg, ...]
    premium: Decimal
    entry: Charges
    settled: tuple[Settled, ...]
    rows: tuple[RuleRow, ...]
    tax_note: str

    @property
    def total(self) -> Decimal:
        return sum((part.charges.total for part in self.settled), self.entry.total)

    @property
    def net(self) -> Decimal | None:
        """P&L at the settlement level after all charges; None where no level was named."""
        if not self.settled:
            return None
        return self.premium + sum((part.payoff for part in self.settled), ZERO) - self.total


def charge_sheet(rules: RuleBook, order: Order, settle: Decimal | None = None) -> ChargeSheet:
    """Charges of entering `order`, and with `settle` (index points) of holding to every expiry at that level.

    Raises `BadInput` or `RuleGap` that names what is missing or wrong.
    """
    _check(rules, order)
    schedule = rules.charges(order.underlying, order.on, order.broker)
    lots = {
        leg.instrument.expiry: rules.lot(order.underlying, leg.instrument.expiry, order.on) for leg, _ in order.legs
    }
    legs = tuple(
        _sheet_leg(leg, price, lots[leg.instrument.expiry].value, order, schedule.freeze_quantity.value)
        for leg, price in order.legs
    )
    fills = [Fill(part.leg.instrument, part.leg.side, part.units, part.price, part.lot) for part in legs]
    settled, settle_rows = _settled(rules, order, legs, settle) if settle is not None else ((), ())
    note = rules.tax_note(order.on)
    used = (*schedule.rows_used, *(lot.row for lot in lots.values()), *settle_rows, note.row)
    return ChargeSheet(
        order=order,
        legs=legs,
        premium=sum((part.premium for part in legs), ZERO),
        entry=charge_lines(fills, schedule, form=order.form),
        settled=settled,
        rows=tuple({row.id: row for row in used}.values()),
        tax_note=note.value,
    )


def _check(rules: RuleBook, order: Order) -> None:
    rules.require_underlying(order.underlying)
    if not 1 <= order.lots <= MAX_LOTS:
        raise BadInput(f"{order.lots} lots", where="--lots", fix=f"From 1 to {MAX_LOTS}")
    if rules.session(order.on) is None:
        fix = f"The session before it is {rules.previous_session(order.on).day}"
        raise BadInput(f"{order.on} has no session", where="--on", fix=fix)
    listed = rules.expiries(order.underlying, order.on)
    tick = Decimal(str(rules.tick(order.underlying, order.on).value))
    for leg, price in order.legs:
        if leg.instrument.expiry not in listed:
            what = f"{leg.instrument.expiry} is no expiry of {order.underlying} listed on {order.on}"
            raise BadInput(what, where="--expiry", fix="Listed: " + ", ".join(map(str, listed)))
        if price <= 0 or price % tick:
            raise BadInput(f"{price} is not on the tick grid", where=str(leg.instrument), fix=f"Multiples of {tick}")


def _sheet_leg(leg: Leg, price: Decimal, lot: int, order: Order, freeze_units: int) -> SheetLeg:
    units = order.lots * leg.ratio * lot
    return SheetLeg(leg, price, lot, units, order_slices(units, freeze_units, lot), -leg.side * price * units)


# --- Settlement -------------------------------------------------------------------------------------------------------
def _settled(
    rules: RuleBook, order: Order, legs: Sequence[SheetLeg], level: Decimal
) -> tuple[tuple[Settled, ...], tuple[RuleRow, ...]]:
    """One part for each expiry that the order leaves open, with the rows of its day."""
    if not level.is_finite() or not 0 < level < MAX_LEVEL:
        raise BadInput(f"settlement at {level}", where="--settle", fix="The index level at expiry, in points")
    parts: list[Settled] = []
    rows: list[RuleRow] = []
    open_legs = tuple(_open(legs))
    for expiry in sorted({instrument.expiry for instrument, _, _ in open_legs}):
        day = rules.final_expiry(order.underlying, expiry)
        schedule = rules.charges(order.underlying, day, order.broker)
        ending = (_exercised(*leg, level) for leg in open_legs if leg[0].expiry == expiry)
        exercised = [leg for leg in ending if leg.intrinsic > 0]
        payoff = sum((leg.side * leg.turnover for leg in exercised), ZERO)
        parts.append(Settled(day, level, payoff, charge_lines((), schedule, exercised, order.form)))
        rows.extend(schedule.rows_used)
    return tuple(parts), tuple(rows)


def _open(legs: Sequence[SheetLeg]) -> Iterator[tuple[Instrument, int, int]]:
    """Contract, signed units and lot of what the order leaves open: bought and sold units close each other."""
    lots = {part.leg.instrument: part.lot for part in legs}
    for instrument, lot in lots.items():
        units = sum(part.leg.side * part.units for part in legs if part.leg.instrument == instrument)
        if units:
            yield instrument, units, lot


def _exercised(instrument: Instrument, units: int, lot: int, level: Decimal) -> Exercised:
    """`intrinsic` <= 0 where the option ends worthless."""
    strike = Decimal(str(instrument.strike))
    intrinsic = level - strike if instrument.is_call else strike - level
    return Exercised(instrument, 1 if units > 0 else -1, abs(units), intrinsic, lot)
