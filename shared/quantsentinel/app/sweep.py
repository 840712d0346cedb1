"""Relay events whose inline publish did not happen: a crash between commit and publish loses nothing."""

from __future__ import annotations

from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import Tick

STRAGGLER_S = 30.0


def sweep(platform: Platform, tick: Tick) -> None:
    """Publishes every outbox event older than `STRAGGLER_S`; publishing one twice is harmless."""
    platform.outbox.sweep(STRAGGLER_S)
