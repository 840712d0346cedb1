"""Whether an answer can be true: refused at the door with its reason, before it is ever stored."""

from __future__ import annotations

from quantsentinel.accounts.account import Account
from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.confirmed import apply_answers, newest_answer
from quantsentinel.portfolio.marks import payoff


def require_sensible(book: Book, answer: Answer, account: Account, desk: Desk) -> None:
    """Raises `BadInput` when the answer's signal is unknown, ended or on paper, when it does not follow from the newest
    answer, or when its price or lots are absurd."""
    position = _known(book, answer)
    if answer.kind is not AnswerKind.SKIPPED:
        _require_price(position, answer, desk)
        _require_lots(book, position, answer, account)
    if not apply_answers(book, (answer,), desk)[1]:
        newest = newest_answer(book, answer.signal_id)
        said = f"after `{newest[0].value}`" if newest else "before `taken`"
        raise BadInput(f"`{answer.kind.value}` cannot come {said}", where=answer.signal_id, fix=_FIXES[answer.kind])


_FIXES = {
    AnswerKind.TAKEN: "What was closed or skipped is over; the next signal has its own id",
    AnswerKind.SKIPPED: "What was taken ends with `qs book closed`",
    AnswerKind.CLOSED: "Say `qs book taken` with price and lots first",
}


def _known(book: Book, answer: Answer) -> Position:
    lapsed = book.lapsed_of(answer.signal_id)
    found = book.assumed_of(answer.signal_id) or book.confirmed_of(answer.signal_id)
    found = found or (lapsed.position if lapsed else None)
    if found is None:
        what = "the signal has ended, or it is not in the book yet"
        fix = "`qs book show` names what can be answered; a signal can be until the session after its end is over"
        raise BadInput(what, where=answer.signal_id, fix=fix)
    if found.is_paper:
        what = "a paper signal is not traded, so it has no answer"
        raise BadInput(what, where=answer.signal_id, fix="Its paper fill is in `qs book show`")
    return found


def _require_price(position: Position, answer: Answer, desk: Desk) -> None:
    low, high = price_range(position, desk)
    if answer.price is not None and not low <= answer.price <= high:
        what = f"{answer.price:g} points a unit; {position.package.family.value} is worth {low:g} to {high:g}"
        raise BadInput(what, where=answer.signal_id, fix="Net points per unit: positive paid, negative received")


def price_range(position: Position, desk: Desk) -> tuple[float, float]:
    """The least and the most the package can pay inside the policy's scenarios of the index (everywhere, where no
    forward is known), and the policy's share of that width on either side."""
    if position.package.is_calendar:
        return _calendar_range(position)
    legs, forward = position.package.legs, position.mark.forward if position.mark else None
    strikes = [leg.instrument.strike for leg in legs]
    moves, beyond = desk.policy.scenarios.spot_moves, desk.policy.books.max_price_beyond_payoff
    ends = (0.0, 2.0 * max(strikes)) if forward is None else (forward * (1 + min(moves)), forward * (1 + max(moves)))
    levels = [*ends, *(strike for strike in strikes if ends[0] < strike < ends[1])]
    found = [payoff(legs, level) for level in levels]
    slack = beyond * (max(found) - min(found))
    return round(min(found) - slack, 2), round(max(found) + slack, 2)


def _calendar_range(position: Position) -> tuple[float, float]:
    """Its legs do not settle together, so it has no payoff: between what its maximum loss and profit leave of its entry
    price, and that width on either side, because both were worked out with a far vol that may rise as well as fall."""
    lost, gained = (float(money or 0) / position.units for money in (position.max_loss, position.max_profit))
    least, most = position.entry_price - lost, position.entry_price + gained
    return round(least - (most - least), 2), round(most + (most - least), 2)


def _require_lots(book: Book, position: Position, answer: Answer, account: Account) -> None:
    held = book.confirmed_of(answer.signal_id)
    closing = answer.kind is AnswerKind.CLOSED
    most = max(position.lots, account.limits.max_lots) if not closing else (held.lots if held else answer.lots or 0)
    if answer.lots is not None and answer.lots > most:
        fix = "More than is held cannot be closed" if closing else "Raise the tenant's max_lots first if it is true"
        raise BadInput(f"{answer.lots} lots; at most {most}", where=answer.signal_id, fix=fix)
