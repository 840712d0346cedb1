"""What a guard of the firewall cannot judge it does not pass."""

from __future__ import annotations

from dataclasses import replace

from quantsentinel.verdict import Outcome
from tests.chains import chain, judged, refusal
from tests.integrity import verdict


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
