"""Margin of a whole book: contracts netted, hedged across expiries, underlyings added up, as it is or after a shock.

A `MarginTable` is of one underlying on one snapshot (and under one shock): it works out what a unit of a contract adds
on each day once, for every tenant that holds it; a book is then a weighted sum. Margins scale with size and a book's is
at most the sum of its parts' plus the calendar spread charge between them, so a limit may be checked first against
that sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import date

import numpy as np

from quantsentinel.costs.margin import DayParts, ExpirySums, MarginEstimate, day_parts
from quantsentinel.costs.margin_scan import (
    DAYS_PER_YEAR,
    SCENARIOS,
    Floats,
    MarginLegs,
    MarginMarket,
    days_elapsed,
    leg_risk,
)
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.schedules import ScanRule
from quantsentinel.pricing import black76
from quantsentinel.pricing.implied_vol import implied_vol

SIGNED = SCENARIOS + 2
"""Columns a day that a position's sign turns: its losses, its delta, its mark. Then come those of a short alone."""
COLUMNS = SIGNED + 3


@dataclass(frozen=True, slots=True)
class HeldLeg:
    """`units` + held, - short; `mark` and `forward` (of the contract's own expiry) in points."""

    instrument: Instrument
    units: int
    mark: float
    forward: float


@dataclass(frozen=True, slots=True)
class Shock:
    """A sudden move: `spot` a fraction of the level; every implied vol times `vol_scale`, plus `vol_annual`."""

    spot: float = 0.0
    vol_annual: float = 0.0
    vol_scale: float = 1.0


CALM = Shock()


@dataclass(frozen=True, slots=True)
class _Row:
    """`asked`: mark and forward as they came; `forward` after the shock; `cells` (COLUMNS * n_days,), by column."""

    asked: tuple[float, float]
    forward: float
    cells: Floats


@dataclass(frozen=True, slots=True, eq=False)
class MarginTable:
    """One underlying's margin market and scan rule, `shock` applied; contracts are worked out when first asked for.

    The market's days are those of the position that is held longest: one that ends earlier counts until its expiry.
    """

    market: MarginMarket
    scan: ScanRule
    shock: Shock = CALM
    rows: dict[Instrument, _Row] = field(default_factory=dict, repr=False)

    @property
    def shocked(self) -> MarginMarket:
        return shocked_market(self.market, self.scan, self.shock)


def shocked_market(market: MarginMarket, scan: ScanRule, shock: Shock) -> MarginMarket:
    """The next file after the move: its close is the shocked one (a rise only: a fall keeps the wider range), and
    NSE's volatility has the move in it, v'^2 = decay v^2 + (1 - decay) 365 ln(1 + spot)^2, where that is more."""
    moves = (shock.spot, shock.vol_annual, shock.vol_scale)
    if not all(map(math.isfinite, moves)) or shock.spot <= -1.0 or shock.vol_scale < 0.0:
        raise BadInput(f"an impossible shock: {shock}", where="margin")
    decay, vol = scan.vol_decay.value, market.previous_vol_annual
    moved = decay * vol**2 + (1.0 - decay) * DAYS_PER_YEAR * math.log1p(shock.spot) ** 2
    return MarginMarket(
        previous_close=market.previous_close * max(1.0 + shock.spot, 1.0),
        underlying_price=market.underlying_price * (1.0 + shock.spot),
        previous_vol_annual=max(vol, math.sqrt(moved)),
        days=market.days,
    )


def stressed_legs(legs: Sequence[HeldLeg], table: MarginTable) -> tuple[HeldLeg, ...]:
    """The legs at their marks after the shock, units unchanged; each keeps its implied vol, shifted by the shock's.

    The vol is the mark's own under Black-76 in calendar time to the end of the contract's last day; a mark that holds
    none (at or below intrinsic value) is revalued at NSE's volatility.
    """
    if table.shock == CALM or not legs:
        return tuple(legs)
    arrays = _arrays(legs, table.market)
    years = (arrays.expiry_days + 1.0) / DAYS_PER_YEAR
    vol = implied_vol(arrays.mark, arrays.forward, arrays.strike, years, 1.0, arrays.is_call)
    vol = np.where(np.isfinite(vol), vol, table.market.previous_vol_annual)
    forward = arrays.forward * (1.0 + table.shock.spot)
    shifted = np.maximum(vol * table.shock.vol_scale + table.shock.vol_annual, 0.0)
    marks = black76.price(forward, arrays.strike, years, shifted, 1.0, arrays.is_call)
    return tuple(
        HeldLeg(leg.instrument, leg.units, mark, level)
        for leg, mark, level in zip(legs, marks.tolist(), forward.tolist(), strict=True)
    )


def book_margin(legs: Sequence[HeldLeg], tables: Mapping[str, MarginTable]) -> MarginEstimate:
    """The estimate of a book; legs at their marks before any shock. An empty book needs nothing.

    Raises `BadInput`: an underlying without a table, one contract at two marks, an expired contract, absurd numbers.
    """
    by_underlying: dict[str, list[HeldLeg]] = {}
    for leg in net_of(legs):
        by_underlying.setdefault(leg.instrument.underlying, []).append(leg)
    missing = sorted(set(by_underlying) - set(tables))
    if missing:
        raise BadInput(f"no margin market for {', '.join(missing)}", where="margin")
    names = sorted(by_underlying)
    days = sorted({day for name in names for day in tables[name].market.days})
    parts = [_on_days(_parts(by_underlying[name], tables[name]), tables[name], days) for name in names]
    rows = [row.id for name in names for row in tables[name].scan.rows_used]
    outlay = sum((_outlay(by_underlying[name]) for name in names), 0.0)
    return _estimate(parts, days, _nearest(by_underlying, days), outlay, tuple(dict.fromkeys(rows)))


def net_of(legs: Sequence[HeldLeg]) -> list[HeldLeg]:
    """One leg a contract, closed ones gone, in the order first named: a long and a short of one contract are none."""
    netted: dict[Instrument, HeldLeg] = {}
    for leg in legs:
        before = len(netted)
        held = netted.setdefault(leg.instrument, leg)  # one hash a leg: of a large book they are half the time
        if len(netted) > before:
            continue
        if (held.mark, held.forward) != (leg.mark, leg.forward):
            raise BadInput(f"{leg.instrument} at two marks", where="margin", fix="Mark a book on one snapshot")
        netted[leg.instrument] = HeldLeg(leg.instrument, held.units + leg.units, leg.mark, leg.forward)
    return [leg for leg in netted.values() if leg.units]


def _arrays(legs: Sequence[HeldLeg], market: MarginMarket) -> MarginLegs:
    if not market.days:
        raise BadInput("no days to judge", where="margin", fix="Use margin_days")
    start = market.days[0]
    return MarginLegs(
        strike=np.array([leg.instrument.strike for leg in legs]),
        is_call=np.array([leg.instrument.is_call for leg in legs]),
        signed_units=np.array([leg.units for leg in legs], dtype=np.float64),
        mark=np.array([leg.mark for leg in legs], dtype=np.float64),
        forward=np.array([leg.forward for leg in legs], dtype=np.float64),
        expiry_days=np.array([(leg.instrument.expiry - start).days for leg in legs], dtype=np.float64),
    )


def _parts(legs: Sequence[HeldLeg], table: MarginTable) -> DayParts:
    """Of one underlying's netted legs, on the table's days."""
    n_days, rows = len(table.market.days), _rows(legs, table)
    cells = np.array([row.cells for row in rows])
    units = np.array([leg.units for leg in legs], dtype=np.float64)
    expiries = sorted({leg.instrument.expiry for leg in legs})
    where = {expiry: index for index, expiry in enumerate(expiries)}
    grouped = np.zeros((len(expiries), len(legs)))
    grouped[[where[leg.instrument.expiry] for leg in legs], np.arange(len(legs))] = units
    signed = (grouped @ cells[:, : SIGNED * n_days]).reshape(len(expiries), SIGNED, n_days)
    shorts = (np.maximum(-units, 0.0) @ cells[:, SIGNED * n_days :]).reshape(-1, n_days)
    elapsed, start = days_elapsed(table.market), table.market.days[0]
    last_days = np.array([(expiry - start).days for expiry in expiries], dtype=np.float64)
    sums = ExpirySums(
        losses=signed[:, :SCENARIOS],
        deltas=signed[:, SCENARIOS],
        expires=last_days[:, None] == elapsed,
        far=np.array(max(row.forward for row in rows)),
    )
    return day_parts(
        sums,
        value=signed[:, SCENARIOS + 1].sum(axis=0),
        exposure=shorts[0],
        expiry_day_elm=shorts[1],
        minimum=shorts[2],
        scan=table.scan,
    )


def _rows(legs: Sequence[HeldLeg], table: MarginTable) -> list[_Row]:
    """Each leg's row; those that are not known yet are worked out together."""
    known = table.rows
    rows = [known.get(leg.instrument) for leg in legs]
    fresh = [leg for leg, row in zip(legs, rows, strict=True) if row is None]
    if fresh:
        made = iter(_made(fresh, table))
        rows = [next(made) if row is None else row for row in rows]
        known.update((leg.instrument, row) for leg, row in zip(legs, rows, strict=True) if row is not None)
    found = [
        row for leg, row in zip(legs, rows, strict=True) if row is not None and row.asked == (leg.mark, leg.forward)
    ]
    if len(found) < len(legs):
        raise BadInput("a contract at two marks", where="margin", fix="One table per snapshot")
    return found


def _made(legs: Sequence[HeldLeg], table: MarginTable) -> list[_Row]:
    market = table.shocked
    after = stressed_legs(legs, table)
    risk = leg_risk(_arrays(after, market), market, table.scan)
    n_days = len(table.market.days)
    cells = np.empty((len(legs), COLUMNS, n_days))
    cells[:, :SCENARIOS] = risk.losses.transpose(2, 0, 1)
    for column, values in enumerate((risk.delta, risk.mark, risk.exposure, risk.expiry_day, risk.minimum)):
        cells[:, SCENARIOS + column] = values.T
    lines = cells.reshape(len(legs), -1)
    return [
        _Row((leg.mark, leg.forward), moved.forward, line) for leg, moved, line in zip(legs, after, lines, strict=True)
    ]


def _on_days(parts: DayParts, table: MarginTable, days: Sequence[date]) -> DayParts:
    """The parts on the book's days: nothing on days this underlying is not asked about."""
    if list(table.market.days) == list(days):
        return parts
    at = np.searchsorted(np.array(days, dtype="datetime64[D]"), np.array(table.market.days, dtype="datetime64[D]"))

    def spread(values: Floats) -> Floats:
        whole = np.zeros(len(days))
        whole[at] = values
        return whole

    return DayParts(*(spread(getattr(parts, name)) for name in DayParts.__slots__))


def _outlay(legs: Sequence[HeldLeg]) -> float:
    """Rupees of premium paid net of premium received, at the marks before the shock."""
    return max(sum(leg.units * leg.mark for leg in legs), 0.0)


def _nearest(by_underlying: Mapping[str, Sequence[HeldLeg]], days: Sequence[date]) -> int:
    """The index of the nearest expiry's day, of the last day when that is later."""
    ends = [leg.instrument.expiry for legs in by_underlying.values() for leg in legs]
    earlier = [index for index, day in enumerate(days) if ends and day >= min(ends)]
    return earlier[0] if earlier else len(days) - 1


def _estimate(
    parts: Sequence[DayParts], days: Sequence[date], nearest: int, outlay: float, rows: tuple[str, ...]
) -> MarginEstimate:
    if not parts:
        return MarginEstimate(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, (), rows)
    by_day = np.sum([part.total for part in parts], axis=0)
    worst = int(np.argmax(by_day))

    def on_worst(name: str) -> float:
        return float(sum(getattr(part, name)[worst] for part in parts))

    return MarginEstimate(
        total=float(by_day[worst]),
        span=on_worst("span"),
        calendar_charge=on_worst("calendar_charge"),
        exposure=on_worst("exposure"),
        expiry_day_elm=on_worst("expiry_day_elm"),
        net_option_value=on_worst("net_option_value"),
        premium_outlay=outlay,
        now=float(by_day[0]),
        expiry_day=float(by_day[nearest]),
        by_day=tuple(zip(days, by_day.tolist(), strict=True)),
        rows_used=rows,
    )
