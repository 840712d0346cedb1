"""Publish, drop and list news; and what a batch of tenants is told of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

from quantsentinel.app.platform import Platform
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.events import known_stocks
from quantsentinel.market.news import Impact, NewsItem, NewsKind
from quantsentinel.stores.news import NewsBoard

_log = logging.getLogger(__name__)
_Named = TypeVar("_Named", NewsKind, Impact)
LONGEST_HEADLINE = 300


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to publish. Without symbols it concerns the whole market."""

    news_id: str
    headline: str
    kind: str
    impact: str
    until: datetime
    source: str
    symbols: tuple[str, ...] = ()
    published_at: datetime | None = None
    unlisted: bool = False
    """Names that no list of the rule book holds are meant."""


def add_news(platform: Platform, draft: Draft) -> NewsItem:
    """Known from now on: nobody knew it earlier here. Raises `BadInput` for anything that is not right about it."""
    now = platform.clock.now()
    published = draft.published_at or now
    if not draft.headline.strip() or len(draft.headline) > LONGEST_HEADLINE or not draft.source.strip():
        fix = f"A headline of at most {LONGEST_HEADLINE} characters, and where it comes from"
        raise BadInput("headline and source are needed", where="news", fix=fix)
    if published > now or draft.until <= now:
        raise BadInput(
            f"published {published}, until {draft.until}", where="news", fix="Published by now, not over yet"
        )
    symbols = tuple(dict.fromkeys(symbol.strip().upper() for symbol in draft.symbols))
    if not draft.unlisted:
        _require_known(platform, symbols, now.astimezone(IST).date())
    item = NewsItem(
        news_id=draft.news_id,
        headline=draft.headline.strip(),
        kind=_named(NewsKind, draft.kind, "--kind"),
        impact=_named(Impact, draft.impact, "--impact"),
        symbols=symbols,
        published_at=published,
        known_at=now,
        until=draft.until,
        source=draft.source.strip(),
    )
    NewsBoard(platform.documents).add(item)
    return item


def _named(kind: type[_Named], text: str, where: str) -> _Named:
    try:
        return kind(text.lower())
    except ValueError:
        raise BadInput(f"no {text!r}", where=where, fix="Known: " + ", ".join(kind)) from None


def _require_known(platform: Platform, symbols: Sequence[str], on: date) -> None:
    """A misspelt name would weigh less than the one that was meant."""
    known = known_stocks(platform.desk.rules, on) | set(platform.desk.rules.underlyings())
    odd = [symbol for symbol in symbols if symbol not in known]
    if odd:
        fix = "Correct them, or say --unlisted: they then concern every index, one impact less"
        raise BadInput(f"no list of the rule book holds {', '.join(odd)}", where="news", fix=fix)


def drop_news(platform: Platform, news_id: str) -> bool:
    """False when there was none."""
    return NewsBoard(platform.documents).drop(news_id)


def list_news(platform: Platform) -> tuple[tuple[NewsItem, ...], Mapping[str, str]]:
    """Every item on file, over or not, and what is wrong with each document that cannot be read."""
    return NewsBoard(platform.documents).all()


def news_at(platform: Platform, at: datetime) -> tuple[NewsItem, ...] | None:
    """What a decision at a time knows; None, which stops every entry and no exit, when a document cannot be read."""
    try:
        return NewsBoard(platform.documents).live(at)
    except BadInput as error:
        _log.critical("entries are halted: %s", error)
        return None
