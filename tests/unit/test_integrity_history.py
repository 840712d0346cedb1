"""What the snapshot before tells: jumps, what stands still, volume that fell, interest and units that broke."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from quantsentinel.integrity.firewall import Firewall
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.calendar import IST
from quantsentinel.market.snapshot import COLUMNS, Snapshot
from quantsentinel.verdict import Outcome
from tests.chains import AT, FORWARD, chain, changed, judged, refusal, rules
from tests.integrity import masked_rows, moved, verdict

MINUTE = timedelta(minutes=1)
EDGE = 0
"""A call at the edge of the ladder: its neighbours on one side say little."""


def later(snapshot: Snapshot, by: timedelta = MINUTE) -> Snapshot:
    """The same values under later times."""
    times = tuple(
        replace(
            part,
            received_at=part.received_at + by,
            exchange_time=None if part.exchange_time is None else part.exchange_time + by,
        )
        for part in snapshot.slices
    )
    return replace(snapshot, slices=times)


def shifted(points: float) -> Snapshot:
    """A minute later, with every volume up, and the whole chain priced on a forward that moved."""
    return later(_repriced(scaled(chain(), "volume", 1.2), points))


def _repriced(snapshot: Snapshot, points: float) -> Snapshot:
    """Bids and asks follow their own slope along the strikes, as they do when the forward moves a little."""
    bid = snapshot.bid.copy()
    for low, high in zip(snapshot.offsets[:-1], snapshot.offsets[1:], strict=True):
        for side in (0, 1):
            rows = slice(low + side, high, 2)
            slope = -np.gradient(snapshot.bid[rows], snapshot.strike[rows])
            bid[rows] = np.maximum(np.round((snapshot.bid[rows] + slope * points) / 0.05) * 0.05, 0.05).round(2)
    return replace(snapshot, columns={**snapshot.columns, "bid": bid, "ask": (bid + 0.5).round(2)})


def scaled(snapshot: Snapshot, name: str, factor: float, rows: slice = slice(None)) -> Snapshot:
    column = snapshot.columns[name].copy()
    column[rows] = np.round(column[rows] * factor)
    return replace(snapshot, columns={**snapshot.columns, name: column})


def part(index: int) -> slice:
    return slice(int(chain().offsets[index]), int(chain().offsets[index + 1]))


def after(now: Snapshot, previous: Snapshot | None = None) -> Firewall:
    return judged(now, previous=previous or chain())


def test_a_good_chain_a_minute_later_passes_every_guard() -> None:
    firewall = after(shifted(12.0))
    assert {item.outcome for item in firewall.verdicts} == {Outcome.PASSED}
    assert firewall.mask.all()


def test_a_gap_of_three_per_cent_between_polls_is_no_jump() -> None:
    gap = later(chain(forward=FORWARD * 1.03 // 50 * 50, volume=900.0))
    firewall = after(gap)
    assert firewall.accepted, firewall.first_stop
    assert firewall.mask.mean() > 0.95


def test_a_quote_that_jumped_at_the_edge_is_masked_and_its_bit_is_stored() -> None:
    firewall = after(moved(shifted(0.5), {EDGE: 25.0}))
    assert masked_rows(firewall) == [EDGE]
    assert firewall.snapshot.masked_by("jump").nonzero()[0].tolist() == [EDGE]
    assert verdict(firewall, "jump").outcome is Outcome.LIMITED
    assert "23500 CE" in verdict(firewall, "jump").detail


def test_whoever_reads_the_stored_snapshot_masks_the_same_rows() -> None:
    firewall = after(moved(shifted(0.5), {EDGE: 25.0, 44: 30.0, 101: -20.0}))
    again = quote_mask(firewall.snapshot, rules())
    assert np.array_equal(again.usable, firewall.mask)
    assert np.array_equal(again.forward, firewall.quotes.forward)
    assert firewall.snapshot.digest != shifted(0.5).digest


def test_bits_that_come_with_a_snapshot_are_not_believed() -> None:
    claimed = chain().judged({"jump": np.arange(len(chain())) == 40})
    assert judged(claimed).mask.all()
    assert not judged(claimed).snapshot.masked.any()


def test_an_expiry_that_moves_against_the_others_is_masked_whole() -> None:
    now = shifted(0.5)
    wrong = _repriced(now, 60.0)
    columns = {name: now.columns[name].copy() for name in COLUMNS}
    for name in ("bid", "ask"):
        columns[name][part(1)] = wrong.columns[name][part(1)]
    mask = quote_mask(after(replace(now, columns=columns)).snapshot, rules())
    assert mask.flags["jump"][part(1)].all()
    assert not mask.flags["jump"][part(0)].any()
    assert not mask.flags["jump"][part(2)].any()


def test_an_expiry_that_stands_still_while_the_market_moves_is_masked_until_it_moves() -> None:
    still = _frozen(shifted(12.0))
    first = after(still)
    assert first.quotes.flags["stuck_quote"][part(1)].sum() == 82
    assert verdict(first, "stuck_quote").outcome is Outcome.BLOCKED
    again = later(_frozen(scaled(shifted(12.0), "volume", 1.1)), MINUTE)
    second = after(again, first.snapshot)
    assert second.quotes.flags["stuck_quote"][part(1)].all()


def _frozen(snapshot: Snapshot) -> Snapshot:
    """Its second expiry tells what it told at first."""
    columns = {name: column.copy() for name, column in snapshot.columns.items()}
    for name in columns:
        columns[name][part(1)] = chain().columns[name][part(1)]
    return replace(snapshot, columns=columns)


def test_an_expiry_that_was_not_read_again_is_not_stuck() -> None:
    now = _frozen(shifted(12.0))
    unread = replace(now, slices=(now.slices[0], chain().slices[1], now.slices[2]))
    assert not after(unread).snapshot.masked.any()


@pytest.mark.parametrize(("changes", "guard"), [(2, "stuck_feed"), (3, "")])
def test_a_chain_of_which_nothing_moves_near_the_money_is_refused(changes: int, guard: str) -> None:
    rows = range(40, 40 + changes)
    now = changed(later(chain()), volume=dict.fromkeys((*rows, 2), 825.0))
    assert refusal(after(now)) == guard
    assert verdict(after(now), "stuck_feed").measured == changes


def test_sooner_than_a_minute_nothing_needs_to_move() -> None:
    now = changed(later(chain(), timedelta(seconds=3)), volume={2: 825.0})
    assert verdict(after(now), "stuck_feed").outcome is Outcome.PASSED


def test_volume_that_fell_is_masked_and_much_of_it_refuses() -> None:
    one = after(changed(shifted(1.0), volume={40: 675.0}))
    assert masked_rows(one) == [40]
    assert verdict(one, "volume_fell").measured == pytest.approx(1 / 246, abs=1e-6)
    many = changed(shifted(1.0), volume=dict.fromkeys(range(0, 246, 4), 675.0))
    assert refusal(after(many)) == "volume_fell"
    assert verdict(after(many), "volume_fell").limit == 0.2


def test_volume_begins_anew_with_the_session() -> None:
    yesterday = chain(at=datetime(2025, 8, 28, 15, 29, tzinfo=IST), volume=7_500_000.0)
    assert verdict(after(chain(), yesterday), "volume_fell").outcome is Outcome.PASSED


def test_open_interest_of_another_contract_masks_the_expiry() -> None:
    other = scaled(shifted(1.0), "oi", 3.0, part(1))
    firewall = after(other)
    assert firewall.snapshot.masked_by("interest_jump").nonzero()[0].tolist() == list(range(82, 164))
    assert masked_rows(firewall) == firewall.quotes.flags["interest_jump"].nonzero()[0].tolist() == list(range(82, 164))
    assert verdict(firewall, "interest_jump").outcome is Outcome.BLOCKED
    near = scaled(shifted(1.0), "oi", 1.2, part(1))
    assert not after(near).snapshot.masked_by("interest_jump").any()


@pytest.mark.parametrize(
    ("name", "factor", "guard"),
    [("oi", 75.0, "unit_change"), ("oi", 65 / 75, "unit_change"), ("volume", 75.0, "unit_change"), ("volume", 2.0, "")],
)
def test_one_factor_in_most_rows_is_a_unit_not_trading(name: str, factor: float, guard: str) -> None:
    assert refusal(after(scaled(shifted(1.0), name, factor))) == guard
    if guard:
        assert verdict(after(scaled(shifted(1.0), name, factor)), guard).unit == "times"


def test_without_a_snapshot_before_it_nothing_of_this_is_judged() -> None:
    for guard in ("jump", "stuck_quote", "volume_fell", "interest_jump", "unit_change", "stuck_feed"):
        assert verdict(judged(chain()), guard).outcome is Outcome.PASSED


def test_the_answer_does_not_depend_on_who_worked_out_the_earlier_mask() -> None:
    from quantsentinel.integrity.firewall import IntegrityContext, check
    from quantsentinel.market.contracts import contract_for

    now = moved(shifted(0.5), {EDGE: 25.0})
    context = IntegrityContext("NIFTY", contract_for("nse_site"), rules(), AT + MINUTE, chain())
    given = replace(context, previous_quotes=quote_mask(chain(), rules()))
    assert check(now, context).verdicts == check(now, given).verdicts
