"""The whole Google profile on this machine, from the same map of functions that Terraform reads.

Starts the Firestore, Pub/Sub and GCS emulators on free ports, makes topics, push subscriptions and buckets, seeds three
tenants, starts every function under functions-framework, the replay server (it stands in for Upstox), a fake Telegram
Bot API and a webhook sink. Every process runs on wall time plus one offset that opens the replayed session now.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from emulators.fake_telegram import FakeTelegram
from emulators.function_fleet import Start, function_processes, wait_for
from emulators.function_map import load_map
from emulators.function_rows import Function
from emulators.google_emulators import Google, started
from emulators.held_port import held_port
from emulators.interrupt import pause
from emulators.inventory import intended
from emulators.provision import provision
from emulators.replay_server import ReplayServer
from emulators.webhook_sink import WebhookSink
from quantsentinel.adapters.brokers.recorded import Recording, open_recording
from quantsentinel.adapters.channels.webhook import new_secret
from quantsentinel.app.tenants import TenantRequest, add_tenant
from quantsentinel.market.bars import read_daily_bars
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.rulebook import load_rules
from quantsentinel.settings import Settings, settings_from
from quantsentinel.simulator.config import default_config
from quantsentinel.simulator.day import simulate_day
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.wiring.google import open_google

PROJECT = "local-quantsentinel"
UPSTOX_TOKEN = "local-analytics-token"  # noqa: S105  # accepted by the replay server of this very run only
BOT_TOKEN = "123456:local-bot"  # noqa: S105  # likewise, of the fake Bot API
KILL_SWITCH_SECRETS = "asha:local-secret-of-asha,ben:local-secret-of-ben"  # of this very platform only
CHAT_ID = "700001"
SPARE = timedelta(minutes=5)
"""Of the simulated day beyond a run of known length."""


@dataclass(frozen=True, slots=True)
class Options:
    """`seconds` ends the run by itself; None waits for Ctrl-C. `skip` is how far into the session to start."""

    data: Path | None
    history: Path | None
    underlyings: tuple[str, ...]
    day: date
    seed: int
    poll_s: float
    skip: timedelta
    seconds: float | None


@dataclass(frozen=True)
class Dev:
    """Everything that runs, for the printer and for tests."""

    google: Google
    settings: Settings
    broker: ReplayServer
    sink: WebhookSink
    telegram: FakeTelegram
    ports: Mapping[str, int]
    processes: Mapping[str, subprocess.Popen[bytes]]
    logs: Path


@contextmanager
def running(options: Options, logs: Path, stop: threading.Event | None = None) -> Iterator[Dev]:
    """The platform, ready to be ticked.

    Raises `Unavailable` that says what did not start, `Interrupted` when `stop` is set meanwhile.
    """
    stop = stop or threading.Event()
    known = load_map()
    with ExitStack() as stack:
        data = options.data or _simulated(options, logs)
        recording = open_recording(data)
        opens = min(recording.schedule(name)[0] for name in options.underlyings)
        opens += options.skip if options.data else timedelta(0)
        offset_s = (opens - datetime.now(UTC)).total_seconds()

        def now() -> datetime:
            return datetime.now(UTC) + timedelta(seconds=offset_s)

        pause(stop)
        google = stack.enter_context(started(PROJECT, log_folder=logs, stop=stop))
        broker = stack.enter_context(ReplayServer([data], load_rules(), token=UPSTOX_TOKEN, now=now))
        telegram = stack.enter_context(FakeTelegram(BOT_TOKEN))
        secret = new_secret()
        sink = stack.enter_context(WebhookSink([secret]))
        environ = _environ(google, options, offset_s)
        stack.enter_context(_exported(google.environ))
        settings = settings_from({key: value for key, value in environ.items() if key.startswith("QS_")})
        secrets = _secrets(broker.url, telegram.url)
        ports = {name: stack.enter_context(held_port()) for name in known.functions}
        starts = {
            name: Start(ports[name], {**environ, **_granted(row, secrets)}, row.threads)
            for name, row in known.functions.items()
        }
        processes = stack.enter_context(function_processes(starts, logs))
        wait_for(ports, processes, logs, stop)
        provision(google, intended(known, ports), stop)
        _seed(settings, recording, options, Endpoint("webhook", sink.url, secret))
        yield Dev(google, settings, broker, sink, telegram, ports, processes, logs)


def _simulated(options: Options, folder: Path) -> Path:
    """A simulated day that moves at every poll, from `skip` on, for as long as the run can last."""
    path = folder / f"simulated-{options.day}-{options.seed}.parquet"
    rules = load_rules()
    interval_s = max(options.poll_s, 5.0)
    days = {
        name: simulate_day(name, options.day, options.seed, rules, replace(default_config(name), interval_s=interval_s))
        for name in options.underlyings
    }
    first = min(day.snapshots[0].received_at for day in days.values()) + options.skip
    last = first + timedelta(seconds=options.seconds) + SPARE if options.seconds is not None else None
    snapshots = [
        snapshot
        for day in days.values()
        for snapshot in day.snapshots
        if first <= snapshot.received_at and (last is None or snapshot.received_at <= last)
    ]
    write_day_file(path, snapshots, {name: day.daily for name, day in days.items()})
    return path


# --- Environment ------------------------------------------------------------------------------------------------------
def _environ(google: Google, options: Options, offset_s: float) -> dict[str, str]:
    return {
        **google.environ,
        "QS_PROFILE": "google",
        "QS_PROJECT": PROJECT,
        "QS_FEED": "upstox",
        "QS_UNDERLYINGS": ",".join(options.underlyings),
        "QS_POLL_INTERVAL_S": str(options.poll_s),
        "QS_CLOCK_OFFSET_S": str(offset_s),
    }


def _secrets(broker: str, telegram: str) -> dict[str, dict[str, str]]:
    """By the secret's name in the map: its variable, and where it is accepted."""
    return {
        "upstox-token": {"QS_UPSTOX_TOKEN": UPSTOX_TOKEN, "QS_UPSTOX_URL": broker},
        "telegram-token": {"QS_TELEGRAM_TOKEN": BOT_TOKEN, "QS_TELEGRAM_URL": telegram},
        "kill-switch-secrets": {"QS_KILL_SWITCH_SECRETS": KILL_SWITCH_SECRETS},
    }


def _granted(row: Function, secrets: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """A function sees the secrets that the map grants it and no other."""
    return {key: value for name in row.permissions.secrets for key, value in secrets[name].items()}


@contextmanager
def _exported(variables: Mapping[str, str]) -> Iterator[None]:
    """In this process's environment for as long as the block runs: `open_google` looks for emulators there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# --- What an operator does in production ------------------------------------------------------------------------------
def _seed(settings: Settings, recording: Recording, options: Options, webhook: Endpoint) -> None:
    """Three tenants and the daily history. Firestore's own create time anchors the dry-run lock: all start on paper."""
    platform = open_google(settings)
    for name in options.underlyings:
        bars = read_daily_bars(options.history, name) if options.history else recording.daily_history.get(name, ())
        if bars:
            platform.snapshots.put_daily(name, bars)
    telegram = Endpoint("telegram", CHAT_ID)
    for request in (
        TenantRequest("asha-capital", capital=Decimal(2_500_000), endpoints=(webhook, telegram), relation="self"),
        TenantRequest("bharat-desk", capital=Decimal(1_000_000), endpoints=(webhook,), relation="spouse"),
        TenantRequest("chitra-fund", capital=Decimal(5_000_000), status="paused", relation="dependent_parent"),
    ):
        add_tenant(platform, request)
