"""Sources without an exchange clock must prove that they are alive; sources without quotes serve analytics only."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.verdict import Outcome
from tests.chains import AT, chain, changed, judged, refusal, rules


def upstox() -> Snapshot:
    return chain(source="upstox", lag=None)


def seen_earlier(snapshot: Snapshot, seconds: float = 10) -> Snapshot:
    """The same values, received earlier."""
    at = AT - timedelta(seconds=seconds)
    return replace(snapshot, slices=tuple(replace(part, received_at=at) for part in snapshot.slices))


def near_rows(snapshot: Snapshot) -> list[int]:
    return [int(row) for row in np.flatnonzero(quote_mask(snapshot, rules()).near)]


def test_the_first_reading_of_a_receipt_clock_is_unknown_and_so_refused() -> None:
    firewall = judged(upstox())
    assert refusal(firewall) == "liveness"
    assert firewall.first_stop is not None
    assert firewall.first_stop.outcome is Outcome.UNKNOWN


def test_three_changes_near_the_money_within_a_minute_prove_life() -> None:
    now = upstox()
    rows = near_rows(now)[:3]
    earlier = changed(seen_earlier(now), volume=dict.fromkeys(rows, 675.0))
    assert judged(now, last_seen=earlier).accepted


def test_two_changes_are_too_few() -> None:
    now = upstox()
    earlier = changed(seen_earlier(now), volume=dict.fromkeys(near_rows(now)[:2], 675.0))
    firewall = judged(now, last_seen=earlier)
    assert refusal(firewall) == "liveness"
    assert firewall.first_stop is not None
    assert (firewall.first_stop.measured, firewall.first_stop.limit) == (2, 3)


def test_changes_far_from_the_money_prove_nothing() -> None:
    now = upstox()
    far = sorted(set(range(len(now))) - set(near_rows(now)))[:20]
    assert refusal(judged(now, last_seen=changed(seen_earlier(now), volume=dict.fromkeys(far, 1.0)))) == "liveness"


def test_a_reading_over_a_minute_of_session_time_ago_proves_nothing() -> None:
    now = upstox()
    earlier = changed(seen_earlier(now, 61), volume=dict.fromkeys(near_rows(now), 675.0))
    firewall = judged(now, previous=earlier)
    assert refusal(firewall) == "liveness"
    assert firewall.first_stop is not None
    assert "61 s of session time" in firewall.first_stop.detail


def test_a_refused_reading_counts_as_seen_so_the_second_poll_can_be_accepted() -> None:
    second = upstox()
    first = changed(seen_earlier(second), volume=dict.fromkeys(near_rows(second), 675.0))
    assert refusal(judged(first)) == "liveness"
    assert judged(second, last_seen=first).accepted


def test_last_prices_only_are_accepted_for_analytics_and_allow_no_entries() -> None:
    quoted = chain(source="nse_site_ltp", lag=None)
    none = np.zeros(len(quoted))
    columns = {**quoted.columns, "bid": none, "ask": none, "bid_size": none, "ask_size": none}
    firewall = judged(replace(quoted, columns=columns))
    assert firewall.accepted
    assert not firewall.entries_allowed
    assert not firewall.mask.any()
    assert all(fit.is_fitted for fit in firewall.forwards)
    limited = {item.guard for item in firewall.verdicts if item.outcome is Outcome.LIMITED}
    assert limited == {"liveness", "two_sided_share", "parity"}
