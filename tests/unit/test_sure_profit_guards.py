"""Sure profits that nothing else masks: a lone bid, for which the strike curve has no middle to judge."""

from __future__ import annotations

from quantsentinel.integrity.firewall import Firewall
from quantsentinel.verdict import Outcome
from tests.chains import chain, changed, judged
from tests.integrity import masked_rows, near_rows, verdict

CALL = 44
"""A strike 100 points above the forward of the first expiry."""


def bid_alone(points: dict[int, float]) -> Firewall:
    clean = chain()
    bids = {row: round(float(clean.bid[row]) + by, 2) for row, by in points.items()}
    return judged(changed(clean, bid=bids, ask=dict.fromkeys(points, 0.0)))


def test_a_lone_bid_above_the_dearer_call_s_ask_is_masked_by_vertical_alone() -> None:
    firewall = bid_alone({CALL: 60.0})
    assert firewall.accepted
    assert masked_rows(firewall) == [CALL]
    assert [name for name, rows in firewall.quotes.flags.items() if rows[CALL]] == ["vertical"]
    found = verdict(firewall, "vertical")
    assert (found.outcome, found.limit) == (Outcome.LIMITED, 0.20)
    assert "2025-09-02 24600 CE" in found.detail


def test_a_lone_bid_above_the_line_between_its_neighbours_is_masked_by_butterfly_alone() -> None:
    firewall = bid_alone({CALL: 14.0})
    assert firewall.accepted
    assert masked_rows(firewall) == [CALL]
    assert [name for name, rows in firewall.quotes.flags.items() if rows[CALL]] == ["butterfly"]
    assert verdict(firewall, "butterfly").outcome is Outcome.LIMITED


def test_more_than_a_fifth_of_the_rows_near_the_money_at_a_sure_profit_refuse() -> None:
    calls = [row for row in near_rows(chain()) if row % 2 == 0][::2]
    rows = [row + 82 * part for part in range(3) for row in calls]
    assert len(rows) > 0.2 * 60
    for guard, points in (("vertical", 70.0), ("butterfly", 14.0)):
        found = verdict(bid_alone(dict.fromkeys(rows, points)), guard)
        assert found.outcome is Outcome.BLOCKED, guard
        assert isinstance(found.measured, float)
        assert found.measured > 0.2
