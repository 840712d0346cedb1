"""Sentences for people: why to enter, why an offer ended."""

from __future__ import annotations

from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import Position
from quantsentinel.portfolio.exits import Exit, ExitReason
from quantsentinel.verdict import Verdict


def why_enter(opportunity: Opportunity, view: MarketView) -> str:
    """The edge in rupees a lot, its odds, and what the views say."""
    numbers = opportunity.economics
    edge = f"net EV ₹{numbers.net_ev} a lot after ₹{numbers.frictions} of frictions"
    odds = f"wins in {numbers.win_probability:.0%} of outcomes, stressed loss ₹{numbers.stressed_loss}"
    return f"{edge}; {odds}; {_views(view)}"


def _views(view: MarketView) -> str:
    speaking = [item for item in view.views if item.score is not None]
    if not speaking:
        return "every view abstains"
    told = ", ".join(f"{item.name} {item.score:+.2f}" for item in speaking)
    return f"views: {told}"


EXIT_WORDS = {
    ExitReason.SETTLEMENT: "settled at expiry",
    ExitReason.SQUARE_OFF: "squared off before the settlement window",
    ExitReason.TIME_STOP: "time stop reached",
    ExitReason.STOP: "stop reached",
    ExitReason.TARGET: "target reached",
}


def why_close(position: Position, found: Exit) -> str:
    level = f"{found.measured} against {found.limit} {found.unit}"
    note = f" ({found.note})" if found.note else ""
    return f"{EXIT_WORDS[found.reason]}: {level}; entered at {position.entry_price:g}{note}"


def why_withdraw(reason: Verdict) -> str:
    detail = reason.detail or f"{reason.guard} measures {reason.measured}, limit {reason.limit} {reason.unit}"
    return f"do not enter any more: {detail}. If you have entered, the exits of this signal still come"


def why_expire() -> str:
    return "no channel delivered the entry while it was valid; it was never assumed taken"


def why_answered(answer: Answer) -> str:
    if answer.kind is AnswerKind.SKIPPED:
        return f"skipped, said {answer.by}: nothing of it is held"
    return f"closed at {answer.price:g}, said {answer.by}"
