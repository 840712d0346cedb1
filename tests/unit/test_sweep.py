"""The sweep removes what has ended, once an hour: a state file has nobody else who would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app.sweep import sweep
from quantsentinel.contracts.events import Tick
from quantsentinel.ports import Create
from quantsentinel.settings import Settings
from quantsentinel.stores.expiring import FIELD, expiry
from quantsentinel.wiring.local import open_local

HOUR = datetime(2025, 8, 29, 5, tzinfo=UTC)


def test_what_has_ended_goes_at_the_full_hour_and_not_before(tmp_path: Path) -> None:
    platform = open_local(Settings(state=tmp_path / "state", sync="normal"), VirtualClock(HOUR), {})
    ended, kept = "inbox/ended", "inbox/kept"
    platform.documents.commit(
        [Create(ended, {FIELD: expiry(HOUR)}), Create(kept, {FIELD: expiry(HOUR + timedelta(1))})]
    )
    sweep(platform, Tick(at=HOUR + timedelta(minutes=59)))
    assert set(platform.documents.get_many([ended, kept])) == {ended, kept}
    sweep(platform, Tick(at=HOUR))
    assert set(platform.documents.get_many([ended, kept])) == {kept}
