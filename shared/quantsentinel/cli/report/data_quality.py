"""What the guards took out of use over the day, and how sound the fits stood at its end."""

from __future__ import annotations

from html import escape

from quantsentinel.app.day_record import MarketDay, SliceLine
from quantsentinel.cli.report import words
from quantsentinel.cli.report.tables import Column, table

MASKS = (Column("guard"), Column("quotes", numeric=True), Column("snapshots", numeric=True))
SLICES = (
    Column("expiry"),
    Column("forward", numeric=True),
    Column("±", numeric=True),
    Column("at the money", numeric=True),
    Column("usable", numeric=True),
    Column("left out", numeric=True),
    Column("flags"),
)
FLAGS = {
    "butterfly": "butterfly arbitrage in the bare fit",
    "calendar": "calendar: refitted on the expiry before",
    "outliers": "outliers left out",
    "far_expiry": "far: not priced",
}


def quality_card(market: MarketDay) -> str:
    """Both tables of one underlying."""
    masks = [(words.guard(line.guard), f"{line.quotes:,}", f"{line.snapshots:,}") for line in market.masks]
    caption = f"Quotes out of use by guard, of {market.snapshots_accepted:,} accepted snapshots"
    slices = [_slice(line) for line in market.slices]
    return (
        f'<div class="card"><h4 class="title">{escape(market.underlying)}: quotes and fits</h4>'
        f"{table(caption, MASKS, masks, 'none was masked')}"
        f"{table('Expiries at the last snapshot', SLICES, slices, 'none')}"
        '<p class="note">A quote may be masked by several guards. Nothing is filled in from elsewhere.</p></div>'
    )


def _slice(line: SliceLine) -> tuple[str, ...]:
    said = [FLAGS.get(flag, words.guard(flag)) for flag in line.flags]
    note = FLAGS.get(line.note, words.guard(line.note))
    if line.note and line.note not in line.flags:
        said.append(note)
    return (
        words.day(line.expiry),
        words.points(line.forward) if line.forward is not None else "–",
        f"{line.forward_stderr:.2f}" if line.forward_stderr is not None else "–",
        f"{100 * line.atm_vol:.2f} %" if line.atm_vol is not None else "–",
        f"{line.usable:,}",
        f"{line.outliers:,}" if line.outliers else "–",
        "; ".join(said),
    )
