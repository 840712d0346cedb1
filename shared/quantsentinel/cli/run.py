"""`qs run`: the product on a laptop. Polls, decides and delivers until Ctrl-C, and resumes from its state."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.live_view import LiveView, live
from quantsentinel.cli.options import Config, Json, State, in_a_folder, note_last, settings_of
from quantsentinel.cli.output import EXIT_UNAVAILABLE, Answer, ist, logs_on_stderr, show

if TYPE_CHECKING:
    from pathlib import Path

    from rich.live import Live

    from quantsentinel.app.platform import Platform
    from quantsentinel.wiring.live import Beat


def run(
    feed: Annotated[str, typer.Option("--feed", help="upstox, simulator, or the path of a recording.")] = "",
    underlying: Annotated[list[str] | None, typer.Option("--underlying", help="Repeat for several.")] = None,
    speed: Annotated[float, typer.Option("--speed", help="How many times wall time (recordings, simulator).")] = 1.0,
    seed: Annotated[int, typer.Option("--seed", help="The simulator's seed.")] = 7,
    beats: Annotated[int, typer.Option("--beats", min=0, help="Stop after so many polls (0: until Ctrl-C).")] = 0,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Shows the market, the refusals and the signals live. One JSON summary at the end with --json."""
    from quantsentinel.wiring.live import LiveRequest, run_live

    settings = in_a_folder(settings_of(config, state), "qs run")
    names = tuple(name.upper() for name in underlying) if underlying else settings.underlyings
    request = LiveRequest(settings, names, feed or settings.feed, speed=speed, seed=seed)
    view = LiveView(f"{request.feed}, state {settings.state}")
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def on_open(platform: Platform) -> None:
        note_last(settings.state)
        view.remember(platform)

    with logs_on_stderr(), live(view, quiet=json) as drawn:
        run_live(request, _watcher(view, drawn, stop, names, beats), stop, on_open)
    _report(view, settings.state, json)


def _report(view: LiveView, state: Path, json: bool) -> None:
    """What this run brought, without what it resumed from; exits 3 when every poll found the feed out of reach."""
    accepted, refused, signals = view.accepted.total(), view.refused.total(), len(view.seen) - view.earlier
    summary = {
        "beats": view.done,
        "accepted": dict(view.accepted),
        "refused": dict(view.refused),
        "signals": signals,
        "over": view.over,
        "trouble": view.trouble,
        "state": str(state),
    }
    counted = f"{accepted} snapshots accepted, {refused} refused, {signals} signal events"
    goes_on = f"`qs run` goes on from {state}."
    if view.over:
        goes_on = f"The recording is over: {state} has all of it, another --state starts afresh."
    show(Answer(summary, lines=[f"Stopped after {view.done} polls: {counted}. {goes_on}"]), json)
    if view.done and view.unreached == view.done:
        raise typer.Exit(EXIT_UNAVAILABLE)


def _watcher(view: LiveView, drawn: Live | None, stop: threading.Event, names: tuple[str, ...], beats: int) -> Any:
    """What is done after each round of polling: counts, the newest lines, and the end after `beats`."""

    def on_beat(beat: Beat) -> None:
        view.done += 1
        for polled in beat.polled:
            view.poll(polled)
        view.over = beat.over
        view.unreached += bool(beat.trouble)
        silent = [f"{pulse.underlying}: no chain for {pulse.gap_s:.0f} s" for pulse in beat.pulses if pulse.is_stale]
        view.trouble = "; ".join((*beat.trouble, *silent))
        fresh = view.refresh(beat.platform, names)
        if drawn is not None:
            drawn.update(view.shown())
        elif sys.stderr.isatty() or fresh or view.trouble:
            _plain(beat, fresh, view.trouble)
        if beats and view.done >= beats:
            stop.set()

    return on_beat


def _plain(beat: Beat, fresh: list[tuple[str, ...]], trouble: str) -> None:
    """The same for a pipe: one line an event, on stderr."""
    for line in (*(" ".join(item) for item in fresh), trouble):
        if line:
            sys.stderr.write(f"{ist(beat.at)} {line}\n")
