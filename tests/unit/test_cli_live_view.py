"""The live table: counts by underlying, and a signal line that stays readable in a narrow terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from quantsentinel.app.poll_market import Polled
from quantsentinel.cli.live_view import LiveView, signal_line

MOMENT = datetime(2025, 8, 29, 3, 45, 30, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "underlying": "NIFTY", "family": "iron_butterfly", "expiry": "2025-09-23", "decided_at": MOMENT.isoformat(),
    "tenant_id": "asha-capital", "state": "created", "mode": "live", "event": {"why": "net EV ₹10 a lot; and more"},
}  # fmt: skip


def drawn(view: LiveView, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as captured:
        console.print(view.shown())
    return captured.get()


@pytest.mark.parametrize("width", [80, 150])
def test_time_tenant_state_and_structure_of_a_signal_are_never_squeezed_out(width: int) -> None:
    view = LiveView("a day")
    view.signals.append(signal_line(EVENT))
    page = drawn(view, width)
    for word in ("09:15:30", "asha-capital", "created", "NIFTY iron butterfly 2025-09-23"):
        assert word in page


def test_polls_are_counted_by_underlying_and_refusing_guard() -> None:
    view = LiveView("a day")
    row = {"observed_at": MOMENT.isoformat(), "forwards": {"2025-09-02": 24_500.0}, "atm_vol": None}
    view.market["NIFTY"] = {"row": row}
    view.poll(Polled("NIFTY", MOMENT, accepted=True))
    for _ in range(2):
        view.poll(Polled("NIFTY", MOMENT, accepted=False, refused_by="lag"))
    page = drawn(view, 120)
    assert "24,500.00" in page
    assert "lag 2" in page
