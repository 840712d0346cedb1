"""`qs demo`: a simulated session day for three tenants, live in the terminal, then a report to open in a browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.day_report import write_report
from quantsentinel.cli.live_view import LiveView, live
from quantsentinel.cli.options import Config, Json, a_date, note_last, settings_of
from quantsentinel.cli.output import Answer, logs_on_stderr, progress, show
from quantsentinel.cli.replay import tables
from quantsentinel.cli.simulate import DayPlan, write_day

if TYPE_CHECKING:
    from quantsentinel.settings import Settings
    from quantsentinel.wiring.replay import Progress, TenantPlan

DEMO_DATE = "2025-09-01"
DEMO_INTERVAL_S = 120.0
"""Half the snapshots of a real day: a newcomer waits for this."""
REDRAW_EVERY = 5


def demo(
    date: Annotated[str, typer.Option("--date", help="The simulated session.")] = DEMO_DATE,
    seed: Annotated[int, typer.Option("--seed", help="The simulator's seed.")] = 6,
    out: Annotated[Path, typer.Option("--out", help="Folder for the day, the state and the report.")] = Path("demo"),
    config: Config = None,
    json: Json = False,
) -> None:
    """Simulates a day, runs the whole system over it, and writes a self-contained HTML report."""
    from quantsentinel.market.rulebook import load_rules
    from quantsentinel.wiring.replay import new_state_folder

    settings = settings_of(config)
    day, names = a_date(date), settings.underlyings
    out.mkdir(parents=True, exist_ok=True)
    data = out / f"{day}-seed-{seed}.parquet"
    with progress("simulating the session", quiet=json) as tell:
        write_day(
            data,
            DayPlan(names, day, seed, spoil=True, interval_s=DEMO_INTERVAL_S),
            load_rules(settings.rules_overlay),
            tell,
        )
    state = new_state_folder()
    view = LiveView(f"Simulated session of {day}, seed {seed}, three tenants")
    with logs_on_stderr(), live(view, quiet=json) as drawn:
        document = _replayed(settings, data, state, _watcher(view, drawn, names))
    note_last(state)
    page = write_report(settings, state, out / "report.html", f"simulator, seed {seed}")
    lines = [f"state {state}", f"decision digest {document['decision_digest']}", f"Report: {page.resolve()}"]
    show(Answer({**document, "report": str(page.resolve())}, tables(document)[:3], lines), json)


def demo_tenants() -> tuple[TenantPlan, ...]:
    """One past the dry-run lock, one inside it, one paused."""
    from quantsentinel.wiring.replay import TenantPlan

    return (
        TenantPlan("asha-capital", "Asha Capital (30 days old)", 2_500_000, age=timedelta(days=30)),
        TenantPlan("bharat-desk", "Bharat Desk (3 days old: paper)", 1_000_000, age=timedelta(days=3)),
        TenantPlan("chitra-fund", "Chitra Fund (paused)", 5_000_000, age=timedelta(days=90), paused=True),
    )


def _replayed(settings: Settings, data: Path, state: Path, watch: Callable[[Progress], None]) -> dict[str, Any]:
    from quantsentinel.wiring.replay import ReplayRequest, replay

    request = ReplayRequest(data=(data,), tenants=demo_tenants(), state=state, settings=settings)
    return replay(request, watch).as_json()


def _watcher(view: LiveView, drawn: Any, names: tuple[str, ...]) -> Callable[[Progress], None]:
    """Feeds the live table; it reads the stores every few snapshots only, and not at all when nobody looks."""

    def watch(step: Progress) -> None:
        view.done, view.total = step.done, step.total
        view.poll(step.polled)
        if drawn is not None and step.done % REDRAW_EVERY == 0:
            view.refresh(step.platform, names)
            drawn.update(view.shown())

    return watch
