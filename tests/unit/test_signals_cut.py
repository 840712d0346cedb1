"""An offer that only amounts stop is entered at fewer lots, or refused with what is too much at how many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from quantsentinel.desk import Desk
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.terms import terms_at
from quantsentinel.risk.castle import ask_switches
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.signals.issue import enter
from quantsentinel.signals.signal import Refusal, SignalEvent
from tests.builders import account, as_of, condor_package, desk, market, offering, vertical_package
from tests.wall_facts import bear_put, by_name, positions

BESIDE = positions(vertical_package())
HELD = float(BESIDE[0].max_loss)


def entering(
    *held: Position, house: Desk | None = None, **limits: Any
) -> tuple[TenantFacts, list[SignalEvent], list[Refusal]]:
    view = offering(market())
    book = Book(session=view.session, positions=held)
    facts = TenantFacts(view, book, account(**limits), house or desk(), as_of(view))
    after, created, refused = enter(facts, ask_switches(facts))
    return after, list(created), list(refused)


def sector(loss: float) -> dict[str, float]:
    """The limit at which the sector has so many rupees of room beside what is held."""
    return {"max_sector_loss": (HELD + loss) / 2_000_000}


def test_too_little_room_in_the_sector_cuts_lots_and_the_sizing_says_so() -> None:
    _, (whole,), _ = entering(*BESIDE)
    half = float(whole.terms.bounded_loss) / 2 if whole.terms else 0.0
    after, (event,), refused = entering(*BESIDE, **sector(half))
    assert refused == []
    assert event.sizing.lots == event.terms.lots == event.position.lots < whole.sizing.lots
    assert event.sizing.binding == "policy.sector"
    assert float(event.terms.bounded_loss) <= half
    assert by_name(event.receipts)["sizing"].detail == "bound by policy.sector"
    assert after.book.entered_loss == event.terms.bounded_loss


def test_the_same_sizing_stands_where_nothing_is_cut() -> None:
    _, (event,), _ = entering(*BESIDE)
    assert event.sizing.binding in ("trade_loss", "day_loss", "margin", "max_lots", "depth")


def test_what_one_lot_passes_already_is_refused_at_its_size_with_the_words_that_one_is_too_much() -> None:
    _, created, (refusal,) = entering(*BESIDE, **sector(1.0))
    assert created == []
    assert refusal.first.guard == "policy.sector"
    lots = refusal.sizing.lots
    assert lots > 1
    assert refusal.first.detail.endswith(f"refused at {lots} lots, and at 1 lot")
    assert refusal.first in refusal.verdicts
    assert len({verdict.guard for verdict in refusal.verdicts}) == len(refusal.verdicts)


def test_what_is_refused_at_fewer_lots_for_another_reason_keeps_its_first_one() -> None:
    """The fees of an order are shared by its lots: at one the costs may be too much."""
    view = offering(market(), condor_package())
    ratios = [terms_at(view.opportunities[0], lots, desk()).cost_ratio or 0.0 for lots in (1, 10)]
    loss = float(terms_at(view.opportunities[0], 1, desk()).bounded_loss) * 1.2
    _, _, (refusal,) = entering(*BESIDE, house=asking(sum(ratios) / 2), **sector(loss))
    assert refusal.first.guard == "policy.sector"
    assert refusal.first.detail.endswith(f"refused at {refusal.sizing.lots} lots, and at 1 lot by cost.ratio")


def asking(max_cost_ratio: float) -> Desk:
    rules = desk().policy.hard_rules.model_copy(update={"max_cost_ratio": max_cost_ratio})
    return replace(desk(), policy=desk().policy.model_copy(update={"hard_rules": rules}))


def test_the_cut_leaves_room_that_the_next_offer_of_the_cycle_does_not_take_twice() -> None:
    view = offering(market(), condor_package(), bear_put())
    facts = TenantFacts(view, Book(session=view.session), account(max_sector_loss=0.025), desk(), as_of(view))
    after, created, _ = enter(facts, ask_switches(facts))
    assert float(after.book.entered_loss) <= 50_000
    assert [event.sizing.binding for event in created][-1] == "policy.sector"
    again = enter(facts, ask_switches(facts))
    assert again[1] == created
    assert again[0].book == after.book
