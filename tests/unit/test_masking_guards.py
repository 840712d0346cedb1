"""Reasons for which rows are masked, where no other reason masks them too."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from quantsentinel.integrity.firewall import Firewall
from quantsentinel.verdict import Outcome
from tests.chains import chain, changed, judged
from tests.integrity import masked_rows, moved, near_rows, verdict

ROW = 40
EXPIRIES = (date(2025, 9, 2), date(2025, 9, 9), date(2025, 9, 16), date(2025, 9, 30), date(2025, 12, 30))


def reasons(firewall: Firewall) -> dict[str, list[int]]:
    """The rows of each reason that has any."""
    flags = firewall.quotes.flags
    return {name: np.flatnonzero(rows).tolist() for name, rows in flags.items() if rows.any()}


def test_an_expiry_without_bids_has_no_forward_and_is_not_used() -> None:
    rows = range(int(chain().offsets[2]), len(chain()))
    firewall = judged(changed(chain(), bid=dict.fromkeys(rows, 0.0)))
    assert reasons(firewall) == {"no_forward": list(rows)}
    assert masked_rows(firewall) == list(rows)
    assert verdict(firewall, "forward_found").outcome is Outcome.LIMITED


def test_two_calls_side_by_side_that_moved_together_are_off_parity_alone() -> None:
    calls = [row for row in near_rows(chain()) if row % 2 == 0][:2]
    firewall = judged(moved(chain(), dict.fromkeys(calls, 12.0)))
    assert reasons(firewall) == {"parity": calls}
    assert masked_rows(firewall) == calls
    assert verdict(firewall, "parity").outcome is Outcome.LIMITED


def test_a_last_price_beyond_what_any_vol_explains_is_named_by_price_band() -> None:
    found = verdict(judged(changed(chain(), ltp={ROW: 24_500.0})), "price_band")
    assert (found.outcome, found.measured) == (Outcome.LIMITED, pytest.approx(1 / 246, abs=1e-6))
    assert "2025-09-02 24500 CE" in found.detail


def test_an_expiry_under_another_s_label_is_told_by_its_verdict() -> None:
    clean = chain(expiries=EXPIRIES)
    here, there = (slice(int(clean.offsets[at]), int(clean.offsets[at + 1])) for at in (2, 4))
    columns = {name: column.copy() for name, column in clean.columns.items()}
    for column in columns.values():
        column[here] = column[there]
    found = verdict(judged(replace(clean, columns=columns)), "expiry_label")
    assert (found.outcome, found.measured, found.limit) == (Outcome.LIMITED, 0.2, 0.2)
