"""Wall 2, news and events: no entry around a scheduled event, and a size that shrinks with what was published.

A size between 0 and 100 % passes and says so; the sizing ladder takes it from `news_rung`. Whatever is not known (the
calendar of the day, the news on file, the regime a size depends on) is unknown.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.events import felt_between, monthly_expiries, reach
from quantsentinel.market.news import Impact, NewsItem
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.sizing import Rung
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_cycle, of_offer
from quantsentinel.verdict import Outcome, Verdict

EVENT, NEWS = "news_events.event_window", "news_events.news"
CHECKS = (EVENT, NEWS)
IMPACTS = tuple(Impact)
NONE = "none"


@dataclass(frozen=True, slots=True)
class Window:
    """The event whose window a moment lies in (`none`), or None with the gap in the calendar."""

    event: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Concern:
    """What the news leaves of the size, None where that is not known, which item says so, and all that was read."""

    percent: int | None
    detail: str
    read: tuple[str, ...] = ()


_WINDOWS: Memo[Window] = Memo(256)
_CONCERNS: Memo[tuple[object, Concern]] = Memo(256)


def news_events(facts: Facts) -> tuple[Verdict, ...]:
    """One verdict for each of `CHECKS`."""
    return of_offer(facts, _event_window), news(facts.tenant)


def news_rung(facts: TenantFacts) -> Rung:
    """The news's step on the sizing ladder; news that cannot be judged takes the whole size."""
    found = concern(facts)
    return Rung("news", found.percent or 0, found.detail)


# --- Scheduled events -------------------------------------------------------------------------------------------------
def _event_window(facts: Facts) -> Verdict:
    """Over the whole life of the offer: an entry may be taken until its last moment."""
    tenant, desk, underlying = facts.tenant, facts.tenant.desk, facts.tenant.view.underlying
    start, end = tenant.as_of.decided_at, max(facts.opportunity.valid_until, tenant.as_of.decided_at)
    key = (desk.digest, underlying, start, end)
    window = _WINDOWS.get(key, lambda: event_window(desk, underlying, start, end))
    reading = Reading(window.event, NONE, "event", window.detail)
    outcome = passes(None if window.event is None else window.event == NONE)
    return receipt(EVENT, outcome, reading, window.event, window.detail, end.timestamp())


def event_window(desk: Desk, underlying: str, start: datetime, end: datetime) -> Window:
    """Whether any moment of [start, end] lies within the policy's minutes of an event; of several the first."""
    policy = desk.policy.events
    first, last = start - timedelta(minutes=policy.after_minutes), end + timedelta(minutes=policy.before_minutes)
    try:
        found = (
            *felt_between(desk.rules, policy.required, first, last),
            *monthly_expiries(desk.rules, underlying, first, last),
        )
    except BadInput as gap:
        return Window(None, f"the event calendar has a gap: {gap}")
    if not found:
        return Window(NONE, f"none within {policy.before_minutes:g} minutes before and {policy.after_minutes:g} after")
    event = found[0]
    return Window(event.name, f"{event.name} felt at {event.felt_at:%Y-%m-%d %H:%M} IST, {event.standing}")


# --- News -------------------------------------------------------------------------------------------------------------
def news(facts: TenantFacts) -> Verdict:
    """Whether what was published leaves any size, the same for every offer of a cycle."""
    return of_cycle(facts, _news)


def _news(facts: TenantFacts) -> Verdict:
    found = concern(facts)
    reading = Reading(found.percent, 0, "% of size", found.detail)
    if found.percent is None:
        return receipt(NEWS, Outcome.UNKNOWN, reading, None, found.detail, found.read)
    return receipt(NEWS, passes(found.percent > 0), reading, found.percent, found.detail, found.read)


def concern(facts: TenantFacts) -> Concern:
    """Of all news of the moment. Remembered per list of news, which a batch reads once for all tenants."""
    news, at, view = facts.as_of.news, facts.as_of.decided_at, facts.view
    if news is None:
        return Concern(None, "the news on file cannot be read: see qs news list")
    level = view.regime.level
    if level is None:
        return Concern(None, f"sizes depend on the regime, which is not known: {view.regime.reason}")
    key = (facts.desk.digest, view.underlying, view.session, level, at, id(news))
    # The memory holds the news too, so no other list gets its id().
    return _CONCERNS.get(key, lambda: (news, _worst(facts.desk, view.underlying, level, _live(news, at), at)))[1]


def _live(news: tuple[NewsItem, ...], at: datetime) -> list[NewsItem]:
    return [item for item in news if item.known_at <= at < item.until]


def _worst(desk: Desk, underlying: str, level: str, news: list[NewsItem], at: datetime) -> Concern:
    table = desk.policy.news.size_percent[level]
    read = tuple(sorted(f"{item.news_id} {item.impact} {item.kind} {item.symbols}" for item in news))
    worst, detail = 100, "no news makes it smaller"
    for item in sorted(news, key=lambda each: each.news_id):
        try:
            impact = impact_on(desk, underlying, item, at.astimezone(IST).date())
        except BadInput as gap:
            return Concern(None, f"whether {item.news_id} concerns {underlying} is not known: {gap}", read)
        percent = 100 if impact is None else table[item.kind][IMPACTS.index(impact)]
        if percent < worst:
            worst, detail = percent, f"{item.news_id}: {impact} {item.kind} news in a {level} market"
    return Concern(worst, detail, read)


def impact_on(desk: Desk, underlying: str, item: NewsItem, on: date) -> Impact | None:
    """How much an item weighs for an index; None when it does not concern it.

    Its own news, news of the market, of a heavy member and of its sector count in full; of another member, and of a
    name that no list knows, less by the policy's steps. Raises `RuleGap` for an index without a list of members.
    """
    if not item.symbols or underlying in item.symbols:
        return item.impact
    known = reach(desk.rules, underlying, on)
    if known.full.intersection(item.symbols):
        return item.impact
    if all(symbol in known.known and symbol not in known.part for symbol in item.symbols):
        return None
    place = IMPACTS.index(item.impact) - desk.policy.news.part_member_steps
    return IMPACTS[place] if place >= 0 else None
