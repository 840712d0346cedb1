"""The use case of each function, loaded when it is first run: a process runs one of them and would load eight."""

from __future__ import annotations

from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import CycleDecided, KillChanged, SignalIssued, SnapshotTaken, TenantBatch, Tick


def poll_market(platform: Platform, tick: Tick) -> None:
    from quantsentinel.app.poll_market import poll_tick

    poll_tick(platform, tick)


def decide(platform: Platform, taken: SnapshotTaken) -> None:
    from quantsentinel.app.decide import decide

    decide(platform, taken)


def fan_out(platform: Platform, decided: CycleDecided) -> None:
    from quantsentinel.app.fan_out import fan_out

    fan_out(platform, decided)


def serve_tenants(platform: Platform, batch: TenantBatch) -> None:
    from quantsentinel.app.serve_tenants import serve_tenants

    serve_tenants(platform, batch)


def deliver(platform: Platform, issued: SignalIssued) -> None:
    from quantsentinel.app.deliver import deliver

    deliver(platform, issued)


def announce(platform: Platform, changed: KillChanged) -> None:
    from quantsentinel.app.announce import announce

    announce(platform, changed)


def sweep(platform: Platform, tick: Tick) -> None:
    from quantsentinel.app.sweep import sweep

    sweep(platform, tick)


def heartbeat(platform: Platform, tick: Tick) -> None:
    from quantsentinel.app.heartbeat import heartbeat

    heartbeat(platform, tick)
