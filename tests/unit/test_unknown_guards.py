"""What a guard of the firewall cannot judge it does not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import numpy as np

from quantsentinel.integrity.firewall import Firewall
from quantsentinel.market.calendar import IST
from quantsentinel.verdict import Outcome
from tests.chains import chain, judged, refusal
from tests.integrity import verdict


def unknown(firewall: Firewall) -> set[str]:
    return {found.guard for found in firewall.verdicts if found.outcome is Outcome.UNKNOWN}


def test_a_year_without_rules_is_unknown_to_every_guard_that_needs_a_row() -> None:
    firewall = judged(chain(at=datetime(2031, 8, 29, 11, 0, tzinfo=IST), expiries=(date(2031, 9, 2),)))
    assert unknown(firewall) == {"session_open", "tick_grid", "lot_mismatch", "forward_found", "scale", "parity"}


def test_without_bids_there_is_no_level_to_judge_prices_by() -> None:
    firewall = judged(replace(chain(), columns={**chain().columns, "bid": np.zeros(len(chain()))}))
    assert unknown(firewall) == {"scale", "parity"}


def test_a_nearest_expiry_that_lost_its_exchange_time_is_unknown_to_lag_and_so_refused() -> None:
    clean = chain()
    nearest, *rest = clean.slices
    silent = judged(replace(clean, slices=(replace(nearest, exchange_time=None), *rest)))
    found = verdict(silent, "lag")
    assert refusal(silent) == "lag"
    assert (found.outcome, found.measured) == (Outcome.UNKNOWN, None)
    assert "2025-09-02 carries no exchange time" in found.detail
    far = judged(replace(clean, slices=(nearest, replace(rest[0], exchange_time=None), rest[1])))
    assert verdict(far, "lag").outcome is Outcome.PASSED
