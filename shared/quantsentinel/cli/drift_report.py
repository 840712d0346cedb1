"""The page of `qs drift power`: what size of change is seen, how soon, at what price in false alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from quantsentinel.app.relation_power import FalseAlarms, Power
from quantsentinel.app.relation_year import Outcome
from quantsentinel.frozen import dataclass

COMMAND = "qs drift power --vix INDIA_VIX.csv --index NIFTY_DAILY.csv [--index OLDER.csv] --out {out}"


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of real sessions."""

    title: str
    first: date
    last: date
    false: FalseAlarms
    changes: Sequence[Power]


@dataclass(frozen=True, slots=True)
class Findings:
    """`curve` on the sessions out of sample; `year` is the simulated one, by change, with its false alarms."""

    parts: Sequence[Part]
    curve: Sequence[Power]
    year: Sequence[Outcome]
    year_alarms: dict[str, int]
    year_sessions: int


def page(found: Findings, out: str) -> str:
    """Markdown; the same findings give the same bytes."""
    return "\n".join([*_head(out), *_false(found.parts), *_changes(found.parts), *_curve(found), *_year(found), ""])


def _head(out: str) -> Iterator[str]:
    yield from (
        "# How soon a changed definition is seen",
        "",
        "Made by",
        "",
        f"    {COMMAND.format(out=out)}",
        "",
        "on NSE's India VIX history and daily NIFTY bars. Parameters were chosen on 2013–2018; sessions from 2019 on",
        "are out of sample. A splice counts as seen in time when an alarm that the real sessions do not raise comes on",
        "the session of the change or the next. Ways: **rows** every row from the session on is of the other",
        "definition, its printed previous close included; **close** only the closes are; **silent** the first row",
        "still prints the old previous close and all later rows agree with each other, so that only the index's own",
        "move can tell.",
        "",
    )


def _false(parts: Sequence[Part]) -> Iterator[str]:
    yield from ("## False alarms on the sessions as they were", "")
    yield from ("| sessions | relation | alarms | a year | 95 % interval |", "|---|---|---|---|---|")
    for part in parts:
        for name in ("", "vix_link", "vix_close"):
            chosen = FalseAlarms(tuple(a for a in part.false.alarms if name in ("", a.relation)), part.false.years)
            low, high = chosen.interval
            row = (part.title, name or "both", len(chosen.alarms), f"{chosen.a_year:.2f}", f"{low:.2f}–{high:.2f}")
            yield _line(row)
    yield ""
    for part in parts:
        by_year = Counter(alarm.session.year for alarm in part.false.alarms)
        years = ", ".join(f"{year}: {by_year[year]}" for year in range(part.first.year, part.last.year + 1))
        yield f"{part.title} by year: {years}."
    yield from ("", "| raised | since | relation | measured | limit |", "|---|---|---|---|---|")
    for part in parts:
        for a in part.false.alarms:
            yield _line((a.session, a.since, a.relation, f"{a.measured:+.3f}", f"{a.limit:.3f}"))
    yield from (
        "",
        "The alarms of 2013 are right about the file and say nothing about a definition: NSE's own rows restate the",
        "previous close by more than 1 % on 25 sessions of that year, and hardly ever later.",
        "",
    )


def _changes(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        yield from (f"## Changes spliced into {part.title}", "")
        yield "| change | way | splices | in time | share | 95 % interval | on the 1st / 2nd / 3rd–10th session / not |"
        yield "|---|---|---|---|---|---|---|"
        for item in part.changes:
            low, high = item.interval
            delays = Counter("late" if delay and delay > 2 else delay for delay in item.delays)
            spread = " / ".join(str(delays[key]) for key in (1, 2, "late", None))
            cells = (item.change, item.way, len(item.delays), item.in_time, f"{item.rate:.0%}", f"{low:.0%}–{high:.0%}")
            yield _line((*cells, spread))
        yield ""


def _curve(found: Findings) -> Iterator[str]:
    yield from (f"## Power by size, {found.parts[-1].title}", "", "Share seen in time of a factor e^size.", "")
    sizes = sorted({item.change for item in found.curve}, key=float)
    yield _line(("way", *sizes))
    yield _line(["---"] * (len(sizes) + 1))
    for way in dict.fromkeys(item.way for item in found.curve):
        rates = {item.change: item.rate for item in found.curve if item.way == way}
        yield _line((way, *(f"{rates[size]:.0%}" for size in sizes)))
    yield ""


def _year(found: Findings) -> Iterator[str]:
    yield from (
        f"## A vendor against ours: a simulated year of {found.year_sessions} sessions",
        "",
        "Changes of India VIX here are of the silent kind: `vix_chain` tells them where the index's bars cannot.",
        "The simulated vendor is untidy: 2 % bias a session, 5 % error a quote, a third of the vols missing, 3 % five",
        "times too high. False alarms: "
        + ", ".join(f"{name} {count}" for name, count in found.year_alarms.items())
        + ".",
        "",
        "| change | relation | its own spread | splices | in time |",
        "|---|---|---|---|---|",
    )
    for item in found.year:
        yield _line((item.change, item.relation, f"{item.spread:.4f}", item.spliced, item.in_time))


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
