"""The passes, on one screen: pure functions of their arguments. No clock, no network, no randomness."""

from __future__ import annotations

from quantsentinel.accounts.account import Account
from quantsentinel.alpha.consensus import combine
from quantsentinel.alpha.registry import ask_views
from quantsentinel.alpha.tilt import direction_tilt
from quantsentinel.desk import Desk
from quantsentinel.features.analyse import analyse, frame_of, with_physical
from quantsentinel.features.regime import regime_of
from quantsentinel.features.registry import availability
from quantsentinel.features.values import feature_values
from quantsentinel.integrity.quotes import QuoteMask, quote_mask
from quantsentinel.market.history import History, known_at
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.opportunity.entries import entries_refused
from quantsentinel.opportunity.expiry_terms import Shared
from quantsentinel.opportunity.factors import factors_of
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.offers import make_offers
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.marks import mark_book
from quantsentinel.portfolio.roll import redeclared, rolled
from quantsentinel.portfolio.silence import mark_silent
from quantsentinel.risk.castle import ask_switches
from quantsentinel.risk.facts import AsOf, TenantFacts
from quantsentinel.risk.latches import latched
from quantsentinel.signals.answered import take_answers
from quantsentinel.signals.decision import Said, TenantDecision, concluded
from quantsentinel.signals.follow import close_positions, expire_undelivered, withdraw
from quantsentinel.signals.issue import enter
from quantsentinel.signals.revise import update


def market_pass(snapshot: Snapshot, history: History, desk: Desk, mask: QuoteMask | None = None) -> MarketView:
    """Features, views, consensus and ranked opportunities of one accepted snapshot, the same for every tenant.

    `mask` is the firewall's; without it, it is worked out again from the snapshot and the rules, to the same result.
    Raises `RuleGap` when the rules do not cover the session.
    """
    frame = frame_of(snapshot, history, desk)
    given, history = history, known_at(history, snapshot.received_at)
    analytics = analyse(snapshot, history, desk, mask or quote_mask(snapshot, desk.rules))
    features = feature_values(analytics, snapshot, history)
    views = ask_views(features)
    consensus = combine(views, desk.policy.views.weights)
    tilt = direction_tilt(views, desk.policy.views)
    analytics = with_physical(analytics, frame, tilt.direction, tilt.confidence)
    refused = entries_refused(snapshot, history, analytics, frame, desk)
    offers = make_offers(Shared(desk, frame, analytics, history, consensus, snapshot.digest, refused))
    return MarketView(
        underlying=snapshot.underlying,
        session=history.session,
        observed_at=snapshot.observed_at,
        received_at=snapshot.received_at,
        snapshot_digest=snapshot.digest,
        history_digest=given.digest,
        desk_digest=desk.digest,
        features=features,
        views=views,
        consensus=consensus,
        opportunities=offers.opportunities,
        candidates=offers.candidates,
        entries_refused=refused,
        regime=regime_of(analytics, history, frame, desk),
        analytics=analytics,
        snapshot=snapshot,
        feature_times=availability(snapshot.received_at, history),
        factors=factors_of(history, desk),
    )


def tenant_pass(view: MarketView, book: Book, account: Account, desk: Desk, as_of: AsOf) -> TenantDecision:
    """What one tenant does with all ranked opportunities of a cycle *together*, and with what it holds already.

    Roll the session, take the tenant's answers, mark, end what is over, latch the loss switches; then the offers:
    withdrawn, updated, new. Closing is never asked of a switch: what reduces is always allowed. Raises `StaleData` for
    a session before the book's.
    """
    opened = redeclared(rolled(book, view.session), account)
    facts, answers = take_answers(TenantFacts(view, opened, account, desk, as_of))
    marked = mark_silent(mark_book(facts.book, view, desk, as_of.decided_at), view, desk, as_of.decided_at)
    facts, expiries = expire_undelivered(facts.holding(marked))
    facts, exits = close_positions(facts)
    facts = asked = latched(facts)
    switched = ask_switches(facts)
    facts, withdrawals = withdraw(facts, switched)
    facts, updates = update(facts, switched)
    facts, entries, refusals = enter(facts, switched)
    events = (*answers, *expiries, *exits, *withdrawals, *updates, *entries)
    return concluded(book, asked, facts.book, Said(events, refusals, switched))
