"""Relay events whose inline publish did not happen: a crash between commit and publish loses nothing.

Once an hour, what has ended is removed: a state file has nobody else who would."""

from __future__ import annotations

from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import Tick
from quantsentinel.stores.expiring import remove_expired

STRAGGLER_S = 30.0


def sweep(platform: Platform, tick: Tick) -> None:
    """Publishes every outbox event older than `STRAGGLER_S`; publishing one twice is harmless."""
    platform.outbox.sweep(STRAGGLER_S)
    if tick.at.minute == 0:
        remove_expired(platform.documents, platform.clock.now())
