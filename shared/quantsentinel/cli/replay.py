"""`qs replay`: recorded or simulated days through the whole system, as fast as the machine allows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from quantsentinel.cli.options import Breadth, Config, Json, Participants, State, note_last, settings_of
from quantsentinel.cli.output import Answer, Table, logs_on_stderr, progress, show


def replay(
    data: Annotated[list[Path], typer.Option("--data", help="A recording or a simulated day. Repeat for several.")],
    history: Annotated[Path | None, typer.Option("--history", help="Daily bars: a file or a folder.")] = None,
    participants: Participants = None,
    breadth: Breadth = None,
    tenants: Annotated[int, typer.Option("--tenants", min=1, max=100_000, help="How many tenants to seed.")] = 10,
    duplicate: Annotated[
        float, typer.Option("--duplicate", min=0, max=1, help="Share of bus events delivered twice.")
    ] = 0,
    reorder: Annotated[float, typer.Option("--reorder", min=0, max=1, help="Share of bus events out of order.")] = 0,
    fault_seed: Annotated[int, typer.Option("--fault-seed", help="Seed of the faults.")] = 1,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Replays the days in a fresh state folder and says what was accepted, refused, signalled and delivered."""
    from quantsentinel.adapters.embedded.faults import Faults
    from quantsentinel.wiring.replay import ReplayRequest, drop_if_empty, new_state_folder, standard_tenants
    from quantsentinel.wiring.replay import replay as run_replay

    folder = state or new_state_folder()
    request = ReplayRequest(
        data=tuple(data),
        tenants=standard_tenants(tenants),
        state=folder,
        history=history,
        participants=participants,
        breadth=breadth,
        faults=Faults(duplicate=duplicate, reorder=reorder, seed=fault_seed),
        settings=settings_of(config),
    )
    with logs_on_stderr(), progress("replaying", quiet=json) as tell:
        try:
            report = run_replay(request, lambda step: tell(step.done, step.total, step.polled.underlying))
        finally:
            drop_if_empty(folder)
    note_last(folder)
    document = report.as_json()
    show(Answer(document, tables(document), lines(document)), json)


def tables(document: Mapping[str, Any]) -> list[Table]:
    """The replay's document as people read it."""
    snapshots, signals, deliveries = document["snapshots"], document["signals"], document["deliveries"]
    counts = [
        ("snapshots read", snapshots["read"]),
        ("accepted", snapshots["accepted"]),
        ("refused", snapshots["refused"]),
        ("cycles", document["cycles"]),
        ("eligible opportunities", document["opportunities"]),
        *((f"signals {name}", count) for name, count in signals.items()),
        *((f"deliveries {name}", count) for name, count in deliveries.items()),
    ]
    found = [Table("What happened", ("", "count"), counts)]
    for title, by in (
        ("Snapshots refused by", snapshots["refused_by"]),
        ("Entries refused by", document["refusals_by"]),
    ):
        found.append(Table(title, ("guard", "count"), sorted(by.items(), key=lambda item: -item[1]), "none"))
    latency = [(name, item["p50"], item["p95"], item["n"]) for name, item in document["latency_ms"].items()]
    found.append(Table("Latency, ms", ("step", "p50", "p95", "n"), latency))
    return found


def lines(document: Mapping[str, Any]) -> list[str]:
    return [
        f"{document['elapsed_s']:.1f} s, peak {document['peak_rss_mb']:.0f} MB, state {document['state']}",
        f"decision digest {document['decision_digest']}",
        "Next: qs signal list, qs signal list --refused, qs explain ID",
    ]
