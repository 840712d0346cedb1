"""The beat comes every minute of the day; only a session of the rule book is polled."""

from __future__ import annotations

from datetime import datetime

import pytest

from quantsentinel.app.poll_market import in_session
from quantsentinel.market.calendar import IST
from quantsentinel.market.rulebook import load_rules


@pytest.mark.parametrize(
    ("moment", "polled"),
    [
        ("2025-08-29 09:14:59", False),
        ("2025-08-29 09:15:00", True),
        ("2025-08-29 15:31:00", True),
        ("2025-08-29 15:31:01", False),
        ("2025-08-27 11:00:00", False),  # Ganesh Chaturthi
        ("2025-08-30 11:00:00", False),  # Saturday
        ("2026-02-01 11:00:00", True),  # Budget on a Sunday
        ("2025-10-21 11:00:00", False),  # Diwali: only the Muhurat hour
        ("2025-10-21 14:00:00", True),
        ("2027-06-01 11:00:00", False),  # no rule: unknown means no
    ],
)
def test_a_beat_polls_exactly_the_sessions_of_the_rule_book(moment: str, polled: bool) -> None:
    now = datetime.strptime(moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=IST)
    assert in_session(load_rules(), now) is polled
