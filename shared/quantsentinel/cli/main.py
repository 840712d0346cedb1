"""`qs`: the command line. Each command is a thin file over the use cases; nothing heavy loads before it is needed."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from quantsentinel import __version__
from quantsentinel.cli import (
    audit,
    bench,
    book,
    chain,
    config,
    costs,
    day_report,
    demo,
    doctor,
    drift,
    events,
    explain,
    faults,
    imports,
    kill,
    margin,
    models,
    news,
    replay,
    replay_decision,
    restore,
    retrain,
    risk,
    rules,
    run,
    signals,
    simulate,
    snapshots,
    tenants,
    token,
)
from quantsentinel.cli.options import on_emulators
from quantsentinel.cli.output import EXIT_BROKEN, EXIT_INTERRUPTED, show_error
from quantsentinel.errors import QuantsentinelError, Unavailable
from quantsentinel.wiring.garbage import search_seldom

UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EISDIR, errno.ENOTDIR, errno.EEXIST}

app = typer.Typer(
    name="qs",
    help="Quantsentinel: a risk-management system with an alpha layer attached, for Indian index options.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print and leave.")
    ] = False,
    emulators: Annotated[
        bool, typer.Option("--emulators", help="Work on what `make emulators` left running (.emulators/env).")
    ] = False,
) -> None:
    """Risk before return. Unknown means no."""
    if emulators:
        context.call_on_close(on_emulators())


FIRST, MARKET, DECISIONS, TENANTS, RISK, OPERATE = (
    "First hour", "Market", "Decisions", "Tenants", "Risk", "Operate"
)  # fmt: skip
app.command("doctor", rich_help_panel=FIRST)(doctor.doctor)
app.command("demo", rich_help_panel=FIRST)(demo.demo)
app.command("run", rich_help_panel=FIRST)(run.run)
app.command("simulate", rich_help_panel=FIRST)(simulate.simulate)
app.command("replay", rich_help_panel=FIRST)(replay.replay)
app.add_typer(config.app, name="config", rich_help_panel=FIRST)
chain.app.command("faults")(faults.chain_faults)
app.add_typer(chain.app, name="chain", rich_help_panel=MARKET)
app.command("import", rich_help_panel=MARKET)(imports.import_files)
app.add_typer(snapshots.app, name="snapshot", rich_help_panel=MARKET)
app.add_typer(rules.app, name="rules", rich_help_panel=MARKET)
app.command("events", rich_help_panel=MARKET)(events.events)
app.add_typer(drift.app, name="drift", rich_help_panel=MARKET)
app.command("explain", rich_help_panel=DECISIONS)(explain.explain)
app.command("replay-decision", rich_help_panel=DECISIONS)(replay_decision.replay_decision)
app.add_typer(signals.app, name="signal", rich_help_panel=DECISIONS)
app.add_typer(tenants.app, name="tenants", rich_help_panel=TENANTS)
app.command("costs", rich_help_panel=RISK)(costs.costs)
app.command("margin", rich_help_panel=RISK)(margin.margin)
app.command("margin-checks", rich_help_panel=RISK)(margin.margin_checks)
app.add_typer(kill.app, name="kill", rich_help_panel=RISK)
app.add_typer(news.app, name="news", rich_help_panel=RISK)
app.add_typer(book.app, name="book", rich_help_panel=RISK)
app.add_typer(risk.app, name="risk", rich_help_panel=RISK)
app.add_typer(audit.app, name="audit", rich_help_panel=RISK)
app.add_typer(restore.app, name="restore", rich_help_panel=OPERATE)
app.add_typer(token.app, name="token", rich_help_panel=OPERATE)
app.command("retrain", rich_help_panel=OPERATE)(retrain.retrain)
app.add_typer(models.app, name="models", rich_help_panel=OPERATE)
app.add_typer(day_report.app, name="report", rich_help_panel=OPERATE)
app.command("bench", rich_help_panel=OPERATE)(bench.bench)


def main() -> None:
    """The console script."""
    search_seldom()
    # As in the images: small matrices gain nothing by threads, and sums must not depend on how many cores there are.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code: 0, 1 a gate failed, 2 bad input, 3 unavailable, 4 broken."""
    try:
        app(list(arguments))
    except QuantsentinelError as error:
        return show_error(error, "--json" in arguments)
    except OSError as error:
        return _shown_or_broken(error, "--json" in arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception:
        # Not one of ours, so a defect: everything about it is shown, and it never looks like a failed gate.
        traceback.print_exc()
        return EXIT_BROKEN
    return 0


def _shown_or_broken(error: OSError, as_json: bool) -> int:
    """A place that cannot be written is the machine's trouble, said in a line; any other one is ours."""
    if error.errno not in UNWRITABLE or error.filename is None:
        traceback.print_exc()
        return EXIT_BROKEN
    fix = "Name another place, or make room and give the rights"
    return show_error(Unavailable(str(error.strerror), where=str(error.filename), fix=fix), as_json)
