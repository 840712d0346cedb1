"""Each guard refuses or masks what it is for, names what it measured, and leaves a good chain alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from quantsentinel.integrity.firewall import Firewall
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.calendar import IST
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.verdict import Outcome, Verdict
from tests.chains import AT, FORWARD, chain, changed, judged, refusal, rules

MINUTE = timedelta(minutes=1)


def verdict(firewall: Firewall, guard: str) -> Verdict:
    return next(item for item in firewall.verdicts if item.guard == guard)


def near(snapshot: Snapshot) -> np.ndarray:
    """Rows near the money of the first expiry."""
    rows = np.flatnonzero(quote_mask(snapshot, rules()).near)
    return rows[rows < snapshot.offsets[1]]


def test_a_good_chain_passes_every_guard_and_every_row_is_usable() -> None:
    firewall = judged(chain())
    assert firewall.accepted
    assert {item.outcome for item in firewall.verdicts} == {Outcome.PASSED}
    assert firewall.mask.all()
    assert firewall.entries_allowed


def test_the_forward_of_each_slice_is_the_one_the_chain_was_priced_with() -> None:
    assert np.allclose([fit.forward for fit in judged(chain()).forwards], FORWARD, atol=0.1)


def test_another_underlying_is_refused_by_identity() -> None:
    firewall = judged(chain(), underlying="BANKNIFTY")
    assert refusal(firewall) == "identity"
    assert verdict(firewall, "identity").measured == "NIFTY"
    assert verdict(firewall, "identity").limit == "BANKNIFTY"


def test_an_expired_series_is_refused_by_identity() -> None:
    expired = chain(expiries=(date(2025, 8, 28), date(2025, 9, 2)))
    assert refusal(judged(expired)) == "identity"


@pytest.mark.parametrize(
    "at",
    [
        datetime(2025, 8, 27, 11, 0, tzinfo=IST),
        datetime(2025, 8, 30, 11, 0, tzinfo=IST),
        datetime(2025, 8, 29, 9, 14, 59, tzinfo=IST),
        datetime(2025, 8, 29, 15, 30, tzinfo=IST),
    ],
    ids=["holiday", "saturday", "before the open", "at the close"],
)
def test_a_closed_market_is_refused_by_session_open(at: datetime) -> None:
    assert refusal(judged(chain(at=at))) == "session_open"


def test_a_year_without_rules_is_unknown_to_session_open_and_so_refused() -> None:
    at = datetime(2031, 8, 29, 11, 0, tzinfo=IST)
    firewall = judged(chain(at=at, expiries=(date(2031, 9, 2),)))
    assert refusal(firewall) == "session_open"
    assert verdict(firewall, "session_open").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("late_s", "guard"), [(60, ""), (61, "age"), (-5, ""), (-6, "age")])
def test_a_snapshot_may_be_sixty_seconds_old_and_five_ahead(late_s: int, guard: str) -> None:
    firewall = judged(chain(), decided_at=AT + timedelta(seconds=late_s))
    assert refusal(firewall) == guard
    assert verdict(firewall, "age").measured == late_s


@pytest.mark.parametrize(("lag_s", "guard"), [(120, ""), (121, "lag"), (-5, ""), (-6, "lag"), (-51, "lag")])
def test_the_exchange_time_may_lag_by_the_contract_s_limit(lag_s: int, guard: str) -> None:
    firewall = judged(chain(lag=timedelta(seconds=lag_s)))
    assert refusal(firewall) == guard
    assert verdict(firewall, "lag").measured == lag_s


def test_a_far_slice_received_over_a_minute_earlier_is_masked_and_the_rest_stands() -> None:
    snapshot = chain()
    stale = replace(
        snapshot.slices[2], received_at=AT - timedelta(seconds=61), exchange_time=AT - timedelta(seconds=90)
    )
    firewall = judged(replace(snapshot, slices=(*snapshot.slices[:2], stale)))
    assert firewall.accepted
    assert not firewall.mask[snapshot.offsets[2] :].any()
    assert firewall.mask[: snapshot.offsets[2]].all()
    assert verdict(firewall, "lag").outcome is Outcome.LIMITED


def test_a_snapshot_from_before_the_accepted_one_is_refused_by_monotone_time() -> None:
    firewall = judged(chain(), previous=chain(at=AT + MINUTE))
    assert refusal(firewall) == "monotone_time"
    assert verdict(firewall, "monotone_time").measured == -60


def test_the_same_exchange_time_again_is_refused_as_repeated() -> None:
    again = chain(at=AT + MINUTE, lag=timedelta(seconds=100), volume=900.0)
    assert refusal(judged(again, previous=chain())) == "repeated_snapshot"


def test_the_same_values_under_a_new_time_are_refused_as_repeated() -> None:
    first = chain()
    times = tuple(
        replace(part, received_at=AT + MINUTE, exchange_time=AT + timedelta(seconds=20)) for part in first.slices
    )
    assert refusal(judged(replace(first, slices=times), previous=first)) == "repeated_snapshot"


def test_a_chain_of_zeros_is_refused_by_zero_chain() -> None:
    zeros = {name: np.zeros(len(chain())) for name in chain().columns}
    firewall = judged(replace(chain(), columns=zeros))
    assert refusal(firewall) == "zero_chain"
    assert verdict(firewall, "zero_chain").measured == 0


def test_a_fraction_of_a_unit_is_refused_by_unit() -> None:
    firewall = judged(changed(chain(), oi={7: 100.5}))
    assert refusal(firewall) == "unit"
    assert verdict(firewall, "unit").measured == 1


@pytest.mark.parametrize("bad", [{"bid": {6: -1.0}}, {"ltp": {6: float("nan")}}, {"ask": {6: float("inf")}}])
def test_one_absurd_price_is_masked(bad: dict[str, dict[int, float]]) -> None:
    firewall = judged(changed(chain(), **bad))
    assert firewall.accepted
    assert np.flatnonzero(~firewall.mask).tolist() == [6]
    assert verdict(firewall, "absurd_prices").outcome is Outcome.LIMITED


def test_one_crossed_quote_is_masked_and_many_refuse_the_chain() -> None:
    snapshot = chain()
    one = judged(changed(snapshot, bid={6: float(snapshot.ask[6]) + 0.05}))
    assert one.accepted
    assert not one.mask[6]
    rows = range(0, len(snapshot), 20)
    many = judged(changed(snapshot, bid={row: float(snapshot.ask[row]) + 0.05 for row in rows}))
    assert refusal(many) == "crossed_quotes"
    assert verdict(many, "crossed_quotes").limit == 0.02


def test_a_chain_without_bids_is_refused_and_the_reason_says_so() -> None:
    columns = {**chain().columns, "bid": np.zeros(len(chain()))}
    firewall = judged(replace(chain(), columns=columns))
    assert refusal(firewall) == "forward_found"
    assert "bids" in verdict(firewall, "forward_found").detail


def test_another_option_s_last_price_is_masked_by_scale() -> None:
    firewall = judged(changed(chain(), ltp={6: 24_650.0}))
    assert firewall.accepted
    assert np.flatnonzero(~firewall.mask).tolist() == [6]
    assert verdict(firewall, "scale").outcome is Outcome.LIMITED


def test_a_chain_that_jumped_over_ten_percent_is_refused_by_scale() -> None:
    firewall = judged(chain(forward=27_500.0), previous=chain(at=AT - MINUTE))
    assert refusal(firewall) == "scale"
    assert verdict(firewall, "scale").measured == pytest.approx(np.log(27_500 / 24_500), abs=1e-4)


def test_an_expiry_that_was_masked_in_the_snapshot_before_tells_scale_no_forward() -> None:
    before = chain(at=AT - MINUTE)
    first = np.arange(len(before)) < before.offsets[1]
    rows = np.flatnonzero(first & before.is_call).tolist()
    dearer = {name: {row: before.columns[name][row] + 4_000.0 for row in rows} for name in ("bid", "ask")}
    wrong = changed(before, **dearer)
    assert refusal(judged(chain(), previous=wrong)) == "scale"
    assert verdict(judged(chain(), previous=wrong.judged({"jump": first})), "scale").outcome is Outcome.PASSED


def test_a_spot_far_from_the_forward_is_refused_by_spot_forward() -> None:
    assert refusal(judged(replace(chain(), spot=54_000.0))) == "spot_forward"
    assert refusal(judged(replace(chain(), spot=24_300.0))) == "spot_forward"
    assert judged(replace(chain(), spot=24_450.0)).accepted


def test_too_few_two_sided_quotes_near_the_money_refuse_the_chain() -> None:
    snapshot = chain()
    rows = np.concatenate([near(snapshot) + low for low in (0, 82)])[:18]
    firewall = judged(changed(snapshot, bid=dict.fromkeys(rows.tolist(), 0.0)))
    assert refusal(firewall) == "two_sided_share"
    assert verdict(firewall, "two_sided_share").measured == pytest.approx(0.7)


def test_an_expiring_series_that_nobody_quotes_any_more_does_not_refuse_the_chain_in_its_settlement_window() -> None:
    """Measured on BANKNIFTY's expiry day: from 15:27 the expiring month alone pulled the share below the limit."""
    share = {}
    for at in (datetime(2025, 9, 2, 14, 59, tzinfo=IST), datetime(2025, 9, 2, 15, 1, tzinfo=IST)):
        unquoted = changed(chain(at=at), bid=dict.fromkeys(range(82), 0.0))
        share[at.hour] = verdict(judged(unquoted), "two_sided_share").measured
    assert share[14] < 0.8
    assert share[15] == 1.0


def test_of_a_pair_off_parity_the_moved_row_is_masked_and_a_fifth_of_them_refuses() -> None:
    snapshot = chain()
    calls = [row for row in near(snapshot).tolist() if snapshot.is_call[row]]

    def moved(rows: list[int]) -> Firewall:
        bids = {row: float(snapshot.bid[row]) + 40 for row in rows}
        asks = {row: float(snapshot.ask[row]) + 40 for row in rows}
        return judged(changed(snapshot, bid=bids, ask=asks))

    one = moved(calls[:1])
    assert one.accepted
    assert not one.mask[calls[0]]
    assert one.mask[calls[0] + 1]
    others = [row + 82 * slice_ for slice_ in (1, 2) for row in calls[:2]]
    assert refusal(moved(calls[:3] + others)) == "parity"


def test_slices_far_apart_in_time_are_limited_not_refused() -> None:
    snapshot = chain()
    apart = replace(snapshot.slices[2], exchange_time=AT - timedelta(seconds=70))
    firewall = judged(replace(snapshot, slices=(*snapshot.slices[:2], apart)))
    assert firewall.accepted
    assert verdict(firewall, "slice_skew").measured == 30
    assert verdict(firewall, "slice_skew").outcome is Outcome.LIMITED
