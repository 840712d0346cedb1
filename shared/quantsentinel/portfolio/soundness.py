"""A position that a document holds only in part is refused by name: its tenant halts, and nothing of it is lost."""

from __future__ import annotations

import math

from quantsentinel.errors import BadInput
from quantsentinel.market.instruments import Family
from quantsentinel.portfolio.book import Book, Position

LEGS = {
    Family.IRON_CONDOR: 4,
    Family.IRON_BUTTERFLY: 4,
    Family.BULL_CALL: 2,
    Family.BEAR_CALL: 2,
    Family.BULL_PUT: 2,
    Family.BEAR_PUT: 2,
    Family.LONG_STRADDLE: 2,
    Family.LONG_STRANGLE: 2,
    Family.SHORT_STRADDLE: 2,
    Family.SHORT_STRANGLE: 2,
    Family.CALL_CALENDAR: 2,
    Family.PUT_CALENDAR: 2,
}
"""The fewest legs of a family; a hedge may add more. Families that are not named have one or more."""


def require_sound(book: Book) -> Book:
    """`book` itself. Raises `BadInput` naming the first thing that is wrong with the first unsound position."""
    for name, positions in (("assumed", book.positions), ("confirmed", book.confirmed)):
        for position in positions:
            _require(position, f"{name} book, {position.signal_id}")
        _require_distinct(name, positions)
    ended = [*(item.position for item in book.lapsed), *(item.position for item in book.provisional)]
    for position in ended:
        _require(position, f"ended entry {position.signal_id}")
    _require_sums(book)
    return book


SUMS = ("capital", "realised", "settlement_pnl", "confirmed_realised", "confirmed_settlement_pnl", "peak_equity")


def _require_sums(book: Book) -> None:
    """Money that is no number, and what would lift a limit: a day that spent less than nothing, a negative count."""
    sums = {name: getattr(book, name) for name in SUMS}
    wrong = [f"{name} {amount}" for name, amount in sums.items() if amount is not None and not amount.is_finite()]
    if not book.entered_loss.is_finite() or book.entered_loss < 0:
        wrong.append(f"entered_loss {book.entered_loss}")
    counts = {"audit_seq": book.audit_seq, **{f"rearm of {name}": count for name, count in book.rearm.items()}}
    wrong += [f"{name} {count}" for name, count in counts.items() if not isinstance(count, int) or count < 0]
    if wrong:
        raise BadInput(", ".join(wrong), where="book", fix="Restore the book document; the tenant is halted until then")


def _require(position: Position, where: str) -> None:
    wrong = _fault(position)
    if wrong:
        fix = "Restore the book document from its last version; the tenant is halted until then"
        raise BadInput(f"partially written position: {wrong}", where=where, fix=fix)


def _fault(position: Position) -> str:
    legs = position.package.legs
    wanted = LEGS.get(position.package.family, 1)
    if len(legs) < wanted:
        return f"{len(legs)} of {wanted} legs of {position.package.family.value}"
    if len({leg.instrument.underlying for leg in legs}) > 1:
        return "legs of several underlyings"
    if any(leg.side not in (1, -1) or leg.ratio < 1 for leg in legs):
        return "a leg without side or ratio"
    if not _are_counts(position.lots, position.lot, position.freeze_units):
        return f"{position.lots} lots of {position.lot}, freeze {position.freeze_units}"
    return _number_fault(position) or _mark_fault(position)


def _number_fault(position: Position) -> str:
    numbers = [position.entry_price, *position.entry_zone, position.target, position.stop, position.tick]
    numbers += [leg.instrument.strike for leg in position.package.legs]
    if not all(map(math.isfinite, numbers)):
        return "a price that is not finite"
    money = {"entry charges": position.entry_charges, "maximum loss": position.max_loss, "margin": position.margin}
    for name, amount in money.items():
        if not amount.is_finite() or amount < 0:
            return f"{name} {amount}"
    return "" if position.tick > 0 else f"tick {position.tick}"


def _mark_fault(position: Position) -> str:
    mark = position.mark
    if mark is None:
        return ""
    if len(mark.legs) != len(position.package.legs):
        return f"a mark of {len(mark.legs)} of {len(position.package.legs)} legs"
    numbers = [mark.price, *mark.legs, *([] if mark.forward is None else [mark.forward])]
    if not all(map(math.isfinite, numbers)) or not mark.pnl.is_finite() or not mark.exit_charges.is_finite():
        return "a mark that is not finite"
    return ""


def _are_counts(*values: object) -> bool:
    return all(isinstance(value, int) and value >= 1 for value in values)


def _require_distinct(name: str, positions: tuple[Position, ...]) -> None:
    ids = [position.signal_id for position in positions]
    if len(set(ids)) < len(ids):
        raise BadInput("a signal is held twice", where=f"{name} book", fix="Restore the book document")
